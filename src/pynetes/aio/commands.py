"""Programs run from the loop: the one door to subprocesses, so that a recording fake can stand in it.

``RealCommands`` starts a program with ``posix_spawn`` (no fork of this process's pages, no ``preexec_fn``), gives it
its input and takes its output through anonymous memory files, and learns of its end from a pidfd: no thread, no pipe to
pump, and a grandchild that keeps the output open holds nobody up. What a program has to say must fit in memory.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pynetes.aio.clock import Clock

OUTPUT_LIMIT = 16 * 1024 * 1024
"""What is kept of each output stream, in bytes."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A program's end. ``code`` is negative where a signal ended it."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes = b""
    stderr: bytes = b""


class CommandFailed(Exception):
    """A program ended with something else than 0; ``completed`` has what it said."""

    def __init__(self, completed: Completed) -> None:
        said = (completed.stderr or completed.stdout).decode(errors="replace").strip()
        super().__init__(f"{' '.join(completed.argv[:8])}: exit code {completed.code}: {said[-2000:]}")
        self.completed = completed


class Process(Protocol):
    """A started program."""

    @property
    def pid(self) -> int: ...

    async def wait(self) -> int:
        """Its exit code, negative for a signal; may be awaited by many, again and again."""

    def send_signal(self, number: int) -> None:
        """To the program, if it still runs."""


class Commands(Protocol):
    """Runs programs. ``env`` replaces the environment; ``None`` keeps ours."""

    async def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None, check: bool = True
    ) -> Completed:
        """The program's end. A cancelled call kills it.

        Raises: CommandFailed when ``check`` and the exit code is not 0; FileNotFoundError: no such program.
        """

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        pass_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        new_session: bool = False,
    ) -> Process:
        """Start a program on the given descriptors, which the caller goes on owning."""


class _RealProcess:
    def __init__(self, pid: int, clock: Clock) -> None:
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._outstanding = clock.external()
        self._outstanding.__enter__()
        self._loop.add_reader(self._pidfd, self._reap)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        os.close(self._pidfd)
        self._outstanding.__exit__(None, None, None)
        assert result is not None
        code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        if not self._ended.done():
            self._ended.set_result(code)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        if not self._ended.done():
            signal.pidfd_send_signal(self._pidfd, number)


class RealCommands:
    """Programs of this machine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None, check: bool = True
    ) -> Completed:
        source = os.memfd_create("stdin") if stdin else os.open(os.devnull, os.O_RDONLY)
        out, err = os.memfd_create("stdout"), os.memfd_create("stderr")
        try:
            if stdin:
                _write_all(source, stdin)
                os.lseek(source, 0, os.SEEK_SET)
            process = self.spawn(argv, stdin=source, stdout=out, stderr=err, env=env)
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                process.send_signal(signal.SIGKILL)
                raise
            done = Completed(tuple(argv), code, _contents(out), _contents(err))
        finally:
            os.close(source)
            os.close(out)
            os.close(err)
        if check and done.code != 0:
            raise CommandFailed(done)
        return done

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        pass_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        new_session: bool = False,
    ) -> Process:
        actions = [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in pass_fds]
        actions += [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate((stdin, stdout, stderr))]
        pid = os.posix_spawnp(
            argv[0],
            list(argv),
            os.environ if env is None else env,
            file_actions=actions,
            setsid=new_session,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ),
        )
        return _RealProcess(pid, self._clock)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _contents(fd: int) -> bytes:
    size = min(os.fstat(fd).st_size, OUTPUT_LIMIT)
    return os.pread(fd, size, 0) if size else b""


@dataclass(slots=True)
class RecordingCommands:
    """A fake for tests: remembers what was asked, answers what it was told to.

    ``answers``: functions from (argv, stdin) to ``Completed`` or None, asked in order; else success without a word.
    """

    answers: Iterable[Callable[[tuple[str, ...], bytes], Completed | None]] = ()
    calls: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    environments: list[Mapping[str, str] | None] = field(default_factory=list)

    async def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None, check: bool = True
    ) -> Completed:
        command = tuple(argv)
        self.calls.append((command, stdin))
        self.environments.append(env)
        done = next((d for answer in self.answers if (d := answer(command, stdin)) is not None), Completed(command, 0))
        if check and done.code != 0:
            raise CommandFailed(done)
        return done

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        pass_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        new_session: bool = False,
    ) -> Process:
        raise NotImplementedError("a recorded program has no process")
