"""The garbage collector: background, foreground, orphans, and what it must not delete."""

from pynetes.client.kinds import CONFIG_MAPS, DEPLOYMENTS, PODS, REPLICA_SETS
from pynetes.controllers import garbagecollector
from pynetes.controllers.garbagecollector import Owner, plan

from .mini_api import play


def owned_by(*owners, block=True, kind="ReplicaSet", api_version="apps/v1"):
    return [
        {
            "apiVersion": api_version,
            "kind": kind,
            "name": o["metadata"]["name"],
            "uid": o["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for o in owners
    ]


def thing(name, **metadata):
    return {"metadata": {"name": name, **metadata}, "spec": {}}


def latest(*uids, **metadata):
    references = [{"uid": uid} for uid in uids]
    return {"metadata": {"name": "x", "uid": "u", "resourceVersion": "5", "ownerReferences": references, **metadata}}


def test_one_solid_owner_keeps_an_object_and_the_dangling_references_are_removed():
    owners = {"a": Owner.SOLID, "b": Owner.ABSENT}
    [patch] = plan(PODS, latest("a", "b"), owners, False)
    assert patch.patch["metadata"] == {"uid": "u", "resourceVersion": "5", "ownerReferences": [{"uid": "a"}]}
    assert plan(PODS, latest("a"), owners, False) == []


def test_without_owners_it_goes_by_the_policy_that_its_finalizers_ask_for():
    owners = {"a": Owner.ABSENT}
    assert plan(PODS, latest("a"), owners, True)[0].propagation == "Background"
    assert plan(PODS, latest("a", finalizers=["orphan"]), owners, True)[0].propagation == "Orphan"
    assert plan(PODS, latest("a"), {"a": Owner.WAITING}, True)[0].propagation == "Foreground"
    assert plan(PODS, latest("a"), {"a": Owner.WAITING}, False)[0].propagation == "Background"


def test_dependents_of_a_deleted_owner_go_generation_by_generation():
    async def script(world):
        d = world.api.put(DEPLOYMENTS, thing("d"))
        rs = world.api.put(REPLICA_SETS, thing("rs", ownerReferences=owned_by(d, kind="Deployment")))
        world.api.put(PODS, thing("p", ownerReferences=owned_by(rs)))
        world.api.put(PODS, thing("free"))
        await world.clock.sleep(5)
        assert len(world.api.all(PODS)) == 2
        await world.client.delete(DEPLOYMENTS, "d", "default")
        await world.clock.sleep(5)
        assert [p["metadata"]["name"] for p in world.api.all(PODS)] == ["free"]
        assert world.api.all(REPLICA_SETS) == []
        world.api.writes.clear()
        await world.clock.sleep(120)
        assert world.api.writes == []

    play(script, garbagecollector.CONTROLLER)


def test_an_owner_of_another_uid_is_no_owner():
    async def script(world):
        rs = world.api.put(REPLICA_SETS, thing("rs"))
        stale = {**rs, "metadata": {**rs["metadata"], "uid": "its-predecessor"}}
        world.api.put(PODS, thing("p", ownerReferences=owned_by(stale)))
        await world.clock.sleep(5)
        assert world.api.all(PODS) == []
        assert world.api.get(REPLICA_SETS, "rs")

    play(script, garbagecollector.CONTROLLER)


def test_a_cache_that_lags_deletes_nothing():
    async def script(world):
        await world.clock.sleep(5)
        world.api.muted = {"replicasets"}
        rs = world.api.put(REPLICA_SETS, thing("rs"))
        world.api.put(PODS, thing("p", ownerReferences=owned_by(rs)))
        await world.clock.sleep(60)
        assert world.api.get(PODS, "p")

    play(script, garbagecollector.CONTROLLER)


def test_in_the_foreground_the_owner_goes_last():
    order = []

    async def script(world):
        rs = world.api.put(REPLICA_SETS, thing("rs"))
        world.api.put(PODS, thing("blocks", ownerReferences=owned_by(rs), finalizers=["test/hold"]))
        world.api.put(CONFIG_MAPS, thing("free", ownerReferences=owned_by(rs, block=False)))
        await world.clock.sleep(5)
        await world.client.delete(REPLICA_SETS, "rs", "default", options={"propagationPolicy": "Foreground"})
        await world.clock.sleep(5)
        assert world.api.get(REPLICA_SETS, "rs")["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert "deletionTimestamp" in world.api.get(PODS, "blocks")["metadata"]
        assert world.api.get(CONFIG_MAPS, "free") is None
        world.api.change(PODS, "blocks", lambda pod: pod["metadata"].pop("finalizers"))
        await world.clock.sleep(5)
        assert world.api.get(REPLICA_SETS, "rs") is None
        order.append("done")

    play(script, garbagecollector.CONTROLLER)
    assert order == ["done"]


def test_orphans_stay_and_forget_their_owner():
    async def script(world):
        rs = world.api.put(REPLICA_SETS, thing("rs"))
        world.api.put(PODS, thing("p", ownerReferences=owned_by(rs)))
        await world.clock.sleep(5)
        await world.client.delete(REPLICA_SETS, "rs", "default", options={"propagationPolicy": "Orphan"})
        await world.clock.sleep(5)
        assert world.api.get(REPLICA_SETS, "rs") is None
        assert world.api.get(PODS, "p")["metadata"].get("ownerReferences", []) == []

    play(script, garbagecollector.CONTROLLER)


def test_an_owner_of_an_unknown_kind_keeps_its_object():
    async def script(world):
        ghost = thing("g", uid="g")
        world.api.put(PODS, thing("p", ownerReferences=owned_by(ghost, kind="Ghost", api_version="example.com/v1")))
        await world.clock.sleep(60)
        assert world.api.get(PODS, "p")

    play(script, garbagecollector.CONTROLLER)
