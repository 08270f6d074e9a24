"""Deletes what has lost its last owner, and carries out foreground and orphaning deletions.

Watches: every resource that can be listed, watched and deleted, custom ones too.
Owns: the finalizers ``foregroundDeletion`` and ``orphan``.
Guarantees: an object goes when all owners that it names are gone; an owner's absence is asserted by the API, not by a
    cache; deletions carry the uid and resourceVersion that were judged, so that nothing newer is deleted. In the
    foreground an owner goes after its dependents with ``blockOwnerDeletion``; orphans lose their owner references.
Caveats: an owner reference of an unknown kind keeps its object; new kinds are found within 30 s.

Source: pkg/controller/garbagecollector/{garbagecollector,graph_builder}.go.
"""

import functools
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pynetes.client.informer import Change
from pynetes.client.types import Kind
from pynetes.controllers import podstate
from pynetes.controllers.actions import MERGE, Action, Delete, Patch, apply
from pynetes.controllers.discovery import served
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError

log = logging.getLogger(__name__)

DISCOVER = "*"
"""The key of the search for new kinds; any other key is the uid of an object."""

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_IGNORED = {("v1", "events"), ("events.k8s.io/v1", "events")}


class Owner(Enum):
    """What became of an owner."""

    SOLID = "there, and not waiting for its dependents"
    WAITING = "there, and waiting for its dependents to go"
    ABSENT = "gone"


@dataclass(slots=True, eq=False)
class Node:
    """One object in the graph."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    owners: tuple[Object, ...] = ()
    deleted: bool = False
    finalizers: tuple[str, ...] = ()
    dependents: set[str] = field(default_factory=set)

    @property
    def deletes_dependents(self) -> bool:
        return self.deleted and FOREGROUND in self.finalizers

    @property
    def orphans_dependents(self) -> bool:
        return self.deleted and ORPHAN in self.finalizers


def plan(kind: Kind, latest: Object, owners: Mapping[str, Owner], has_dependents: bool) -> list[Action]:
    """What becomes of an object that is not being deleted. ``owners``: by uid, for every owner that it names."""
    references: Sequence[Object] = latest["metadata"].get("ownerReferences") or ()
    if not references:
        return []
    states = [owners[reference["uid"]] for reference in references]
    if Owner.SOLID in states:
        kept = [r for r, state in zip(references, states, strict=True) if state is Owner.SOLID]
        return [] if len(kept) == len(references) else [_references(kind, latest, kept)]
    if Owner.WAITING in states and has_dependents:
        return [_delete(kind, latest, "Foreground")]
    finalizers = latest["metadata"].get("finalizers") or ()
    if ORPHAN in finalizers:
        return [_delete(kind, latest, "Orphan")]
    return [_delete(kind, latest, "Foreground" if FOREGROUND in finalizers else "Background")]


def orphaning(kind: Kind, dependent: Object, owner_uid: str) -> list[Action]:
    references = dependent["metadata"].get("ownerReferences") or ()
    kept = [reference for reference in references if reference["uid"] != owner_uid]
    return [] if len(kept) == len(references) else [_references(kind, dependent, kept)]


def without_finalizer(kind: Kind, latest: Object, finalizer: str) -> list[Action]:
    finalizers = latest["metadata"].get("finalizers") or ()
    if finalizer not in finalizers:
        return []
    return [_metadata(kind, latest, {"finalizers": [name for name in finalizers if name != finalizer]})]


def _references(kind: Kind, latest: Object, references: Sequence[Object]) -> Patch:
    return _metadata(kind, latest, {"ownerReferences": list(references)})


def _metadata(kind: Kind, latest: Object, fields: Object) -> Patch:
    """Replace fields of the metadata of exactly this revision."""
    metadata = latest["metadata"]
    patch = {"metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"], **fields}}
    return Patch(kind, namespace_of(latest), name_of(latest), patch, patch_type=MERGE, missing_is_fine=True)


def _delete(kind: Kind, latest: Object, propagation: str) -> Delete:
    metadata = latest["metadata"]
    return Delete(
        kind,
        namespace_of(latest),
        name_of(latest),
        uid=uid_of(latest),
        revision=metadata["resourceVersion"],
        propagation=propagation,
    )


class GarbageCollector:
    """The acting half: keeps the graph, decides object by object."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._graph: dict[str, Node] = {}
        self._dependents: dict[str, dict[str, None]] = {}
        """By owner, in the order of their coming."""
        """By an owner's uid, whether or not the owner is known."""
        self._watched: set[Kind] = set()
        self._kinds: dict[tuple[str, str], Kind] = {}
        """By apiVersion and kind, for owners that are not in the graph."""
        context.queue.add(DISCOVER)

    async def reconcile(self, key: str) -> float | None:
        if key == DISCOVER:
            await self._discover()
            return self._context.settings.garbage_collector_resync_seconds
        node = self._graph.get(key)
        if node is not None:
            await self._process(node)
        return None

    async def _discover(self) -> None:
        """Watch the kinds that are new."""
        added = []
        for resource in await served(self._context.client):
            kind = resource.kind
            self._kinds[kind.api_version, kind.kind] = kind
            if kind in self._watched or not {"list", "watch", "delete"} <= resource.verbs:
                continue
            if (kind.api_version, kind.plural) not in _IGNORED:
                self._watched.add(kind)
                added.append(kind)
        for kind in added:
            informer = self._context.informers.get(kind)
            informer.add_handler(functools.partial(self._changed, kind))
        if added:
            self._context.informers.start()

    async def _process(self, node: Node) -> None:
        if node.deleted and not node.deletes_dependents and not node.orphans_dependents:
            return
        if not node.deleted and all(_is_solid(self._graph.get(r["uid"])) for r in node.owners):
            return
        latest = await self._latest(node)
        if latest is None:
            # the watch will tell; until then its dependents can be judged already
            self._wake(self._dependents.get(node.uid, ()))
            return
        if node.orphans_dependents:
            await self._orphan(node, latest)
        elif node.deletes_dependents:
            await self._delete_dependents(node, latest)
        else:
            references = latest["metadata"].get("ownerReferences") or ()
            owners = {r["uid"]: await self._owner(node, r) for r in references}
            has_dependents = bool(self._dependents.get(node.uid))
            await apply(self._context, plan(node.kind, latest, owners, has_dependents))

    async def _latest(self, node: Node) -> Object | None:
        """The object itself; None when it is gone or another has its name."""
        try:
            latest = await self._context.client.get(node.kind, node.name, node.namespace)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        return latest if uid_of(latest) == node.uid else None

    async def _owner(self, node: Node, reference: Object) -> Owner:
        known = self._graph.get(reference["uid"])
        if known is not None:
            if known.namespace not in ("", node.namespace):
                return Owner.ABSENT
            return Owner.WAITING if known.deletes_dependents else Owner.SOLID
        kind = self._kinds.get((reference["apiVersion"], reference["kind"]))
        if kind is None:
            raise ValueError(f"unable to get REST mapping for {reference['apiVersion']}/{reference['kind']}.")
        if kind.namespaced and not node.namespace:
            log.warning("%s %s names an owner in a namespace and has none itself", node.kind.kind, node.name)
            return Owner.SOLID
        try:
            owner = await self._context.client.get(kind, reference["name"], node.namespace if kind.namespaced else "")
        except StatusError as error:
            if error.code == 404:
                return Owner.ABSENT
            raise
        if uid_of(owner) != reference["uid"]:
            return Owner.ABSENT
        waits = podstate.is_deleted(owner) and FOREGROUND in (owner["metadata"].get("finalizers") or ())
        return Owner.WAITING if waits else Owner.SOLID

    async def _orphan(self, node: Node, latest: Object) -> None:
        for uid in list(self._dependents.get(node.uid, ())):
            dependent = self._graph.get(uid)
            if dependent is not None and (found := await self._latest(dependent)) is not None:
                await apply(self._context, orphaning(dependent.kind, found, node.uid))
        await apply(self._context, without_finalizer(node.kind, latest, ORPHAN))

    async def _delete_dependents(self, node: Node, latest: Object) -> None:
        dependents = [self._graph[uid] for uid in self._dependents.get(node.uid, ()) if uid in self._graph]
        blocking = [dependent for dependent in dependents if _blocks(dependent, node.uid)]
        if not blocking:
            await apply(self._context, without_finalizer(node.kind, latest, FOREGROUND))
        self._wake(dependent.uid for dependent in dependents if not dependent.deletes_dependents)

    # the graph

    def _changed(self, kind: Kind, change: Change) -> None:
        if change.old is not None and (change.new is None or uid_of(change.old.object) != uid_of(change.new.object)):
            self._remove(uid_of(change.old.object))
        if change.new is not None:
            self._put(kind, change.new.object)

    def _put(self, kind: Kind, obj: Object) -> None:
        metadata = obj["metadata"]
        uid = metadata["uid"]
        node = self._graph.get(uid)
        if node is None:
            node = self._graph[uid] = Node(kind, namespace_of(obj), name_of(obj), uid)
        owners = tuple(metadata.get("ownerReferences") or ())
        new_owners = owners != node.owners
        if new_owners:
            for reference in node.owners:
                self._dependents.get(reference["uid"], {}).pop(uid, None)
            for reference in owners:
                self._dependents.setdefault(reference["uid"], {})[uid] = None
        node.owners = owners
        ended_before = node.deletes_dependents or node.orphans_dependents
        node.deleted = podstate.is_deleted(obj)
        node.finalizers = tuple(metadata.get("finalizers") or ())
        if node.orphans_dependents or node.deletes_dependents:
            if not ended_before:
                self._context.queue.add(uid)
        elif owners and new_owners and not all(_is_solid(self._graph.get(r["uid"])) for r in owners):
            self._context.queue.add(uid)
        if node.deletes_dependents or not node.deleted:
            self._wake_waiting_owners(node)

    def _remove(self, uid: str) -> None:
        node = self._graph.pop(uid, None)
        if node is None:
            return
        for reference in node.owners:
            dependents = self._dependents.get(reference["uid"], {})
            dependents.pop(uid, None)
            if not dependents:
                self._dependents.pop(reference["uid"], None)
        self._wake_waiting_owners(node)
        self._wake(self._dependents.get(uid, ()))

    def _wake(self, uids: Iterable[str]) -> None:
        for uid in list(uids):
            self._context.queue.add(uid)

    def _wake_waiting_owners(self, node: Node) -> None:
        """Owners that wait for their dependents may have waited for this one."""
        for reference in node.owners:
            owner = self._graph.get(reference["uid"])
            if owner is not None and owner.deletes_dependents:
                self._context.queue.add(owner.uid)


def _is_solid(owner: Node | None) -> bool:
    return owner is not None and not owner.deletes_dependents


def _blocks(dependent: Node, owner_uid: str) -> bool:
    return any(r["uid"] == owner_uid and r.get("blockOwnerDeletion") for r in dependent.owners)


CONTROLLER = Controller("garbage-collector-controller", GarbageCollector, "garbage-collector-controller", workers=20)
