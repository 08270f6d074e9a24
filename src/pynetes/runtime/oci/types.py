"""The nouns that the runtime's verbs share: settings, paths, and the records that lie on disk.

Everything that must outlive the kubelet is a small JSON file, written whole and moved into place, so that a reader
(also one after ``kill -9``) sees the old or the new, never a half::

    ROOT/sandboxes/ID/record.json, ns/{net,ipc,uts}, shm/, resolv.conf, hostname
    ROOT/containers/ID/record.json, config.json, rootfs/, upper/, work/, pid, conmon.pid, ctl, attach
    ROOT/exits/ID          the exit code, written by conmon; its change time is the end of the container
    ROOT/runc/             runc's own state
    IMAGES/                see ``images``
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import orjson

from pynetes.runtime.types import ContainerConfig, SandboxConfig

T = TypeVar("T")

DEFAULT_CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
)
"""What a container may do unless told otherwise. Source: containerd ``pkg/oci/spec.go``."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the programs are, and what a node's administrator may choose.

    ``image_root``: the image store, which runtimes of several nodes of one host may share; ``None``: below the root.
    ``registries``: the folder that says how registries are reached, see ``registry.endpoints``; ``None``: by default.
    ``handlers``: the names of RuntimeClasses' handlers that mean this runtime.
    ``unprivileged_ports`` and ``unprivileged_icmp``: as containerd sets them in each pod's network namespace.
    """

    runc: str = "runc"
    conmon: str = "/usr/bin/conmon"
    image_root: Path | None = None
    registries: Path | None = Path("/etc/containerd/certs.d")
    cgroup_mount: Path = Path("/sys/fs/cgroup")
    shm_bytes: int = 64 * 1024 * 1024
    capabilities: tuple[str, ...] = DEFAULT_CAPABILITIES
    rlimits: tuple[tuple[str, int, int], ...] = ()
    unprivileged_ports: bool = True
    unprivileged_icmp: bool = True
    kill_seconds: float = 10.0
    handlers: tuple[str, ...] = ("", "runc")


@dataclass(frozen=True, slots=True)
class Paths:
    """Where one runtime's files are."""

    root: Path
    images: Path

    @property
    def runc(self) -> Path:
        return self.root / "runc"

    @property
    def exits(self) -> Path:
        return self.root / "exits"

    @property
    def sandboxes(self) -> Path:
        return self.root / "sandboxes"

    @property
    def containers(self) -> Path:
        return self.root / "containers"

    def sandbox(self, sandbox_id: str) -> Path:
        return self.sandboxes / sandbox_id

    def container(self, container_id: str) -> Path:
        return self.containers / container_id

    def namespace(self, sandbox_id: str, kind: str) -> Path:
        return self.sandboxes / sandbox_id / "ns" / kind


@dataclass(frozen=True, slots=True)
class SandboxRecord:
    """A sandbox on disk. ``ready`` falls once and for ever when it is stopped. ``pause_pid``: of the process that keeps
    a shared process namespace, 0 without one."""

    id: str
    config: SandboxConfig
    created_at: int
    ready: bool = True
    ips: tuple[str, ...] = ()
    pause_pid: int = 0
    pause_ticks: int = 0


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """A container on disk. ``start_ticks`` is the process's start time in /proc, which tells it from a later one of the
    same number. ``stop_signal`` is what the image or the pod asked for."""

    id: str
    sandbox_id: str
    config: ContainerConfig
    created_at: int
    image_id: str
    layers: tuple[str, ...] = ()
    pid: int = 0
    start_ticks: int = 0
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    oom_killed: bool = False
    exited: bool = False
    stop_signal: str = ""
    cgroup: str = ""
    user: tuple[int, int, tuple[int, ...]] = (0, 0, ())
    start_error: str = ""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image in the store. ``config``: the image configuration's ``config``; ``layers``: diff ids, lowest first;
    ``by_hand``: it was loaded or built, not pulled."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    layers: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    by_hand: bool = True


def save(path: Path, record: object) -> None:
    """Write a record whole: a reader never sees a half of it."""
    write_atomically(path, orjson.dumps(asdict(cast(Any, record))))


def load(kind: type[T], path: Path) -> T:
    """Raises: FileNotFoundError; ValueError when the file is no such record."""
    return cast(T, revive(kind, orjson.loads(path.read_bytes())))


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """By a hidden neighbour that takes the place of the old file."""
    temporary = path.with_name(f".{path.name}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
    os.rename(temporary, path)


_HINTS: dict[type, dict[str, Any]] = {}


def revive(kind: Any, value: Any) -> Any:
    """The dataclass that ``asdict`` took apart: nested dataclasses, tuples, mappings and optional ones of these."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        if value is None:
            return None
        return revive(next(a for a in get_args(kind) if a is not type(None)), value)
    if origin is tuple:
        kinds = get_args(kind)
        if len(kinds) == 2 and kinds[1] is ...:
            return tuple(revive(kinds[0], v) for v in value)
        return tuple(revive(k, v) for k, v in zip(kinds, value, strict=True))
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _HINTS.get(kind) or _HINTS.setdefault(kind, get_type_hints(kind))
        known = {f.name for f in fields(kind)}
        return kind(**{name: revive(hints[name], v) for name, v in value.items() if name in known})
    return value
