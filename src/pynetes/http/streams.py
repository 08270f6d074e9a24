"""The two open ends that a server connection hands out: a streamed answer, and raw bytes after a takeover."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)

READ_LIMIT = 256 * 1024
"""Bytes that wait for a ``read``; then the peer is paused."""


class Carrier(Protocol):
    """What the ends need of their connection."""

    @property
    def buffered(self) -> int: ...

    @property
    def is_lost(self) -> bool: ...

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def stream_closed(self) -> None: ...

    def abort(self) -> None: ...

    def hang_up(self) -> None: ...

    def pause_peer(self) -> None: ...

    def resume_peer(self) -> None: ...


class StreamWriter:
    """``http.types.Writer`` over a connection. ``chunked`` is False for HTTP/1.0: the end is then the connection's."""

    __slots__ = ("_carrier", "_chunked", "_closed", "_closers", "_ended")

    def __init__(self, carrier: Carrier, ended: Callable[[], None], chunked: bool) -> None:
        self._carrier = carrier
        self._ended = ended
        self._chunked = chunked
        self._closed = False
        self._closers: list[asyncio.Future[None]] = []

    @property
    def buffered(self) -> int:
        return 0 if self._closed else self._carrier.buffered

    @property
    def closed(self) -> bool:
        return self._closed

    def write(self, data: bytes) -> None:
        if not self._closed and data:
            self._carrier.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def write_framed(self, data: bytes) -> int:
        if self._closed:
            return 0
        self._carrier.write(data if self._chunked else unframe(data))
        return self._carrier.buffered

    def close(self) -> None:
        if self._closed:
            return
        if self._chunked:
            self._carrier.write(b"0\r\n\r\n")
        self._end()
        self._carrier.stream_closed()

    def abort(self) -> None:
        if not self._closed:
            self._end()
            self._carrier.abort()

    async def drain(self) -> None:
        if not self._closed:
            await self._carrier.drain()

    async def wait_closed(self) -> None:
        if not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._closers.append(waiter)
            await waiter

    def connection_lost(self) -> None:
        if not self._closed:
            self._end()

    def _end(self) -> None:
        self._closed = True
        for waiter in self._closers:
            if not waiter.done():
                waiter.set_result(None)
        try:
            self._ended()
        except Exception:  # the stream's owner is foreign code: the connection still has to be tidied
            log.exception("a stream's end was not taken well")


class RawDuplex:
    """``http.types.Duplex`` over a connection, with back-pressure both ways."""

    __slots__ = ("_carrier", "_closed", "_eof", "_paused", "_pieces", "_size", "_waiter")

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._eof = False
        self._closed = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        while not self._pieces:
            if self._eof:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._carrier.resume_peer()
        return data

    def write(self, data: bytes) -> None:
        if not self._closed and data:
            self._carrier.write(data)

    async def drain(self) -> None:
        if not self._closed:
            await self._carrier.drain()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.feed_eof()
            if not self._carrier.is_lost:
                self._carrier.hang_up()

    def feed(self, data: bytes) -> None:
        if self._eof or not data:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size > READ_LIMIT and not self._paused:
            self._paused = True
            self._carrier.pause_peer()
        self._wake()

    def feed_eof(self) -> None:
        self._eof = True
        self._wake()

    def connection_lost(self) -> None:
        self._closed = True
        self.feed_eof()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def unframe(data: bytes) -> bytes:
    """The payload of whole HTTP/1.1 chunks: the inverse of ``http.types.frame``."""
    pieces = []
    at = 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        size = int(data[at:end], 16)
        pieces.append(data[end + 2 : end + 2 + size])
        at = end + 4 + size
    return b"".join(pieces)
