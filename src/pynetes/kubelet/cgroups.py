"""Cgroups of pods: ``kubepods[/burstable|/besteffort]/pod<uid>``. Version 2 is the model, version 1 an adapter.

All calls block for microseconds and touch only files; ``root`` may be any folder, which is how the tests see them.

Source: kubernetes ``pkg/kubelet/cm/{cgroup_manager,pod_container_manager,qos_container_manager}_linux.go``.
"""

import errno
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pynetes.kubelet import pods
from pynetes.kubelet.resources import PERIOD_US, cpu_quota, cpu_shares, milli, pod_limits, pod_requests, whole
from pynetes.meta.objects import Object

V1_CONTROLLERS = ("cpu", "cpuacct", "memory", "pids", "cpuset", "devices", "freezer", "blkio", "hugetlb", "systemd")
V2_CONTROLLERS = ("cpu", "memory", "pids", "cpuset", "io", "hugetlb")
QOS_FOLDER = {"Guaranteed": "", "Burstable": "/burstable", "BestEffort": "/besteffort"}


@dataclass(frozen=True, slots=True)
class Limits:
    """0: no limit. ``cpu_quota`` in microseconds a period of 100 ms."""

    cpu_shares: int = 2
    cpu_quota: int = 0
    memory: int = 0
    pids: int = 0


def pod_limits_of(pod: Object) -> Limits:
    """What holds for all containers of a pod together: a limit only where every container has one."""
    requests, limits = pod_requests(pod), pod_limits(pod)
    own = (pod["spec"].get("resources") or {}).get("limits") or {}
    everyone = [c.get("resources") or {} for c in [*pods.containers(pod), *pods.init_containers(pod)]]

    def all_have(name: str) -> bool:
        return name in own or all(name in (r.get("limits") or {}) for r in everyone)

    qos = pods.qos_class(pod)
    return Limits(
        cpu_shares=cpu_shares(0 if qos == "BestEffort" else milli(requests, "cpu")),
        cpu_quota=cpu_quota(milli(limits, "cpu")) if all_have("cpu") else 0,
        memory=whole(limits, "memory") if all_have("memory") else 0,
    )


class _Driver(Protocol):
    def make(self, path: str) -> None: ...

    def set(self, path: str, limits: Limits) -> None: ...

    def folders(self, path: str) -> list[Path]: ...


class Cgroups:
    """``parent``: a path below the root that all of this node's cgroups are in (``""``: the root)."""

    def __init__(self, root: str = "/sys/fs/cgroup", parent: str = "") -> None:
        base = Path(root)
        self._parent = "/" + parent.strip("/") if parent.strip("/") else ""
        unified = (base / "cgroup.controllers").exists()
        self._driver: _Driver = _V2(base) if unified else _V1(base)
        self._pods: dict[str, str] = {}
        self._burstable: dict[str, int] = {}

    def start(self, capacity_milli_cpu: int) -> None:
        """Make the parents of all pods."""
        self._driver.make(self._path())
        self._driver.set(self._path(), Limits(cpu_shares=cpu_shares(capacity_milli_cpu)))
        for folder in ("/burstable", "/besteffort"):
            self._driver.make(self._path(folder))
            self._driver.set(self._path(folder), Limits())

    def ensure(self, pod: Object) -> str:
        """Make the pod's cgroup with its limits; its path from the root. Raises: OSError."""
        uid = pod["metadata"]["uid"]
        path = self._path(f"{QOS_FOLDER[pods.qos_class(pod)]}/pod{uid}")
        limits = pod_limits_of(pod)
        self._driver.make(path)
        self._driver.set(path, limits)
        self._pods[uid] = path
        if pods.qos_class(pod) == "Burstable":
            self._burstable[uid] = limits.cpu_shares
            self._weigh_burstable()
        return path

    def remove(self, uid: str) -> None:
        """Remove a pod's cgroup with all below it. Raises: OSError while processes are left in it."""
        candidates = [self._path(f"{folder}/pod{uid}") for folder in QOS_FOLDER.values()]
        for path in candidates:
            for folder in self._driver.folders(path):
                _remove_tree(folder)
        self._pods.pop(uid, None)
        if self._burstable.pop(uid, None) is not None:
            self._weigh_burstable()

    def _weigh_burstable(self) -> None:
        total = max(sum(self._burstable.values()), 2)
        self._driver.set(self._path("/burstable"), Limits(cpu_shares=total))

    def _path(self, rest: str = "") -> str:
        return f"{self._parent}/kubepods{rest}"


class _V2:
    """One tree; a controller must be handed down from each folder to its children."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def make(self, path: str) -> None:
        folder = self._root
        for part in path.strip("/").split("/"):
            self._hand_down(folder)
            folder = folder / part
            folder.mkdir(exist_ok=True)
        self._hand_down(folder)

    def set(self, path: str, limits: Limits) -> None:
        folder = self._root / path.strip("/")
        _write(folder / "cpu.weight", str(weight(limits.cpu_shares)))
        _write(folder / "cpu.max", f"{limits.cpu_quota or 'max'} {PERIOD_US}")
        _write(folder / "memory.max", str(limits.memory or "max"))
        _write(folder / "pids.max", str(limits.pids or "max"))

    def folders(self, path: str) -> list[Path]:
        return [self._root / path.strip("/")]

    def _hand_down(self, folder: Path) -> None:
        try:
            has = (folder / "cgroup.controllers").read_text().split()
        except OSError:
            return
        for controller in V2_CONTROLLERS:
            if controller in has:
                _write(folder / "cgroup.subtree_control", f"+{controller}")


class _V1:
    """A tree a controller, of those that are mounted."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._trees: Mapping[str, Path] = {c: root / c for c in V1_CONTROLLERS if (root / c).is_dir()}

    def make(self, path: str) -> None:
        for controller, tree in self._trees.items():
            folder = tree
            for part in path.strip("/").split("/"):
                parent, folder = folder, folder / part
                folder.mkdir(exist_ok=True)
                if controller == "cpuset":
                    _inherit(parent, folder, ("cpuset.cpus", "cpuset.mems"))

    def set(self, path: str, limits: Limits) -> None:
        for controller, name, value in (
            ("cpu", "cpu.shares", limits.cpu_shares),
            ("cpu", "cpu.cfs_period_us", PERIOD_US),
            ("cpu", "cpu.cfs_quota_us", limits.cpu_quota or -1),
            ("memory", "memory.limit_in_bytes", limits.memory or -1),
            ("pids", "pids.max", limits.pids or "max"),
        ):
            if controller in self._trees:
                _write(self._trees[controller] / path.strip("/") / name, str(value))

    def folders(self, path: str) -> list[Path]:
        """In every tree there is: runtimes also make them in those that we set nothing in (``unified``, ``misc``)."""
        return [tree / path.strip("/") for tree in self._root.iterdir() if tree.is_dir() and not tree.is_symlink()]


def weight(shares: int) -> int:
    """Version 1 shares as a version 2 weight."""
    return 1 + ((shares - 2) * 9999) // 262142


def _write(path: Path, text: str) -> None:
    """A knob that this kernel does not have is left out."""
    try:
        path.write_text(text)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EOPNOTSUPP, errno.EINVAL):
            raise


def _inherit(parent: Path, folder: Path, names: Iterable[str]) -> None:
    """A new cpuset is empty, and an empty one takes no process."""
    for name in names:
        try:
            if not (folder / name).read_text().strip():
                (folder / name).write_text((parent / name).read_text())
        except OSError:
            continue


def _remove_tree(folder: Path) -> None:
    """Folders from the inside out; their files go with them."""
    if not folder.is_dir():
        return
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            _remove_tree(Path(entry.path))
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:  # an ordinary file system, in tests: knobs are real files there
            for entry in list(os.scandir(folder)):
                os.unlink(entry.path)
            folder.rmdir()
        else:
            raise
