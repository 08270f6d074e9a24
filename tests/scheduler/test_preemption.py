"""Preemption: who goes, where, and what is said about it."""

import random

from pynetes.client.kinds import NODES, PODS
from pynetes.scheduler import preemption
from pynetes.scheduler.decide import Decider
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import read

from .make import make_node, make_pod
from .test_scheduler import condition_of, node_of, play


def table_of(*nodes):
    table = NodeTable(2)
    for node in nodes:
        table.set_node(node)
    return table


def find(table, pod):
    decider, info = Decider(table, random.Random(0)), read(pod)
    return preemption.find(table, info, decider.decide(info).refusals, decider.fits, random.Random(0))


def put(table, node, name, priority, cpu="1"):
    table.add_pod(read(make_pod(name, cpu=cpu, priority=priority)), node)


def names(candidate):
    return candidate.node, [v.object["metadata"]["name"] for v in candidate.victims]


def test_only_those_go_who_must_the_least_important_first():
    table = table_of(make_node("n", cpu="3"))
    for name, priority in (("a", 5), ("b", 1), ("c", 3)):
        put(table, "n", name, priority)
    before = (table.requested.copy(), table.pods.copy())
    candidate, _ = find(table, make_pod("p", cpu="2", priority=9))
    assert names(candidate) == ("n", ["c", "b"])
    assert (table.requested == before[0]).all() and (table.pods == before[1]).all(), "the table is as before"


def test_the_node_with_the_least_important_victims_is_taken():
    table = table_of(make_node("x", cpu="1"), make_node("y", cpu="1"))
    put(table, "x", "dear", 5)
    put(table, "y", "cheap", 1)
    candidate, _ = find(table, make_pod("p", cpu="1", priority=9))
    assert names(candidate) == ("y", ["cheap"])


def test_pods_of_the_same_priority_are_safe():
    table = table_of(make_node("n", cpu="1"))
    put(table, "n", "peer", 9)
    assert find(table, make_pod("p", cpu="1", priority=9)) == (
        None,
        {"n": ("No preemption victims found for incoming pod",)},
    )


def test_a_pod_of_higher_priority_gets_its_room_and_the_victim_is_told():
    async def script(world):
        world.api.put(NODES, make_node("n1", cpu="1"))
        world.api.put(PODS, make_pod("low", cpu="1", priority=1))
        await world.clock.sleep(2)
        high = world.api.put(PODS, make_pod("high", cpu="1", priority=9))
        await world.clock.sleep(1)
        low = world.api.get(PODS, "low")
        assert "deletionTimestamp" in low["metadata"]
        target = next(c for c in low["status"]["conditions"] if c["type"] == "DisruptionTarget")
        assert target["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
        told = ("Normal", "Preempted", f"Preempted by pod {high['metadata']['uid']} on node n1")
        assert told in world.api.events()
        assert world.api.get(PODS, "high")["status"]["nominatedNodeName"] == "n1"
        assert condition_of(world, "high")["message"] == "0/1 nodes are available: 1 Insufficient cpu."
        world.api.put(PODS, make_pod("thief", cpu="1", priority=5))
        world.api.remove(PODS, "low")
        await world.clock.sleep(5)
        assert (node_of(world, "high"), node_of(world, "thief")) == ("n1", None)

    play(script)


def test_a_pod_that_never_preempts_says_so():
    async def script(world):
        world.api.put(NODES, make_node("n1", cpu="1"))
        world.api.put(PODS, make_pod("low", cpu="1", priority=1))
        await world.clock.sleep(2)
        world.api.put(PODS, make_pod("high", cpu="1", priority=9, preemptionPolicy="Never"))
        await world.clock.sleep(1)
        assert condition_of(world, "high")["message"].endswith(
            "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
        )
        assert "deletionTimestamp" not in world.api.get(PODS, "low")["metadata"]

    play(script)
