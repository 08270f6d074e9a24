"""Where daemon pods belong: concepts/workloads/controllers/daemonset, "How Daemon Pods are scheduled", "Taints"."""

import pytest

from pynetes.controllers.daemonset.placement import Placement, pinned, target_of, tolerant

from .make import daemon_set, node


def verdict(template, where):
    return tuple(Placement(daemon_set(template=template)).verdict(where))


def test_a_plain_set_runs_on_every_node():
    assert verdict({}, node("n1")) == (True, True)


def test_a_node_selector_confines_the_set_to_nodes_with_those_labels():
    template = {"nodeSelector": {"disk": "ssd"}}
    assert verdict(template, node("n1", disk="ssd")) == (True, True)
    assert verdict(template, node("n2")) == (False, False)


def test_required_node_affinity_confines_it_too():
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    template = {"affinity": {"nodeAffinity": required}}
    assert verdict(template, node("n1", zone="a")) == (True, True)
    assert verdict(template, node("n2", zone="b")) == (False, False)


def test_a_node_name_in_the_template_confines_it_to_that_node():
    assert verdict({"nodeName": "n1"}, node("n1")) == (True, True)
    assert verdict({"nodeName": "n1"}, node("n2")) == (False, False)


def test_a_no_schedule_taint_keeps_new_pods_away_and_spares_those_that_run():
    assert verdict({}, node("n1", ("gpu", "NoSchedule"))) == (False, True)


def test_a_no_execute_taint_drives_pods_away():
    assert verdict({}, node("n1", ("gpu", "NoExecute"))) == (False, False)


def test_a_taint_that_is_only_a_preference_changes_nothing():
    assert verdict({}, node("n1", ("gpu", "PreferNoSchedule"))) == (True, True)


def test_a_toleration_of_the_template_lets_pods_in():
    template = {"tolerations": [{"key": "gpu", "operator": "Exists"}]}
    assert verdict(template, node("n1", ("gpu", "NoExecute"))) == (True, True)


@pytest.mark.parametrize(
    ("condition", "effect"),
    [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ],
)
def test_nodes_in_trouble_keep_their_daemon_pods(condition, effect):
    assert verdict({}, node("n1", (f"node.kubernetes.io/{condition}", effect))) == (True, True)


def test_only_pods_on_the_hosts_network_run_where_the_network_is_unavailable():
    tainted = node("n1", ("node.kubernetes.io/network-unavailable", "NoSchedule"))
    assert verdict({}, tainted) == (False, True)
    assert verdict({"hostNetwork": True}, tainted) == (True, True)


def test_a_toleration_of_a_limited_time_becomes_one_without_end():
    limited = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    found = tolerant({"tolerations": [{**limited, "tolerationSeconds": 30}]})["tolerations"]
    assert found[0] == limited and len(found) == 6


def test_pinning_replaces_required_terms_and_keeps_the_rest():
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": []}]}}
    spec = {"affinity": {"podAffinity": {}, "nodeAffinity": preferred | required}}
    affinity = pinned(spec, "n1")["affinity"]
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
    wanted = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    assert affinity == {"podAffinity": {}, "nodeAffinity": preferred | wanted}
    assert spec["affinity"]["nodeAffinity"] == preferred | required


def test_the_target_of_a_pod_is_its_node_or_the_one_that_it_is_pinned_to():
    assert target_of({"spec": pinned({}, "n1")}) == "n1"
    assert target_of({"spec": {**pinned({}, "n1"), "nodeName": "n2"}}) == "n2"
    assert target_of({"spec": {}}) == ""
