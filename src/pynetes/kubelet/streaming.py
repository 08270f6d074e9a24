"""Exec and attach over a WebSocket: the first byte of each message is its channel.

0 stdin, 1 stdout, 2 stderr, 3 the closing Status, 4 terminal sizes; in v5 channel 255 closes the channel that it names.

Source: k8s.io/streaming ``pkg/httpstream``, ``pkg/cri/streaming/remotecommand/websocket.go``.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import orjson

from pynetes.meta.objects import Object
from pynetes.runtime.types import RuntimeFailure, Streams

log = logging.getLogger(__name__)

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class Socket(Protocol):
    """What carries the messages: a ``WebSocket``, or SPDY streams (``channels.Channels``)."""

    async def receive(self) -> bytes | str | None: ...

    def send(self, data: bytes | str) -> None: ...

    async def drain(self) -> None: ...

    def close(self, code: int = 1000, reason: str = "") -> None: ...


async def serve(
    socket: Socket,
    begin: Callable[[], Awaitable[Streams]],
    stdin: bool,
    stdout: bool,
    stderr: bool,
    what: str,
) -> None:
    """Carry bytes until the process ends or the peer goes away; then say how it ended, and close."""
    socket.send(bytes([STDOUT if stdout else STDERR if stderr else ERROR]))
    try:
        streams = await begin()
    except RuntimeFailure as error:
        _end(socket, _internal(str(error)))
        return
    wanted = {c for c, asked in ((STDOUT, stdout), (STDERR, stderr)) if asked}
    incoming = asyncio.get_running_loop().create_task(_receive(socket, streams, stdin), name="exec input")
    outgoing = asyncio.get_running_loop().create_task(_send(socket, streams, wanted), name="exec output")
    try:
        done, _ = await asyncio.wait({incoming, outgoing}, return_when=asyncio.FIRST_COMPLETED)
        if outgoing not in done:
            await streams.kill()  # the peer went away
            return
        await outgoing
        code = await streams.wait()
        _end(socket, _exited(code, what))
        await socket.drain()
    except (RuntimeFailure, OSError) as error:
        _end(socket, _internal(str(error)))
    finally:
        for task in (incoming, outgoing):
            task.cancel()
        await asyncio.gather(incoming, outgoing, return_exceptions=True)


def _end(socket: Socket, status: Object) -> None:
    socket.send(bytes([ERROR]) + orjson.dumps(status))
    socket.close(1000)


async def _send(socket: Socket, streams: Streams, wanted: set[int]) -> None:
    async for stream, data in streams.output():
        if stream in wanted and data:
            socket.send(bytes([stream]) + data)
            await socket.drain()


async def _receive(socket: Socket, streams: Streams, stdin: bool) -> None:
    """Returns when the peer has gone."""
    while True:
        message = await socket.receive()
        if message is None:
            return
        raw = message.encode() if isinstance(message, str) else message
        if not raw:
            continue
        channel, data = raw[0], raw[1:]
        if channel == STDIN and stdin:
            await streams.write(data)
        elif channel == RESIZE:
            _resize(streams, data)
        elif channel == CLOSE and data[:1] == bytes([STDIN]) and stdin:
            await streams.close_stdin()


def _resize(streams: Streams, data: bytes) -> None:
    try:
        size = json.loads(data)
        streams.resize(int(size["Width"]), int(size["Height"]))
    except (ValueError, KeyError, TypeError):
        log.debug("a terminal size was not understood: %r", data)


def _exited(code: int, what: str) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    message = f"command terminated with non-zero exit code: error executing command {what}, exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _internal(text: str) -> Object:
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: error executing command in container: {text}",
        "reason": "InternalError",
        "details": {"causes": [{"message": f"error executing command in container: {text}"}]},
        "code": 500,
    }
