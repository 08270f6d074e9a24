"""The seam between the kubelet and its machine: what it knows of it, and what it does to its disk, cgroups and network.

``linux.LinuxHost`` is the real one. ``simulated.SimulatedHost`` does nothing and succeeds, so that thousands of pods
live on one kubelet. No other module of the kubelet may touch the file system, cgroups or a pod's network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from pynetes.meta.objects import Object
from pynetes.runtime.types import Container


@dataclass(frozen=True, slots=True)
class Machine:
    """What the node reports about itself. ``memory`` and ``ephemeral_storage`` are in bytes."""

    cpus: int
    memory: int
    ephemeral_storage: int
    hugepages: Mapping[str, int] = field(default_factory=dict)
    hostname: str = ""
    machine_id: str = ""
    system_uuid: str = ""
    boot_id: str = ""
    kernel_version: str = ""
    os_image: str = ""
    architecture: str = "amd64"
    swap: int = 0
    apparmor: bool = False
    selinux: bool = False


class MountError(Exception):
    """A volume could not be set up; the message is the part after ``MountVolume.SetUp failed for volume "v" : ``."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a projected volume: bytes and mode; ``owner`` is a user id where it is not root."""

    data: bytes
    mode: int
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class Medium:
    """What an emptyDir is kept on. ``kind``: ``""`` (the disk), ``tmpfs`` or ``hugetlbfs``; ``size_bytes`` 0: as the
    kernel likes; ``page_size``: ``2Mi``."""

    kind: str = ""
    size_bytes: int = 0
    page_size: str = ""


class Outcome(Enum):
    """What a probe found."""

    SUCCESS = "success"
    FAILURE = "failure"
    WARNING = "warning"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """A probe about to run. ``kind`` is ``readiness``, ``liveness`` or ``startup``."""

    kind: str
    probe: Object
    pod: Object
    spec: Object
    container: Container
    pod_ip: str


class Volumes(Protocol):
    """Files and mounts below a pod's folder. All paths are absolute."""

    needs_tokens: bool
    """Whether service account tokens are worth asking for."""

    async def directory(self, path: str, *, mode: int = 0o750) -> None: ...

    async def empty_dir(self, path: str, medium: Medium, *, fs_group: int | None) -> None:
        """Raises: OSError, MountError."""

    async def payload(self, path: str, files: Mapping[str, File], *, memory: bool, fs_group: int | None) -> bool:
        """Replace a projected volume's content atomically; ``memory``: it is a tmpfs. True: it changed."""

    async def host_path(self, path: str, type_: str) -> None:
        """Raises: MountError when it is not of this type."""

    async def sub_path(self, volume: str, sub_path: str, target: str) -> str:
        """The host path of a subPath inside a volume, made when it is absent; where it can be, it is bound to
        ``target``, so that it cannot be swapped any more. Raises: MountError, whose message goes on with whose it is.
        """

    async def file(self, volume: str, path: str) -> bytes | None:
        """What a file of a volume says, wherever in the volume its links lead; None: there is no such file."""

    async def usage(self, path: str) -> int:
        """Bytes on disk below a path."""

    async def tear_down(self, pod_dir: str) -> None:
        """Unmount and remove everything below a pod's folder."""


class Host(Protocol):
    """Everything that a kubelet asks of its machine."""

    @property
    def volumes(self) -> Volumes: ...

    async def machine(self) -> Machine: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def ensure_cgroup(self, pod: Object) -> str:
        """Make the pod's cgroup with its limits; its path, for the runtime (``""``: none)."""

    async def remove_cgroup(self, pod_uid: str) -> None: ...

    async def remaining_pods(self) -> Sequence[str]:
        """UIDs of the pods that have a folder or a cgroup."""

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None: ...

    async def read_file(self, path: str, limit: int = 0, *, tail: bool = False) -> bytes:
        """``b""`` for a file that is not there."""

    async def remove_logs(self, directory: str) -> None: ...

    async def static_files(self, folder: str) -> Mapping[str, bytes]:
        """The files directly in a folder of static pods, by path; none where there is no such folder."""

    def watch_folder(self, folder: str, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` on the loop when something in the folder did; what is returned ends it."""

    async def rotate_logs(self, path: str, max_bytes: int, max_files: int) -> bool:
        """Rotate one container log when it is too long: copied, then cut in place. True: it was."""

    async def resolv_conf(self, path: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Servers, searches, options of a resolv.conf."""

    async def probe(self, target: ProbeTarget) -> tuple[Outcome, str]:
        """Run a probe once, within its ``timeoutSeconds``; what it found and its output."""

    async def http_get(self, url: str, headers: Sequence[tuple[str, str]], timeout_seconds: float) -> tuple[int, bytes]:
        """For lifecycle hooks. Raises: OSError, TimeoutError."""
