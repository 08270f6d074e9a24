"""The revisions of a workload's template: what a ControllerRevision holds, how it is named, which one is current.

A revision's data is a strategic merge patch that sets the template back: ``{"spec": {"template": {..., "$patch":
"replace"}}}``.

Source: pkg/controller/history/controller_history.go.
"""

from collections.abc import Iterable, Sequence

from pynetes.client.informer import Informer
from pynetes.client.kinds import CONTROLLER_REVISIONS
from pynetes.client.types import Kind
from pynetes.controllers.actions import apply
from pynetes.controllers.ownership import (
    BY_CONTROLLER,
    adoption,
    claim,
    orphans_of,
    reference,
    release,
    still_alive,
)
from pynetes.controllers.types import Context
from pynetes.meta import selectors
from pynetes.meta.gotext import json_text, safe_encode
from pynetes.meta.objects import Object, labels_of, name_of, namespace_of, uid_of

HASH_LABEL = "controller-revision-hash"
LONGEST_PREFIX = 223


def data_of(owner: Object) -> Object:
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def make(
    owner: Object, kind: Kind, revision: int, hash: str, labels: dict[str, str], annotations: dict[str, str] | None
) -> Object:
    """A revision of the owner's present template."""
    metadata: Object = {
        "name": f"{name_of(owner)[:LONGEST_PREFIX]}-{hash}",
        "namespace": namespace_of(owner),
        "labels": labels,
        "ownerReferences": [reference(owner, kind)],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "data": data_of(owner), "revision": revision}


def hash_of(data: Object, collisions: int) -> str:
    """The hash by which a StatefulSet's revision is named: 32-bit FNV-1 over its data as Go writes it."""
    value = 0x811C9DC5
    for byte in f"{json_text(data, sort_keys=True)}{collisions}".encode():
        value = ((value * 0x01000193) & 0xFFFFFFFF) ^ byte
    return safe_encode(str(value))


def number(revision: Object) -> int:
    found: int = revision.get("revision", 0)
    return found


def next_number(revisions: Iterable[Object]) -> int:
    return max(map(number, revisions), default=0) + 1


def in_order(revisions: Iterable[Object]) -> Sequence[Object]:
    """By number, then age, then name."""
    return sorted(revisions, key=lambda r: (number(r), r["metadata"].get("creationTimestamp", ""), name_of(r)))


def expendable(old: Sequence[Object], live: Iterable[str], limit: int) -> list[Object]:
    """The old revisions beyond the limit, lowest number first, without those that ``live`` pods have by their label."""
    used = set(live)
    candidates = [revision for revision in in_order(old) if labels_of(revision).get(HASH_LABEL) not in used]
    return candidates[: max(0, len(old) - limit)]


async def claimed(context: Context, revisions: Informer, owner: Object, kind: Kind) -> list[Object]:
    """The revisions that are the owner's after adoption and release."""
    selector = selectors.from_object(owner["spec"].get("selector"))
    mine = revisions.by_index(BY_CONTROLLER, uid_of(owner))
    orphans = revisions.by_index(BY_CONTROLLER, orphans_of(namespace_of(owner)))
    claims = claim(owner, selector, [*mine, *orphans])
    if claims.adopt:
        await still_alive(context, kind, owner)
    await apply(context, [adoption(r, CONTROLLER_REVISIONS, owner, kind) for r in claims.adopt])
    await apply(context, [release(r, CONTROLLER_REVISIONS, owner) for r in claims.release])
    return claims.owned + claims.adopt
