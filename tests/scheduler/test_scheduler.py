"""The scheduler as a whole, beside a small API: bindings, refusals, retries."""

import asyncio

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client.kinds import EVENTS, NODES, PODS
from pynetes.scheduler import Settings, run
from tests.controllers.mini_api import Refused, World

from .make import make_node, make_pod


def play(script, settings=None):
    clock = VirtualClock()

    async def main():
        world = World(clock, ())
        running = asyncio.get_running_loop().create_task(
            run(world.client, world.informers, clock, settings or Settings())
        )
        try:
            await script(world)
            assert world.informers.mutated() == []
            assert not running.done(), running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await world.informers.close()

    run_virtual(main(), clock)


def node_of(world, name):
    return world.api.get(PODS, name)["spec"].get("nodeName")


def condition_of(world, name):
    conditions = world.api.get(PODS, name)["status"].get("conditions", [])
    return next((c for c in conditions if c["type"] == "PodScheduled"), None)


def test_a_pod_is_bound_and_the_event_says_where():
    async def script(world):
        world.api.put(NODES, make_node("n1"))
        world.api.put(PODS, make_pod("p"))
        await world.clock.sleep(2)
        assert node_of(world, "p") == "n1"
        assert world.api.events() == [("Normal", "Scheduled", "Successfully assigned default/p to n1")]
        event = world.api.all(EVENTS)[0]
        assert event["source"]["component"] == "default-scheduler"
        assert (event["involvedObject"]["kind"], event["involvedObject"]["name"]) == ("Pod", "p")

    play(script)


def test_a_pod_that_does_not_fit_is_told_why_and_bound_when_room_appears():
    text = (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    )

    async def script(world):
        world.api.put(NODES, make_node("n1", cpu="1"))
        world.api.put(PODS, make_pod("first", cpu="1"))
        await world.clock.sleep(2)
        world.api.put(PODS, make_pod("second", cpu="1"))
        await world.clock.sleep(2)
        assert ("Warning", "FailedScheduling", text) in world.api.events()
        condition = condition_of(world, "second")
        assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Unschedulable", text)
        world.api.remove(PODS, "first")
        await world.clock.sleep(2)
        assert node_of(world, "second") == "n1"

    play(script)


def test_preemption_is_no_help_against_taints_or_a_node_that_is_too_small():
    text = (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). no new claims to deallocate, "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )

    async def script(world):
        world.api.put(NODES, make_node("n1", cpu="1"))
        world.api.put(NODES, make_node("n2", taints=[{"key": "a", "effect": "NoSchedule"}]))
        world.api.put(PODS, make_pod("big", cpu="2"))
        await world.clock.sleep(2)
        assert condition_of(world, "big")["message"] == text

    play(script)


def test_a_pod_waits_for_a_node_and_is_not_written_to_twice():
    async def script(world):
        world.api.put(PODS, make_pod("p"))
        await world.clock.sleep(2)
        assert condition_of(world, "p")["message"] == "no nodes available to schedule pods"
        world.api.writes.clear()
        await world.clock.sleep(400)
        assert [w for w in world.api.writes if w[1] == "pods"] == []
        world.api.put(NODES, make_node("n1"))
        await world.clock.sleep(1)
        assert node_of(world, "p") == "n1"

    play(script)


def test_gated_foreign_and_deleted_pods_are_left_alone_until_the_gate_opens():
    async def script(world):
        world.api.put(NODES, make_node("n1"))
        world.api.put(PODS, make_pod("gated", schedulingGates=[{"name": "g"}]))
        world.api.put(PODS, make_pod("foreign", schedulerName="other"))
        await world.clock.sleep(20)
        assert node_of(world, "gated") is None and node_of(world, "foreign") is None
        world.api.change(PODS, "gated", lambda pod: pod["spec"].pop("schedulingGates"))
        await world.clock.sleep(1)
        assert node_of(world, "gated") == "n1"

    play(script)


def test_many_pods_at_once_never_promise_the_same_room_twice():
    async def script(world):
        for index in range(4):
            world.api.put(NODES, make_node(f"n{index}", cpu="2"))
        for index in range(12):
            world.api.put(PODS, make_pod(f"p{index}", cpu="1"))
        await world.clock.sleep(5)
        nodes = [node_of(world, f"p{index}") for index in range(12)]
        assert sorted(nodes.count(f"n{index}") for index in range(4)) == [2, 2, 2, 2]
        assert nodes.count(None) == 4

    play(script)


def test_of_two_pods_the_one_of_higher_priority_gets_the_room():
    async def script(world):
        world.api.put(PODS, make_pod("low", cpu="1", priority=1))
        world.api.put(PODS, make_pod("high", cpu="1", priority=9))
        await world.clock.sleep(20)
        world.api.put(NODES, make_node("n1", cpu="1"))
        await world.clock.sleep(5)
        assert (node_of(world, "high"), node_of(world, "low")) == ("n1", None)

    play(script)


def test_a_refused_binding_gives_the_room_back_and_is_tried_again_after_the_back_off():
    async def script(world):
        refusals = []

        def refuse(verb, plural, obj):
            if obj.get("kind") == "Binding" and len(refusals) < 2:
                refusals.append(world.clock.monotonic())
                raise Refused(500, "InternalError", "etcd is away")

        world.api.refuse = refuse
        world.api.put(NODES, make_node("n1", cpu="1"))
        world.api.put(PODS, make_pod("p", cpu="1"))
        await world.clock.sleep(10)
        assert node_of(world, "p") == "n1"
        assert [round(t) for t in refusals] == [0, 1]

    play(script)


def test_a_demand_that_is_not_implemented_is_told_in_the_event():
    async def script(world):
        world.api.put(NODES, make_node("n1"))
        world.api.put(PODS, make_pod("p", resourceClaims=[{"name": "gpu", "resourceClaimName": "c"}]))
        await world.clock.sleep(2)
        [(type_, reason, text)] = world.api.events()
        assert (type_, reason) == ("Warning", "FailedScheduling")
        assert "spec.resourceClaims" in text

    play(script)
