"""The watch cache: every object's bytes, the latest changes, and who must hear of them.

One store watch feeds it. Per storage prefix there is a ``Keyspace`` (entries, sorted keys, a ring of changes), per
resource a ``ResourceCache`` over it (two resources can share a storage, as events do) that knows selectors and
watchers.

Ordered: changes are applied in revision order; with an embedded store inside the commit, before the writer goes on,
so that whoever was answered finds the write here. Skipped: nothing, ever; how changes reach the watchers' connections
stands in ``apiserver/fanout.py``. A DELETED event shows the last state, at the revision of the
delete; an object that leaves a selector is DELETED with its old state at the new revision, one that enters it is
ADDED.

Source: apiserver ``pkg/storage/cacher``.
"""

import asyncio
import heapq
import itertools
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import orjson

from pynetes.aio.clock import Clock, Timer
from pynetes.aio.tasks import Tasks
from pynetes.apiserver.fanout import Fanout, Group, Watcher, WatchQuery
from pynetes.apiserver.selection import Columns, Selection
from pynetes.apiserver.settings import Settings
from pynetes.http.types import Writer, frame
from pynetes.meta.encoding import Entry
from pynetes.meta.resource import Resource
from pynetes.store.types import KeyValue, Range, Store, StoreEvent, prefix_end

ROOT = b"/registry/"
_RING_BYTES = 8 * 1024 * 1024
_SCOPES_KEPT = 20_000

# named, because a method called list hides the type within its class
Entries = list[Entry]
Lines = list[bytes]


@dataclass(slots=True, eq=False)
class Change:
    """One change of one key. ``entry`` is the new state; for DELETED the last state at the revision of the delete."""

    type: str
    entry: Entry
    previous: Entry | None
    _departed: Entry | None = None

    @property
    def revision(self) -> int:
        return self.entry.revision

    def departed(self) -> Entry:
        """The old state at the new revision: what a watcher sees whose selector the object has left."""
        if self.type == "DELETED":
            return self.entry
        if self._departed is None:
            assert self.previous is not None
            old = self.previous
            self._departed = Entry(old.key, old.value, self.entry.revision, old.create_revision)
        return self._departed


class _Bucket:
    """The groups of one scope (a namespace, or all). Those that demand a field's value are found by it."""

    __slots__ = ("exact", "plain")

    def __init__(self) -> None:
        self.plain: list[Group] = []
        self.exact: dict[str, dict[str, list[Group]]] = {}

    def add(self, group: Group) -> None:
        if group.exact is None:
            self.plain.append(group)
        else:
            name, value = group.exact
            self.exact.setdefault(name, {}).setdefault(value, []).append(group)

    def remove(self, group: Group) -> None:
        if group.exact is None:
            self.plain.remove(group)
            return
        name, value = group.exact
        groups = self.exact[name][value]
        groups.remove(group)
        if not groups:
            del self.exact[name][value]
            if not self.exact[name]:
                del self.exact[name]

    @property
    def empty(self) -> bool:
        return not self.plain and not self.exact


class Keyspace:
    """The objects under one storage prefix."""

    def __init__(self, prefix: bytes, settings: Settings) -> None:
        self.prefix = prefix
        self.entries: dict[bytes, Entry] = {}
        self.keys: list[bytes] = []
        self.changed = 0
        self.scopes: dict[bytes, int] = {}
        self.ring: deque[Change] = deque()
        self.ring_start = 0
        self.views: list[ResourceCache] = []
        self._ring_bytes = 0
        self._ring_kept = settings.watch_events_kept

    def fill(self, pairs: Iterable[KeyValue], revision: int) -> None:
        """Begin anew with what a range read saw at a revision: every watch from before it is too old."""
        self.entries = {p.key: Entry(p.key, p.value, p.mod_revision, p.create_revision) for p in pairs}
        self.keys = sorted(self.entries)
        self.changed = max((e.revision for e in self.entries.values()), default=0)
        self.scopes.clear()
        self.begin(revision)

    def begin(self, revision: int) -> None:
        """Changes up to this revision are no longer replayed."""
        self.ring.clear()
        self._ring_bytes = 0
        self.ring_start = revision

    def apply(self, event: StoreEvent) -> Change:
        key, revision = event.key, event.revision
        old = self.entries.get(key)
        if event.value is None:
            del self.entries[key]
            del self.keys[bisect_left(self.keys, key)]
            assert old is not None
            change = Change("DELETED", Entry(key, old.value, revision, old.create_revision), old)
        else:
            entry = Entry(key, event.value, revision, event.create_revision)
            self.entries[key] = entry
            if old is None:
                insort(self.keys, key)
            change = Change("ADDED" if old is None else "MODIFIED", entry, old)
        self.changed = revision
        if len(self.scopes) > _SCOPES_KEPT:
            self.scopes.clear()
        self.scopes[key[: key.rindex(b"/") + 1]] = revision
        self.ring.append(change)
        self._ring_bytes += len(change.entry.value)
        while len(self.ring) > self._ring_kept or (self._ring_bytes > _RING_BYTES and len(self.ring) > 1):
            oldest = self.ring.popleft()
            self.ring_start = oldest.revision
            self._ring_bytes -= len(oldest.entry.value)
        return change

    def since(self, revision: int) -> list[Change]:
        """The changes after a revision that is not before ``ring_start``, the oldest first."""
        changes: list[Change] = []
        for change in reversed(self.ring):
            if change.revision <= revision:
                break
            changes.append(change)
        changes.reverse()
        return changes


class ResourceCache:
    """One resource's view: reading, selecting, watching. All synchronous."""

    def __init__(self, cache: "Cache", resource: Resource, space: Keyspace) -> None:
        self.resource = resource
        self.prefix = space.prefix
        self._cache = cache
        self._space = space
        self._columns: dict[bytes, tuple[int, Columns]] = {}
        self._groups: dict[Hashable, Group] = {}
        self._buckets: dict[bytes, _Bucket] = {}
        self._needs_objects = 0

    @property
    def changed(self) -> int:
        """The revision of the last change of any object here; 0 when there never was one."""
        return self._space.changed

    @property
    def oldest(self) -> int:
        """Watches from this revision on can be replayed."""
        return self._space.ring_start

    def changed_in(self, prefix: bytes) -> int:
        """A revision after which nothing under a namespace's prefix changed."""
        return self._space.changed if prefix == self.prefix else self._space.scopes.get(prefix, self._space.changed)

    def get(self, key: bytes) -> Entry | None:
        return self._space.entries.get(key)

    def __len__(self) -> int:
        return len(self._space.entries)

    def keys(self, prefix: bytes = b"", after: bytes = b"") -> list[bytes]:
        """The keys under a prefix (all without one) from ``after`` on, in order."""
        keys = self._space.keys
        if not after and prefix in (b"", self.prefix):
            return keys.copy()
        prefix = prefix or self.prefix
        return keys[bisect_left(keys, max(after, prefix)) : bisect_left(keys, prefix_end(prefix))]

    def list(self, prefix: bytes = b"", after: bytes = b"") -> Entries:
        """The entries under a prefix (all without one), in key order."""
        return [self._space.entries[key] for key in self.keys(prefix, after)]

    def select(self, selection: Selection, after: bytes = b"") -> Entries:
        """The entries that a selection matches, in key order."""
        name = selection.fields.exact("metadata.name")
        if name is not None and selection.prefix.count(b"/") == self.prefix.count(b"/") + self.resource.namespaced:
            # one namespace, one name: at most one object
            entry = self.get(selection.prefix + name.encode())
            entries = [entry] if entry is not None and entry.key >= after else []
        else:
            entries = self.list(selection.prefix, after)
        if selection.everything:
            return entries
        columns = self.key_columns if selection.by_key else self.columns
        return [e for e in entries if selection.matches(columns(e))]

    def columns(self, entry: Entry) -> Columns:
        """The entry's labels and selectable fields. Decoded at most once a revision while it is the current one."""
        known = self._columns.get(entry.key)
        if known is not None and known[0] == entry.revision:
            return known[1]
        obj = orjson.loads(entry.value)
        metadata = obj["metadata"]
        fields = {"metadata.name": metadata.get("name", ""), "metadata.namespace": metadata.get("namespace", "")}
        if self.resource.hooks.fields is not None:
            fields.update(self.resource.hooks.fields(obj))
        columns: Columns = (metadata.get("labels") or {}, fields)
        if self._space.entries.get(entry.key) is entry:
            self._columns[entry.key] = (entry.revision, columns)
        return columns

    def key_columns(self, entry: Entry) -> Columns:
        """Columns without labels, and with the fields only that the key tells."""
        *_, namespace, name = entry.key.decode().split("/")
        return {}, {"metadata.name": name, "metadata.namespace": namespace if self.resource.namespaced else ""}

    # -- watching

    def join(self, query: WatchQuery, writer: Writer, *, bookmarks: bool, limit: int) -> Watcher:
        """Hear of every change after now. Nothing may be awaited between reading what was before and this."""
        selection = query.selection
        shared = (selection.prefix, str(selection.labels), selection.labels.nothing, str(selection.fields), query.form)
        key: Hashable = shared if query.form is not None else object()
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(key, query)
            self._buckets.setdefault(selection.prefix, _Bucket()).add(group)
        else:
            # lines that wait were in what the newcomer has read already
            self._cache.fanout.flush(group)
        watcher = Watcher(writer, group, bookmarks, limit)
        group.watchers[watcher] = None
        group.bookmarks += bookmarks
        if bookmarks:
            self._cache.want_bookmarks()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Idempotent."""
        group = watcher.group
        if watcher not in group.watchers:
            return
        del group.watchers[watcher]
        group.bookmarks -= watcher.bookmarks
        if not group.watchers:
            del self._groups[group.key]
            prefix = group.query.selection.prefix
            self._buckets[prefix].remove(group)
            if self._buckets[prefix].empty:
                del self._buckets[prefix]
            self._cache.fanout.forget(group)
            if not self._groups:
                self._columns.clear()

    @property
    def groups(self) -> Iterable[Group]:
        return self._groups.values()

    def replay(self, query: WatchQuery, after: int) -> Lines:
        """The lines of the changes after a revision that is not before ``oldest``."""
        lines = []
        for change in self._space.since(after):
            if change.entry.key.startswith(query.selection.prefix):
                line = self._line(query, change, None if query.selection.everything else self._both(change))
                if line is not None:
                    lines.append(line)
        return lines

    def spread(self, change: Change) -> None:
        """Add the change's line to every group that must hear of it."""
        if not self._groups:
            self._columns.pop(change.entry.key, None)
            return
        both: tuple[Columns | None, Columns | None] | None = None
        for prefix in (self.prefix, change.entry.key[: change.entry.key.rindex(b"/") + 1]):
            bucket = self._buckets.get(prefix)
            if bucket is None:
                continue
            for group in bucket.plain:
                if group.select is not None and both is None:
                    both = self._both(change)
                self._add(group, change, both)
            if bucket.exact:
                if both is None:
                    both = self._both(change)
                for group in _demanding(bucket, both):
                    self._add(group, change, both)
            if not self.resource.namespaced:
                break
        if change.type == "DELETED":
            self._columns.pop(change.entry.key, None)

    def _both(self, change: Change) -> tuple[Columns | None, Columns | None]:
        """The columns before and after; the earlier ones first, they are remembered still."""
        before = self.columns(change.previous) if change.previous is not None else None
        after = self.columns(change.entry) if change.type != "DELETED" else None
        return before, after

    def _add(self, group: Group, change: Change, both: tuple[Columns | None, Columns | None] | None) -> None:
        line = self._line(group.query, change, both if group.select is not None else None)
        if line is not None:
            self._cache.fanout.add(group, line)

    def _line(
        self, query: WatchQuery, change: Change, both: tuple[Columns | None, Columns | None] | None
    ) -> bytes | None:
        if both is None:
            return query.line(change.entry, change.type)
        before, after = both
        matches = query.selection.matches
        was = before is not None and matches(before)
        if after is not None and matches(after):
            return query.line(change.entry, "MODIFIED" if was else "ADDED")
        return query.line(change.departed(), "DELETED") if was else None


def _demanding(bucket: _Bucket, both: tuple[Columns | None, Columns | None]) -> list[Group]:
    found: list[Group] = []
    for name, by_value in bucket.exact.items():
        values = dict.fromkeys(columns[1].get(name, "") for columns in both if columns is not None)
        for value in values:
            found += by_value.get(value, ())
    return found


class Cache:
    """All keyspaces, fed by one watch of the store."""

    def __init__(self, store: Store, clock: Clock, settings: Settings, tasks: Tasks) -> None:
        self.revision = 0
        self._store = store
        self._clock = clock
        self._settings = settings
        self._tasks = tasks
        self._spaces: dict[bytes, Keyspace] = {}
        self._views: dict[Resource, ResourceCache] = {}
        # what is stored under a prefix that no resource has (yet)
        self._strangers: dict[bytes, KeyValue] = {}
        self.fanout = Fanout()
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._bookmark_timer: Timer | None = None
        self._detach: Callable[[], None] | None = None

    async def start(self) -> None:
        """Read the whole state, then follow the store."""
        attach = getattr(self._store, "attach", None)
        if attach is not None:
            # no await between the snapshot and the attachment
            self._fill(self._store.snapshot(ROOT, prefix_end(ROOT)))  # type: ignore[attr-defined]
            self._detach = attach(self._applied)
            return
        found = await self._store.range(ROOT, prefix_end(ROOT))
        self._fill(found)
        self._tasks.spawn(self._follow(found.revision + 1), "watch cache")

    def forget_past(self) -> None:
        """Watches from before now are too old from now on: upstream's cache begins when its server does."""
        for space in self._spaces.values():
            space.begin(self.revision)

    def close(self) -> None:
        """End every watch properly."""
        if self._detach is not None:
            self._detach()
            self._detach = None
        if self._bookmark_timer is not None:
            self._bookmark_timer.cancel()
        self.fanout.flush_all()
        for view in self._views.values():
            for group in list(view.groups):
                for watcher in list(group.watchers):
                    watcher.writer.close()

    def of(self, resource: Resource) -> ResourceCache:
        view = self._views.get(resource)
        if view is None:
            view = self._views[resource] = self._make(resource)
        return view

    def drop(self, resource: Resource) -> None:
        """The resource is served no longer: its watches end. Its objects stay known."""
        view = self._views.pop(resource, None)
        if view is None:
            return
        view._space.views.remove(view)
        for group in list(view.groups):
            for watcher in list(group.watchers):
                watcher.writer.close()

    def wait_applied(self, revision: int) -> Awaitable[None] | None:
        """None when that revision is here already: always so with an embedded store."""
        if revision <= self.revision:
            return None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (revision, next(self._order), future))
        return future

    def _make(self, resource: Resource) -> ResourceCache:
        prefix = f"{resource.storage_prefix}/".encode()
        space = self._spaces.get(prefix)
        if space is None:
            space = self._spaces[prefix] = Keyspace(prefix, self._settings)
            known = [p for k, p in self._strangers.items() if k.startswith(prefix)]
            for pair in known:
                del self._strangers[pair.key]
            space.fill(known, self.revision)
        view = ResourceCache(self, resource, space)
        space.views.append(view)
        return view

    def _space_of(self, key: bytes) -> Keyspace | None:
        """``/registry/services/specs/default/a`` is under ``/registry/services/specs/``: the longer prefix wins."""
        third = key.find(b"/", len(ROOT))
        fourth = key.find(b"/", third + 1)
        space = self._spaces.get(key[: fourth + 1]) if fourth > 0 else None
        return space or self._spaces.get(key[: third + 1])

    def _fill(self, found: Range) -> None:
        self.revision = found.revision
        by_space: dict[bytes, list[KeyValue]] = {prefix: [] for prefix in self._spaces}
        for pair in found.items:
            space = self._space_of(pair.key)
            if space is None:
                self._strangers[pair.key] = pair
            else:
                by_space[space.prefix].append(pair)
        for prefix, pairs in by_space.items():
            self._spaces[prefix].fill(pairs, found.revision)

    async def _follow(self, revision: int) -> None:
        """Follow a store that is elsewhere. Raises: Compacted, OSError: the task ends and the server with it."""
        async for events in self._store.watch(ROOT, prefix_end(ROOT), from_revision=revision):
            self._applied(events)

    def _applied(self, events: Sequence[StoreEvent]) -> None:
        """A batch was committed. Runs on the loop, inside the commit of an embedded store: it must not raise."""
        for event in events:
            space = self._space_of(event.key)
            if space is None:
                self._meet_stranger(event)
                continue
            change = space.apply(event)
            for view in space.views:
                view.spread(change)
        self.revision = events[-1].revision
        while self._waiters and self._waiters[0][0] <= self.revision:
            _, _, future = heapq.heappop(self._waiters)
            if not future.done():
                future.set_result(None)

    def _meet_stranger(self, event: StoreEvent) -> None:
        if event.value is None:
            self._strangers.pop(event.key, None)
        else:
            self._strangers[event.key] = KeyValue(event.key, event.value, event.create_revision, event.revision)

    def want_bookmarks(self) -> None:
        if self._bookmark_timer is None:
            self._bookmark_timer = self._clock.call_later(self._settings.bookmark_seconds, self._bookmark)

    def _bookmark(self) -> None:
        self._bookmark_timer = None
        wanted = False
        for view in self._views.values():
            for group in view.groups:
                if group.bookmarks:
                    wanted = True
                    # a bookmark says that everything before it was sent
                    self.fanout.flush(group)
                    framed = frame(group.query.bookmark(self.revision))
                    self.fanout.write([w for w in group.watchers if w.bookmarks], framed)
        if wanted:
            self.want_bookmarks()


def newest(entries: Iterable[Entry]) -> int:
    """The highest revision among entries; 0 of none."""
    return max(map(attrgetter("revision"), entries), default=0)
