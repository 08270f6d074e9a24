"""What creates and updates may not touch: status, spec, generation; the same few rules for most kinds.

Source: the ``strategy.go`` files of kubernetes ``pkg/registry``; apimachinery ``ResetObjectMetaForStatus``.
"""

from dataclasses import dataclass

from pynetes.kinds.core.disabled import drop_disabled
from pynetes.meta.fielderrors import same
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext

_METADATA_OF_STATUS = (
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
)


@dataclass(frozen=True, slots=True)
class Strategy:
    """``spec``: the members that generation counts. What is kept of the old object is shared with it, not copied.

    ``template``: where the pod template is, whose disabled fields are dropped. ``has_status``: a create drops the
    status, an update keeps it, and a status update keeps the spec; with ``resets_metadata`` a status update keeps the
    metadata, too.
    """

    generation: bool = False
    has_status: bool = False
    spec: tuple[str, ...] = ("spec",)
    resets_metadata: bool = False
    template: tuple[str, ...] = ()

    def create(self, obj: Object, context: WriteContext) -> None:
        if self.has_status:
            obj.pop("status", None)
        if self.generation:
            obj["metadata"]["generation"] = 1
        if self.template:
            drop_disabled(self._pod_spec(obj) or {}, None)

    def update(self, obj: Object, old: Object, context: WriteContext) -> None:
        if self.has_status and context.subresource == "status":
            for name in self.spec:
                keep(obj, old, name)
            if self.resets_metadata:
                reset_metadata(obj, old)
            return
        if self.has_status:
            keep(obj, old, "status")
        if self.template:
            drop_disabled(self._pod_spec(obj) or {}, self._pod_spec(old))
        if self.generation and self.changed(obj, old):
            raise_generation(obj, old)

    def _pod_spec(self, obj: Object) -> Object | None:
        found: Object | None = obj
        for name in (*self.template, "spec"):
            found = (found or {}).get(name)
        return found

    def changed(self, obj: Object, old: Object) -> bool:
        return not all(same(obj.get(name), old.get(name)) for name in self.spec)


def keep(obj: Object, old: Object, name: str) -> None:
    """The member is as it was."""
    if name in old:
        obj[name] = old[name]
    else:
        obj.pop(name, None)


def raise_generation(obj: Object, old: Object) -> None:
    obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def reset_metadata(obj: Object, old: Object) -> None:
    for name in _METADATA_OF_STATUS:
        keep(obj["metadata"], old["metadata"], name)
