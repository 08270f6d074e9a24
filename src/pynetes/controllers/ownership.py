"""Whose an object is: controller references, and adoption and release by them.

Source: pkg/controller/controller_ref_manager.go.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pynetes.client.types import Kind
from pynetes.controllers.actions import Patch
from pynetes.controllers.types import Context
from pynetes.meta.objects import Object, controller_of, labels_of, name_of, namespace_of, uid_of
from pynetes.meta.selectors import LabelSelector

BY_CONTROLLER = "controllerUID"
"""Name of the informer index by the uid of the controlling owner."""


def by_controller(obj: Object) -> Iterable[str]:
    owner = controller_of(obj)
    return (owner["uid"],) if owner is not None else (orphans_of(namespace_of(obj)),)


def orphans_of(namespace: str) -> str:
    """The index value of the objects of a namespace that no controller owns."""
    return f"orphans:{namespace}"


CONTROLLER_INDEX = {BY_CONTROLLER: by_controller}


def reference(owner: Object, kind: Kind) -> Object:
    """The owner reference of a controller."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_controlled_by(obj: Object, owner: Object) -> bool:
    found = controller_of(obj)
    return found is not None and found.get("uid") == uid_of(owner)


@dataclass(slots=True)
class Claims:
    """What of the candidates is the owner's now, what it may adopt, and what it must let go."""

    owned: list[Object] = field(default_factory=list)
    adopt: list[Object] = field(default_factory=list)
    release: list[Object] = field(default_factory=list)


def claim(
    owner: Object,
    selector: LabelSelector,
    candidates: Iterable[Object],
    belongs: Callable[[Object], bool] = lambda candidate: True,
) -> Claims:
    """Sort candidates of the owner's namespace: those that match and belong. What others own is left alone."""
    claims = Claims()
    deleted = "deletionTimestamp" in owner["metadata"]
    for obj in candidates:
        found = controller_of(obj)
        matches = selector.matches(labels_of(obj)) and belongs(obj)
        if found is not None:
            if found.get("uid") != uid_of(owner):
                continue
            if matches:
                claims.owned.append(obj)
            elif not deleted:
                claims.release.append(obj)
        elif matches and not deleted and "deletionTimestamp" not in obj["metadata"]:
            claims.adopt.append(obj)
    return claims


def adoption(obj: Object, kind: Kind, owner: Object, owner_kind: Kind, finalizers: Sequence[str] = ()) -> Patch:
    """The patch by which an orphan gets its owner, and finalizers; refused when the orphan's uid is another by now."""
    metadata: Object = {"uid": uid_of(obj), "ownerReferences": [reference(owner, owner_kind)]}
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    return Patch(kind, namespace_of(obj), name_of(obj), {"metadata": metadata})


def release(obj: Object, kind: Kind, owner: Object, finalizers: Sequence[str] = ()) -> Patch:
    metadata: Object = {"uid": uid_of(obj), "ownerReferences": [{"$patch": "delete", "uid": uid_of(owner)}]}
    if finalizers:
        metadata["$deleteFromPrimitiveList/finalizers"] = list(finalizers)
    return Patch(kind, namespace_of(obj), name_of(obj), {"metadata": metadata}, missing_is_fine=True)


async def still_alive(context: Context, kind: Kind, owner: Object) -> None:
    """Before an adoption: read the owner from the server, as the cache may not know yet that it is being deleted.

    Raises: ValueError when it is, or was replaced; StatusError when it is gone.
    """
    fresh = await context.client.get(kind, name_of(owner), namespace_of(owner))
    where = f"{namespace_of(owner)}/{name_of(owner)}"
    if uid_of(fresh) != uid_of(owner):
        raise ValueError(f"original {kind.kind} {where} is gone: got uid {uid_of(fresh)}, wanted {uid_of(owner)}")
    if "deletionTimestamp" in fresh["metadata"]:
        raise ValueError(f"{where} has just been deleted at {fresh['metadata']['deletionTimestamp']}")


def named(kind: Kind, obj: Object) -> Object:
    """The object with its kind and apiVersion, which items of lists do not carry; for events and writes."""
    return obj if "kind" in obj else {"kind": kind.kind, "apiVersion": kind.api_version, **obj}


def oldest_first(objects: Iterable[Object]) -> Sequence[Object]:
    """By creation time, then name."""
    return sorted(objects, key=lambda o: (o["metadata"].get("creationTimestamp", ""), name_of(o)))
