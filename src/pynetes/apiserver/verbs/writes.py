"""The write loop that create, update, patch and delete share: encode, compare and set, read your writes.

The pure part of a verb decides the next object; what is here puts its bytes into the store and waits until the cache
has seen them. Source: apiserver ``pkg/registry/generic/registry/store.go``, ``pkg/storage/etcd3/store.go``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pynetes.apiserver import faults
from pynetes.apiserver.allocation import Allocation, services
from pynetes.apiserver.context import Context
from pynetes.apiserver.parts import Parts
from pynetes.apiserver.stored import canonical, encode
from pynetes.meta import status
from pynetes.meta.apply.compare import same
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource, WriteContext
from pynetes.meta.status import StatusError
from pynetes.store.types import CompareFailed, KeyValue

_ATTEMPTS = 64
_METADATA = frozenset(("metadata",))
_OF_EVERY_WRITE = frozenset(("resourceVersion", "managedFields"))


@dataclass(frozen=True, slots=True)
class Target:
    """The object that a write is about."""

    server: Parts
    resource: Resource
    namespace: str
    name: str
    key: bytes

    def not_found(self) -> StatusError:
        return status.not_found(self.resource.group, self.resource.plural, self.name)

    def current(self) -> Entry | None:
        """What the cache has of it."""
        return self.server.cache.of(self.resource).get(self.key)


@dataclass(frozen=True, slots=True)
class Next:
    """The object to write, and what was allocated for it."""

    obj: Object
    allocation: Allocation | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Decided instead of a next object: the object goes, and this is its last state, as the answer shows it."""

    last: Object


def target(ctx: Context) -> Target:
    """The object in the path."""
    assert ctx.resource is not None
    return target_of(ctx.server, ctx.resource, ctx.info.namespace if ctx.resource.namespaced else "", ctx.info.name)


def target_of(server: Parts, resource: Resource, namespace: str, name: str) -> Target:
    return Target(server, resource, namespace, name, resource.storage_key(namespace, name))


def write_context(ctx: Context, dry_run: bool = False, subresource: str | None = None) -> WriteContext:
    """What hooks may know. ``subresource``: other than the path's."""
    if subresource is None:
        subresource = ctx.info.subresource
    labels = partial(_namespace_labels, ctx)
    return WriteContext(ctx.server.clock.now(), ctx.user.name, subresource, dry_run, ctx.warnings, labels)


def _namespace_labels(ctx: Context) -> Mapping[str, str]:
    namespaces = ctx.server.resources.get("", "namespaces")
    assert namespaces is not None
    entry = ctx.server.cache.of(namespaces).get(namespaces.storage_key("", ctx.info.namespace))
    return (entry.object["metadata"].get("labels") or {}) if entry is not None else {}


async def put_new(target: Target, obj: Object, dry_run: bool, lease: int = 0) -> Entry | Object:
    """Store a new object; with ``dry_run`` only find out whether it could be. Raises: StatusError 409."""
    value = encode(target.resource, obj)
    if dry_run:
        if target.current() is not None:
            raise exists(target)
        return obj
    try:
        written = await target.server.store.put(target.key, value, expected=0, lease=lease)
    except CompareFailed:
        raise exists(target) from None
    return await settled(target, written)


def exists(target: Target) -> StatusError:
    error = status.already_exists(target.resource.group, target.resource.plural, target.name)
    entry = target.current()
    if entry is not None and entry.object["metadata"].get("deletionTimestamp"):
        error.status["message"] = f"object is being deleted: {error.status['message']}"
    return error


async def settled(target: Target, written: KeyValue) -> Entry:
    """The written entry, once the cache has it: whoever reads next sees this write."""
    cache = target.server.cache
    waiting = cache.wait_applied(written.mod_revision)
    if waiting is not None:
        await waiting
    entry = cache.of(target.resource).get(target.key)
    if entry is not None and entry.revision == written.mod_revision:
        return entry  # shared with the watchers, with the encodings that were made for them
    return Entry(target.key, written.value, written.mod_revision, written.create_revision)


Decide = Callable[[Entry | None], Awaitable[Next | Delete]]


async def change(
    target: Target, decide: Decide, dry_run: bool, lease: int = 0, entry: Entry | None = None
) -> Entry | Object:
    """Decide the next object from the current one and write it, again and again until nobody came between.

    ``decide`` is given None for an absent object. A next object that encodes to the same bytes is not written. A
    refusal that was decided on a stale entry is decided again. Answers the entry, or the object where nothing was
    written.
    """
    entry = target.current() if entry is None else entry
    for _ in range(_ATTEMPTS):
        try:
            decided = await decide(entry)
        except StatusError:
            if (newer := await _newer(target, entry)) is entry:
                raise
            entry = newer
            continue
        try:
            if isinstance(decided, Delete):
                assert entry is not None
                return await remove(target, entry, canonical(target.resource, decided.last), dry_run)
            return await _write(target, entry, decided, dry_run, lease)
        except CompareFailed as failed:
            entry = entry_of(failed.current)
    raise faults.modified(target.resource, target.name)


async def _write(target: Target, entry: Entry | None, decided: Next, dry_run: bool, lease: int) -> Entry | Object:
    allocation = decided.allocation
    try:
        value = encode(target.resource, decided.obj)
        if entry is not None and (value == entry.value or _unchanged(decided.obj, entry.object)):
            return entry
        if dry_run:
            return decided.obj
        expected = 0 if entry is None else entry.revision
        written = await target.server.store.put(target.key, value, expected=expected, lease=lease)
    except BaseException:
        if allocation is not None:
            await allocation.revert()
        raise
    if allocation is not None:
        await allocation.commit()
    return await settled(target, written)


def _unchanged(new: Object, old: Object) -> bool:
    """Nothing is other than it was, whatever the order of its members, but perhaps times in managedFields: no reason to
    write.

    Source: apiserver ``pkg/endpoints/handlers/fieldmanager/equality.go``.
    """
    meta, before = new["metadata"], old["metadata"]
    if _other(new, old, _METADATA) or _other(meta, before, _OF_EVERY_WRITE):
        return False
    if _without_times(meta.get("managedFields")) != _without_times(before.get("managedFields")):
        return False
    return all(same(new[name], old[name]) for name in new if name not in _METADATA)  # for Python, true is 1


def _other(new: Object, old: Object, passed_over: frozenset[str]) -> bool:
    names = new.keys() - passed_over
    return names != old.keys() - passed_over or any(new[name] != old[name] for name in names)


def _without_times(entries: Sequence[Object] | None) -> list[Object]:
    return [{name: value for name, value in entry.items() if name != "time"} for entry in entries or ()]


async def remove(target: Target, entry: Entry, last: Object, dry_run: bool) -> Object:
    """Delete this very entry; answers its last state. Raises: CompareFailed."""
    if not dry_run:
        revision, _ = await target.server.store.delete(target.key, expected=entry.revision)
        waiting = target.server.cache.wait_applied(revision)
        if waiting is not None:
            await waiting
        last = {**last, "metadata": {**last["metadata"], "resourceVersion": str(revision)}}
    await released(target, last, dry_run)
    return last


async def released(target: Target, last: Object, dry_run: bool) -> None:
    """Give back what an object held that is gone: addresses and ports of Services."""
    if (target.resource.group, target.resource.plural) == ("", "services") and not dry_run:
        await services.release(target.server, last)


async def _newer(target: Target, entry: Entry | None) -> Entry | None:
    """What the store has, if it is not what the cache had; ``entry`` itself otherwise."""
    current = await target.server.store.get(target.key)
    at = 0 if current is None else current.mod_revision
    return entry if at == (0 if entry is None else entry.revision) else entry_of(current)


def entry_of(pair: KeyValue | None) -> Entry | None:
    return None if pair is None else Entry(pair.key, pair.value, pair.mod_revision, pair.create_revision)
