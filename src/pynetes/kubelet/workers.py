"""The life of a pod on this node: a state machine a pod UID, driven by events, with a task only while there is work.

    SYNC -> TERMINATING -> TERMINATED -> FINISHED

SYNC brings the containers nearer to the spec; TERMINATING stops them; TERMINATED takes the volumes and the cgroup down;
in FINISHED nothing is left but records (logs, the last status). Moves go only forward.

Source: kubernetes ``pkg/kubelet/pod_workers.go``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from pynetes.aio.clock import Clock, Timer
from pynetes.aio.tasks import Tasks
from pynetes.kubelet import pods
from pynetes.kubelet.cgroups import Limits
from pynetes.kubelet.images import ImageError
from pynetes.kubelet.resize import known_requests, recovered, with_resources
from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339_micro
from pynetes.runtime.types import Image

log = logging.getLogger(__name__)


class State(Enum):
    SYNC = "sync"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    FINISHED = "finished"


MOVES: Mapping[State, frozenset[State]] = {
    State.SYNC: frozenset({State.TERMINATING, State.FINISHED}),
    State.TERMINATING: frozenset({State.TERMINATED}),
    State.TERMINATED: frozenset({State.FINISHED}),
    State.FINISHED: frozenset(),
}
"""SYNC to FINISHED: a pod that was refused, of which nothing was ever made."""


@dataclass(frozen=True, slots=True)
class Eviction:
    """Reason and message of the pod's end, and what it says of it in its conditions."""

    reason: str
    message: str
    condition: Object | None = None


@dataclass(slots=True)
class Worker:
    """One pod. Everything here is lost with the process; what matters is read back from the runtime and the API.

    ``pod`` has the resources in its spec that are allocated to it; ``asked`` is the API's, which may want others.

    seen: when the pod was first seen.
    allocated: the resources, see ``resize.resources_of``.
    memory_requests: by container id, what it was made or changed with last.
    applied: what the kernel was told last of the pod as a whole; None: not yet, by this kubelet.
    pending, resizing: the conditions of a resize that has no room yet, and of one that is being done.
    waiting: by container, reason and message why it is not running.
    showing: by container, until when what was shown before (how it ended, or why it did not start) is shown still.
    status_at_end: the API's when the pod's end began: from it is judged whether it had been initialized.
    eviction: why the kubelet itself ends the pod.
    overdue: it was active for longer than it may be.
    grace_override: seconds that the kubelet gives instead of the pod's own.
    gone: the API has no such pod any more.
    pull_secrets: with which it may pull images.
    image_volumes: by volume, the image whose files it is, or why there is none.
    interruptible: the step may be cancelled: it waits for something that a deletion makes pointless.
    """

    uid: str
    pod: Object
    seen: str = ""
    asked: Object = field(default_factory=dict)
    allocated: dict[str, Object] = field(default_factory=dict)
    memory_requests: dict[str, str] = field(default_factory=dict)
    applied: Limits | None = None
    pending: Object | None = None
    resizing: Object | None = None
    state: State = State.SYNC
    admitted: bool = False
    gone: bool = False
    dirty: bool = False
    task: asyncio.Task[None] | None = None
    timer: Timer | None = None
    due: float = float("inf")
    waiting: dict[str, tuple[str, str]] = field(default_factory=dict)
    showing: dict[str, tuple[float, tuple[str, str] | None]] = field(default_factory=dict)
    status_at_end: Object = field(default_factory=dict)
    eviction: Eviction | None = None
    overdue: bool = False
    grace_override: int | None = None
    volumes_ready: bool = False
    volumes_checked: float = 0.0
    mount_delay: float = 0.0
    prepared: str | None = None
    interruptible: bool = False
    hooked: set[str] = field(default_factory=set)
    pull_secrets: list[Object] = field(default_factory=list)
    image_volumes: dict[str, Image | ImageError] = field(default_factory=dict)

    def take(self, pod: Object) -> None:
        """A newer state of the pod."""
        self.asked = pod
        self.pod = pods.with_source(with_resources(pod, self.allocated), self.seen)

    def grace_seconds(self) -> int:
        if self.grace_override is not None:
            return self.grace_override
        return pods.grace_seconds(self.pod)


Step = Callable[[Worker], Awaitable[None]]


class Workers:
    """``steps``: what to do in each state; a step moves the worker on by ``move`` and asks for later by ``wake_at``."""

    def __init__(self, clock: Clock, tasks: Tasks, retry_seconds: float) -> None:
        self.steps: dict[State, Step] = {}
        self._clock = clock
        self._tasks = tasks
        self._retry_seconds = retry_seconds
        self._workers: dict[str, Worker] = {}
        self._closed = False

    def get(self, uid: str) -> Worker | None:
        return self._workers.get(uid)

    def all(self) -> list[Worker]:
        return list(self._workers.values())

    def add(self, pod: Object) -> Worker:
        uid = pod["metadata"]["uid"]
        seen = rfc3339_micro(self._clock.now())
        worker = Worker(uid, pod, seen, allocated=recovered(pod), memory_requests=known_requests(pod))
        worker.take(pod)
        self._workers[uid] = worker
        self.wake(worker)
        return worker

    def drop(self, worker: Worker) -> None:
        self._disarm(worker)
        if self._workers.get(worker.uid) is worker:
            del self._workers[worker.uid]

    def move(self, worker: Worker, state: State) -> None:
        """Raises: ValueError for a move that is not in the table."""
        if state not in MOVES[worker.state]:
            raise ValueError(f"pod {worker.uid}: no move from {worker.state.value} to {state.value}")
        if state is State.TERMINATING:
            worker.status_at_end = dict(worker.pod.get("status") or {})
        worker.state = state
        worker.dirty = True

    def terminate(self, worker: Worker) -> None:
        """The pod has to end, whatever it is doing now."""
        if worker.state is State.SYNC:
            self.move(worker, State.TERMINATING)
        self.interrupt(worker)
        self.wake(worker)

    def interrupt(self, worker: Worker) -> None:
        """Break off a step that waits."""
        if worker.task is not None and worker.interruptible:
            worker.task.cancel()

    def wake(self, worker: Worker) -> None:
        """Look at the pod as soon as possible."""
        worker.dirty = True
        if worker.task is None and not self._closed:
            worker.task = self._tasks.spawn(self._run(worker), f"pod {pods.describe(worker.pod)}")
            worker.task.add_done_callback(lambda _: self._ended(worker))

    def wake_at(self, worker: Worker, when: float) -> None:
        """Look again at a time (of ``clock.now``), unless something happens before; the earliest of all asked for."""
        if when >= worker.due:
            return
        self._disarm(worker)
        worker.due = when
        worker.timer = self._clock.call_later(when - self._clock.now(), self._fire, worker)

    def close(self) -> None:
        self._closed = True
        for worker in self._workers.values():
            self._disarm(worker)

    def _fire(self, worker: Worker) -> None:
        worker.timer, worker.due = None, float("inf")
        if self._workers.get(worker.uid) is worker:
            self.wake(worker)

    def _disarm(self, worker: Worker) -> None:
        if worker.timer is not None:
            worker.timer.cancel()
            worker.timer, worker.due = None, float("inf")

    async def _run(self, worker: Worker) -> None:
        while worker.dirty:
            worker.dirty = False
            step = self.steps.get(worker.state)
            if step is None:
                return
            self._disarm(worker)
            try:
                await step(worker)
            except Exception:
                # one pod's trouble, whatever it is, must neither end the kubelet nor be forgotten
                log.exception("pod %s: %s failed", pods.describe(worker.pod), worker.state.value)
                self.wake_at(worker, self._clock.now() + self._retry_seconds)

    def _ended(self, worker: Worker) -> None:
        worker.task = None
        worker.interruptible = False
        if worker.dirty and not self._closed and self._workers.get(worker.uid) is worker:
            self.wake(worker)
