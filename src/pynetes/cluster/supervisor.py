"""Keeps a cluster's processes alive: forks them from one warm parent, adopts those that outlived a predecessor.

The supervisor has no loop and no thread, so that a child may be forked from it at any time; what the children share is
imported once, before, and frozen (``gc.freeze``), so that those pages are held once. A child that ends is started
again after a back-off, and counted in ``run/ends``. Children are not killed with the supervisor: they are found again
by the pid and start time in ``run/NAME.json``, which each writes before anything else, so that none is ever at work
unknown. SIGTERM ends the supervisor and its children; SIGHUP is ignored (the terminal may go). Nothing here depends
on there being room on the disk.

Source: docs/design.md, Processes.
"""

import gc
import json
import logging
import os
import select
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from pynetes.aio.backoff import Backoff
from pynetes.aio.clock import Clock

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
"""What children get between SIGTERM and SIGKILL."""

ENDS = "ends"
"""The file in ``run`` that tells which children have ended."""

LOG_SECONDS = 60.0
"""How often the lengths of the logs are looked at."""

LOG_BYTES = 16 * 1024 * 1024
"""How long a log may grow before it begins anew."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep: its name (``server``, ``brain``, ``node-1`` ...) and what it runs, never to return."""

    name: str
    main: Callable[[], None]


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process that is told from a later one of the same pid by its start time (clock ticks since boot)."""

    pid: int
    started: int

    @staticmethod
    def of(pid: int) -> "ProcessRecord | None":
        """The process as it runs now; None when it is gone or a zombie."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else ProcessRecord(pid, int(fields[19]))

    @property
    def alive(self) -> bool:
        return ProcessRecord.of(self.pid) == self


def read_record(path: Path) -> ProcessRecord | None:
    """The recorded process, if it still runs."""
    try:
        record = ProcessRecord(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return record if record.alive else None


def write_record(path: Path, pid: int) -> None:
    """Of a process that runs; of one that has ended there is nothing to say. Raises: OSError."""
    record = ProcessRecord.of(pid)
    if record is None:
        return
    text = json.dumps({"pid": record.pid, "started": record.started})
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    try:
        new.write_text(text)
        os.replace(new, path)
    except OSError:
        path.write_text(text)  # on a full disk there is room only where an older record lies


def recorded(run: Path) -> Iterator[tuple[str, ProcessRecord]]:
    """Every recorded process that runs, by name."""
    for path in sorted(run.glob("*.json")):
        record = read_record(path)
        if record is not None:
            yield path.stem, record


@dataclass(frozen=True, slots=True)
class Ends:
    """How often a child has ended under this supervisor, and how the last time."""

    count: int
    how: str


def read_ends(run: Path) -> dict[str, Ends]:
    """By child; empty while none has ended."""
    try:
        return {name: Ends(**ends) for name, ends in json.loads((run / ENDS).read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


class Supervisor:
    """One cluster's. ``run`` returns after SIGTERM, when all children have ended."""

    def __init__(self, children: Sequence[Child], run: Path, logs: Path, clock: Clock) -> None:
        self._children = {child.name: child for child in children}
        self._run = run
        self._logs = logs
        self._clock = clock
        self._backoff = Backoff(0.25, 10.0)
        self._pidfds: dict[int, str] = {}
        self._pids: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._ends: dict[str, Ends] = {}
        self._stopping = False

    def run(self) -> None:
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        write_record(self._run / "supervisor.json", os.getpid())
        (self._run / ENDS).unlink(missing_ok=True)
        gc.collect()
        gc.freeze()
        for name in self._children:
            if not self._adopt(name):
                self._fork(name)
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        while not self._stopping:
            for pidfd in self._pidfds:
                poll.register(pidfd, select.POLLIN)
            for descriptor, _ in poll.poll(self._poll_milliseconds()):
                if descriptor == wake:
                    with suppress(BlockingIOError):
                        os.read(wake, 1024)
                else:
                    poll.unregister(descriptor)
                    self._ended(descriptor)
            for name in [name for name, due in self._due.items() if due <= self._clock.monotonic()]:
                self._fork(name)
            self._trim_logs()
        self._stop_children()
        (self._run / ENDS).unlink(missing_ok=True)
        (self._run / "supervisor.json").unlink(missing_ok=True)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _poll_milliseconds(self) -> int:
        due = min(self._due.values(), default=float("inf")) - self._clock.monotonic()
        return max(0, int(min(due, LOG_SECONDS) * 1000) + 1)

    def _adopt(self, name: str) -> bool:
        record = read_record(self._run / f"{name}.json")
        if record is None:
            return False
        try:
            pidfd = os.pidfd_open(record.pid)
        except ProcessLookupError:
            return False
        log.info("adopted %s, process %d", name, record.pid)
        self._watch(name, record.pid, pidfd)
        return True

    def _fork(self, name: str) -> None:
        self._due.pop(name, None)
        try:
            pid = os.fork()
        except OSError as error:  # no memory, no process left: later, perhaps
            self._again(name, f"could not be started: {error.strerror}")
            return
        if pid == 0:
            self._become(self._children[name])
        log.info("started %s, process %d", name, pid)
        self._watch(name, pid, os.pidfd_open(pid))

    def _watch(self, name: str, pid: int, pidfd: int) -> None:
        self._pidfds[pidfd] = name
        self._pids[name] = pid

    def _become(self, child: Child) -> NoReturn:
        """In the forked process: leave everything of the supervisor behind, run the child, never return."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            for pidfd in self._pidfds:
                os.close(pidfd)
            redirect_output(self._logs / f"{child.name}.log")
            write_record(self._run / f"{child.name}.json", os.getpid())
            name_process(f"pynetes-{child.name}")
            child.main()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:  # whatever it was belongs into its log, and never into the supervisor
            log.exception("%s failed", child.name)
        finally:
            end(code)

    def _ended(self, pidfd: int) -> None:
        name = self._pidfds.pop(pidfd)
        os.close(pidfd)
        how = "ended"
        with suppress(ChildProcessError):  # an adopted one is somebody else's child
            _, status = os.waitpid(self._pids[name], 0)
            how = f"ended with {os.waitstatus_to_exitcode(status)}"
        self._again(name, how)

    def _again(self, name: str, how: str) -> None:
        """Start it again in a while, and keep count."""
        delay = self._backoff.next(name, self._clock.monotonic())
        self._due[name] = self._clock.monotonic() + delay
        log.warning("%s, process %d, %s; starting it again in %.2f s", name, self._pids.get(name, 0), how, delay)
        self._ends[name] = Ends(self._ends[name].count + 1 if name in self._ends else 1, how)
        with suppress(OSError):  # a full disk: it is only for people
            (self._run / ENDS).write_text(json.dumps({name: asdict(ends) for name, ends in self._ends.items()}))

    def _trim_logs(self) -> None:
        """Keep each log's last part beside it, as ``NAME.log.1``, when it has grown too long.

        Who writes to it appends, and so goes on at its new beginning.
        """
        for path in self._logs.glob("*.log"):
            with suppress(OSError):
                if path.stat().st_size > LOG_BYTES:
                    shutil.copyfile(path, path.with_name(path.name + ".1"))
                    os.truncate(path, 0)

    def _stop_children(self) -> None:
        """SIGTERM to all (nodes and brain before the server, so that their last words are heard), then SIGKILL."""
        for names in ([n for n in self._pids if n != "server"], [n for n in self._pids if n == "server"]):
            waiting = {pidfd: name for pidfd, name in self._pidfds.items() if name in names}
            for name in waiting.values():
                with suppress(ProcessLookupError):
                    os.kill(self._pids[name], signal.SIGTERM)
            deadline = self._clock.monotonic() + STOP_SECONDS
            while waiting and (left := deadline - self._clock.monotonic()) > 0:
                poll = select.poll()
                for pidfd in waiting:
                    poll.register(pidfd, select.POLLIN)
                for pidfd, _ in poll.poll(int(left * 1000) + 1):
                    self._forget(waiting.pop(pidfd))
            for name in waiting.values():
                with suppress(ProcessLookupError):
                    os.kill(self._pids[name], signal.SIGKILL)
                self._forget(name)

    def _forget(self, name: str) -> None:
        with suppress(ChildProcessError):
            os.waitpid(self._pids[name], 0)
        (self._run / f"{name}.json").unlink(missing_ok=True)


def redirect_output(path: Path) -> None:
    """Send this process's output to the end of a log file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.close(null)


def name_process(name: str) -> None:
    """Call this process so in ``ps -o comm`` and ``top``; the kernel keeps 15 characters."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def end(code: int) -> NoReturn:
    """Leave this process for good, without unwinding into what it was forked from."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # a full disk takes no last words
        pass
    finally:
        os._exit(code)


def detach(main: Callable[[], None], log_file: Path) -> int:
    """Run ``main`` in a process of its own that outlives this one and its terminal; its number."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        with open(reading, "rb") as told:
            number = int(told.read() or 0)
        os.waitpid(pid, 0)
        return number
    try:
        os.setsid()
        if pid := os.fork():
            os.write(writing, str(pid).encode())
            os._exit(0)
        os.chdir("/")
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the caller's lock is not ours to keep
        redirect_output(log_file)
        name_process("pynetes-supervisor")
        main()
        code = 0
    except BaseException:  # the last frame of this process: tell its log
        log.exception("the supervisor failed")
        code = 1
    end(code)
