"""What the two embedded stores share: the state in memory, compare-and-set, watches, leases.

All current values are in memory; where past ones are is the subclass's business. It all runs on one event loop.

Ordered: a write is decided when it is called for, and published in that order. Durable: it is published, and its
writer resumed, after the subclass has made it so. A watch keeps no buffer: it is a place in the log of events, so it
can neither skip nor repeat one, and a slow reader costs nothing; one that falls behind the log reads on from the
history, and is ``Compacted`` when that is gone.
"""

import asyncio
import errno
import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pynetes.aio.clock import Clock, Timer
from pynetes.aio.tasks import Tasks
from pynetes.store.types import Compacted, CompareFailed, FutureRevision, KeyValue, LeaseNotFound, Range, StoreEvent

Listener = Callable[[Sequence[StoreEvent]], None]


@dataclass(slots=True, eq=False)
class Write:
    """A write that was decided: its event, and the key's state after it (None: deleted).

    ``future`` is done when it is durable or has failed; None where that is never waited for.
    """

    event: StoreEvent
    pair: KeyValue | None
    future: asyncio.Future[None] | None = None


@dataclass(slots=True)
class Lease:
    seconds: int
    expires: float
    keys: set[bytes] = field(default_factory=set)


class EmbeddedStore:
    """Half of a store: a subclass makes writes durable (``_durable``) and finds old events (``_history``)."""

    def __init__(self, clock: Clock, log_events: int) -> None:
        self._clock = clock
        self._tasks = Tasks()
        self._current: dict[bytes, KeyValue] = {}
        self._keys: list[bytes] = []
        self._revision = 1
        self._compacted = 0
        self._retained = 0
        # the latest events: all with revision > _log_start, one a revision, none skipped
        self._log: deque[StoreEvent] = deque()
        self._log_start = 1
        self._log_events = log_events
        # decided and not yet durable: the last write of each such key, and the last revision given away
        self._staged: dict[bytes, Write] = {}
        self._staged_revision = 1
        self._listeners: list[Listener] = []
        self._news: asyncio.Future[None] | None = None
        self._leases: dict[int, Lease] = {}
        self._expiries: list[tuple[float, int]] = []
        self._expiry_timer: Timer | None = None
        self._closed = False
        self._broken: OSError | None = None

    @property
    def revision(self) -> int:
        return self._revision

    @property
    def compacted(self) -> int:
        return self._compacted

    @property
    def retained(self) -> int:
        """The oldest revision that ``past`` and ``changes`` can still read; at most ``compacted``."""
        return self._retained

    # -- reading

    def snapshot(self, start: bytes, end: bytes, limit: int = 0) -> Range:
        """The keys in ``[start, end)`` now, without waiting."""
        low, high = bisect_left(self._keys, start), bisect_left(self._keys, end)
        stop = min(high, low + limit) if limit else high
        return Range(self._revision, [self._current[key] for key in self._keys[low:stop]], max(high - low, 0))

    async def get(self, key: bytes, revision: int = 0) -> KeyValue | None:
        if revision in (0, self._revision):
            return self._current.get(key)
        found = await self.range(key, key + b"\0", revision=revision)
        return found.items[0] if found.items else None

    async def range(
        self, start: bytes, end: bytes, *, revision: int = 0, limit: int = 0, count_only: bool = False
    ) -> Range:
        if revision > self._revision:
            raise FutureRevision(revision, self._revision)
        if revision and revision < self._compacted:
            raise Compacted(self._compacted)
        if revision in (0, self._revision):
            found = self.snapshot(start, end, limit)
        else:
            found = await self.past(start, end, revision, limit)
        return Range(found.revision, (), found.count) if count_only else found

    async def past(self, start: bytes, end: bytes, revision: int, limit: int = 0) -> Range:
        """The keys in ``[start, end)`` at a past revision, down to ``retained``. Raises: Compacted."""
        now = self._revision
        state = {pair.key: pair for pair in self.snapshot(start, end).items}
        for event in reversed(await self.changes(start, end, revision, now)):
            # each change undone, the latest first
            if event.previous is not None:
                state[event.key] = event.previous
            else:
                state.pop(event.key, None)
        keys = sorted(state)
        return Range(now, [state[key] for key in (keys[:limit] if limit else keys)], len(keys))

    async def changes(self, start: bytes, end: bytes, after: int, upto: int) -> Sequence[StoreEvent]:
        """The events of the keys in ``[start, end)`` with ``after < revision <= upto``. Raises: Compacted."""
        if after >= self._log_start:
            return self._logged(start, end, after, upto)
        if after < self._retained:
            raise Compacted(self._retained)
        return await self._history(start, end, after, upto)

    def _logged(self, start: bytes, end: bytes, after: int, upto: int) -> list[StoreEvent]:
        # one event a revision: the distance from the end is the place in the log
        skip = len(self._log) - (self._revision - after)
        return [e for e in islice(self._log, skip, None) if e.revision <= upto and start <= e.key < end]

    async def _history(self, start: bytes, end: bytes, after: int, upto: int) -> Sequence[StoreEvent]:
        raise NotImplementedError

    # -- watching

    def watch(self, start: bytes, end: bytes, *, from_revision: int = 0) -> "LogWatch":
        return LogWatch(self, start, end, from_revision - 1 if from_revision else self._revision)

    def attach(self, listener: Listener) -> Callable[[], None]:
        """Call the listener with every committed batch, before any of its writers goes on. Returns what detaches it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def next_news(self) -> None:
        """Return after the next batch was published, or when the store is closed."""
        if self._news is None or self._news.done():
            self._news = asyncio.get_running_loop().create_future()
        # shielded: a reader that is cancelled must not cancel the future that others wait for
        await asyncio.shield(self._news)

    def _tell_news(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    # -- writing

    async def put(self, key: bytes, value: bytes, *, expected: int | None = None, lease: int = 0) -> KeyValue:
        while not self._matches(key, expected):
            await self._settled(key)
        if lease and lease not in self._leases:
            raise LeaseNotFound(f"there is no lease {lease}")
        there = self._decided(key)
        revision = self._next_revision()
        created, version = (there.create_revision, there.version + 1) if there else (revision, 1)
        pair = KeyValue(key, value, created, revision, version, lease)
        write = self._staged[key] = Write(StoreEvent(key, revision, value, there, created), pair)
        await self._durable(write)
        return pair

    async def delete(self, key: bytes, *, expected: int | None = None) -> tuple[int, KeyValue | None]:
        while not self._matches(key, expected):
            await self._settled(key)
        there = self._decided(key)
        while there is None and key in self._staged:
            # a delete before us is not durable yet: "nothing was there" must not be said before it is
            await self._settled(key)
            there = self._decided(key)
        if there is None:
            return self._revision, None
        revision = self._next_revision()
        write = self._staged[key] = Write(StoreEvent(key, revision, None, there, there.create_revision), None)
        await self._durable(write)
        return revision, there

    def _decided(self, key: bytes) -> KeyValue | None:
        """The key's state after every write that was decided, durable or not."""
        staged = self._staged.get(key)
        return self._current.get(key) if staged is None else staged.pair

    def _matches(self, key: bytes, expected: int | None) -> bool:
        """May the write be decided? False: not before what stands in its way is durable. Raises: CompareFailed."""
        if self._closed:
            raise OSError(errno.EBADF, "the store is closed")
        if self._broken is not None:
            raise OSError(*self._broken.args, self._broken.filename)
        if expected is None:
            return True
        there = self._decided(key)
        if expected == (there.mod_revision if there is not None else 0):
            return True
        if key in self._staged:
            return False
        raise CompareFailed(key, there)

    def _next_revision(self) -> int:
        self._staged_revision += 1
        return self._staged_revision

    async def _settled(self, key: bytes) -> None:
        """Return when the staged write of a key has become durable or has failed."""
        raise NotImplementedError

    async def _durable(self, write: Write) -> None:
        """Return when the write is durable and published. Raises: OSError (it never happened)."""
        raise NotImplementedError

    def _publish(self, writes: Sequence[Write]) -> None:
        """They are durable: apply them, tell listeners and watches."""
        for write in writes:
            event = write.event
            key, previous = event.key, event.previous
            if write.pair is None:
                del self._current[key]
                del self._keys[bisect_left(self._keys, key)]
            else:
                if previous is None:
                    insort(self._keys, key)
                self._current[key] = write.pair
            if self._staged.get(key) is write:
                del self._staged[key]
            self._move_lease(key, previous.lease if previous else 0, write.pair.lease if write.pair else 0)
            self._revision = event.revision
            self._log.append(event)
        while len(self._log) > self._log_events:
            self._log_start = self._log.popleft().revision
        events = [write.event for write in writes]
        # no await between here and the writers' return: who has read their answer finds their write in the cache
        for listener in self._listeners:
            listener(events)
        self._tell_news()

    # -- leases

    async def grant(self, seconds: int) -> int:
        lease = self._clock.random.getrandbits(62) + 1
        await self._keep_lease(lease, seconds)
        self._add_lease(lease, seconds)
        return lease

    async def keep_alive(self, lease: int) -> int:
        found = self._leases.get(lease)
        if found is None:
            raise LeaseNotFound(f"there is no lease {lease}")
        found.expires = self._clock.monotonic() + found.seconds
        return found.seconds

    async def revoke(self, lease: int) -> None:
        found = self._leases.get(lease)
        if found is None:
            raise LeaseNotFound(f"there is no lease {lease}")
        # the keys first: a crash between leaves a lease with fewer keys, which runs out again
        await asyncio.gather(*(self._delete_leased(key, lease) for key in sorted(found.keys)))
        await self._drop_lease(lease)
        self._leases.pop(lease, None)

    async def _delete_leased(self, key: bytes, lease: int) -> None:
        pair = self._current.get(key)
        if pair is not None and pair.lease == lease:
            try:
                await self.delete(key, expected=pair.mod_revision)
            except CompareFailed:
                pass  # written anew in the meantime: no longer this lease's

    def _add_lease(self, lease: int, seconds: int) -> Lease:
        added = self._leases[lease] = Lease(seconds, self._clock.monotonic() + seconds)
        heapq.heappush(self._expiries, (added.expires, lease))
        self._arm_expiry()
        return added

    def _move_lease(self, key: bytes, old: int, new: int) -> None:
        if old and old != new and old in self._leases:
            self._leases[old].keys.discard(key)
        if new and new in self._leases:
            self._leases[new].keys.add(key)

    def _arm_expiry(self) -> None:
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
            self._expiry_timer = None
        if self._expiries and not self._closed:
            delay = max(self._expiries[0][0] - self._clock.monotonic(), 0.001)
            self._expiry_timer = self._clock.call_later(delay, self._expire)

    def _expire(self) -> None:
        now = self._clock.monotonic()
        while self._expiries and self._expiries[0][0] <= now:
            _, lease = heapq.heappop(self._expiries)
            found = self._leases.get(lease)
            if found is None:
                continue
            if found.expires > now:
                heapq.heappush(self._expiries, (found.expires, lease))
            else:
                self._tasks.spawn(self._run_out(lease), f"lease {lease} runs out")
        self._arm_expiry()

    async def _run_out(self, lease: int) -> None:
        try:
            await self.revoke(lease)
        except LeaseNotFound:
            pass  # revoked in the meantime
        except OSError:
            # the disk refused: try again as if it ran out then
            if (found := self._leases.get(lease)) is not None:
                found.expires = self._clock.monotonic() + 60
                heapq.heappush(self._expiries, (found.expires, lease))
                self._arm_expiry()

    async def _keep_lease(self, lease: int, seconds: int) -> None:
        """Make a lease durable."""

    async def _drop_lease(self, lease: int) -> None:
        """Make a lease's end durable."""

    # -- ending

    def _check_compaction(self, revision: int) -> None:
        if revision > self._revision:
            raise FutureRevision(revision, self._revision)
        if revision <= self._compacted:
            raise Compacted(self._compacted)

    async def close(self) -> None:
        self._closed = True
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
        await self._tasks.close()
        self._tell_news()


class LogWatch:
    """A place in the log of events. ``at`` is the last revision that was delivered."""

    def __init__(self, store: EmbeddedStore, start: bytes, end: bytes, at: int) -> None:
        self._store = store
        self._start = start
        self._end = end
        self._at = at
        self._closed = False

    def close(self) -> None:
        self._closed = True
        self._store._tell_news()

    async def __aiter__(self) -> AsyncIterator[Sequence[StoreEvent]]:
        store = self._store
        while not self._closed and not store._closed:
            if self._at < store.compacted:
                raise Compacted(store.compacted)
            upto = store.revision
            if self._at < upto:
                if self._at < store._log_start:
                    # old ones in steps, so that a long history is never in memory at once
                    upto = min(upto, self._at + 1000)
                events = await store.changes(self._start, self._end, self._at, upto)
                self._at = upto
                if events:
                    yield events
            else:
                await store.next_news()
