"""Time and chance, injected: the only module that may read a clock or draw a random number.

A ``Clock`` is handed to everything that waits, times out, dates, signs or draws. ``RealClock`` is the machine's;
``VirtualClock`` owns a timer heap that advances only when nothing is runnable and nothing is outstanding outside the
loop, so that an hour passes in milliseconds and two runs of one seed are equal.

Source: docs/design.md, idea 4.
"""

import asyncio
import heapq
import itertools
import os
import random
import selectors
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from types import TracebackType
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

VIRTUAL_EPOCH = 1_767_225_600.0
"""Where virtual time begins unless told otherwise: 2026-01-01T00:00:00Z."""


class Timer(Protocol):
    """A callback that waits for its time; ``cancel`` may be called at any moment, also afterwards."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What waits, dates and draws. All durations are in seconds."""

    @property
    def random(self) -> random.Random:
        """The source of chance; seeded under virtual time."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call ``callback(*args)`` on the running loop after ``delay``."""

    async def sleep(self, delay: float) -> None:
        """Return after ``delay``; zero or less yields to the loop once."""

    def timeout(self, delay: float | None) -> AbstractAsyncContextManager[None]:
        """Cancel the body after ``delay`` and raise ``TimeoutError`` from the block; ``None`` never does."""

    async def wait_for(self, awaitable: Awaitable[T], delay: float | None) -> T:
        """The awaitable's result, or ``TimeoutError`` after ``delay``."""

    def external(self) -> "Outstanding":
        """A block during which a thread, process or socket owes the loop something: virtual time stands still."""

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run a blocking function in the default executor, counted as outstanding."""

    def uuid4(self) -> str: ...

    def token_bytes(self, size: int) -> bytes: ...


class Outstanding:
    """Counts what is owed from outside the loop. Shared by every block; safe from any thread."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.count += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._lock:
            self.count -= 1


class _Timeout:
    """``asyncio.timeout`` over any clock's timers."""

    def __init__(self, clock: Clock, delay: float | None) -> None:
        self._clock = clock
        self._delay = delay
        self._timer: Timer | None = None
        self._expired = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "a timeout needs a task"
        self._task = task
        self._cancelling = task.cancelling()
        if self._delay is not None:
            self._timer = self._clock.call_later(self._delay, self._expire)

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # uncancel first: a cancellation from elsewhere that came beside ours must win over TimeoutError
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error


class _Base:
    """What both clocks share: waiting in terms of ``call_later``."""

    random: random.Random

    def __init__(self) -> None:
        self._outstanding = Outstanding()

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        raise NotImplementedError

    async def sleep(self, delay: float) -> None:
        if delay <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay, _resolve, future)
        try:
            await future
        finally:
            timer.cancel()

    def timeout(self, delay: float | None) -> AbstractAsyncContextManager[None]:
        return _Timeout(self, delay)  # type: ignore[arg-type]

    async def wait_for(self, awaitable: Awaitable[T], delay: float | None) -> T:
        async with self.timeout(delay):
            return await awaitable

    def external(self) -> Outstanding:
        return self._outstanding

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        with self._outstanding:
            return await asyncio.get_running_loop().run_in_executor(None, function, *args)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class RealClock(_Base):
    """The machine's time and chance."""

    def __init__(self) -> None:
        super().__init__()
        self.random = random.SystemRandom()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        return asyncio.get_running_loop().call_later(delay, callback, *args)

    def uuid4(self) -> str:
        # every answer has one: the standard library's object would take twice as long
        drawn = os.urandom(16).hex()
        variant = "89ab"[int(drawn[16], 16) & 3]
        return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-{variant}{drawn[17:20]}-{drawn[20:]}"

    def token_bytes(self, size: int) -> bytes:
        return os.urandom(size)


class _VirtualTimer:
    __slots__ = ("args", "callback")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args = args

    def cancel(self) -> None:
        self.callback = None
        self.args = ()


class VirtualClock(_Base):
    """Seeded chance, and time that moves only when nobody has anything left to do.

    Timers fire in order of their time, then of their making. Time never passes ``limit`` (seconds since the epoch;
    infinite by default): beyond it the loop waits for real events. ``advance_to`` moves the limit from any thread.
    """

    def __init__(self, seed: int = 0, start: float = VIRTUAL_EPOCH, limit: float = float("inf")) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.limit = limit
        self._start = start
        self._now = start
        self._heap: list[tuple[float, int, _VirtualTimer]] = []
        self._order = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._settled = threading.Condition()
        self._settled_at = float("-inf")

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now - self._start

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        timer = _VirtualTimer(callback, args)
        heapq.heappush(self._heap, (self._now + max(delay, 0.0), next(self._order), timer))
        return timer

    def uuid4(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def token_bytes(self, size: int) -> bytes:
        return self.random.randbytes(size)

    def advance_to(self, limit: float) -> None:
        """Let time pass up to ``limit``; callable from any thread. Returns at once, before time has passed."""
        with self._settled:
            self.limit = limit
            self._settled_at = float("-inf")
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: None)

    def wait_settled(self) -> None:
        """Block this thread (not the loop's) until time stands at the limit and nothing is left to do."""
        with self._settled:
            self._settled.wait_for(lambda: self._settled_at >= self.limit)

    def settle(self) -> None:
        """The loop has nothing left to do within the limit: wake who waits for that."""
        with self._settled:
            self._settled_at = self.limit
            self._settled.notify_all()

    def fire_next(self) -> bool:
        """Jump to the next timer within the limit and run it; with none left, to the limit. False: nothing moved."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        if not self._heap or self._heap[0][0] > self.limit:
            if self.limit != float("inf"):
                self._now = max(self._now, self.limit)
            return False
        when, _, timer = heapq.heappop(self._heap)
        self._now = max(self._now, when)
        callback, args = timer.callback, timer.args
        timer.cancel()
        if callback is not None:
            callback(*args)
        return True

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """A plain asyncio loop whose idle moments move this clock."""
        self._loop = asyncio.SelectorEventLoop(_VirtualSelector(self))
        return self._loop


class _VirtualSelector(selectors.DefaultSelector):
    """The loop asks it to wait only when nothing is runnable: that is the moment for virtual time to pass."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._clock.external().count == 0:
            if self._clock.fire_next():
                return []
            self._clock.settle()
        return super().select(timeout)


def run_virtual(main: Coroutine[Any, Any, T], clock: VirtualClock) -> T:
    """Run a coroutine to its end under virtual time."""
    loop = clock.new_event_loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)


def pause(seconds: float) -> None:
    """Block this thread in real time: for commands, which have no loop."""
    time.sleep(seconds)


@contextmanager
def stopwatch(clock: Clock) -> Iterator[Callable[[], float]]:
    """Seconds since the block began, by the given clock."""
    begun = clock.monotonic()
    yield lambda: clock.monotonic() - begun
