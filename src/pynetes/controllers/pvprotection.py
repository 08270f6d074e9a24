"""Lets a PersistentVolume go when no claim is bound to it any more.

Watches: PersistentVolumes.
Owns: the finalizer ``kubernetes.io/pv-protection``.
Guarantees: a deleted volume stays while its phase is Bound.

Source: pkg/controller/volume/pvprotection/pv_protection_controller.go.
"""

from pynetes.client.informer import Change
from pynetes.client.kinds import PERSISTENT_VOLUMES
from pynetes.controllers import podstate, protection
from pynetes.controllers.actions import Action, apply
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object

FINALIZER = "kubernetes.io/pv-protection"


def plan(volume: Object) -> list[Action]:
    if podstate.is_deleted(volume):
        bound = (volume.get("status") or {}).get("phase") == "Bound"
        if FINALIZER in protection.finalizers_of(volume) and not bound:
            return protection.without_finalizer(PERSISTENT_VOLUMES, volume, FINALIZER)
    elif FINALIZER not in protection.finalizers_of(volume):
        return protection.with_finalizer(PERSISTENT_VOLUMES, volume, FINALIZER)
    return []


class VolumeProtection:
    """The acting half; keys are volumes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._volumes = context.informers.get(PERSISTENT_VOLUMES)
        self._volumes.add_handler(self._changed)

    async def reconcile(self, key: str) -> float | None:
        volume = self._volumes.get(key)
        if volume is not None:
            await apply(self._context, plan(volume))
        return None

    def _changed(self, change: Change) -> None:
        if change.new is not None and protection.concerns(change.new.object, FINALIZER):
            self._context.queue.add(change.key)


CONTROLLER = Controller("persistentvolume-protection-controller", VolumeProtection)
