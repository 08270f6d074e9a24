"""Decisions: single rules by example, and all of them at random against a simple twin."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynetes.scheduler.decide import Decider
from pynetes.scheduler.explain import message
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import read

from .make import make_node, make_pod
from .twin import Twin

NO_SCHEDULE = {"key": "k", "value": "v", "effect": "NoSchedule"}
PREFER_NOT = {"key": "soft", "effect": "PreferNoSchedule"}


def table_of(*nodes, capacity=2):
    table = NodeTable(capacity)
    for node in nodes:
        table.set_node(node)
    return table


def decide(table, pod):
    return Decider(table, random.Random(0)).decide(read(pod))


def refusal(table, pod):
    return message(decide(table, pod).refusals)


def test_the_emptiest_node_is_taken():
    table = table_of(make_node("a"), make_node("b"))
    busy = read(make_pod(cpu="2"))
    table.add_pod(busy, "a")
    assert decide(table, make_pod(cpu="1")).node == "b"


def test_reasons_are_counted_and_sorted_as_upstream_writes_them():
    table = table_of(
        make_node("small", cpu="500m"),
        make_node("tainted", taints=[NO_SCHEDULE]),
        make_node("cordoned", unschedulable=True),
        make_node("cordoned2", unschedulable=True),
        make_node("full", pods="0"),
    )
    assert refusal(table, make_pod(cpu="1")) == (
        "0/5 nodes are available: 1 Insufficient cpu, 1 Too many pods, 1 node(s) had untolerated taint(s), "
        "2 node(s) were unschedulable."
    )


def test_a_node_may_be_short_of_many_things_at_once():
    table = table_of(make_node("n", cpu="1", memory="1Gi", pods="0"))
    assert refusal(table, make_pod(cpu="2", memory="2Gi")) == (
        "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods."
    )


def test_without_nodes_it_says_so():
    assert refusal(table_of(), make_pod()) == "no nodes available to schedule pods"


def test_an_unknown_resource_is_insufficient_everywhere():
    pod = make_pod()
    pod["spec"]["containers"][0]["resources"] = {"requests": {"example.com/gpu": "1"}}
    assert refusal(table_of(make_node("n")), pod) == "0/1 nodes are available: 1 Insufficient example.com/gpu."
    assert decide(table_of(make_node("n", **{"example.com/gpu": "1"})), pod).node == "n"


def test_host_ports_collide_on_one_node_only():
    table = table_of(make_node("a"), make_node("b"))
    table.add_pod(read(make_pod(ports=[80])), "a")
    assert decide(table, make_pod(ports=[80])).node == "b"
    table.add_pod(read(make_pod(ports=[80])), "b")
    assert refusal(table, make_pod(ports=[80])) == (
        "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports."
    )


def required(*expressions, fields=()):
    term = {"matchExpressions": list(expressions), "matchFields": list(fields)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"key": "z", "operator": "In", "values": ["1"]}, {"a"}),
        ({"key": "z", "operator": "NotIn", "values": ["1"]}, {"b", "c"}),
        ({"key": "z", "operator": "Exists"}, {"a", "b"}),
        ({"key": "z", "operator": "DoesNotExist"}, {"c"}),
        ({"key": "z", "operator": "Gt", "values": ["1"]}, {"b"}),
        ({"key": "z", "operator": "Lt", "values": ["2"]}, {"a"}),
    ],
)
def test_every_operator_of_node_affinity(expression, expected):
    nodes = [make_node("a", labels={"z": "1"}), make_node("b", labels={"z": "2"}), make_node("c")]
    found = {n["metadata"]["name"] for n in nodes if decide(table_of(n), make_pod(affinity=required(expression))).node}
    assert found == expected


def test_a_pod_confined_to_nodes_by_name_tells_what_the_others_are():
    field = {"key": "metadata.name", "operator": "In", "values": ["b"]}
    table = table_of(make_node("a"), make_node("b"), make_node("c"))
    assert decide(table, make_pod(affinity=required(fields=[field]))).node == "b"
    table.set_node(make_node("b", unschedulable=True))
    assert refusal(table, make_pod(affinity=required(fields=[field]))) == (
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."
    )


def test_a_tolerated_taint_is_no_obstacle_and_a_soft_one_is_avoided():
    table = table_of(make_node("hard", taints=[NO_SCHEDULE]), make_node("soft", taints=[PREFER_NOT]))
    assert decide(table, make_pod()).node == "soft"
    assert decide(table, make_pod(tolerations=[{"key": "k", "operator": "Exists"}])).node == "hard"


def test_a_pod_of_a_demand_that_is_not_implemented_is_refused_by_name():
    pod = make_pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}])
    decision = decide(table_of(make_node("n")), pod)
    assert decision.node == ""
    assert "spec.volumes[0].persistentVolumeClaim" in decision.refused


def test_a_node_that_goes_and_comes_back_has_its_pods_still():
    table = table_of(make_node("a", cpu="1"), make_node("b", cpu="1"))
    table.add_pod(read(make_pod(cpu="1")), "a")
    table.remove_node("a")
    table.set_node(make_node("c", cpu="1"))
    table.set_node(make_node("a", cpu="1"))
    found = {decide(table, make_pod(cpu="1")).node for _ in range(5)}
    assert found <= {"b", "c"}


def test_ties_are_broken_by_the_given_chance():
    table = table_of(*(make_node(f"n{i}") for i in range(5)))
    decider = Decider(table, random.Random(1))
    assert {decider.decide(read(make_pod())).node for _ in range(60)} == {f"n{i}" for i in range(5)}


def nodes():
    taints = st.lists(
        st.sampled_from([NO_SCHEDULE, PREFER_NOT, {"key": "x", "effect": "PreferNoSchedule"}]), max_size=2
    )
    return st.builds(
        make_node,
        st.sampled_from([f"n{i}" for i in range(6)]),
        cpu=st.sampled_from(["1", "2", "3500m", "0"]),
        memory=st.sampled_from(["1Gi", "3Gi", "0"]),
        pods=st.sampled_from(["2", "5", "110"]),
        taints=taints,
        labels=st.sampled_from([{}, {"z": "1"}, {"z": "2"}]),
        unschedulable=st.booleans(),
        images=st.sampled_from([(), (("i", 600 * 2**20),), (("j:1", 90 * 2**20), ("i", 40 * 2**20))]),
    )


def pods():
    preferred = {"weight": 7, "preference": {"matchExpressions": [{"key": "z", "operator": "In", "values": ["2"]}]}}
    affinities = [
        {},
        required({"key": "z", "operator": "Exists"}),
        {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}},
    ]
    return st.builds(
        make_pod,
        cpu=st.sampled_from([None, "100m", "1", "1500m"]),
        memory=st.sampled_from([None, "100Mi", "1Gi"]),
        ports=st.sampled_from([(), (), (80,)]),
        image=st.sampled_from(["i", "j:1", "k"]),
        affinity=st.sampled_from(affinities),
        tolerations=st.sampled_from([[], [{"key": "k", "operator": "Exists"}], [{"operator": "Exists"}]]),
        nodeSelector=st.sampled_from([{}, {}, {"z": "1"}]),
    )


def steps():
    return st.lists(
        st.one_of(
            st.tuples(st.just("node"), nodes()),
            st.tuples(st.just("lose"), st.sampled_from([f"n{i}" for i in range(6)])),
            st.tuples(st.just("pod"), pods()),
            st.tuples(st.just("pod"), pods()),
            st.tuples(st.just("end"), st.integers(0, 30)),
        ),
        max_size=40,
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps())
def test_the_columns_decide_as_the_twin_does(script):
    table, twin, placed = NodeTable(2), Twin(), []
    decider = Decider(table, random.Random(0))
    for number, (what, value) in enumerate(script):
        if what == "node":
            table.set_node(value)
            twin.set_node(value)
        elif what == "lose":
            table.remove_node(value)
            twin.remove_node(value)
        elif what == "end" and placed:
            info, node = placed.pop(value % len(placed))
            table.remove_pod(info, node)
            twin.remove(info, node)
        elif what == "pod":
            value = {**value, "metadata": {**value["metadata"], "uid": f"u{number}"}}
            info = read(value)
            decision = decider.decide(info)
            expected = twin.best(value)
            assert (decision.node in expected) if expected else decision.node == "", (decision, expected)
            if decision.node:
                table.add_pod(info, decision.node)
                twin.add(info, decision.node)
                placed.append((info, decision.node))
            else:
                assert decision.refusals.nodes == len(twin.nodes)
                assert sum(map(bool, decision.refusals.histogram().values())) or not twin.nodes
