"""``SimulatedRuntime``: the runtime contract with no processes, tasks or sockets; one timer a container that ends.

Addresses come from the node's pod CIDRs, one an IP family. Every image exists, unless it is in ``absent_images``.
It outlives the kubelet that uses it, as a real runtime does: hand the same object to the next kubelet.
"""

import asyncio
import hashlib
import ipaddress
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pynetes.aio.clock import Clock, Timer
from pynetes.runtime.simulated.script import ContainerScript, Script
from pynetes.runtime.types import (
    Container,
    ContainerConfig,
    ContainerState,
    Credentials,
    ExecResult,
    Features,
    Image,
    NotFound,
    PodEvent,
    Resources,
    RuntimeEvent,
    RuntimeFailure,
    Sandbox,
    SandboxConfig,
    SandboxState,
    Streams,
    Usage,
)

EVENT_BUFFER = 10_000
"""Events that a reader may lag behind; more are dropped, the reader re-lists."""


class _Addresses:
    """Addresses of one CIDR in turn, the freed ones last; without the network, the gateway (.1) and the broadcast."""

    def __init__(self, cidr: str) -> None:
        self._network = ipaddress.ip_network(cidr)
        self._next = 2
        self._free: deque[str] = deque()

    def take(self) -> str:
        if self._next < self._network.num_addresses - 1:
            self._next += 1
            return str(self._network[self._next - 1])
        if not self._free:
            raise RuntimeFailure(f"no addresses left in {self._network}")
        return self._free.popleft()

    def give(self, address: str) -> bool:
        if ipaddress.ip_address(address) not in self._network:
            return False
        self._free.append(address)
        return True


@dataclass(slots=True)
class _Pod:
    sandbox: Sandbox
    script: Script
    containers: dict[str, "_Process"]


@dataclass(slots=True)
class _Process:
    """A container's record and what is to come of it."""

    container: Container
    script: ContainerScript
    pod: _Pod
    timer: Timer | None = None
    ended: asyncio.Event | None = None


class SimulatedRuntime:
    """``pod_cidrs``: one an IP family, the primary first; ``update_pod_cidrs`` replaces them."""

    name = "simulated"
    version = "1.0.0"
    features = Features(recursive_read_only_mounts=True, user_namespaces=True)
    handlers = ("",)

    def __init__(
        self, clock: Clock, pod_cidrs: Sequence[str] = ("10.244.0.0/16",), absent_images: Iterable[str] = ()
    ) -> None:
        self.absent_images = set(absent_images)
        self._clock = clock
        self._pools = [_Addresses(c) for c in pod_cidrs]
        self._pods: dict[str, _Pod] = {}
        self._processes: dict[str, _Process] = {}
        self._logs: dict[str, _Process] = {}
        self._readers: list[_Reader] = []

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        for reader in self._readers:
            reader.close()

    async def update_pod_cidrs(self, cidrs: Sequence[str]) -> None:
        """Addresses from now on come from these (CRI's UpdateRuntimeConfig)."""
        self._pools = [_Addresses(c) for c in cidrs]

    async def run_sandbox(self, config: SandboxConfig) -> Sandbox:
        try:
            script = Script.parse(config.annotations)
        except ValueError as error:
            raise RuntimeFailure(str(error)) from None
        if script.sandbox_delay:
            await self._clock.sleep(script.sandbox_delay)
        ips = () if config.linux.host_network else tuple(pool.take() for pool in self._pools)
        sandbox = Sandbox(self._id(), config, SandboxState.READY, self._now(), ips)
        self._pods[sandbox.id] = _Pod(sandbox, script, {})
        return sandbox

    async def stop_sandbox(self, sandbox_id: str) -> None:
        pod = self._pods.get(sandbox_id)
        if pod is None or pod.sandbox.state is SandboxState.NOT_READY:
            return
        for process in list(pod.containers.values()):
            self._end(process, 137)
        for address in pod.sandbox.ips:
            any(pool.give(address) for pool in self._pools)
        pod.sandbox = replace(pod.sandbox, state=SandboxState.NOT_READY, ips=())

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self.stop_sandbox(sandbox_id)
        pod = self._pods.pop(sandbox_id, None)
        if pod is not None:
            for container_id in list(pod.containers):
                self._forget(container_id)

    async def list_sandboxes(self) -> Sequence[Sandbox]:
        return [pod.sandbox for pod in self._pods.values()]

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        pod = self._pods.get(sandbox_id)
        if pod is None:
            raise NotFound(f"no such sandbox: {sandbox_id}")
        security = config.security
        gid = security.run_as_group or 0
        groups = tuple(sorted({gid, *security.supplemental_groups}))
        container = Container(
            id=self._id(),
            sandbox_id=sandbox_id,
            config=config,
            state=ContainerState.CREATED,
            created_at=self._now(),
            image_ref=config.image_id,
            user=(security.run_as_user or 0, gid, groups),
        )
        process = _Process(container, pod.script.container(config.name), pod)
        self._processes[container.id] = pod.containers[container.id] = process
        self._logs[f"{pod.sandbox.config.log_directory}/{config.log_path}"] = process
        return container.id

    async def start_container(self, container_id: str) -> None:
        process = self._process(container_id)
        script = process.script
        if script.start_delay:
            await self._clock.sleep(script.start_delay)
        if script.start_error:
            self._finish(process, 128, "StartError", script.start_error)
            raise RuntimeFailure(script.start_error)
        process.container = replace(process.container, state=ContainerState.RUNNING, started_at=self._now())
        run = script.attempt(process.container.config.attempt)
        if run.seconds is not None:
            reason = run.reason or ("Completed" if run.exit_code == 0 else "Error")
            process.timer = self._clock.call_later(
                run.seconds, self._finish, process, run.exit_code, reason, run.message
            )
        self._tell(RuntimeEvent.STARTED, process)

    async def stop_container(self, container_id: str, timeout_seconds: float) -> None:
        process = self._processes.get(container_id)
        if process is None or process.container.state is not ContainerState.RUNNING:
            return
        script = process.script
        if script.stop_delay > 0:
            if process.ended is None:
                process.ended = asyncio.Event()
            killed = script.stop_delay > timeout_seconds
            code = 137 if killed else script.stop_exit_code
            timer = self._clock.call_later(min(script.stop_delay, timeout_seconds), self._end, process, code)
            try:
                await process.ended.wait()
            finally:
                timer.cancel()
            return
        self._end(process, script.stop_exit_code)

    async def remove_container(self, container_id: str) -> None:
        process = self._processes.get(container_id)
        if process is not None:
            self._end(process, 137)
            self._forget(container_id)
            self._tell(RuntimeEvent.DELETED, process)

    async def list_containers(self, sandbox_id: str = "") -> Sequence[Container]:
        if sandbox_id:
            pod = self._pods.get(sandbox_id)
            return [p.container for p in pod.containers.values()] if pod else []
        return [p.container for p in self._processes.values()]

    async def container(self, container_id: str) -> Container:
        return self._process(container_id).container

    async def update_resources(self, container_id: str, resources: Resources) -> None:
        process = self._process(container_id)
        config = replace(process.container.config, resources=resources)
        process.container = replace(process.container, config=config)

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> ExecResult:
        process = self._running(container_id)
        script = process.script
        return ExecResult(script.exec_exit_code, script.exec_stdout, script.exec_stderr)

    async def exec(self, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> Streams:
        script = self._running(container_id).script
        return _Answer(script.exec_stdout, script.exec_stderr, script.exec_exit_code)

    async def attach(self, container_id: str, *, tty: bool, stdin: bool) -> Streams:
        process = self._running(container_id)
        text = "".join(line + "\n" for line in process.script.logs)
        return _Answer(text.encode(), b"", 0)

    async def image(self, reference: str) -> Image | None:
        return None if reference in self.absent_images else _image(reference)

    async def list_images(self) -> Sequence[Image]:
        references = {p.container.config.image for p in self._processes.values()}
        return [_image(r) for r in sorted(references)]

    async def pull_image(self, reference: str, credentials: Credentials | None = None) -> Image:
        if reference in self.absent_images:
            raise RuntimeFailure(f'failed to pull image "{reference}": not found')
        return _image(reference)

    async def remove_image(self, reference: str) -> None:
        pass

    async def usage(self, container_id: str) -> Usage:
        self._process(container_id)
        return Usage(0, 0)

    async def dial(self, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise ConnectionRefusedError(f"nothing listens on port {port}: the container is simulated")

    async def writable_bytes(self, container_id: str) -> int:
        return 0

    async def events(self) -> AsyncIterator[PodEvent]:
        reader = _Reader()
        self._readers.append(reader)
        try:
            while True:
                event = await reader.next()
                if event is None:
                    return
                yield event
        finally:
            self._readers.remove(reader)

    def script(self, container_id: str) -> ContainerScript:
        """What a container was told to do: for probes."""
        return self._process(container_id).script

    def log(self, path: str) -> bytes:
        """The log file of a container in the CRI format, by its full path; ``b""`` when there is none."""
        process = self._logs.get(path)
        if process is None or not process.container.started_at:
            return b""
        stamp = _stamp(process.container.started_at)
        return b"".join(b"%s stdout F %s\n" % (stamp, line.encode()) for line in process.script.logs)

    def _process(self, container_id: str) -> _Process:
        process = self._processes.get(container_id)
        if process is None:
            raise NotFound(f"no such container: {container_id}")
        return process

    def _running(self, container_id: str) -> _Process:
        process = self._process(container_id)
        if process.container.state is not ContainerState.RUNNING:
            raise RuntimeFailure(f"container {container_id} is not running")
        return process

    def _end(self, process: _Process, code: int) -> None:
        """End a running container from outside."""
        if process.container.state is ContainerState.RUNNING:
            self._finish(process, code, "Completed" if code == 0 else "Error", "")

    def _finish(self, process: _Process, code: int, reason: str, message: str) -> None:
        if process.timer is not None:
            process.timer.cancel()
            process.timer = None
        now = self._now()
        process.container = replace(
            process.container,
            state=ContainerState.EXITED,
            finished_at=now,
            exit_code=code,
            reason=reason,
            message=message,
        )
        if process.ended is not None:
            process.ended.set()
        self._tell(RuntimeEvent.STOPPED, process)

    def _forget(self, container_id: str) -> None:
        process = self._processes.pop(container_id, None)
        if process is not None:
            process.pod.containers.pop(container_id, None)
            config = process.pod.sandbox.config
            self._logs.pop(f"{config.log_directory}/{process.container.config.log_path}", None)

    def _tell(self, kind: RuntimeEvent, process: _Process) -> None:
        if self._readers:
            container = process.container
            uid = process.pod.sandbox.config.uid
            event = PodEvent(kind, uid, container.sandbox_id, container.id)
            for reader in self._readers:
                reader.put(event)

    def _now(self) -> int:
        return int(self._clock.now() * 1e9)

    def _id(self) -> str:
        return self._clock.token_bytes(32).hex()


class _Reader:
    """One reader of events; the oldest are dropped when it lags."""

    def __init__(self) -> None:
        self._events: deque[PodEvent] = deque(maxlen=EVENT_BUFFER)
        self._waiting: asyncio.Future[None] | None = None
        self._closed = False

    def put(self, event: PodEvent) -> None:
        self._events.append(event)
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    async def next(self) -> PodEvent | None:
        while not self._events:
            if self._closed:
                return None
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._events.popleft()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class _Answer:
    """An exec that has already ended."""

    def __init__(self, stdout: bytes, stderr: bytes, exit_code: int) -> None:
        self._pieces = [(1, stdout), (2, stderr)]
        self._exit_code = exit_code

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        for stream, data in self._pieces:
            if data:
                yield stream, data

    async def write(self, data: bytes) -> None:
        pass

    async def close_stdin(self) -> None:
        pass

    def resize(self, width: int, height: int) -> None:
        pass

    async def wait(self) -> int:
        return self._exit_code

    async def kill(self) -> None:
        pass


def _stamp(nanoseconds: int) -> bytes:
    """RFC 3339 with nanoseconds, as log lines begin."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z".encode()


def _image(reference: str) -> Image:
    digest = "sha256:" + hashlib.sha256(reference.encode()).hexdigest()
    name = reference.rsplit("@", 1)[0]
    return Image(digest, (reference,), (f"{name}@{digest}",), 0)
