"""A process's shared caches of API objects, each kept current by one list and one watch.

Contract of an ``Informer``:
- *Ordered*: handlers see the changes of the API's order, one after another, synchronously; the cache and its indexes
  already hold a change when handlers are told of it.
- *Skipped*: after a break several changes of an object may come as one ``updated``, or as nothing when it came and
  went.
- *Deletes*: ``deleted`` carries in ``old`` the last state seen (from a delete's event its final state; after a break
  the last known). An object deleted and made anew during a break comes as ``deleted`` then ``added``.
- *Replayed*: a handler added late is first given every present entry as ``added``.
- *Read-only*: ``Entry.object`` is shared by all; ``Informers.mutated`` finds who changed one.
- *Bounded*: bytes and index columns stay; decoded objects are kept for the present entries that were used last.

Source: client-go ``tools/cache`` (``shared_informer.go``, ``thread_safe_store.go``).
"""

import asyncio
import copy
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.client.client import Client
from pynetes.client.reflector import Reflector
from pynetes.client.types import Kind
from pynetes.meta.objects import Object, key_of, namespace_of, uid_of

log = logging.getLogger(__name__)

Objects = list[Object]
Entries = list["Entry"]
IndexFunction = Callable[[Object], Iterable[str]]


class Entry:
    """One object at one revision. ``columns`` holds the values of the declared indexes."""

    __slots__ = ("_decoded", "_object", "_used", "columns", "key", "revision", "uid", "value")

    def __init__(self, key: str, value: bytes, obj: Object, decoded: "DecodedObjects") -> None:
        self.key = key
        self.value = value
        self.revision: str = obj["metadata"].get("resourceVersion", "")
        self.uid = uid_of(obj)
        self.columns: dict[str, tuple[str, ...]] = {}
        self._decoded: DecodedObjects | None = decoded
        self._object: Object | None = obj
        self._used = False
        decoded.hold(self)

    @property
    def object(self) -> Object:
        """Decoded on demand; READ-ONLY."""
        obj = self._object
        if obj is None:
            obj = self._object = orjson.loads(self.value)
            if self._decoded is not None:
                self._decoded.hold(self)
        else:
            self._used = True
        return obj

    def fresh(self) -> Object:
        """A copy that the caller owns."""
        obj: Object = orjson.loads(self.value)
        return obj

    def forget_object(self) -> bool:
        """Drop the decoded object unless it was used since last asked."""
        if self._used:
            self._used = False
            return False
        self._object = None
        return True

    def retire(self) -> None:
        """It is no more what is there: whoever still has it may read it, but nothing is kept for them."""
        if self._decoded is not None:
            self._decoded.release(self)
            self._decoded = None

    def is_mutated(self) -> bool:
        return self._object is not None and self._object != orjson.loads(self.value)


class DecodedObjects:
    """The entries whose decoded object is kept: at most ``limit``; those used lately get a second chance."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[Entry, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def hold(self, entry: Entry) -> None:
        self._entries[entry] = None
        while len(self._entries) > self._limit:
            oldest, _ = self._entries.popitem(last=False)
            if not oldest.forget_object():
                self._entries[oldest] = None

    def release(self, entry: Entry) -> None:
        self._entries.pop(entry, None)

    def mutated(self) -> list[str]:
        return [entry.key for entry in self._entries if entry.is_mutated()]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a key. ``old`` is None for ``added``, ``new`` is None for ``deleted``."""

    type: Literal["added", "updated", "deleted"]
    key: str
    old: Entry | None
    new: Entry | None


Handler = Callable[[Change], None]


class Informer:
    """The cache of one kind (and namespace, and selectors). See the module's contract."""

    def __init__(self, name: str, decoded: DecodedObjects) -> None:
        self.name = name
        self._decoded = decoded
        self._entries: dict[str, Entry] = {}
        self._namespaces: dict[str, dict[str, Entry]] = {}
        self._index_functions: dict[str, IndexFunction] = {}
        self._indexes: dict[str, dict[str, dict[str, Entry]]] = {}
        self._handlers: list[Handler] = []
        self._waiters: list[asyncio.Future[None]] = []
        self.has_synced = False

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Object | None:
        """The object under ``namespace/name`` (or ``name``); READ-ONLY."""
        entry = self._entries.get(key)
        return entry.object if entry is not None else None

    def entry(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def entries(self, namespace: str = "") -> Entries:
        return list((self._namespaces.get(namespace, {}) if namespace else self._entries).values())

    def list(self, namespace: str = "") -> Objects:
        """All objects, or those of a namespace; READ-ONLY."""
        return [entry.object for entry in self.entries(namespace)]

    def keys(self) -> Iterable[str]:
        return tuple(self._entries)

    def by_index(self, index: str, value: str) -> Objects:
        """The objects for which the index function named the value; READ-ONLY. Raises: KeyError for no such index."""
        return [entry.object for entry in self._indexes[index].get(value, {}).values()]

    def entries_by_index(self, index: str, value: str) -> Entries:
        return list(self._indexes[index].get(value, {}).values())

    def index_values(self, index: str) -> Iterable[str]:
        """The values that at least one object has."""
        return tuple(self._indexes[index])

    def add_indexes(self, indexes: Mapping[str, IndexFunction]) -> None:
        """Declare columns; a name declared already keeps its function. Present entries are indexed at once."""
        for name, function in indexes.items():
            if name in self._index_functions:
                continue
            self._index_functions[name] = function
            index = self._indexes[name] = {}
            for entry in self._entries.values():
                entry.columns[name] = self._values(name, function, entry.object)
                _put(index, entry.columns[name], entry)

    def add_handler(self, on_change: Handler) -> Callable[[], None]:
        """Tell of every change from now on, after a replay of what is there. Returns what removes the handler."""
        for key, entry in list(self._entries.items()):
            self._tell(on_change, Change("added", key, None, entry))
        self._handlers.append(on_change)

        def remove() -> None:
            if on_change in self._handlers:
                self._handlers.remove(on_change)

        return remove

    async def synced(self) -> None:
        """Wait until the first state is complete and all handlers have seen it."""
        if not self.has_synced:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    # what the reflector calls

    def replace(self, items: Iterable[tuple[bytes, Object]]) -> None:
        gone = dict(self._entries)
        for value, obj in items:
            key = key_of(obj)
            gone.pop(key, None)
            old = self._entries.get(key)
            if old is not None and old.revision == obj["metadata"].get("resourceVersion"):
                continue
            self._set(key, value, obj, old)
        for key, old in gone.items():
            self._remove(key, old, old)
        self.has_synced = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def apply(self, type: str, value: bytes, obj: Object) -> None:
        key = key_of(obj)
        old = self._entries.get(key)
        if type != "DELETED":
            self._set(key, value, obj, old)
        elif old is not None:
            self._remove(key, old, Entry(key, value, obj, self._decoded))

    def _set(self, key: str, value: bytes, obj: Object, old: Entry | None) -> None:
        if old is not None and old.uid != uid_of(obj):
            self._remove(key, old, old)
            old = None
        entry = Entry(key, value, obj, self._decoded)
        self._entries[key] = entry
        self._namespaces.setdefault(namespace_of(obj), {})[key] = entry
        for name, function in self._index_functions.items():
            values = self._values(name, function, obj)
            index = self._indexes[name]
            entry.columns[name] = values
            if old is not None and old.columns[name] != values:
                _take(index, old.columns[name], key)
            _put(index, values, entry)
        self._tell_all(Change("updated" if old else "added", key, old, entry))
        if old is not None:
            old.retire()

    def _remove(self, key: str, old: Entry, final: Entry) -> None:
        del self._entries[key]
        namespace, _, _ = key.rpartition("/")
        siblings = self._namespaces[namespace]
        del siblings[key]
        if not siblings:
            del self._namespaces[namespace]
        for name, values in old.columns.items():
            _take(self._indexes[name], values, key)
        final.columns = old.columns
        self._tell_all(Change("deleted", key, final, None))
        old.retire()
        final.retire()

    def _values(self, index: str, function: IndexFunction, obj: Object) -> tuple[str, ...]:
        try:
            return tuple(dict.fromkeys(function(obj)))
        except Exception:  # one component's fault must not stop the others' cache
            log.exception("%s: index %s failed on %s", self.name, index, key_of(obj))
            return ()

    def _tell_all(self, change: Change) -> None:
        for handler in tuple(self._handlers):
            self._tell(handler, change)

    def _tell(self, handler: Handler, change: Change) -> None:
        try:
            handler(change)
        except Exception:  # one component's fault must not keep the change from the others
            log.exception("%s: a handler failed on %s of %s", self.name, change.type, change.key)


def _put(index: dict[str, dict[str, Entry]], values: Iterable[str], entry: Entry) -> None:
    for value in values:
        index.setdefault(value, {})[entry.key] = entry


def _take(index: dict[str, dict[str, Entry]], values: Iterable[str], key: str) -> None:
    for value in values:
        entries = index[value]
        entries.pop(key, None)
        if not entries:
            del index[value]


Wanted = tuple[Kind, str, str, str]
"""What an informer is about: kind, namespace, labels, fields."""


class Informers:
    """One informer per (kind, namespace, labels, fields), shared by a process's components.

    ``cache`` bounds how many decoded objects are kept for all of them together.
    """

    def __init__(self, client: Client, clock: Clock, *, cache: int = 16_384, watch_list: bool = False) -> None:
        self.client = client
        self._clock = clock
        self._watch_list = watch_list
        self._decoded = DecodedObjects(cache)
        self._informers: dict[Wanted, tuple[Informer, Client]] = {}
        self._users: dict[Informer, int] = {}
        self._running: dict[Informer, asyncio.Task[None]] = {}
        self._started = asyncio.Event()  # one for all views
        self._tasks = Tasks()

    def read_by(self, client: Client) -> "Informers":
        """The same informers; those that are first asked for through the answer read as that client."""
        view = copy.copy(self)
        view.client = client
        return view

    def get(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        indexes: Mapping[str, IndexFunction] | None = None,
    ) -> Informer:
        """The informer, begun at once when ``start`` was called before. ``release`` it when it is needed no more."""
        wanted = (kind, namespace, labels, fields)
        if wanted not in self._informers:
            informer = Informer(kind.path(namespace), self._decoded)
            self._informers[wanted] = informer, self.client
            self._users[informer] = 0
            if self._started.is_set():
                self._run(wanted, informer, self.client)
        informer = self._informers[wanted][0]
        self._users[informer] += 1
        if indexes:
            informer.add_indexes(indexes)
        return informer

    def release(self, informer: Informer) -> None:
        """One ``get`` less; the last one ends its watch and forgets its objects."""
        self._users[informer] -= 1
        if self._users[informer]:
            return
        del self._users[informer]
        del self._informers[next(wanted for wanted, (known, _) in self._informers.items() if known is informer)]
        if (task := self._running.pop(informer, None)) is not None:
            task.cancel()
        for entry in informer.entries():
            entry.retire()

    def start(self) -> None:
        """Begin all informers, and from now on each new one."""
        if not self._started.is_set():
            self._started.set()
            for wanted, (informer, client) in self._informers.items():
                self._run(wanted, informer, client)

    async def synced(self) -> None:
        """Wait until each informer asked for so far is synced."""
        for informer, _ in list(self._informers.values()):
            await informer.synced()

    def mutated(self) -> list[str]:
        """Keys of objects that somebody changed although they are shared; for tests."""
        return self._decoded.mutated()

    async def close(self) -> None:
        self._started.clear()
        self._running.clear()
        await self._tasks.close()

    def _run(self, wanted: Wanted, informer: Informer, client: Client) -> None:
        kind, namespace, labels, fields = wanted
        reflector = Reflector(
            client,
            self._clock,
            kind,
            informer,
            namespace=namespace,
            labels=labels,
            fields=fields,
            watch_list=self._watch_list,
        )
        self._running[informer] = self._tasks.spawn(reflector.run(), f"informer {informer.name}")
