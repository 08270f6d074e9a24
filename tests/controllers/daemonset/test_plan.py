"""What a DaemonSet does next, by objects: tasks/manage-daemon/update-daemon-set, concepts/workloads/controllers/daemonset."""

from pynetes.controllers.daemonset.observed import status
from pynetes.controllers.daemonset.plan import BURST, plan

from .make import NOW, daemon_set, look, names, node, nodes, pod


def decide(owner, known, pods, **more):
    changes = plan(look(owner, known, pods, **more))
    return changes.create, names(changes.delete)


# --- one pod a node


def test_each_node_without_a_pod_gets_one():
    owner = daemon_set()
    assert decide(owner, nodes("n1", "n2", "n3"), [pod(owner, "n2")]) == (["n1", "n3"], [])


def test_a_pod_that_is_not_bound_yet_counts_for_the_node_that_it_is_pinned_to():
    owner = daemon_set()
    assert decide(owner, nodes("n1"), [pod(owner, "n1", bound=False, phase="Pending")]) == ([], [])


def test_a_pod_that_terminates_keeps_its_place_until_it_is_gone():
    owner = daemon_set()
    assert decide(owner, nodes("n1"), [pod(owner, "n1", deleted=True)]) == ([], [])


def test_a_pod_that_has_ended_and_is_being_deleted_keeps_no_place():
    owner = daemon_set()
    assert decide(owner, nodes("n1"), [pod(owner, "n1", phase="Failed", deleted=True)]) == (["n1"], [])


def test_a_node_keeps_the_oldest_of_several_pods_and_a_bound_one_before_a_waiting_one():
    owner = daemon_set()
    young, old = pod(owner, "n1", name="young", created="05"), pod(owner, "n1", name="old", created="03")
    waiting = pod(owner, "n1", name="waiting", bound=False, created="01")
    assert decide(owner, nodes("n1"), [young, waiting, old]) == ([], ["young", "waiting"])


def test_pods_leave_a_node_where_they_may_not_stay():
    owner = daemon_set()
    known = {"n1": node("n1", ("gone", "NoExecute")), "n2": node("n2", ("full", "NoSchedule"))}
    assert decide(owner, known, [pod(owner, "n1"), pod(owner, "n2")]) == ([], ["agent-n1-new"])


def test_a_pod_that_waits_for_a_node_that_is_gone_is_deleted_and_a_bound_one_left_to_others():
    owner = daemon_set()
    pods = [pod(owner, "n9", name="waiting", bound=False), pod(owner, "n8", name="bound")]
    assert decide(owner, {}, pods) == ([], ["waiting"])


def test_a_failed_pod_is_deleted_with_a_warning():
    owner = daemon_set()
    changes = plan(look(owner, nodes("n1"), [pod(owner, "n1", phase="Failed")]))
    assert (names(changes.delete), changes.failed) == (["agent-n1-new"], ["n1"])
    [report] = changes.reports
    message = "Found failed daemon pod default/agent-n1-new on node n1, will try to kill it"
    assert (report.type, report.reason, report.message) == ("Warning", "FailedDaemonPod", message)


def test_a_failed_pod_waits_for_its_back_off():
    owner = daemon_set()
    changes = plan(look(owner, nodes("n1"), [pod(owner, "n1", phase="Failed")], held=lambda node: 4.0))
    assert (changes.delete, changes.reports, changes.again) == ([], [], [4.0])


def test_a_succeeded_pod_is_deleted_with_a_note():
    owner = daemon_set()
    [report] = plan(look(owner, nodes("n1"), [pod(owner, "n1", phase="Succeeded")])).reports
    message = "Found succeeded daemon pod default/agent-n1-new on node n1, will try to delete it"
    assert (report.type, report.reason, report.message) == ("Normal", "SucceededDaemonPod", message)


def test_a_pass_makes_at_most_a_burst_of_pods():
    create, _ = decide(daemon_set(), nodes(*(f"n{i}" for i in range(BURST + 50))), [])
    assert len(create) == BURST


# --- rollouts that delete first


def test_a_rollout_takes_away_as_many_old_pods_as_may_be_unavailable():
    owner = daemon_set(maxUnavailable=2)
    pods = [pod(owner, f"n{i}", "old") for i in range(4)]
    assert decide(owner, nodes("n0", "n1", "n2", "n3"), pods) == ([], ["agent-n0-old", "agent-n1-old"])


def test_percentages_are_of_the_nodes_wanted_and_rounded_up():
    owner = daemon_set(maxUnavailable="30%")
    pods = [pod(owner, f"n{i}", "old") for i in range(4)]
    assert len(decide(owner, nodes("n0", "n1", "n2", "n3"), pods)[1]) == 2


def test_new_pods_that_are_not_available_yet_use_the_allowance_up():
    owner = daemon_set()
    pods = [pod(owner, "n0", ready=False), pod(owner, "n1", "old")]
    assert decide(owner, nodes("n0", "n1"), pods) == ([], [])


def test_a_new_pod_must_have_been_ready_for_min_ready_seconds():
    owner = daemon_set(min_ready=3601)
    pods = [pod(owner, "n0"), pod(owner, "n1", "old")]
    assert decide(owner, nodes("n0", "n1"), pods) == ([], ["agent-n1-old"])
    pods = [pod(owner, "n0"), pod(daemon_set(min_ready=1), "n1", "old")]
    assert decide(daemon_set(min_ready=3600), nodes("n0", "n1"), pods) == ([], ["agent-n1-old"])


def test_old_pods_that_are_not_available_go_at_once_and_use_the_allowance_up():
    owner = daemon_set()
    pods = [pod(owner, "n0", "old", ready=False), pod(owner, "n1", "old", ready=False), pod(owner, "n2", "old")]
    assert decide(owner, nodes("n0", "n1", "n2"), pods) == ([], ["agent-n0-old", "agent-n1-old"])


def test_a_node_whose_pod_is_on_its_way_out_counts_as_unavailable():
    owner = daemon_set()
    pods = [pod(owner, "n0", "old", deleted=True), pod(owner, "n1", "old")]
    assert decide(owner, nodes("n0", "n1"), pods) == ([], [])


def test_on_delete_replaces_nothing_by_itself():
    owner = daemon_set("OnDelete")
    assert decide(owner, nodes("n0"), [pod(owner, "n0", "old")]) == ([], [])


def test_missing_pods_come_before_the_next_step_of_a_rollout():
    owner = daemon_set(maxUnavailable=2)
    assert decide(owner, nodes("n0", "n1"), [pod(owner, "n0", "old")]) == (["n1"], [])


# --- rollouts that create first


def surging(**more):
    return daemon_set(maxSurge=1, maxUnavailable=0, **more)


def test_surging_creates_new_pods_beside_as_many_available_old_ones_as_allowed():
    owner = surging()
    assert decide(owner, nodes("n0", "n1"), [pod(owner, "n0", "old"), pod(owner, "n1", "old")]) == (["n0"], [])


def test_an_old_pod_goes_when_the_new_one_beside_it_is_available():
    owner = surging()
    pods = [pod(owner, "n0", "old"), pod(owner, "n0"), pod(owner, "n1", "old")]
    assert decide(owner, nodes("n0", "n1"), pods) == ([], ["agent-n0-old"])


def test_a_new_pod_that_is_not_available_yet_uses_the_surge_up():
    owner = surging()
    pods = [pod(owner, "n0", "old"), pod(owner, "n0", ready=False), pod(owner, "n1", "old")]
    assert decide(owner, nodes("n0", "n1"), pods) == ([], [])


def test_an_old_pod_that_is_no_longer_ready_gives_way_to_the_new_one_at_once():
    owner = surging()
    pods = [pod(owner, "n0", "old", ready=False), pod(owner, "n0", ready=False)]
    assert decide(owner, nodes("n0"), pods) == ([], ["agent-n0-old"])


def test_an_old_pod_that_is_not_available_gets_a_new_one_without_using_the_surge_up():
    owner = surging()
    pods = [pod(owner, "n0", "old", ready=False), pod(owner, "n1", "old")]
    assert decide(owner, nodes("n0", "n1"), pods) == (["n0", "n1"], [])


def test_while_surging_a_node_whose_only_pod_terminates_gets_a_new_one_already():
    owner = surging()
    assert decide(owner, nodes("n0"), [pod(owner, "n0", "old", deleted=True)]) == (["n0"], [])


def test_an_old_pod_on_a_node_where_new_ones_may_not_run_stays_until_enough_others_are_available():
    owner = surging()
    known = {"n0": node("n0", ("full", "NoSchedule")), "n1": node("n1")}
    assert decide(owner, known, [pod(owner, "n0", "old"), pod(owner, "n1", ready=False)]) == ([], [])
    assert decide(owner, known, [pod(owner, "n0", "old"), pod(owner, "n1")]) == ([], ["agent-n0-old"])


# --- status


def test_the_status_counts_nodes_by_their_oldest_pod():
    owner = daemon_set()
    known = nodes("n0", "n1", "n2", "n3") | {"n4": node("n4", ("full", "NoSchedule"))}
    pods = [pod(owner, "n0"), pod(owner, "n1", "old"), pod(owner, "n2", ready=False), pod(owner, "n4")]
    assert status(look(owner, known, pods), processed=True) == {
        "currentNumberScheduled": 3,
        "numberMisscheduled": 1,
        "desiredNumberScheduled": 4,
        "numberReady": 2,
        "observedGeneration": 1,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
        "numberUnavailable": 2,
    }


def test_a_generation_that_was_not_acted_on_is_not_observed():
    owner = daemon_set()
    assert "observedGeneration" not in status(look(owner, nodes("n0"), []), processed=False)


def test_a_pod_is_available_after_min_ready_seconds():
    owner = daemon_set(min_ready=3601)
    found = status(look(owner, nodes("n0"), [pod(owner, "n0")]), processed=True)
    assert (found["numberReady"], found["numberUnavailable"]) == (1, 1) and "numberAvailable" not in found
    later = look(owner, nodes("n0"), [pod(owner, "n0")])
    assert status(later, processed=True) == found and later.now == NOW


def test_the_count_of_collisions_is_kept():
    owner = {**daemon_set(), "status": {"collisionCount": 2}}
    assert status(look(owner, {}, []), processed=True)["collisionCount"] == 2


def test_pods_of_before_revisions_are_told_apart_by_their_generation():
    owner = daemon_set()
    owner["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "3"}
    kept = pod(owner, "n0", "unknown")
    assert kept["metadata"]["labels"]["pod-template-generation"] == "3"
    assert decide(owner, nodes("n0"), [kept]) == ([], [])
