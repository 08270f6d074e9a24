"""ReplicationControllers are kept as ReplicaSets are, with a map for a selector."""

from pynetes.client.kinds import EVENTS, PODS, REPLICATION_CONTROLLERS
from pynetes.controllers import replicationcontroller

from .mini_api import play


def make_rc(replicas=2):
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {"metadata": {"name": "web"}, "spec": {"replicas": replicas, "selector": labels, "template": template}}


def test_pods_are_made_adopted_released_and_deleted():
    async def script(world):
        world.api.put(PODS, {"metadata": {"name": "orphan", "labels": {"app": "web"}}, "spec": {}, "status": {}})
        made = world.api.put(REPLICATION_CONTROLLERS, make_rc())
        await world.clock.sleep(1)
        pods = world.api.all(PODS)
        assert len(pods) == 2
        for pod in pods:
            (owner,) = pod["metadata"]["ownerReferences"]
            assert (owner["kind"], owner["apiVersion"], owner["uid"]) == (
                "ReplicationController",
                "v1",
                made["metadata"]["uid"],
            )
        status = world.api.get(REPLICATION_CONTROLLERS, "web")["status"]
        assert status["replicas"] == status["fullyLabeledReplicas"] == 2
        assert "terminatingReplicas" not in status
        world.api.change(PODS, "orphan", lambda pod: pod["metadata"].update(labels={"app": "other"}))
        await world.clock.sleep(1)
        assert (
            "ownerReferences" not in world.api.get(PODS, "orphan")["metadata"]
            or not world.api.get(PODS, "orphan")["metadata"]["ownerReferences"]
        )
        assert len(world.api.all(PODS)) == 3
        world.api.change(REPLICATION_CONTROLLERS, "web", lambda rc: rc["spec"].update(replicas=0))
        await world.clock.sleep(1)
        assert [pod["metadata"]["name"] for pod in world.api.all(PODS)] == ["orphan"]
        sources = {event["source"]["component"] for event in world.api.all(EVENTS)}
        assert sources == {"replication-controller"}

    play(script, replicationcontroller.CONTROLLER)


def test_a_replica_sets_pods_are_not_its_own():
    async def script(world):
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}
        metadata = {"name": "theirs", "labels": {"app": "web"}, "ownerReferences": [owner]}
        world.api.put(PODS, {"metadata": metadata, "spec": {}, "status": {}})
        world.api.put(REPLICATION_CONTROLLERS, make_rc(1))
        await world.clock.sleep(1)
        assert len(world.api.all(PODS)) == 2

    play(script, replicationcontroller.CONTROLLER)
