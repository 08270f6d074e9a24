"""Metadata as kubernetes validates it, which knows the names of finalizers; kinds that have no rules besides.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidateObjectMeta``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pynetes.meta import validation
from pynetes.meta.fielderrors import Path, forbidden, invalid
from pynetes.meta.names import NameRule, dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause

Rules = Callable[[Object], Sequence[Cause]]

STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))


def object_meta(obj: Object, namespaced: bool, name_rule: NameRule = dns1123_subdomain) -> list[Cause]:
    """The causes against an object's metadata on create."""
    causes = validation.object_meta(obj, namespaced, name_rule)
    if "finalizers" in obj["metadata"]:
        causes += _finalizers(obj)
    return causes


def object_meta_update(obj: Object, old: Object) -> list[Cause]:
    """The causes against an object's metadata on update, without those that a create would have."""
    causes = validation.object_meta_update(obj, old)
    if "finalizers" in obj["metadata"]:
        causes += _finalizers(obj)
    return causes


def _finalizers(obj: Object) -> list[Cause]:
    names = enumerate(obj["metadata"]["finalizers"] or ())
    return [c for i, name in names for c in kube_finalizer(f"metadata.finalizers[{i}]", name)]


def kube_finalizer(path: str, name: str) -> list[Cause]:
    """Against a name that has no domain and is none of the old ones."""
    if "/" in name or name in STANDARD_FINALIZERS:
        return []
    return [invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified")]


def only_labels_and_annotations(path: Path, meta: Object) -> list[Cause]:
    """Against more in the metadata of a template. A field is called as Go's, its first letter small."""
    others = (name for name in meta if name not in ("annotations", "labels"))
    return [forbidden(f"{path}.{'uID' if name == 'uid' else name}", "cannot be set") for name in others]


@dataclass(frozen=True, slots=True)
class Validation:
    """Metadata first, then ``rules``; on updates, too, where ``rules`` are those of the new object.

    ``finalizers``: whether their names are checked as those of kubernetes' own kinds.
    """

    namespaced: bool = True
    name_rule: NameRule = dns1123_subdomain
    rules: Rules | None = None
    finalizers: bool = True

    def create(self, obj: Object, context: WriteContext) -> list[Cause]:
        check = object_meta if self.finalizers else validation.object_meta
        causes = check(obj, self.namespaced, self.name_rule)
        if self.rules is not None:
            causes += self.rules(obj)
        return causes

    def update(self, obj: Object, old: Object, context: WriteContext) -> list[Cause]:
        causes = (object_meta_update if self.finalizers else validation.object_meta_update)(obj, old)
        if self.rules is not None:
            causes += self.rules(obj)
        return causes
