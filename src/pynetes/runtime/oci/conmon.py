"""conmon, the shim that outlives the kubelet: it starts runc, keeps the log and the terminal, writes the exit code.

It answers on the pipe named by ``_OCI_SYNCPIPE`` with one line of JSON: ``{"data": PID}``, or ``{"data": -1, "message":
"..."}`` with what runc said.

Source: conmon ``src/conmon.c``, ``src/ctr_logging.c``, ``src/conn_sock.c``.
"""

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import orjson

from pynetes.runtime.oci.state import State
from pynetes.runtime.oci.types import ContainerRecord
from pynetes.runtime.types import RuntimeFailure

PACKET = 8192 + 1
"""The longest packet of an attach socket: a byte that names the stream, then data."""

STDOUT, STDERR = 2, 3


def arguments(state: State, record: ContainerRecord, log_path: str) -> list[str]:
    """The command line for a container's bundle."""
    bundle = state.paths.container(record.id)
    config = record.config
    line = [
        *("env", "-C", str(bundle)),  # conmon leaves a file named oom where it stands
        state.settings.conmon,
        *("--api-version", "1"),
        *("--cid", record.id),
        *("--cuuid", record.id),
        *("--name", config.name),
        *("--runtime", shutil.which(state.settings.runc) or state.settings.runc),  # conmon does not search
        *("--runtime-arg", f"--root={state.paths.runc}"),
        *("--bundle", str(bundle)),
        *("--container-pidfile", str(bundle / "pid")),
        *("--conmon-pidfile", str(bundle / "conmon.pid")),
        *("--exit-dir", str(state.paths.exits)),
        *("--persist-dir", str(bundle)),
        *("--log-path", f"k8s-file:{log_path or '/dev/null'}"),
        *("--log-level", "error"),
        "--full-attach",
        "--no-sync-log",
        "--no-new-keyring",
    ]
    if config.tty:
        line.append("--terminal")
    if config.stdin:
        line.append("--stdin")
        if not config.stdin_once:
            line.append("--leave-stdin-open")
    return line


async def create(state: State, record: ContainerRecord, log_path: str) -> int:
    """Start conmon, which has runc create the container; the container's process number.

    Raises: RuntimeFailure with runc's words.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    complaints = os.memfd_create("conmon")
    try:
        process = state.commands.spawn(
            arguments(state, record, log_path),
            stdin=null,
            stdout=null,
            stderr=complaints,
            pass_fds=(writing,),
            env={**os.environ, "_OCI_SYNCPIPE": str(writing)},
            new_session=True,
        )
    except BaseException:
        os.close(reading)
        os.close(complaints)
        raise
    finally:
        os.close(null)
        os.close(writing)
    try:
        with state.clock.external():
            line = await _line(reading)
        await process.wait()  # it forks and goes at once: this only reaps it
        complained = os.pread(complaints, 4096, 0).decode(errors="replace").strip()
    finally:
        os.close(reading)
        os.close(complaints)
    try:
        answer = orjson.loads(line)
        pid, message = int(answer["data"]), str(answer.get("message") or "")
    except (ValueError, KeyError, TypeError):
        raise RuntimeFailure(f"conmon ended without an answer: {complained or line[:200]!r}") from None
    if pid <= 0:
        raise RuntimeFailure(_said(message))
    return pid


async def _line(fd: int) -> bytes:
    """One line, or what came until the end."""
    os.set_blocking(fd, False)
    data = b""
    while not data.endswith(b"\n"):
        await readable(fd)
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            continue
        if not piece:
            break
        data += piece
    return data


def _said(message: str) -> str:
    """What runc complained of, without its log's dressing: the text between the last ``msg="`` and the quote."""
    text = message.strip()
    if 'level=error msg="' in text:
        text = text.rpartition('level=error msg="')[2].rstrip()
        text = text.removesuffix('"').replace('\\"', '"')
    return text


async def readable(fd: int) -> None:
    """Return when there is something to read, or the end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        loop.remove_reader(fd)
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(fd, wake)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


async def writable(fd: int) -> None:
    """Return when something may be written."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        loop.remove_writer(fd)
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(fd, wake)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


def control(bundle: Path, numbers: Sequence[int]) -> None:
    """Write one message to conmon's control pipe. What nobody reads is dropped."""
    try:
        fd = os.open(bundle / "ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, (" ".join(map(str, numbers)) + "\n").encode())
    except OSError:
        pass
    finally:
        os.close(fd)


def resize(bundle: Path, width: int, height: int) -> None:
    control(bundle, (1, height, width))


def reopen_log(bundle: Path) -> None:
    """After the log file was moved away: go on in a new one of the old name."""
    control(bundle, (2, 0, 0))
