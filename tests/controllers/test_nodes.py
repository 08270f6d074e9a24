"""Silent nodes: conditions, taints, evictions, and the moments at which each happens."""

import asyncio

import pytest

from pynetes.client.kinds import LEASES, NODES, PODS
from pynetes.controllers import nodelifecycle, tainteviction
from pynetes.controllers.nodelifecycle import Zone, eviction_rate, no_execute_taints, no_schedule_taints, zone_state
from pynetes.controllers.settings import Settings
from pynetes.controllers.tainteviction import Evict, Keep, Wait, plan
from pynetes.meta.times import rfc3339, rfc3339_micro

from .mini_api import play

UNREACHABLE = "node.kubernetes.io/unreachable"


def make_node(name, ready="True", **spec):
    condition = {"type": "Ready", "status": ready, "lastHeartbeatTime": "2026-01-01T00:00:00Z"}
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}},
        "spec": spec,
        "status": {"conditions": [condition]},
    }


def make_pod(name, node="n1", tolerations=()):
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {"nodeName": node, "tolerations": list(tolerations)},
        "status": status,
    }


def tolerate(seconds, key=UNREACHABLE):
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}


def taints(world, name):
    return {(t["key"], t["effect"]) for t in world.api.get(NODES, name)["spec"].get("taints", [])}


def ready_of(obj):
    return next(c["status"] for c in obj["status"]["conditions"] if c["type"] == "Ready")


async def beat(world, *names):
    """Plays the kubelets: renews the leases of these nodes every 10 s, for ever."""
    for name in names:
        world.api.put(LEASES, {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": {}})
    while True:
        for name in names:
            renewed = rfc3339_micro(world.clock.now())
            world.api.change(
                LEASES, name, lambda lease, t=renewed: lease["spec"].update(renewTime=t), "kube-node-lease"
            )
        await world.clock.sleep(10)


def live(script, *names, settings=None):
    async def main(world):
        heart = asyncio.get_running_loop().create_task(beat(world, *names))
        try:
            await script(world)
        finally:
            heart.cancel()

    play(main, nodelifecycle.CONTROLLER, tainteviction.CONTROLLER, settings=settings)


@pytest.mark.parametrize(
    ("tolerations", "since", "expected"),
    [
        ([], None, Evict()),
        ([tolerate(300)], None, Wait(300)),
        ([tolerate(300)], 900.0, Wait(200)),
        ([tolerate(300)], 700.0, Evict()),
        ([tolerate(0)], None, Evict()),
        ([{"operator": "Exists"}], None, Keep()),
    ],
)
def test_how_long_a_pod_may_stay(tolerations, since, expected):
    taint = {"key": UNREACHABLE, "effect": "NoExecute"}
    assert plan(make_pod("p", tolerations=tolerations), [taint], since, 1000.0) == expected


def test_without_taints_a_pod_stays():
    assert plan(make_pod("p"), [], None, 0.0) == Keep()


def test_conditions_become_noschedule_taints_and_others_are_left():
    node = make_node(
        "n",
        ready="False",
        unschedulable=True,
        taints=[{"key": "mine", "effect": "NoSchedule"}, {"key": UNREACHABLE, "effect": "NoSchedule"}],
    )
    found = {t["key"] for t in no_schedule_taints(node, 0.0)}
    assert found == {"mine", "node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable"}


def test_not_ready_and_unreachable_exclude_each_other():
    node = make_node("n", taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}])
    assert [t["key"] for t in no_execute_taints(node, "Unknown", 0.0)] == [UNREACHABLE]
    assert no_execute_taints(node, "True", 0.0) == []


def test_zones_and_their_rates():
    assert zone_state(["True", "False"], 0.55) is Zone.NORMAL
    assert zone_state(["Unknown", "False"], 0.55) is Zone.FULL_DISRUPTION
    assert zone_state(["Unknown"] * 6 + ["True"] * 4, 0.55) is Zone.PARTIAL_DISRUPTION
    assert eviction_rate(Zone.PARTIAL_DISRUPTION, 10, Settings()) == 0
    assert eviction_rate(Zone.PARTIAL_DISRUPTION, 100, Settings()) == 0.01


def test_a_node_that_reports_is_left_alone():
    async def script(world):
        world.api.put(NODES, make_node("n1"))
        await world.clock.sleep(30)
        world.api.writes.clear()
        await world.clock.sleep(300)
        assert [w for w in world.api.writes if w[1] != "leases"] == []
        assert ready_of(world.api.get(NODES, "n1")) == "True"

    live(script, "n1")


def test_a_silent_node_becomes_unknown_is_tainted_and_its_pods_go_when_their_patience_ends():
    async def script(world):
        for name in ("n1", "n2"):
            world.api.put(NODES, make_node(name))
        world.api.put(PODS, make_pod("patient", tolerations=[tolerate(300)]))
        world.api.put(PODS, make_pod("loyal", tolerations=[{"operator": "Exists"}]))
        await world.clock.sleep(50)
        assert ready_of(world.api.get(NODES, "n1")) == "True"
        await world.clock.sleep(11)
        assert ready_of(world.api.get(NODES, "n1")) == "Unknown"
        assert ready_of(world.api.get(NODES, "n2")) == "True"
        assert ready_of(world.api.get(PODS, "patient")) == "False"
        await world.clock.sleep(6)
        assert taints(world, "n1") == {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}
        assert ("Normal", "NodeNotReady", "Node n1 status is now: NodeNotReady") in world.api.events()
        assert ("Warning", "NodeNotReady", "Node is not ready") in world.api.events()
        await world.clock.sleep(285)
        assert "deletionTimestamp" not in world.api.get(PODS, "patient")["metadata"]
        await world.clock.sleep(20)
        patient = world.api.get(PODS, "patient")
        assert "deletionTimestamp" in patient["metadata"]
        assert {c["type"] for c in patient["status"]["conditions"]} == {"Ready", "DisruptionTarget"}
        assert "deletionTimestamp" not in world.api.get(PODS, "loyal")["metadata"]
        assert ("Normal", "TaintManagerEviction", "Marking for deletion Pod default/patient") in world.api.events()

    live(script, "n2")


def test_a_node_that_comes_back_in_time_keeps_its_pods():
    async def script(world):
        for name in ("n1", "n2"):
            world.api.put(NODES, make_node(name))
        world.api.put(PODS, make_pod("p", tolerations=[tolerate(300)]))
        await world.clock.sleep(100)
        assert (UNREACHABLE, "NoExecute") in taints(world, "n1")

        def revive(node):
            for condition in node["status"]["conditions"]:
                condition.update(status="True", lastHeartbeatTime=rfc3339(world.clock.now()))

        world.api.change(NODES, "n1", revive)
        await world.clock.sleep(12)
        assert not any(effect == "NoExecute" for _, effect in taints(world, "n1"))
        await world.clock.sleep(20)
        assert "deletionTimestamp" not in world.api.get(PODS, "p")["metadata"]
        assert ("Normal", "TaintManagerEviction", "Cancelling deletion of Pod default/p") in world.api.events()

    live(script, "n2")


def test_when_every_node_is_silent_no_pod_is_evicted():
    async def script(world):
        for name in ("n1", "n2"):
            world.api.put(NODES, make_node(name))
        world.api.put(PODS, make_pod("p"))
        await world.clock.sleep(900)
        assert ready_of(world.api.get(NODES, "n1")) == "Unknown"
        assert not any(effect == "NoExecute" for _, effect in taints(world, "n1"))
        assert "deletionTimestamp" not in world.api.get(PODS, "p")["metadata"]

    live(script)


def test_the_beta_labels_follow_the_stable_ones():
    async def script(world):
        world.api.put(NODES, make_node("n1"))
        await world.clock.sleep(1)
        assert world.api.get(NODES, "n1")["metadata"]["labels"]["beta.kubernetes.io/os"] == "linux"

    live(script, "n1")
