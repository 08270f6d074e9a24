"""The StatefulSet controller against a small API."""

from pynetes.client.kinds import CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from pynetes.controllers import statefulset
from tests.controllers.mini_api import Refused, play

from .make import stateful_set


def names(world, kind=PODS):
    return sorted(found["metadata"]["name"] for found in world.api.all(kind))


async def run_pods(world, rounds=1):
    """The kubelet's part."""
    for _ in range(rounds):
        for found in world.api.all(PODS):
            name = found["metadata"]["name"]
            if "deletionTimestamp" in found["metadata"]:
                world.api.remove(PODS, name)
            elif found["status"]["phase"] == "Pending":
                ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                status = {"phase": "Running", "conditions": [ready]}
                world.api.change(PODS, name, lambda p, status=status: p.update(status=status))
                world.api.change(PODS, name, lambda p: p["spec"].update(nodeName="n1"))
        await world.clock.sleep(1)


def reimage(image):
    def change(found):
        found["spec"]["template"]["spec"]["containers"][0]["image"] = image

    return change


def put(world, **more):
    return world.api.put(STATEFUL_SETS, stateful_set(**more))


def test_pods_come_one_by_one_with_events_and_status_and_then_it_rests():
    async def script(world):
        put(world)
        await world.clock.sleep(1)
        assert names(world) == ["db-0"]
        await run_pods(world)
        assert names(world) == ["db-0", "db-1"]
        await run_pods(world, 2)
        assert names(world) == ["db-0", "db-1", "db-2"]
        [revision] = names(world, CONTROLLER_REVISIONS)
        assert world.api.get(STATEFUL_SETS, "db")["status"] == {
            "observedGeneration": 1,
            "replicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
            "currentReplicas": 3,
            "updatedReplicas": 3,
            "currentRevision": revision,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        message = "Create Pod db-0 in StatefulSet db successful"
        assert world.api.events()[0] == ("Normal", "SuccessfulCreate", message)
        assert len(world.api.events()) == 3
        world.api.writes.clear()
        world.manager.enqueue("statefulset-controller", "default/db")
        await world.clock.sleep(400)
        assert world.api.writes == []

    play(script, statefulset.CONTROLLER)


def test_each_pass_writes_the_status_at_most_once():
    async def script(world):
        put(world, parallel=True)
        await world.clock.sleep(1)
        await run_pods(world)
        passes = world.manager.counts["statefulset-controller"].reconciled
        writes = [verb for verb, plural, sub, _ in world.api.writes if sub == "status" and plural == "statefulsets"]
        assert 1 <= len(writes) <= passes

    play(script, statefulset.CONTROLLER)


def test_scaling_down_deletes_the_last_pods_one_by_one():
    async def script(world):
        put(world, parallel=True)
        await world.clock.sleep(1)
        await run_pods(world)
        world.api.change(
            STATEFUL_SETS, "db", lambda s: s["spec"].update(replicas=1, podManagementPolicy="OrderedReady")
        )
        await world.clock.sleep(1)
        await run_pods(world)
        assert names(world) == ["db-0", "db-1"]
        await run_pods(world)
        assert names(world) == ["db-0"]
        assert ("Normal", "SuccessfulDelete", "Delete Pod db-2 in StatefulSet db successful") in world.api.events()

    play(script, statefulset.CONTROLLER)


def test_a_new_template_rolls_out_from_the_last_pod_and_a_rollback_renumbers_its_revision():
    async def script(world):
        put(world)
        await world.clock.sleep(1)
        await run_pods(world, 3)
        first = world.api.get(STATEFUL_SETS, "db")["status"]["currentRevision"]
        world.api.change(STATEFUL_SETS, "db", reimage("j"))
        await world.clock.sleep(1)
        gone = [p["metadata"]["name"] for p in world.api.all(PODS) if "deletionTimestamp" in p["metadata"]]
        assert gone == ["db-2"]
        status = world.api.get(STATEFUL_SETS, "db")["status"]
        assert status["currentRevision"] == first != status["updateRevision"]
        await run_pods(world, 8)
        assert {p["spec"]["containers"][0]["image"] for p in world.api.all(PODS)} == {"j"}
        status = world.api.get(STATEFUL_SETS, "db")["status"]
        assert status["currentRevision"] == status["updateRevision"] != first
        world.api.change(STATEFUL_SETS, "db", reimage("i"))
        await world.clock.sleep(1)
        await run_pods(world, 8)
        assert world.api.get(STATEFUL_SETS, "db")["status"]["currentRevision"] == first
        assert world.api.get(CONTROLLER_REVISIONS, first)["revision"] == 3

    play(script, statefulset.CONTROLLER)


def test_claims_are_made_once_and_outlive_their_pods():
    async def script(world):
        put(world, replicas=1, claims=("data",))
        await world.clock.sleep(1)
        assert names(world, PERSISTENT_VOLUME_CLAIMS) == ["data-db-0"]
        message = "Create Claim data-db-0 Pod db-0 in StatefulSet db success"
        assert ("Normal", "SuccessfulCreate", message) in world.api.events()
        await run_pods(world)
        world.api.change(STATEFUL_SETS, "db", lambda s: s["spec"].update(replicas=0))
        await world.clock.sleep(1)
        await run_pods(world)
        assert names(world) == [] and names(world, PERSISTENT_VOLUME_CLAIMS) == ["data-db-0"]

    play(script, statefulset.CONTROLLER)


def test_a_claim_is_owned_as_the_policy_says():
    async def script(world):
        put(world, replicas=1, claims=("data",), retain=("Delete", "Delete"))
        await world.clock.sleep(1)
        await run_pods(world)
        [owner] = world.api.get(PERSISTENT_VOLUME_CLAIMS, "data-db-0")["metadata"]["ownerReferences"]
        assert owner["kind"] == "StatefulSet"
        world.api.change(STATEFUL_SETS, "db", lambda s: s["spec"].update(replicas=0))
        await world.clock.sleep(1)
        [owner] = world.api.get(PERSISTENT_VOLUME_CLAIMS, "data-db-0")["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("Pod", "db-0")

    play(script, statefulset.CONTROLLER)


def test_a_pod_that_is_refused_is_an_event_and_is_retried():
    async def script(world):
        def refuse(verb, plural, obj):
            if (verb, plural) == ("POST", "pods"):
                raise Refused(403, "Forbidden", "pods is forbidden: exceeded quota")

        world.api.refuse = refuse
        put(world)
        await world.clock.sleep(3)
        text = "Create Pod db-0 in StatefulSet db failed error: pods is forbidden: exceeded quota"
        assert ("Warning", "FailedCreate", text) in world.api.events()
        world.api.refuse = lambda *args: None
        await world.clock.sleep(20)
        assert names(world) == ["db-0"]

    play(script, statefulset.CONTROLLER)


def test_a_claim_that_is_refused_leaves_its_pod_out():
    async def script(world):
        def refuse(verb, plural, obj):
            if (verb, plural) == ("POST", "persistentvolumeclaims"):
                raise Refused(403, "Forbidden", "no storage left")

        world.api.refuse = refuse
        put(world, replicas=1, claims=("data",))
        await world.clock.sleep(3)
        assert names(world) == []
        said = {message for _, reason, message in world.api.events() if reason == "FailedCreate"}
        assert said == {
            "Create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: no storage left",
            "Create Pod db-0 in StatefulSet db failed error: failed to create PVC data-db-0: no storage left",
        }

    play(script, statefulset.CONTROLLER)


def test_a_slow_informer_makes_no_double_writes():
    async def script(world):
        await world.clock.sleep(1)
        world.api.muted = {"pods"}
        put(world)
        await world.clock.sleep(5)
        world.api.change(STATEFUL_SETS, "db", lambda s: s["metadata"].update(labels={"touched": "1"}))
        await world.clock.sleep(60)
        assert [w for w in world.api.writes if w[:2] == ("POST", "pods")] == [("POST", "pods", "", "db-")]
        world.api.unmute()
        await run_pods(world, 3)
        assert names(world) == ["db-0", "db-1", "db-2"]

    play(script, statefulset.CONTROLLER)


def test_a_revision_name_that_is_taken_counts_a_collision():
    async def script(world):
        put(world)
        await world.clock.sleep(1)
        [taken] = names(world, CONTROLLER_REVISIONS)
        world.api.remove(STATEFUL_SETS, "db")
        world.api.remove(PODS, "db-0")
        world.api.remove(CONTROLLER_REVISIONS, taken)
        world.api.put(CONTROLLER_REVISIONS, {"metadata": {"name": taken}, "data": {"spec": 1}, "revision": 1})
        again = stateful_set()
        again["metadata"] = {"name": "db"}
        world.api.put(STATEFUL_SETS, again)
        await world.clock.sleep(5)
        assert world.api.get(STATEFUL_SETS, "db")["status"]["collisionCount"] == 1
        assert len(names(world, CONTROLLER_REVISIONS)) == 2

    play(script, statefulset.CONTROLLER)


def test_pods_that_match_but_are_named_otherwise_are_not_adopted():
    async def script(world):
        for name in ("db-0", "stranger"):
            world.api.put(PODS, {"metadata": {"name": name, "labels": {"app": "db"}}, "spec": {}, "status": {}})
        put(world, replicas=1)
        await world.clock.sleep(2)
        assert "ownerReferences" in world.api.get(PODS, "db-0")["metadata"]
        assert "ownerReferences" not in world.api.get(PODS, "stranger")["metadata"]

    play(script, statefulset.CONTROLLER)
