"""The runtime's contract, shaped like CRI v1: sandboxes, containers, images, exec, events.

Durations are seconds, times are nanoseconds since the epoch (as CRI has them), sizes are bytes. Ids are the
runtime's own.

Everything survives the kubelet: after a restart ``list_sandboxes`` and ``list_containers`` tell what runs.

Source: k8s.io/cri-api ``pkg/apis/runtime/v1/api.proto``.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class RuntimeFailure(Exception):
    """An operation failed. ``reason`` is the kubelet's word for it where it has one (``ErrImageNeverPull``,
    ``CreateContainerError``, ``RunContainerError`` ...), else ``""``."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class NotFound(RuntimeFailure):
    """No such sandbox, container or image."""


class SandboxState(Enum):
    READY = "SANDBOX_READY"
    NOT_READY = "SANDBOX_NOTREADY"


class ContainerState(Enum):
    CREATED = "CONTAINER_CREATED"
    RUNNING = "CONTAINER_RUNNING"
    EXITED = "CONTAINER_EXITED"
    UNKNOWN = "CONTAINER_UNKNOWN"


@dataclass(frozen=True, slots=True)
class PortMapping:
    protocol: str
    container_port: int
    host_port: int
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class DNSConfig:
    """The lines of the pod's resolv.conf."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IDRange:
    """The host's user and group ids ``[first, first + count)``, which a pod sees as ``[0, count)``."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class LinuxSandbox:
    """Namespaces are shared with the host where the flag is set. ``cgroup_parent`` is the pod's cgroup path. ``users``:
    the ids of the user namespace that the pod has to itself; files of its mounts appear to it with their own owners."""

    cgroup_parent: str = ""
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_process_namespace: bool = False
    sysctls: Mapping[str, str] = field(default_factory=dict)
    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    privileged: bool = False
    users: IDRange | None = None


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    name: str
    namespace: str
    uid: str
    attempt: int = 0
    hostname: str = ""
    log_directory: str = ""
    dns: DNSConfig = field(default_factory=DNSConfig)
    port_mappings: tuple[PortMapping, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    runtime_handler: str = ""
    linux: LinuxSandbox = field(default_factory=LinuxSandbox)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """``ips``: one address per IP family, the primary first; empty for host network."""

    id: str
    config: SandboxConfig
    state: SandboxState
    created_at: int
    ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount. ``propagation`` is ``private``, ``rslave`` or ``rshared``. ``recursive_readonly``: what is mounted
    below cannot be written to either.

    ``image``: an image that is there, by its id: its files are mounted, read-only, in place of ``host_path`` (``""``);
    of them only ``image_sub_path`` where that is set.
    """

    container_path: str
    host_path: str
    readonly: bool = False
    propagation: str = "private"
    image: str = ""
    image_sub_path: str = ""
    recursive_readonly: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """Limits of one container; 0 or empty means none. ``cpu_quota`` microseconds a ``cpu_period``. ``hugepages``: bytes
    by page size (``2MB``, ``1GB``)."""

    cpu_shares: int = 0
    cpu_quota: int = 0
    cpu_period: int = 100_000
    memory_limit: int = 0
    oom_score_adj: int = 0
    pids_limit: int = 0
    hugepages: Mapping[str, int] = field(default_factory=dict)
    unified: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Security:
    """Who the container runs as and what it may do. Capabilities are without ``CAP_``. ``seccomp`` is empty
    (unconfined), ``runtime/default`` or ``localhost/`` and the absolute path of a profile."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    supplemental_groups_policy: str = "Merge"
    privileged: bool = False
    readonly_rootfs: bool = False
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    no_new_privileges: bool = False
    masked_paths: tuple[str, ...] | None = None
    readonly_paths: tuple[str, ...] | None = None
    seccomp: str = ""


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """``log_path`` is relative to the sandbox's log directory. Empty command and args: the image's. ``processes_of``:
    the container of the same sandbox whose processes it sees, by its id; ``""``: those that the sandbox's settings say.
    """

    name: str
    attempt: int
    image: str
    image_id: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    envs: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    log_path: str = ""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    security: Security = field(default_factory=Security)
    stop_signal: str = ""
    processes_of: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """``reason`` is ``Completed``, ``Error``, ``OOMKilled`` ... once exited. ``user``: (uid, gid, groups). ``image``: a
    name of its image, ``image_ref``: by its contents."""

    id: str
    sandbox_id: str
    config: ContainerConfig
    state: ContainerState
    created_at: int
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_ref: str = ""
    user: tuple[int, int, tuple[int, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who pulls from a registry."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Image:
    """``user`` is the image's USER: digits or a name, or ``""``. ``pulled``: from a registry, not loaded by hand."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    user: str = ""
    pulled: bool = False


@dataclass(frozen=True, slots=True)
class ExecResult:
    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used: CPU in nanoseconds since its start, memory in bytes."""

    cpu_nanoseconds: int
    memory_working_set: int
    memory_rss: int = 0
    memory_usage: int = 0


class RuntimeEvent(Enum):
    CREATED = "CONTAINER_CREATED_EVENT"
    STARTED = "CONTAINER_STARTED_EVENT"
    STOPPED = "CONTAINER_STOPPED_EVENT"
    DELETED = "CONTAINER_DELETED_EVENT"


@dataclass(frozen=True, slots=True)
class PodEvent:
    """Something happened to a container (or sandbox) of this pod: look again."""

    kind: RuntimeEvent
    pod_uid: str
    sandbox_id: str
    container_id: str


class Streams(Protocol):
    """A running exec or attach: bytes both ways, in whatever pieces they come."""

    def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pairs of (1: stdout or 2: stderr, bytes) until both ended."""

    async def write(self, data: bytes) -> None:
        """To the process's standard input."""

    async def close_stdin(self) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    async def wait(self) -> int:
        """The exit code."""

    async def kill(self) -> None:
        """End the process: the caller went away."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a runtime can do on this machine, as the Node reports it."""

    recursive_read_only_mounts: bool = False
    user_namespaces: bool = False
    supplemental_groups_policy: bool = True


class Runtime(Protocol):
    """What a kubelet needs. Every call may raise ``RuntimeFailure``; stop and remove of what is gone succeed.

    ``handlers``: what RuntimeClasses may name, ``""`` (the default) among them.
    """

    name: str
    version: str

    features: Features

    @property
    def handlers(self) -> Sequence[str]: ...

    async def start(self) -> None:
        """Open the state, adopt what still runs, clean up what a killed predecessor left half-made."""

    async def close(self) -> None:
        """Let go without stopping anything."""

    async def run_sandbox(self, config: SandboxConfig) -> Sandbox: ...

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Stop its containers, give back its addresses."""

    async def remove_sandbox(self, sandbox_id: str) -> None: ...

    async def list_sandboxes(self) -> Sequence[Sandbox]: ...

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        """The new container's id."""

    async def start_container(self, container_id: str) -> None: ...

    async def stop_container(self, container_id: str, timeout_seconds: float) -> None:
        """Its stop signal, then after the timeout SIGKILL; returns when it has ended."""

    async def remove_container(self, container_id: str) -> None: ...

    async def list_containers(self, sandbox_id: str = "") -> Sequence[Container]: ...

    async def container(self, container_id: str) -> Container: ...

    async def update_resources(self, container_id: str, resources: Resources) -> None: ...

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> ExecResult:
        """Raises: TimeoutError when it ran out (0: never)."""

    async def exec(self, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> Streams: ...

    async def attach(self, container_id: str, *, tty: bool, stdin: bool) -> Streams: ...

    async def dial(self, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a port of ``localhost`` in the pod's network. Raises: OSError when nobody takes it."""

    async def image(self, reference: str) -> Image | None: ...

    async def list_images(self) -> Sequence[Image]: ...

    async def pull_image(self, reference: str, credentials: Credentials | None = None) -> Image:
        """Raises: RuntimeFailure, with the registry's word, where it cannot be had."""

    async def remove_image(self, reference: str) -> None: ...

    async def usage(self, container_id: str) -> Usage: ...

    async def writable_bytes(self, container_id: str) -> int:
        """The disk that its writable layer takes; 0 for one that is gone."""

    def events(self) -> AsyncIterator[PodEvent]:
        """What happens from now on. A slow reader may miss some: re-list now and then."""
