"""Run a further process in a container: ``runc exec`` in the foreground, whose exit code is the process's.

With a terminal, runc gets one of ours as its own and copies between it and the container's; a change of its size
reaches the container by SIGWINCH. The process ends with its caller: nobody could read its answer any more.
"""

import os
import pty
import signal
import tty as tty_modes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from pynetes.aio.commands import OUTPUT_LIMIT, Process
from pynetes.runtime.oci.state import Life, State
from pynetes.runtime.oci.streams import PipeStreams
from pynetes.runtime.types import ExecResult, RuntimeFailure

RUNC_FAILED = 255
"""runc's own exit code when it could not start the process; a process may have it, too."""


async def exec_sync(state: State, container_id: str, command: Sequence[str], timeout_seconds: float) -> ExecResult:
    """Run to the end. Raises: TimeoutError after the timeout (0: never), when the process has been killed."""
    attempt = _Attempt(state, container_id, command, tty=False)
    stdout, stderr = os.memfd_create("stdout"), os.memfd_create("stderr")
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        process = attempt.spawn(stdin=null, stdout=stdout, stderr=stderr)
        try:
            code = await state.clock.wait_for(process.wait(), timeout_seconds or None)
        except BaseException:
            attempt.kill()
            await process.wait()
            raise
        code = attempt.code(code)
        return ExecResult(code, _contents(stdout), _contents(stderr))
    finally:
        attempt.clear()
        for fd in (stdout, stderr, null):
            os.close(fd)


async def exec_(state: State, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> PipeStreams:
    """Start it; the caller reads, writes and waits."""
    attempt = _Attempt(state, container_id, command, tty=tty)
    ours: list[int] = []
    theirs: list[int] = []
    try:
        if tty:
            master, slave = pty.openpty()
            tty_modes.setraw(slave)  # runc's own terminal does the echo; ours would, too, until runc has begun
            ours, theirs = [master], [slave]
            process = attempt.spawn(stdin=slave, stdout=slave, stderr=slave)
            write, outputs = master, {1: master}
        else:
            (out_read, out_write), (err_read, err_write) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
            ours, theirs = [out_read, err_read], [out_write, err_write]
            if stdin:
                source, write = os.pipe2(os.O_CLOEXEC)
                ours.append(write)
            else:
                source, write = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1
            theirs.append(source)
            process = attempt.spawn(stdin=source, stdout=out_write, stderr=err_write)
            outputs = {1: out_read, 2: err_read}
    except BaseException:
        for fd in ours:
            os.close(fd)
        attempt.clear()
        raise
    finally:
        for fd in theirs:
            os.close(fd)

    async def ended(code: int) -> int:
        try:
            return attempt.code(code)
        finally:
            attempt.clear()

    return PipeStreams(process, stdin=write, outputs=outputs, terminal=tty, kill=attempt.kill, ended=ended)


def process_spec(bundle_spec: dict[str, Any], command: Sequence[str], *, tty: bool) -> dict[str, Any]:
    """What runs beside the container's first process: the same in all but the command and the terminal."""
    process: dict[str, Any] = {**bundle_spec["process"], "args": list(command), "terminal": tty}
    if tty and not any(e.startswith("TERM=") for e in process["env"]):
        process["env"] = [*process["env"], "TERM=xterm"]
    process.pop("oomScoreAdj", None)
    return process


class _Attempt:
    """One ``runc exec`` and the files that belong to it."""

    def __init__(self, state: State, container_id: str, command: Sequence[str], *, tty: bool) -> None:
        live = state.container(container_id)
        if live.life is not Life.RUNNING:
            raise RuntimeFailure(f"failed to exec in container: container is in {live.life.name} state")
        self._state = state
        self._id = container_id
        self._name = state.clock.token_bytes(8).hex()
        bundle = state.paths.container(container_id)
        self._spec = bundle / f"exec-{self._name}.json"
        self._pid = bundle / f"exec-{self._name}.pid"
        self._log = bundle / f"exec-{self._name}.log"
        self._spec.write_bytes(
            orjson.dumps(process_spec(orjson.loads((bundle / "config.json").read_bytes()), command, tty=tty))
        )
        self._process: Process | None = None

    def spawn(self, *, stdin: int, stdout: int, stderr: int) -> Process:
        command = [
            self._state.settings.runc,
            *("--root", str(self._state.paths.runc), "--log", str(self._log), "--log-format", "json"),
            *("exec", "--process", str(self._spec), "--pid-file", str(self._pid), self._id),
        ]
        self._process = self._state.commands.spawn(command, stdin=stdin, stdout=stdout, stderr=stderr, new_session=True)
        return self._process

    def code(self, code: int) -> int:
        """The process's exit code. Raises: RuntimeFailure when there was no process: runc failed."""
        if code == RUNC_FAILED and (told := _errors(self._log)):
            raise RuntimeFailure(
                f'failed to exec in container: failed to start exec "{self._name}": OCI runtime exec failed: {told}'
            )
        return 128 - code if code < 0 else code

    def kill(self) -> None:
        """End the process itself: runc's own death would only orphan it."""
        assert self._process is not None
        pid = _number(self._pid)
        if pid and _parent(pid) == self._process.pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            self._process.send_signal(signal.SIGKILL)

    def clear(self) -> None:
        for file in (self._spec, self._pid, self._log):
            file.unlink(missing_ok=True)


def _errors(log: Path) -> str:
    try:
        lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    except (OSError, ValueError):
        return ""
    said = [str(line["msg"]) for line in lines if line.get("level") == "error"]
    return said[-1] if said else ""


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _parent(pid: int) -> int:
    try:
        data = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(data[data.rindex(b")") + 2 :].split()[1])


def _contents(fd: int) -> bytes:
    size = min(os.fstat(fd).st_size, OUTPUT_LIMIT)
    return os.pread(fd, size, 0) if size else b""
