"""The work queue that stands between informers and controllers.

Contract:
- *Ordered*: keys come out in the order in which they were first added.
- *Merged*: a key added while it waits is handed out once.
- *Never twice at once*: a key added while it is being processed comes again only after ``done``.
- *Delayed*: ``add_after`` keeps the earliest of several moments for one key.
- *Limited*: ``add_rate_limited`` waits the longer of the key's own exponential delay and one bucket shared by all keys.
- *Ended*: after ``shut_down`` nothing is added, what waits is still handed out, then ``get`` returns None.

Source: client-go ``util/workqueue`` (``queue.go``, ``delaying_queue.go``, ``default_rate_limiters.go``).
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from pynetes.aio.clock import Clock, Timer

K = TypeVar("K", bound=Hashable)


class TokenBucket:
    """``burst`` tokens at first, ``per_second`` more each second; a reservation may go into debt.

    Source: golang.org/x/time/rate ``Limiter.Reserve``.
    """

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._at = now

    def reserve(self, now: float) -> float:
        """Take one token; the seconds to wait until it is due."""
        self._refill(now)
        self._tokens -= 1
        return max(-self._tokens / self._per_second, 0.0)

    def try_take(self, now: float) -> bool:
        """Take one token if there is one now."""
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self, now: float) -> None:
        self._tokens = min(self._tokens + max(now - self._at, 0.0) * self._per_second, self._burst)
        self._at = now


class WorkQueue(Generic[K]):
    """Keys to process; see the module's contract. ``base`` and ``limit`` bound a key's own delay, in seconds."""

    def __init__(
        self, clock: Clock, *, base: float = 0.005, limit: float = 1000.0, per_second: float = 10.0, burst: int = 100
    ) -> None:
        self._clock = clock
        self._base = base
        self._limit = limit
        self._bucket = TokenBucket(per_second, burst, clock.monotonic())
        self._ready: OrderedDict[K, None] = OrderedDict()
        self._processing: set[K] = set()
        self._again: set[K] = set()
        self._delayed: dict[K, tuple[float, Timer]] = {}
        self._failures: dict[K, int] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._shut_down = False

    def __len__(self) -> int:
        """The keys that wait to be handed out now."""
        return len(self._ready)

    @property
    def is_shut_down(self) -> bool:
        return self._shut_down

    def add(self, key: K) -> None:
        if self._shut_down:
            return
        if key in self._processing:
            self._again.add(key)
        elif key not in self._ready:
            self._ready[key] = None
            self._wake()

    def add_after(self, key: K, delay: float) -> None:
        """Add after ``delay`` seconds; an earlier moment already set for the key wins."""
        if self._shut_down:
            return
        if delay <= 0:
            self.add(key)
            return
        at = self._clock.monotonic() + delay
        if (waiting := self._delayed.get(key)) is not None:
            if waiting[0] <= at:
                return
            waiting[1].cancel()
        self._delayed[key] = (at, self._clock.call_later(delay, self._due, key))

    def add_rate_limited(self, key: K) -> None:
        """Add after a failure: the key's delay doubles each time, until ``forget``."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        own = min(self._base * 2.0 ** min(failures, 64), self._limit)
        self.add_after(key, max(own, self._bucket.reserve(self._clock.monotonic())))

    def forget(self, key: K) -> None:
        """The key was processed well: its next failure waits ``base`` again."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """How often the key was added rate limited since it was last forgotten."""
        return self._failures.get(key, 0)

    async def get(self) -> K | None:
        """The next key; ``done(key)`` must follow. None: shut down and empty."""
        while not self._ready:
            if self._shut_down:
                return None
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                # a wake-up that came together with the cancellation belongs to the next getter
                if getter.done() and not getter.cancelled() and self._ready:
                    self._wake()
                raise
            finally:
                if not getter.done() or getter.cancelled():
                    self._discard(getter)
        key, _ = self._ready.popitem(last=False)
        self._processing.add(key)
        return key

    def done(self, key: K) -> None:
        self._processing.discard(key)
        if key in self._again:
            self._again.discard(key)
            self._ready[key] = None
            self._wake()

    def shut_down(self) -> None:
        self._shut_down = True
        for _, timer in self._delayed.values():
            timer.cancel()
        self._delayed.clear()
        while self._getters:
            self._wake()

    def _due(self, key: K) -> None:
        self._delayed.pop(key, None)
        self.add(key)

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _discard(self, getter: asyncio.Future[None]) -> None:
        try:
            self._getters.remove(getter)
        except ValueError:
            pass
