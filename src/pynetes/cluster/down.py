"""Take a cluster down and leave nothing: no process, mount, namespace, interface, rule, cgroup, context or file.

Works also when everything was killed, half-made, or its configuration is damaged: it goes by what it finds.
"""

import errno
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from pynetes.aio.clock import Clock, pause
from pynetes.cluster.config import ClusterConfig, ClusterDir, ConfigError
from pynetes.cluster.kubeconfig import default_path, remove_context
from pynetes.cluster.supervisor import ProcessRecord, read_record, recorded

CGROUP_MOUNT = Path("/sys/fs/cgroup")
STOP_SECONDS = 25.0

ATTEMPTS = 50
ATTEMPT_SECONDS = 0.05
"""How often, and with what pause, something is removed that is still in use by what was killed."""


def down(folder: ClusterDir, kubeconfig: Path | None, clock: Clock, done: Callable[[str], None]) -> None:
    """Blocking; ``done`` is told each step. Raises: ConfigError when there is nothing of that name; OSError and
    CommandFailed for what could not be removed."""
    if not folder.path.exists() and not traces(folder):
        raise ConfigError(f"there is no cluster {folder.path.name!r}; `pynetes status` lists them")
    config: ClusterConfig | None = None
    with suppress(ConfigError):
        config = folder.load()
    stop_processes(folder, clock)
    done("control plane and nodes stopped")
    path = kubeconfig or default_path()
    try:
        if remove_context(path, f"pynetes-{folder.path.name}", config.id if config else None):
            done(f"context pynetes-{folder.path.name} taken out of {path}")
    except (ConfigError, OSError) as error:
        done(f"context pynetes-{folder.path.name} left alone: {error}")
    remove(folder, config.handle if config else folder.handle, clock)
    done(f"{'containers, mounts, cgroups, networks and ' if os.geteuid() == 0 else ''}{folder.path} removed")


def remove(folder: ClusterDir, handle: str, clock: Clock) -> None:
    """Everything but processes of our own and the context. Raises: OSError, CommandFailed."""
    if os.geteuid() == 0:
        from pynetes.cluster.network import remove as remove_network

        kill_containers(folder, handle, clock)
        unmount_all(folder.path)
        remove_cgroups(handle, clock)
        remove_network(handle, clock)
    for attempt in range(ATTEMPTS):
        try:
            shutil.rmtree(folder.path)
        except FileNotFoundError:
            return
        except OSError:  # a process that was killed wrote its last: look again
            if attempt == ATTEMPTS - 1:
                raise
            pause(ATTEMPT_SECONDS)


def traces(folder: ClusterDir) -> bool:
    """Whether something of a cluster is on this host though its folder is gone."""
    if os.geteuid() != 0:
        return False
    from pynetes.network import names, namespaces

    found = namespaces.names(names.namespace_prefix(folder.handle))
    return any(namespaces.held(namespaces.RUN_NETNS / name) for name in found) or any(cgroups(folder.handle))


def stop_processes(folder: ClusterDir, clock: Clock) -> None:
    """The supervisor first (it stops the others), then whatever is left, in the end by SIGKILL."""
    supervisor = read_record(folder.run / "supervisor.json")
    if supervisor is not None:
        kill([supervisor], signal.SIGTERM)
        wait_ended([supervisor], STOP_SECONDS, clock)
    rest = [*(record for _, record in recorded(folder.run)), *writers(folder.logs)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        kill(rest, number)
        wait_ended(rest, 5.0, clock)


def writers(logs: Path) -> Iterator[ProcessRecord]:
    """The processes whose output goes to the cluster's logs: its own, whether or not a record tells of them."""
    prefix = os.path.realpath(logs) + "/"
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if os.readlink(entry / "fd/1").startswith(prefix):
                record = ProcessRecord.of(int(entry.name))
                if record is not None:
                    yield record


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


def kill_containers(folder: ClusterDir, handle: str, clock: Clock) -> None:
    """Every shim below the cluster's folder and every process in its cgroups."""
    for _ in range(50):
        found = [*shims(folder.path), *cgroup_processes(handle)]
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


def cgroups(handle: str) -> Iterator[Path]:
    """The cluster's cgroups in every hierarchy, the innermost first."""
    roots = [CGROUP_MOUNT, *(p for p in CGROUP_MOUNT.iterdir() if p.is_dir())] if CGROUP_MOUNT.is_dir() else []
    for root in roots:
        top = root / f"pynetes-{handle}"
        if top.is_dir():
            for path, _, _ in os.walk(top, topdown=False):
                yield Path(path)


def cgroup_processes(handle: str) -> Iterator[ProcessRecord]:
    for cgroup in cgroups(handle):
        with suppress(OSError):
            for line in (cgroup / "cgroup.procs").read_text().split():
                record = ProcessRecord.of(int(line))
                if record is not None:
                    yield record


def remove_cgroups(handle: str, clock: Clock) -> None:
    """Raises: OSError for one that stays busy."""
    for attempt in range(ATTEMPTS):
        try:
            for cgroup in list(cgroups(handle)):
                with suppress(FileNotFoundError):
                    cgroup.rmdir()
        except OSError as error:  # EBUSY: the kernel lets go of a killed process a moment later
            if error.errno != errno.EBUSY or attempt == ATTEMPTS - 1:
                raise
            pause(ATTEMPT_SECONDS)
        else:
            return


def unmount_all(path: Path) -> None:
    """Detach every mount below the folder, the innermost first."""
    from pynetes.network.namespaces import unmount

    prefix = f"{os.path.realpath(path)}/"
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    targets = [line.split(" ")[4].encode().decode("unicode_escape") for line in lines]
    for target in sorted((t for t in targets if t.startswith(prefix)), key=len, reverse=True):
        unmount(Path(target))
