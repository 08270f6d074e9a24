"""The store's contract: etcd's model behind one async Protocol of bytes and integers.

Ordered: every write gets the next revision, and a watch delivers events in revision order, each revision whole.
Durable: an awaited write is on disk before it returns. Skipped: nothing, from the revision that the watch asked for on.
A delete's event carries the key, the delete's revision, and the previous value.

Source: etcd ``api/etcdserverpb/rpc.proto`` and its KV and watch guarantees.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key's state at a revision. ``version`` counts the writes since creation."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int = 1
    lease: int = 0


@dataclass(frozen=True, slots=True)
class StoreEvent:
    """One change. ``value`` is None for a delete; ``previous`` is None for a creation."""

    key: bytes
    revision: int
    value: bytes | None
    previous: KeyValue | None
    create_revision: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """What a range read saw: the store's ``revision`` then, the pairs in key order, how many keys there are in all."""

    revision: int
    items: Sequence[KeyValue]
    count: int

    @property
    def more(self) -> bool:
        return len(self.items) < self.count


class CompareFailed(Exception):
    """The key is not at the expected revision. ``current`` is what is there (None: nothing)."""

    def __init__(self, key: bytes, current: KeyValue | None) -> None:
        at = current.mod_revision if current else 0
        super().__init__(f"{key.decode(errors='replace')} is at revision {at}")
        self.key = key
        self.current = current


class Compacted(Exception):
    """The revision asked for was compacted away. ``revision`` is the oldest that can still be read."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"the required revision has been compacted; the oldest is {revision}")
        self.revision = revision


class FutureRevision(Exception):
    """The revision asked for lies ahead. ``current`` is the store's."""

    def __init__(self, requested: int, current: int) -> None:
        super().__init__(f"revision {requested} is in the future; the current one is {current}")
        self.requested = requested
        self.current = current


class LeaseNotFound(Exception):
    """There is no such lease; it may have run out."""


class Watch(Protocol):
    """Events from a start revision on, in order. ``close`` ends the iteration."""

    def __aiter__(self) -> AsyncIterator[Sequence[StoreEvent]]:
        """Batches, never empty; a batch holds whole revisions. Raises: Compacted."""

    def close(self) -> None: ...


class Store(Protocol):
    """Keys, revisions, compare-and-set, ranges, watches, leases, compaction. The first revision is 1 (empty store)."""

    @property
    def revision(self) -> int:
        """The revision of the last durable write."""

    @property
    def compacted(self) -> int:
        """Reads below it and watches from below it + 1 raise ``Compacted`` (the API's 410); 0 before any compaction."""

    async def get(self, key: bytes, revision: int = 0) -> KeyValue | None:
        """The key now, or at a past revision. Raises: Compacted, FutureRevision."""

    async def range(
        self, start: bytes, end: bytes, *, revision: int = 0, limit: int = 0, count_only: bool = False
    ) -> Range:
        """The keys in ``[start, end)``; limit 0: all. Raises: Compacted, FutureRevision."""

    async def put(self, key: bytes, value: bytes, *, expected: int | None = None, lease: int = 0) -> KeyValue:
        """Write; ``expected`` is the mod revision that the key must have (0: must not exist; None: any).

        Raises: CompareFailed, LeaseNotFound, OSError (disk full ...: nothing was written).
        """

    async def delete(self, key: bytes, *, expected: int | None = None) -> tuple[int, KeyValue | None]:
        """Delete; returns the delete's revision and what was there (None: nothing was, and no revision was made).

        Raises: CompareFailed.
        """

    def watch(self, start: bytes, end: bytes, *, from_revision: int = 0) -> Watch:
        """Events of the keys in ``[start, end)`` with revision >= ``from_revision`` (0: after now)."""

    async def grant(self, seconds: int) -> int:
        """A new lease's id: its keys are deleted when it was not kept alive for that long."""

    async def keep_alive(self, lease: int) -> int:
        """Its time to live in seconds, begun anew. Raises: LeaseNotFound."""

    async def revoke(self, lease: int) -> None:
        """Delete the lease and its keys. Raises: LeaseNotFound."""

    async def compact(self, revision: int) -> None:
        """Forget what was superseded before ``revision``, in small steps. Raises: Compacted, FutureRevision."""

    async def close(self) -> None:
        """Finish what was begun, then release the file."""


def prefix_end(prefix: bytes) -> bytes:
    """The end of the range of all keys with this prefix."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix and prefix[-1] < 0xFF else prefix + b"\xff"
