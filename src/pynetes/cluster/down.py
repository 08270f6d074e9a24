"""Take a cluster down and leave nothing: no process, mount, namespace, interface, rule, cgroup, context or file.

Works also when everything was killed, half-made, or its configuration is damaged: it goes by what it finds.
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.cluster.config import ClusterConfig, ClusterDir, ConfigError
from pynetes.cluster.kubeconfig import default_path, remove_context
from pynetes.cluster.supervisor import ProcessRecord, read_record, recorded

CGROUP_MOUNT = Path("/sys/fs/cgroup")
STOP_SECONDS = 25.0


def down(folder: ClusterDir, kubeconfig: Path | None, clock: Clock, report: Callable[[str], None]) -> None:
    """Blocking. Raises: ConfigError when there is nothing of that name; OSError for what could not be removed."""
    if not folder.path.exists():
        raise ConfigError(f"there is no cluster {folder.path.name!r}; `pynetes status` lists them")
    config: ClusterConfig | None = None
    with suppress(ConfigError):
        config = folder.load()
    stop_processes(folder, clock)
    report("control plane and nodes stopped")
    if os.geteuid() == 0:
        kill_containers(folder, clock)
        unmount_all(folder.path)
        remove_cgroups(folder.path.name)
        from pynetes.cluster.network import remove

        remove(folder.path.name, clock)
        report("containers, mounts, cgroups and networks removed")
    if config is not None and remove_context(kubeconfig or default_path(), config.context, config.id):
        report(f"context {config.context} taken out of the kubeconfig")
    shutil.rmtree(folder.path)
    report(f"{folder.path} removed")


def stop_processes(folder: ClusterDir, clock: Clock) -> None:
    """The supervisor first (it stops the others), then whatever is left, in the end by SIGKILL."""
    supervisor = read_record(folder.run / "supervisor.json")
    if supervisor is not None:
        kill([supervisor], signal.SIGTERM)
        wait_ended([supervisor], STOP_SECONDS, clock)
    rest = [record for _, record in recorded(folder.run)]
    kill(rest, signal.SIGTERM)
    wait_ended(rest, 5.0, clock)
    kill(rest, signal.SIGKILL)
    wait_ended(rest, 5.0, clock)


def kill(processes: list[ProcessRecord], number: signal.Signals) -> None:
    for process in processes:
        if process.alive:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def wait_ended(processes: list[ProcessRecord], seconds: float, clock: Clock) -> None:
    import select

    deadline = clock.monotonic() + seconds
    for process in processes:
        try:
            pidfd = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            while process.alive and (left := deadline - clock.monotonic()) > 0:
                poll.poll(int(left * 1000) + 1)
        finally:
            os.close(pidfd)


def kill_containers(folder: ClusterDir, clock: Clock) -> None:
    """Every shim below the cluster's folder and every process in its cgroups."""
    for _ in range(50):
        found = [*shims(folder.path), *cgroup_processes(folder.path.name)]
        if not found:
            return
        kill(found, signal.SIGKILL)
        wait_ended(found, 2.0, clock)


def shims(path: Path) -> Iterator[ProcessRecord]:
    """Processes with a path below the cluster's folder in their command line (conmon, runc)."""
    needle = os.fsencode(path) + b"/"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            program = command.split(b"\0", 1)[0].rsplit(b"/", 1)[-1]
            if needle in command and program in (b"conmon", b"runc"):
                record = ProcessRecord.of(int(entry.name))
                if record is not None:
                    yield record


def cgroups(name: str) -> Iterator[Path]:
    """The cluster's cgroups in every hierarchy, the innermost first."""
    roots = [CGROUP_MOUNT, *(p for p in CGROUP_MOUNT.iterdir() if p.is_dir())] if CGROUP_MOUNT.is_dir() else []
    for root in roots:
        top = root / f"pynetes-{name}"
        if top.is_dir():
            for path, _, _ in os.walk(top, topdown=False):
                yield Path(path)


def cgroup_processes(name: str) -> Iterator[ProcessRecord]:
    for cgroup in cgroups(name):
        with suppress(OSError):
            for line in (cgroup / "cgroup.procs").read_text().split():
                record = ProcessRecord.of(int(line))
                if record is not None:
                    yield record


def remove_cgroups(name: str) -> None:
    for cgroup in list(cgroups(name)):
        with suppress(FileNotFoundError):
            cgroup.rmdir()


def unmount_all(path: Path) -> None:
    """Detach every mount below the folder, the innermost first."""
    from pynetes.network.namespaces import unmount

    prefix = f"{os.path.realpath(path)}/"
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    targets = [line.split(" ")[4].encode().decode("unicode_escape") for line in lines]
    for target in sorted((t for t in targets if t.startswith(prefix)), key=len, reverse=True):
        unmount(Path(target))
