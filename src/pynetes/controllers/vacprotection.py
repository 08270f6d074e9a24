"""Lets a VolumeAttributesClass go when no claim and no volume names it any more.

Watches: VolumeAttributesClasses, PersistentVolumeClaims, PersistentVolumes.
Owns: the finalizer ``kubernetes.io/vac-protection``.
Guarantees: a deleted class stays while a claim has it, wants it or is on its way to it, or a volume has it.
Caveats: a claim that is made at that very moment may miss its class.

Source: pkg/controller/volume/vacprotection/vac_protection_controller.go.
"""

from collections.abc import Callable, Iterator

from pynetes.client.informer import Change
from pynetes.client.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, VOLUME_ATTRIBUTES_CLASSES
from pynetes.controllers import podstate, protection
from pynetes.controllers.actions import Action, apply
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.quota.claims import attributes_classes
from pynetes.meta.objects import Object

FINALIZER = "kubernetes.io/vac-protection"
BY_CLASS = "volumeAttributesClass"
"""Name of the informer indexes of claims and volumes by the classes that they name."""


def plan(attributes_class: Object, is_used: bool) -> list[Action]:
    if podstate.is_deleted(attributes_class):
        if FINALIZER in protection.finalizers_of(attributes_class) and not is_used:
            return protection.without_finalizer(VOLUME_ATTRIBUTES_CLASSES, attributes_class, FINALIZER)
    elif FINALIZER not in protection.finalizers_of(attributes_class):
        return protection.with_finalizer(VOLUME_ATTRIBUTES_CLASSES, attributes_class, FINALIZER)
    return []


def class_of_volume(volume: Object) -> Iterator[str]:
    if name := (volume.get("spec") or {}).get("volumeAttributesClassName"):
        yield name


class ClassProtection:
    """The acting half; keys are classes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._classes = context.informers.get(VOLUME_ATTRIBUTES_CLASSES)
        self._claims = context.informers.get(PERSISTENT_VOLUME_CLAIMS, indexes={BY_CLASS: attributes_classes})
        self._volumes = context.informers.get(PERSISTENT_VOLUMES, indexes={BY_CLASS: class_of_volume})
        self._classes.add_handler(self._class_changed)
        self._claims.add_handler(lambda change: self._user_changed(change, attributes_classes))
        self._volumes.add_handler(lambda change: self._user_changed(change, class_of_volume))

    async def reconcile(self, key: str) -> float | None:
        found = self._classes.get(key)
        if found is None:
            return None
        users = self._claims.entries_by_index(BY_CLASS, key) or self._volumes.entries_by_index(BY_CLASS, key)
        await apply(self._context, plan(found, bool(users)))
        return None

    def _class_changed(self, change: Change) -> None:
        if change.new is not None and protection.concerns(change.new.object, FINALIZER):
            self._context.queue.add(change.key)

    def _user_changed(self, change: Change, classes: Callable[[Object], Iterator[str] | frozenset[str]]) -> None:
        """What is no longer named may go."""
        if change.old is not None:
            left = set(classes(change.old.object))
            if change.new is not None:
                left -= set(classes(change.new.object))
            for name in sorted(left):
                self._context.queue.add(name)


CONTROLLER = Controller("volumeattributesclass-protection-controller", ClassProtection)
