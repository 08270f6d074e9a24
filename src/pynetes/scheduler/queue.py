"""The pods that wait for a node: ready to try, backing off, or waiting for the cluster to change.

Contract: of the pods that are ready the one of highest priority comes first, then the one that waited longest. A pod
that was refused waits until something happens that its refusing plugins care about, five minutes at most; it then
backs off for 1 s, 2 s ... 10 s counted from its last attempt. When nothing is ready, pods that back off after a
refusal are tried early; pods whose attempt failed by an error never are.

Source: pkg/scheduler/backend/queue (with SchedulerPopFromBackoffQ, on in 1.36).
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from pynetes.aio.clock import Clock, Timer
from pynetes.scheduler.pods import PodInfo
from pynetes.scheduler.settings import Settings

ANY = frozenset({"*"})


class Place(Enum):
    ACTIVE = "active"
    BACKOFF = "backoff"
    UNSCHEDULABLE = "unschedulable"
    IN_FLIGHT = "in flight"


@dataclass(slots=True, eq=False)
class Waiting:
    """One pod in the queue."""

    pod: PodInfo
    since: float
    order: int
    attempts: int = 0
    attempted: float = 0.0
    failed_by_error: bool = False
    place: Place = Place.ACTIVE
    plugins: frozenset[str] = frozenset()


class Queue:
    """See the module's contract. Not for threads."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._waiting: dict[str, Waiting] = {}
        self._active: list[tuple[int, float, int, Waiting]] = []
        self._backoff: list[tuple[float, int, Waiting]] = []
        self._refused: dict[str, Waiting] = {}
        self._flush: deque[tuple[float, int, Waiting]] = deque()
        self._order = itertools.count()
        self._wakeup = asyncio.Event()
        self._timer: Timer | None = None
        self._timer_at = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, uid: str) -> bool:
        return uid in self._waiting

    def count(self, place: Place) -> int:
        return sum(1 for waiting in self._waiting.values() if waiting.place is place)

    def add(self, pod: PodInfo) -> None:
        """A new pod, or a new version of a known one; a version that may change the outcome is tried again."""
        known = self._waiting.get(pod.uid)
        if known is None:
            waiting = Waiting(pod, self._clock.now(), next(self._order))
            self._waiting[pod.uid] = waiting
            self._activate(waiting)
            return
        changed = known.pod.signature != pod.signature or known.pod.refused_fields != pod.refused_fields
        known.pod = pod
        if known.place is Place.UNSCHEDULABLE and changed:
            self._retry(known)

    def remove(self, uid: str) -> None:
        """The pod is gone, or has a node."""
        self._waiting.pop(uid, None)
        self._refused.pop(uid, None)

    def pop(self, most: int) -> list[Waiting]:
        """The next pods to try, at most so many; they are in flight until they are removed or refused."""
        self._bring_back()
        taken: list[Waiting] = []
        while self._active and len(taken) < most:
            *_, waiting = heapq.heappop(self._active)
            if self._is(waiting, Place.ACTIVE):
                taken.append(waiting)
        if not taken:
            taken = self._pop_early(most)
        now = self._clock.now()
        for waiting in taken:
            waiting.place = Place.IN_FLIGHT
            waiting.attempts += 1
            waiting.attempted = now
        return taken

    def refused(self, waiting: Waiting, plugins: Iterable[str]) -> None:
        """No node would take the pod: wait for a change that concerns these plugins."""
        if self._waiting.get(waiting.pod.uid) is not waiting:
            return
        waiting.place, waiting.plugins, waiting.failed_by_error = Place.UNSCHEDULABLE, frozenset(plugins), False
        self._refused[waiting.pod.uid] = waiting
        due = waiting.attempted + self._settings.unschedulable_flush_seconds
        self._flush.append((due, waiting.attempts, waiting))
        self._arm()

    def failed(self, waiting: Waiting) -> None:
        """The attempt went wrong (a binding was refused, say): try again after the back-off."""
        if self._waiting.get(waiting.pod.uid) is waiting:
            waiting.failed_by_error = True
            self._retry(waiting)

    def changed(self, plugins: frozenset[str]) -> None:
        """Something happened that these plugins care about (``ANY``: all of them)."""
        for waiting in list(self._refused.values()):
            if plugins is ANY or waiting.plugins & plugins:
                self._retry(waiting)

    async def wait(self) -> None:
        """Return when there may be something to pop."""
        while True:
            self._bring_back()
            if self._active or any(not waiting.failed_by_error for *_, waiting in self._backoff):
                return
            self._wakeup.clear()
            self._arm()
            await self._wakeup.wait()

    def _is(self, waiting: Waiting, place: Place) -> bool:
        return waiting.place is place and self._waiting.get(waiting.pod.uid) is waiting

    def _activate(self, waiting: Waiting) -> None:
        waiting.place = Place.ACTIVE
        heapq.heappush(self._active, (-waiting.pod.priority, waiting.since, waiting.order, waiting))
        self._wakeup.set()

    def _retry(self, waiting: Waiting) -> None:
        self._refused.pop(waiting.pod.uid, None)
        due = waiting.attempted + self._delay(waiting)
        if due <= self._clock.now():
            self._activate(waiting)
            return
        waiting.place = Place.BACKOFF
        heapq.heappush(self._backoff, (due, waiting.order, waiting))
        self._wakeup.set()

    def _delay(self, waiting: Waiting) -> float:
        initial, most = self._settings.pod_initial_backoff_seconds, self._settings.pod_max_backoff_seconds
        return min(initial * 2.0 ** min(waiting.attempts - 1, 16), most) if waiting.attempts else 0.0

    def _bring_back(self) -> None:
        """Pods whose back-off has ended, and pods that were refused long ago, are ready again."""
        now = self._clock.now()
        while self._backoff and (self._backoff[0][0] <= now or not self._is(self._backoff[0][2], Place.BACKOFF)):
            *_, waiting = heapq.heappop(self._backoff)
            if self._is(waiting, Place.BACKOFF):
                self._activate(waiting)
        while self._flush and (self._flush[0][0] <= now or not self._is_refused(self._flush[0])):
            entry = self._flush.popleft()
            if self._is_refused(entry):
                self._retry(entry[2])

    def _is_refused(self, entry: tuple[float, int, Waiting]) -> bool:
        _, attempts, waiting = entry
        return waiting.attempts == attempts and self._is(waiting, Place.UNSCHEDULABLE)

    def _pop_early(self, most: int) -> list[Waiting]:
        taken: list[Waiting] = []
        kept: list[tuple[float, int, Waiting]] = []
        while self._backoff and len(taken) < most:
            entry = heapq.heappop(self._backoff)
            if not self._is(entry[2], Place.BACKOFF):
                continue
            if entry[2].failed_by_error:
                kept.append(entry)
            else:
                taken.append(entry[2])
        for entry in kept:
            heapq.heappush(self._backoff, entry)
        return taken

    def _arm(self) -> None:
        """Wake up when the next back-off ends or the next refused pod has waited long enough."""
        times = [queue[0][0] for queue in (self._backoff, self._flush) if queue]
        if not times or (self._timer is not None and self._timer_at <= min(times)):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = min(times)
        self._timer = self._clock.call_later(max(0.0, self._timer_at - self._clock.now()), self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._wakeup.set()
