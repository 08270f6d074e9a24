"""Claims, volumes and attributes classes stay while somebody uses them."""

from pynetes.client.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, VOLUME_ATTRIBUTES_CLASSES
from pynetes.controllers import pvcprotection, pvprotection, vacprotection

from .mini_api import play

CLAIM, VOLUME, CLASS = (f"kubernetes.io/{kind}-protection" for kind in ("pvc", "pv", "vac"))
GOING = "2026-01-01T00:00:00Z"


def made(name, finalizer="", going=False, **more):
    metadata = {"name": name, "uid": f"uid-{name}"}
    if finalizer:
        metadata["finalizers"] = ["other", finalizer]
    if going:
        metadata["deletionTimestamp"] = GOING
    return {"metadata": {**metadata, **more.pop("metadata", {})}, "spec": {}, **more}


def a_claim(name, finalizer="", going=False, **more):
    found = made(name, finalizer, going, **more)
    found["metadata"]["namespace"] = "default"
    return found


def pod(name, node="n1", volume=None, phase="Running", **metadata):
    volume = volume or {"persistentVolumeClaim": {"claimName": "c"}}
    spec = {"volumes": [{"name": "v", **volume}], **({"nodeName": node} if node else {})}
    meta = {"name": name, "namespace": "default", "uid": f"uid-{name}", **metadata}
    return {"metadata": meta, "spec": spec, "status": {"phase": phase}}


def finalizers(actions):
    return [action.object["metadata"]["finalizers"] for action in actions]


def test_what_has_no_finalizer_gets_it():
    assert finalizers(pvcprotection.plan(a_claim("c"), [])) == [[CLAIM]]
    assert finalizers(pvprotection.plan(made("v"))) == [[VOLUME]]
    assert finalizers(vacprotection.plan(made("k"), False)) == [[CLASS]]


def test_what_is_unused_may_go_and_what_is_used_stays():
    # https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection: "If a user
    # deletes a PVC in active use by a Pod, the PVC is not removed immediately."
    claim = a_claim("c", CLAIM, going=True)
    assert finalizers(pvcprotection.plan(claim, [])) == [["other"]]
    assert not pvcprotection.plan(claim, [pod("p")])
    assert not pvcprotection.plan(claim, [pod("p", phase="Succeeded")])  # until it is removed
    assert pvcprotection.plan(claim, [pod("p", node="")])
    assert pvcprotection.plan(claim, [pod("p", volume={"persistentVolumeClaim": {"claimName": "d"}})])
    volume = made("v", VOLUME, going=True, status={"phase": "Bound"})
    assert not pvprotection.plan(volume)
    assert finalizers(pvprotection.plan({**volume, "status": {"phase": "Released"}})) == [["other"]]
    assert not vacprotection.plan(made("k", CLASS, going=True), True)
    assert not vacprotection.plan(made("k", CLASS), False)


def test_a_claim_made_for_a_pod_is_held_by_that_pod_until_it_is_shut_down():
    owner = {"kind": "Pod", "name": "p", "uid": "uid-p", "controller": True}
    claim = a_claim("p-v", CLAIM, going=True, metadata={"ownerReferences": [owner]})
    ephemeral = {"ephemeral": {"volumeClaimTemplate": {}}}
    assert not pvcprotection.plan(claim, [pod("p", volume=ephemeral)])
    assert pvcprotection.plan({**claim, "metadata": {**claim["metadata"], "ownerReferences": []}}, [pod("p")])
    down = pod("p", volume=ephemeral, deletionTimestamp=GOING, deletionGracePeriodSeconds=0)
    assert pvcprotection.plan(claim, [down])


def test_a_claim_goes_with_its_last_pod():
    async def script(world):
        world.api.put(PODS, pod("a"))
        world.api.put(PODS, pod("b"))
        world.api.put(PERSISTENT_VOLUME_CLAIMS, a_claim("c", CLAIM, going=True))
        await world.clock.sleep(1)
        assert world.api.writes == []
        world.api.remove(PODS, "a")
        await world.clock.sleep(1)
        assert world.api.writes == []
        world.api.remove(PODS, "b")
        await world.clock.sleep(1)
        assert world.api.get(PERSISTENT_VOLUME_CLAIMS, "c")["metadata"]["finalizers"] == ["other"]
        world.api.writes.clear()
        world.manager.enqueue(pvcprotection.CONTROLLER.name, "default/c")
        await world.clock.sleep(1)
        assert world.api.writes == []

    play(script, pvcprotection.CONTROLLER)


def test_a_pod_that_the_cache_does_not_know_holds_its_claim():
    async def script(world):
        world.api.muted = {"pods"}
        world.api.put(PODS, pod("unseen"))
        world.api.put(PERSISTENT_VOLUME_CLAIMS, a_claim("c", CLAIM, going=True))
        await world.clock.sleep(1)
        assert world.api.writes == []

    play(script, pvcprotection.CONTROLLER)


def test_a_volume_goes_when_it_is_released_and_a_class_when_nobody_names_it():
    async def script(world):
        volume = made("v", VOLUME, going=True, status={"phase": "Bound"})
        world.api.put(PERSISTENT_VOLUMES, {**volume, "spec": {"volumeAttributesClassName": "k"}})
        world.api.put(PERSISTENT_VOLUME_CLAIMS, a_claim("c", CLAIM, status={"currentVolumeAttributesClassName": "k"}))
        world.api.put(VOLUME_ATTRIBUTES_CLASSES, made("k", CLASS, going=True))
        await world.clock.sleep(1)
        assert world.api.writes == []
        world.api.change(PERSISTENT_VOLUMES, "v", lambda v: v["status"].update(phase="Released"))
        world.api.change(PERSISTENT_VOLUMES, "v", lambda v: v.update(spec={}))
        await world.clock.sleep(1)
        assert world.api.get(PERSISTENT_VOLUMES, "v")["metadata"]["finalizers"] == ["other"]
        assert CLASS in world.api.get(VOLUME_ATTRIBUTES_CLASSES, "k")["metadata"]["finalizers"]
        world.api.change(PERSISTENT_VOLUME_CLAIMS, "c", lambda c: c.update(status={}))
        await world.clock.sleep(1)
        assert world.api.get(VOLUME_ATTRIBUTES_CLASSES, "k")["metadata"]["finalizers"] == ["other"]

    play(script, pvprotection.CONTROLLER, vacprotection.CONTROLLER)
