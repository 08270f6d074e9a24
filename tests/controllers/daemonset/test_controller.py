"""The DaemonSet controller against a small API."""

import itertools

from pynetes.client.kinds import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from pynetes.controllers import daemonset
from pynetes.meta.times import rfc3339
from tests.controllers.mini_api import Refused, play

from .make import daemon_set, node, pod


def on_nodes(api):
    targets = [p["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] for p in api]
    return sorted(t["nodeSelectorTerms"][0]["matchFields"][0]["values"][0] for t in targets)


async def run_pods(world):
    """The parts of scheduler and kubelet."""
    for found in world.api.all(PODS):
        name = found["metadata"]["name"]
        if "deletionTimestamp" in found["metadata"]:
            world.api.remove(PODS, name)
        elif found["status"]["phase"] == "Pending":
            world.api.change(PODS, name, lambda p: p["spec"].update(nodeName=on_nodes([p])[0]))
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": rfc3339(world.clock.now())}
            status = {"phase": "Running", "conditions": [ready]}
            world.api.change(PODS, name, lambda p, status=status: p.update(status=status))
    await world.clock.sleep(1)


def put_nodes(world, *names):
    for name in names:
        world.api.put(NODES, node(name))


def reimage(image):
    def change(ds):
        ds["spec"]["template"]["spec"]["containers"][0]["image"] = image

    return change


def test_a_set_gets_its_pods_its_revision_and_status_and_then_rests():
    async def script(world):
        put_nodes(world, "n1", "n2")
        world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(1)
        await run_pods(world)
        assert on_nodes(world.api.all(PODS)) == ["n1", "n2"]
        [revision] = world.api.all(CONTROLLER_REVISIONS)
        hash = revision["metadata"]["labels"]["controller-revision-hash"]
        assert {p["metadata"]["labels"]["controller-revision-hash"] for p in world.api.all(PODS)} == {hash}
        assert world.api.get(DAEMON_SETS, "agent")["status"] == {
            "currentNumberScheduled": 2,
            "desiredNumberScheduled": 2,
            "numberAvailable": 2,
            "numberMisscheduled": 0,
            "numberReady": 2,
            "observedGeneration": 1,
            "updatedNumberScheduled": 2,
        }
        messages = {message for _, reason, message in world.api.events() if reason == "SuccessfulCreate"}
        assert messages == {f"Created pod: {p['metadata']['name']}" for p in world.api.all(PODS)}
        world.api.writes.clear()
        world.manager.enqueue("daemonset-controller", "default/agent")
        await world.clock.sleep(400)
        assert world.api.writes == []

    play(script, daemonset.CONTROLLER)


def test_a_node_that_joins_gets_a_pod_and_one_that_is_tainted_loses_its_own():
    async def script(world):
        put_nodes(world, "n1")
        world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(1)
        await run_pods(world)
        put_nodes(world, "n2")
        await world.clock.sleep(1)
        assert on_nodes(world.api.all(PODS)) == ["n1", "n2"]
        taint = {"key": "gone", "effect": "NoExecute"}
        world.api.change(NODES, "n1", lambda n: n["spec"].update(taints=[taint]))
        await world.clock.sleep(1)
        await run_pods(world)
        assert on_nodes(world.api.all(PODS)) == ["n2"]
        assert world.api.get(DAEMON_SETS, "agent")["status"]["desiredNumberScheduled"] == 1

    play(script, daemonset.CONTROLLER)


def test_a_nodes_heartbeat_wakes_nobody():
    async def script(world):
        put_nodes(world, "n1")
        world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(1)
        await run_pods(world)
        done = world.manager.counts["daemonset-controller"].reconciled
        world.api.change(NODES, "n1", lambda n: n.update(status={"conditions": []}))
        await world.clock.sleep(5)
        assert world.manager.counts["daemonset-controller"].reconciled == done

    play(script, daemonset.CONTROLLER)


def test_a_new_template_makes_a_revision_and_rolls_out_one_pod_at_a_time():
    async def script(world):
        put_nodes(world, "n1", "n2")
        world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(1)
        await run_pods(world)
        world.api.change(DAEMON_SETS, "agent", reimage("j"))
        await world.clock.sleep(1)
        gone = [p for p in world.api.all(PODS) if "deletionTimestamp" in p["metadata"]]
        assert len(gone) == 1
        for _ in range(4):
            await run_pods(world)
        assert [p["spec"]["containers"][0]["image"] for p in world.api.all(PODS)] == ["j", "j"]
        assert sorted(r["revision"] for r in world.api.all(CONTROLLER_REVISIONS)) == [1, 2]
        world.api.change(DAEMON_SETS, "agent", reimage("i"))
        await world.clock.sleep(1)
        assert sorted(r["revision"] for r in world.api.all(CONTROLLER_REVISIONS)) == [2, 3]

    play(script, daemonset.CONTROLLER)


def test_pods_that_surge_take_over_when_they_are_available():
    async def script(world):
        put_nodes(world, "n1", "n2")
        world.api.put(DAEMON_SETS, daemon_set(maxSurge=1, maxUnavailable=0, min_ready=5))
        await world.clock.sleep(1)
        await run_pods(world)
        await world.clock.sleep(10)
        world.api.change(DAEMON_SETS, "agent", reimage("i:2"))
        for _ in range(2):
            await world.clock.sleep(1)
            await run_pods(world)  # nothing else happens: the controller has to look again by itself
            assert len(world.api.all(PODS)) == 3
            await world.clock.sleep(6)
            await run_pods(world)
        assert {p["spec"]["containers"][0]["image"] for p in world.api.all(PODS)} == {"i:2"}
        assert world.api.get(DAEMON_SETS, "agent")["status"]["updatedNumberScheduled"] == 2

    play(script, daemonset.CONTROLLER)


def test_revisions_beyond_the_limit_are_forgotten():
    async def script(world):
        owner = daemon_set()
        owner["spec"]["revisionHistoryLimit"] = 1
        world.api.put(DAEMON_SETS, owner)
        for number in range(4):
            world.api.change(DAEMON_SETS, "agent", reimage(f"i{number}"))
            await world.clock.sleep(1)
        assert sorted(r["revision"] for r in world.api.all(CONTROLLER_REVISIONS)) == [3, 4]

    play(script, daemonset.CONTROLLER)


def test_a_name_that_another_template_has_is_a_collision_that_is_counted():
    async def script(world):
        world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(1)
        [taken] = world.api.all(CONTROLLER_REVISIONS)
        world.api.remove(DAEMON_SETS, "agent")
        world.api.remove(CONTROLLER_REVISIONS, taken["metadata"]["name"])
        foreign = {"metadata": {"name": taken["metadata"]["name"]}, "data": {"spec": 1}, "revision": 1}
        world.api.put(CONTROLLER_REVISIONS, foreign)
        world.api.put(DAEMON_SETS, {**daemon_set(), "metadata": {"name": "agent", "generation": 1}})
        await world.clock.sleep(5)
        assert world.api.get(DAEMON_SETS, "agent")["status"]["collisionCount"] == 1
        assert len(world.api.all(CONTROLLER_REVISIONS)) == 2

    play(script, daemonset.CONTROLLER)


def test_failed_pods_are_replaced_after_one_two_and_four_seconds():
    async def script(world):
        put_nodes(world, "n1")
        world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(10)
        begun, deleted = world.clock.now(), []
        while len(deleted) < 4:
            for found in world.api.all(PODS):
                if "deletionTimestamp" in found["metadata"]:
                    deleted.append(world.clock.now() - begun)
                    world.api.remove(PODS, found["metadata"]["name"])
                elif found["status"]["phase"] == "Pending":
                    world.api.change(PODS, found["metadata"]["name"], lambda p: p["spec"].update(nodeName="n1"))
                    world.api.change(PODS, found["metadata"]["name"], lambda p: p["status"].update(phase="Failed"))
            await world.clock.sleep(0.125)
        waits = [round(b - a) for a, b in itertools.pairwise(deleted)]
        assert waits == [1, 2, 4]
        assert [reason for _, reason, _ in world.api.events()].count("FailedDaemonPod") == 4

    play(script, daemonset.CONTROLLER)


def test_a_slow_informer_never_makes_double_pods():
    async def script(world):
        put_nodes(world, "n1", "n2")
        await world.clock.sleep(1)
        world.api.muted = {"pods"}
        world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(5)
        world.api.change(DAEMON_SETS, "agent", lambda ds: ds["metadata"].update(labels={"touched": "1"}))
        await world.clock.sleep(60)
        assert len(world.api.all(PODS)) == 2
        world.api.unmute()
        await world.clock.sleep(5)
        assert len(world.api.all(PODS)) == 2

    play(script, daemonset.CONTROLLER)


def test_orphans_that_match_are_adopted():
    async def script(world):
        put_nodes(world, "n1")
        orphan = pod(daemon_set(), "n1", name="orphan")
        del orphan["metadata"]["ownerReferences"]
        world.api.put(PODS, orphan)
        owner = world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(2)
        found = world.api.get(PODS, "orphan")
        assert found["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]

    play(script, daemonset.CONTROLLER)


def test_a_refusal_is_an_event_and_is_retried():
    async def script(world):
        def refuse(verb, plural, obj):
            if (verb, plural) == ("POST", "pods"):
                raise Refused(403, "Forbidden", "pods is forbidden: exceeded quota")

        world.api.refuse = refuse
        put_nodes(world, "n1")
        world.api.put(DAEMON_SETS, daemon_set())
        await world.clock.sleep(3)
        assert ("Warning", "FailedCreate", "Error creating: pods is forbidden: exceeded quota") in world.api.events()
        world.api.refuse = lambda *args: None
        await world.clock.sleep(20)
        assert len(world.api.all(PODS)) == 1

    play(script, daemonset.CONTROLLER)


def test_a_set_that_is_being_deleted_is_left_to_the_garbage_collector():
    async def script(world):
        put_nodes(world, "n1")
        owner = daemon_set()
        owner["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["orphan"]}
        world.api.put(DAEMON_SETS, owner)
        await world.clock.sleep(5)
        assert world.api.all(PODS) == [] and world.api.writes == []

    play(script, daemonset.CONTROLLER)
