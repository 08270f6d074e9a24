"""What the runtime's verbs work on together: programs, paths, and the sandboxes and containers in memory and on disk.

A container's life is ``Life``; a record on disk changes only here, so that memory and disk say the same. Nothing in
this module waits.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.aio.commands import Commands
from pynetes.aio.tasks import Tasks
from pynetes.network.cni import CNI
from pynetes.runtime.oci.cgroups import Cgroups
from pynetes.runtime.oci.images import ImageStore
from pynetes.runtime.oci.types import ContainerRecord, ImageRecord, Paths, SandboxRecord, Settings, save
from pynetes.runtime.types import (
    Container,
    ContainerState,
    NotFound,
    PodEvent,
    RuntimeEvent,
    Sandbox,
    SandboxState,
)

EVENT_BUFFER = 4096
"""Events that a slow reader of ``events`` may have waiting; then the oldest are lost."""


class Life(Enum):
    """CREATED > RUNNING > EXITED, or CREATED > EXITED when it could not be started."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(slots=True)
class Live:
    """A container in memory. ``ended`` is set once its end is known; ``pidfd`` is open while it runs."""

    record: ContainerRecord
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    pidfd: int = -1
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def life(self) -> Life:
        if self.record.exited:
            return Life.EXITED
        return Life.RUNNING if self.record.started_at else Life.CREATED


class State:
    def __init__(self, clock: Clock, root: Path, cni: CNI, settings: Settings, commands: Commands) -> None:
        self.clock = clock
        self.cni = cni
        self.settings = settings
        self.commands = commands
        self.paths = Paths(root, settings.image_root or root / "images")
        self.images = ImageStore(self.paths.images)
        self.cgroups = Cgroups(settings.cgroup_mount)
        self.tasks = Tasks()
        self.sandboxes: dict[str, SandboxRecord] = {}
        self.containers: dict[str, Live] = {}
        self._readers: set[_Reader] = set()

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return int(self.clock.now() * 1_000_000) * 1000

    def new_id(self) -> str:
        return self.clock.token_bytes(32).hex()

    def sandbox(self, sandbox_id: str) -> SandboxRecord:
        """Raises: NotFound."""
        try:
            return self.sandboxes[sandbox_id]
        except KeyError:
            raise NotFound(f'an error occurred when try to find sandbox "{sandbox_id}": not found') from None

    def container(self, container_id: str) -> Live:
        """Raises: NotFound."""
        try:
            return self.containers[container_id]
        except KeyError:
            raise NotFound(f'an error occurred when try to find container "{container_id}": not found') from None

    def of_sandbox(self, sandbox_id: str) -> list[Live]:
        return [c for c in self.containers.values() if c.record.sandbox_id == sandbox_id]

    def keep_sandbox(self, record: SandboxRecord) -> None:
        save(self.paths.sandbox(record.id) / "record.json", record)
        self.sandboxes[record.id] = record

    def change(self, live: Live, **changes: object) -> None:
        """Change a container's record, on disk first."""
        record = replace(live.record, **changes)  # type: ignore[arg-type]  # the fields are the caller's to know
        save(self.paths.container(record.id) / "record.json", record)
        live.record = record

    def runc(self, *arguments: str) -> list[str]:
        return [self.settings.runc, "--root", str(self.paths.runc), *arguments]

    def announce(self, kind: RuntimeEvent, sandbox_id: str, container_id: str) -> None:
        sandbox = self.sandboxes.get(sandbox_id)
        event = PodEvent(kind, sandbox.config.uid if sandbox else "", sandbox_id, container_id)
        for reader in self._readers:
            reader.put(event)

    async def events(self) -> AsyncIterator[PodEvent]:
        reader = _Reader()
        self._readers.add(reader)
        try:
            while True:
                yield await reader.get()
        finally:
            self._readers.discard(reader)


class _Reader:
    """One listener's buffer."""

    def __init__(self) -> None:
        self._events: deque[PodEvent] = deque(maxlen=EVENT_BUFFER)
        self._some = asyncio.Event()

    def put(self, event: PodEvent) -> None:
        self._events.append(event)
        self._some.set()

    async def get(self) -> PodEvent:
        while not self._events:
            self._some.clear()
            await self._some.wait()
        return self._events.popleft()


def as_sandbox(record: SandboxRecord) -> Sandbox:
    state = SandboxState.READY if record.ready else SandboxState.NOT_READY
    return Sandbox(record.id, record.config, state, record.created_at, record.ips)


def as_container(live: Live, image: ImageRecord | None) -> Container:
    """As the kubelet sees it, with the names that its image has now. The reason is containerd's: ``StartError`` comes
    with the exit code 128."""
    record = live.record
    states = {
        Life.CREATED: ContainerState.CREATED,
        Life.RUNNING: ContainerState.RUNNING,
        Life.EXITED: ContainerState.EXITED,
    }
    reason = ""
    if record.exited:
        if record.start_error:
            reason = "StartError"
        elif record.oom_killed:
            reason = "OOMKilled"
        elif record.exit_code == UNKNOWN_EXIT_CODE and not record.finished_at:
            reason = "Unknown"
        else:
            reason = "Completed" if record.exit_code == 0 else "Error"
    return Container(
        id=record.id,
        sandbox_id=record.sandbox_id,
        config=record.config,
        state=states[live.life],
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        exit_code=record.exit_code,
        reason=reason,
        message=record.start_error,
        image=min(image.tags, default="") if image else "",
        image_ref=min(image.digests, default=record.image_id) if image else record.image_id,
        user=record.user,
    )


UNKNOWN_EXIT_CODE = 255
"""Of a container whose end nobody saw."""


def process_start(pid: int) -> int:
    """When a process began, in ticks since the boot; 0 when there is none, or it is a zombie."""
    try:
        data = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    fields = data[data.rindex(b")") + 2 :].split()
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def same_process(pid: int, start_ticks: int) -> bool:
    """Whether the number still means the process that began then."""
    return pid > 0 and start_ticks > 0 and process_start(pid) == start_ticks


def open_pidfd(pid: int, start_ticks: int) -> int:
    """A descriptor of exactly that process, -1 when it is gone."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return -1
    if same_process(pid, start_ticks):
        return fd
    os.close(fd)
    return -1
