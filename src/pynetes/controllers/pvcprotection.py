"""Lets a PersistentVolumeClaim go when no pod uses it any more.

Watches: PersistentVolumeClaims, Pods.
Owns: the finalizer ``kubernetes.io/pvc-protection``.
Guarantees: a deleted claim stays while a pod that has a node names it; before it goes the API is asked, as the cache
    may not know of a pod yet.
Caveats: a pod without a node does not hold a claim: the kubelet starts no pod whose claim is being deleted.

Source: pkg/controller/volume/pvcprotection/pvc_protection_controller.go.
"""

from collections.abc import Iterable, Iterator

from pynetes.client.informer import Change
from pynetes.client.kinds import PERSISTENT_VOLUME_CLAIMS, PODS
from pynetes.controllers import podstate, protection
from pynetes.controllers.actions import Action, apply
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, controller_of, name_of, namespace_of, uid_of

FINALIZER = "kubernetes.io/pvc-protection"
BY_CLAIM = "persistentVolumeClaim"
"""Name of the informer index of pods by the claims that they may use, as ``namespace/name``."""


def plan(claim: Object, pods: Iterable[Object]) -> list[Action]:
    """``pods``: those of the claim's namespace, or at least those that may use it."""
    if podstate.is_deleted(claim):
        if FINALIZER in protection.finalizers_of(claim) and not any(uses(pod, claim) for pod in pods):
            return protection.without_finalizer(PERSISTENT_VOLUME_CLAIMS, claim, FINALIZER)
    elif FINALIZER not in protection.finalizers_of(claim):
        return protection.with_finalizer(PERSISTENT_VOLUME_CLAIMS, claim, FINALIZER)
    return []


def uses(pod: Object, claim: Object) -> bool:
    """Whether the pod keeps the claim. A pod that was shut down waits only for its own removal."""
    if not podstate.node_of(pod):
        return False
    for volume in pod["spec"].get("volumes") or ():
        named = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if named == name_of(claim):
            return True
        if "ephemeral" in volume and not _is_shut_down(pod) and ephemeral_claim(pod, volume) == name_of(claim):
            owner = controller_of(claim)
            if owner is not None and owner["uid"] == uid_of(pod):
                return True
    return False


def _is_shut_down(pod: Object) -> bool:
    return podstate.is_deleted(pod) and pod["metadata"].get("deletionGracePeriodSeconds") == 0


def ephemeral_claim(pod: Object, volume: Object) -> str:
    return f"{name_of(pod)}-{volume['name']}"


def claims_of(pod: Object) -> Iterator[str]:
    """The keys of the claims that the pod names, or that are made for it."""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield f"{namespace_of(pod)}/{volume['persistentVolumeClaim'].get('claimName', '')}"
        elif "ephemeral" in volume:
            yield f"{namespace_of(pod)}/{ephemeral_claim(pod, volume)}"


class ClaimProtection:
    """The acting half; keys are claims."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._claims = context.informers.get(PERSISTENT_VOLUME_CLAIMS)
        self._pods = context.informers.get(PODS, indexes={BY_CLAIM: claims_of})
        self._claims.add_handler(self._claim_changed)
        self._pods.add_handler(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        claim = self._claims.get(key)
        if claim is None or not plan(claim, self._pods.by_index(BY_CLAIM, key)):
            return None
        pods: list[Object] = []
        if podstate.is_deleted(claim):
            pods, _ = await self._context.client.list(PODS, namespace_of(claim))
        await apply(self._context, plan(claim, pods))
        return None

    def _claim_changed(self, change: Change) -> None:
        if change.new is not None and protection.concerns(change.new.object, FINALIZER):
            self._context.queue.add(change.key)

    def _pod_changed(self, change: Change) -> None:
        """A pod that is gone, has ended, or has no node may have been the last user."""
        entry = change.new or change.old
        assert entry is not None
        pod = entry.object
        if change.new is None or lifecycle.is_terminal(pod) or not podstate.node_of(pod):
            for key in claims_of(pod):
                self._context.queue.add(key)


CONTROLLER = Controller("persistentvolumeclaim-protection-controller", ClaimProtection)
