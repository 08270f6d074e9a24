"""Control groups, version 1 (also hybrid) and 2: what a container used, its processes, whether memory ran out.

Source: Linux ``Documentation/admin-guide/cgroup-v1/memory.rst``, ``cgroup-v2.rst``; cAdvisor's working set.
"""

import os
import signal
from pathlib import Path

from pynetes.runtime.types import Usage

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd", "net_cls",
               "net_prio", "hugetlb", "perf_event", "rdma", "misc", "unified")  # fmt: skip


class Cgroups:
    """The hierarchy under one mount point; paths are as in ``cgroupsPath``."""

    def __init__(self, mount: Path) -> None:
        self.mount = mount
        self.v2 = (mount / "cgroup.controllers").exists()

    def usage(self, path: str) -> Usage:
        """Raises: OSError when the group is gone."""
        memory = _table(self._file("memory", path, "memory.stat"))
        if self.v2:
            cpu = _table(self._file("cpu", path, "cpu.stat"))["usage_usec"] * 1000
            used = _number(self._file("memory", path, "memory.current"))
            inactive, rss = memory.get("inactive_file", 0), memory.get("anon", 0)
        else:
            cpu = _number(self._file("cpuacct", path, "cpuacct.usage"))
            used = _number(self._file("memory", path, "memory.usage_in_bytes"))
            inactive, rss = memory.get("total_inactive_file", 0), memory.get("total_rss", 0)
        return Usage(cpu, max(0, used - inactive), rss, used)

    def oom_kills(self, path: str) -> int:
        """How many processes of the group were killed because memory ran out; 0 when the group is gone."""
        try:
            if self.v2:
                return _table(self._file("memory", path, "memory.events")).get("oom_kill", 0)
            return _table(self._file("memory", path, "memory.oom_control")).get("oom_kill", 0)
        except OSError:
            return 0

    def processes(self, path: str) -> list[int]:
        try:
            return [int(p) for p in self._file("pids", path, "cgroup.procs").read_text().split()]
        except OSError:
            return []

    def kill(self, path: str) -> None:
        """SIGKILL to all that is in the group now."""
        for pid in self.processes(path):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def remove(self, path: str) -> None:
        """Delete an empty group in every hierarchy; what is in use or gone stays as it is."""
        if not path.strip("/"):
            return
        for base in [self.mount] if self.v2 else [self.mount / c for c in CONTROLLERS]:
            try:
                os.rmdir(base / path.strip("/"))
            except OSError:
                pass

    def _file(self, controller: str, path: str, name: str) -> Path:
        base = self.mount if self.v2 else self.mount / controller
        return base / path.strip("/") / name


def _number(file: Path) -> int:
    return int(file.read_text())


def _table(file: Path) -> dict[str, int]:
    rows = (line.split() for line in file.read_text().splitlines())
    return {r[0]: int(r[1]) for r in rows if len(r) == 2}
