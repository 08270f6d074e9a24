"""Bytes both ways between a caller and a process: over pipes, a terminal, or conmon's attach socket."""

import asyncio
import errno
import fcntl
import os
import signal
import socket
import struct
import termios
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from pynetes.aio.commands import Process
from pynetes.aio.tasks import Tasks
from pynetes.runtime.oci.conmon import PACKET, STDERR, STDOUT, readable, resize, writable

CHUNK = 65536
WAITING_CHUNKS = 16
"""Pieces of output that wait for a slow caller before the process is held up."""


class PipeStreams:
    """A process's pipes, or the one descriptor of its terminal, which this object owns from now on."""

    def __init__(
        self,
        process: Process,
        *,
        stdin: int,
        outputs: Mapping[int, int],
        terminal: bool,
        kill: Callable[[], None],
        ended: Callable[[int], Awaitable[int]],
    ) -> None:
        self._process = process
        self._stdin = stdin
        self._outputs = dict(outputs)
        self._terminal = terminal
        self._kill = kill
        self._ended = ended
        self._code: asyncio.Task[int] | None = None
        for fd in {stdin, *outputs.values()} - {-1}:
            os.set_blocking(fd, False)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        queue: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(WAITING_CHUNKS)
        tasks = Tasks()
        for number, fd in self._outputs.items():
            tasks.spawn(_pump(number, fd, queue), f"exec output {number}")
        left = len(self._outputs)
        try:
            while left:
                number, data = await queue.get()
                if data:
                    yield number, data
                else:
                    left -= 1
        finally:
            await tasks.close()
            self._close_outputs()

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self._stdin >= 0:
            try:
                view = view[os.write(self._stdin, view) :]
            except BlockingIOError:
                await writable(self._stdin)
            except OSError:
                return  # it does not read any more

    async def close_stdin(self) -> None:
        if self._terminal and self._stdin >= 0:
            await self.write(b"\x04")  # a terminal has no end but the key for it
        elif self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    def resize(self, width: int, height: int) -> None:
        if self._terminal and self._stdin >= 0:
            fcntl.ioctl(self._stdin, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            self._process.send_signal(signal.SIGWINCH)

    async def wait(self) -> int:
        if self._code is None:
            self._code = asyncio.get_running_loop().create_task(self._finish(), name="exec end")
        return await asyncio.shield(self._code)

    async def _finish(self) -> int:
        return await self._ended(await self._process.wait())

    async def kill(self) -> None:
        self._kill()
        await self._process.wait()
        self._close_outputs()
        if self._stdin >= 0 and not self._terminal:
            os.close(self._stdin)
        self._stdin = -1

    def _close_outputs(self) -> None:
        for fd in set(self._outputs.values()):
            os.close(fd)
            if fd == self._stdin:
                self._stdin = -1
        self._outputs.clear()


async def _pump(number: int, fd: int, queue: asyncio.Queue[tuple[int, bytes]]) -> None:
    """Everything from one descriptor into the queue, an empty piece at its end."""
    data = b"-"
    while data:
        await readable(fd)
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno != errno.EIO:  # what a terminal says when its other end is closed
                raise
            data = b""
        await queue.put((number, data))


class AttachStreams:
    """A running container's own streams, by conmon's socket. Ending it leaves the container alone."""

    def __init__(
        self, connection: socket.socket, bundle: Path, *, tty: bool, stdin: bool, ended: Callable[[], Awaitable[int]]
    ) -> None:
        self._socket = connection
        self._bundle = bundle
        self._tty = tty
        self._stdin = stdin
        self._ended = ended

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        loop = asyncio.get_running_loop()
        while self._socket.fileno() >= 0:
            try:
                packet = await loop.sock_recv(self._socket, PACKET)
            except OSError:
                return
            if not packet:
                return
            if packet[0] in (STDOUT, STDERR) and len(packet) > 1:
                yield (1 if packet[0] == STDOUT or self._tty else 2), packet[1:]

    async def write(self, data: bytes) -> None:
        if not self._stdin:
            return
        loop = asyncio.get_running_loop()
        for begin in range(0, len(data), PACKET - 1):
            try:
                await loop.sock_sendall(self._socket, data[begin : begin + PACKET - 1])
            except OSError:
                return  # it does not read any more

    async def close_stdin(self) -> None:
        if not self._stdin:
            return
        self._stdin = False
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def resize(self, width: int, height: int) -> None:
        resize(self._bundle, width, height)

    async def wait(self) -> int:
        return await self._ended()

    async def kill(self) -> None:
        self._socket.close()
