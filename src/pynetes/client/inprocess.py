"""A transport with no socket: the same HTTP handler, the same pipeline, bytes both ways.

A streamed answer feeds an async iterator. When its consumer goes away, the stream's ``ended`` is called, as when a peer
closes its connection; a consumer that is slow shows in ``Writer.buffered``.
"""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

from pynetes.aio.tasks import Tasks
from pynetes.client.client import error_from
from pynetes.http.types import (
    Answer,
    Duplex,
    Handler,
    Headers,
    PeerCertificate,
    Reply,
    Request,
    Response,
    Stream,
    Takeover,
)

log = logging.getLogger(__name__)

HIGH_WATER = 256 * 1024
"""A writer's ``drain`` waits while more bytes than this are buffered."""


class InProcess:
    """Calls the handler directly, as the subject of ``peer`` (None: anonymous). One connection's worth of state."""

    def __init__(self, handler: Handler, peer: PeerCertificate | None = None, *, headers: Headers = ()) -> None:
        self._handler = handler
        self._peer = peer
        self._headers = tuple(headers)
        self._state: dict[str, Any] = {}
        self._tasks = Tasks()
        self._writers: set[_PipeWriter] = set()

    async def request(
        self, method: str, path: str, *, query: str = "", headers: Headers = (), body: bytes = b""
    ) -> Reply:
        answer = await self._answer(method, path, query, headers, body)
        if isinstance(answer, Stream):
            writer = self._start(answer)
            try:
                return Reply(
                    answer.status, _reply_headers(answer), b"".join([piece async for piece in writer.pieces()])
                )
            finally:
                self._finish(writer)
        return _whole(answer, method)

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, query: str = "", headers: Headers = ()
    ) -> AsyncIterator[tuple[int, AsyncIterator[bytes]]]:
        answer = await self._answer(method, path, query, headers, b"")
        if not isinstance(answer, Stream):
            reply = _whole(answer, method)
            yield reply.status, _once(reply.body)
            return
        writer = self._start(answer)
        try:
            yield answer.status, writer.pieces()
        finally:
            self._finish(writer)

    async def upgrade(self, path: str, *, query: str = "", headers: Headers = ()) -> Duplex:
        answer = await self._answer("GET", path, query, headers, b"")
        if not isinstance(answer, Takeover):
            if isinstance(answer, Stream):
                raise error_from(Reply(answer.status, {}, b"the server did not switch protocols"))
            raise error_from(_whole(answer, "GET"))
        ours, theirs = _Pipe.pair()
        self._tasks.spawn(_run_takeover(answer, theirs), f"in-process takeover {path}")
        return ours

    async def close(self) -> None:
        for writer in list(self._writers):
            self._finish(writer)
        await self._tasks.close()

    async def _answer(self, method: str, path: str, query: str, headers: Headers, body: bytes) -> Answer:
        named = {name.lower(): value for name, value in (*self._headers, *headers)}
        request = Request(method, unquote(path), query, named, body, self._peer, "", self._state)
        try:
            answer = self._handler(request)
            return await answer if inspect.isawaitable(answer) else answer
        except Exception:  # a handler's fault is its server's: the caller sees what a socket would show it
            log.exception("%s %s failed", method, path)
            return Response(500, b"Internal Server Error", "text/plain")

    def _start(self, stream: Stream) -> "_PipeWriter":
        writer = _PipeWriter(stream)
        self._writers.add(writer)
        stream.start(writer)
        return writer

    def _finish(self, writer: "_PipeWriter") -> None:
        self._writers.discard(writer)
        writer.consumer_gone()


def _whole(answer: Answer, method: str) -> Reply:
    if not isinstance(answer, Response):
        return Reply(500, {}, b"the server answered with a takeover")
    return Reply(answer.status, _reply_headers(answer), b"" if method == "HEAD" else answer.body)


def _reply_headers(answer: Response | Stream) -> dict[str, str]:
    headers = {"content-type": answer.content_type}
    for name, value in answer.headers:
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers and name != "content-type" else value
    return headers


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


class _PipeWriter:
    """The open end of a stream whose other end is an async iterator in the same loop."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._closed = False
        self._broken = False
        self._reader: asyncio.Future[None] | None = None
        self._drainers: list[asyncio.Future[None]] = []
        self._closers: list[asyncio.Future[None]] = []

    @property
    def buffered(self) -> int:
        return self._buffered

    @property
    def closed(self) -> bool:
        return self._closed

    def write(self, data: bytes) -> None:
        if self._closed or not data:
            return
        self._pieces.append(data)
        self._buffered += len(data)
        if self._reader is not None:
            _resolve(self._reader)

    def write_framed(self, data: bytes) -> int:
        for piece in unframe(data):
            self.write(piece)
        return self._buffered

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for waiter in (*self._drainers, *self._closers):
            _resolve(waiter)
        if self._reader is not None:
            _resolve(self._reader)
        self._stream.ended()

    def abort(self) -> None:
        if not self._closed:
            self._broken = True
            self.close()

    async def drain(self) -> None:
        while self._buffered > HIGH_WATER and not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._drainers.append(waiter)
            try:
                await waiter
            finally:
                self._drainers.remove(waiter)

    async def wait_closed(self) -> None:
        if not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._closers.append(waiter)
            await waiter

    def consumer_gone(self) -> None:
        self._pieces.clear()
        self._buffered = 0
        self.close()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises: ConnectionResetError after ``abort``."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._buffered -= len(piece)
                if self._drainers and self._buffered <= HIGH_WATER:
                    for waiter in self._drainers:
                        _resolve(waiter)
                yield piece
            if self._broken:
                raise ConnectionResetError("the server broke the stream")
            if self._closed:
                return
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None


def unframe(data: bytes) -> list[bytes]:
    """The payloads of whole HTTP/1.1 chunks: the inverse of ``http.types.frame``."""
    pieces = []
    at = 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        size = int(data[at:end], 16)
        pieces.append(data[end + 2 : end + 2 + size])
        at = end + 4 + size
    return pieces


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Pipe:
    """One end of an in-memory duplex. Each direction holds at most about ``HIGH_WATER`` when both sides ``drain``."""

    def __init__(self) -> None:
        self._incoming: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._drainers: list[asyncio.Future[None]] = []
        self._other: _Pipe = self

    @staticmethod
    def pair() -> "tuple[_Pipe, _Pipe]":
        one, two = _Pipe(), _Pipe()
        one._other, two._other = two, one
        return one, two

    async def read(self) -> bytes:
        while not self._incoming:
            if self._ended or self._closed:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = b"".join(self._incoming)
        self._incoming.clear()
        self._size = 0
        for drainer in self._drainers:
            _resolve(drainer)
        return data

    def write(self, data: bytes) -> None:
        other = self._other
        if self._closed or other._closed or not data:
            return
        other._incoming.append(data)
        other._size += len(data)
        if other._waiter is not None:
            _resolve(other._waiter)

    async def drain(self) -> None:
        other = self._other
        while other._size > HIGH_WATER and not other._closed and not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            other._drainers.append(waiter)
            try:
                await waiter
            finally:
                other._drainers.remove(waiter)

    def close(self) -> None:
        self._closed = True
        self._other._ended = True
        for pipe in (self, self._other):
            if pipe._waiter is not None:
                _resolve(pipe._waiter)
            for drainer in pipe._drainers:
                _resolve(drainer)


async def _run_takeover(answer: Takeover, duplex: _Pipe) -> None:
    try:
        await answer.run(duplex)
    finally:
        duplex.close()
