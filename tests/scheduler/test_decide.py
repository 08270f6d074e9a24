"""Decisions: single rules by example, and all of them at random against a simple twin. Sessions: test_scripts."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynetes.scheduler.decide import Decider
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


def test_a_pod_of_a_demand_that_is_not_implemented_is_refused_by_name():
    pod = make_pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}])
    decision = decide(table_of(make_node("n")), pod)
    assert decision.node == ""
    assert "spec.volumes[0].persistentVolumeClaim" in decision.refused


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
