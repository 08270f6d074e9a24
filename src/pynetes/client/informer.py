"""A process's shared caches of API objects, each kept current by one list and one watch.

Contract of an ``Informer``:
- *Ordered*: handlers see the changes of the API's order, one after another, synchronously; the cache and its indexes
  already hold a change when handlers are told of it.
- *Skipped*: after a break several changes of an object may come as one ``updated``, or as nothing when it came and
  went.
- *Deletes*: ``deleted`` carries in ``old`` the last state seen (from a delete's event its final state; after a break
  the last known). An object deleted and made anew during a break comes as ``deleted`` then ``added`` (the uid tells).
- *Replayed*: a handler added late is first given every present entry as ``added``.
- *Read-only*: ``Entry.object`` is shared by all; ``Informers.mutated`` finds who changed one.

Source: client-go ``tools/cache`` (``reflector.go``, ``shared_informer.go``, ``thread_safe_store.go``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.client.types import Kind
from pynetes.meta.objects import Object

Objects = list[Object]
IndexFunction = Callable[[Object], Iterable[str]]


class Entry:
    """One object at one revision."""

    key: str
    value: bytes
    revision: str
    columns: Mapping[str, tuple[str, ...]]

    @property
    def object(self) -> Object:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a key. ``old`` is None for ``added``, ``new`` is None for ``deleted``."""

    type: Literal["added", "updated", "deleted"]
    key: str
    old: Entry | None
    new: Entry | None


class Informer:
    def get(self, key: str) -> Object | None:
        raise NotImplementedError

    def entry(self, key: str) -> Entry | None:
        raise NotImplementedError

    def list(self, namespace: str = "") -> Objects:
        raise NotImplementedError

    def by_index(self, index: str, value: str) -> Objects:
        raise NotImplementedError

    def keys(self) -> Iterable[str]:
        raise NotImplementedError

    def add_handler(self, on_change: Callable[[Change], None]) -> Callable[[], None]:
        """Returns what removes it."""
        raise NotImplementedError

    def add_indexes(self, indexes: Mapping[str, IndexFunction]) -> None:
        raise NotImplementedError

    async def synced(self) -> None:
        raise NotImplementedError


class Informers:
    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client

    def get(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        indexes: Mapping[str, IndexFunction] | None = None,
    ) -> Informer:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    async def synced(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
