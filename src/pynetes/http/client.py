"""A pooled HTTP/1.1 client: keep-alive, TLS with client certificates, Unix sockets, streams, upgrades.

Contract: a connection carries one request at a time. One that the server closed while it was idle is replaced unseen; a
request that went out on it is sent once more only when it is safe to (GET, HEAD, OPTIONS), else ConnectionError. A
caller that is cancelled costs its connection, never somebody else's answer. While an answer is awaited, virtual time
stands still: the server is outside.

Source: RFC 9112, RFC 9110 section 9.2.2; Go's ``net/http`` Transport for what is retried.
"""

import asyncio
import socket
import ssl as ssl_module
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

from pynetes.aio.clock import Clock
from pynetes.http.streams import RawDuplex
from pynetes.http.types import Duplex, Headers, Reply

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS"})
CONNECT_SECONDS = 30.0
IDLE_SECONDS = 90.0
"""Connections idle for longer are not used again: servers and what is between forget them."""

READ_LIMIT = 1024 * 1024
"""Bytes of a stream that wait for their reader; then the server is paused."""


class UpgradeRefused(ConnectionError):
    """The server answered an upgrade with something else than 101."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"the server answered {reply.status} to an upgrade")
        self.reply = reply


class HTTPClient:
    """Speaks to one server. ``base_url`` as ``https://host:port/prefix``; ``unix`` connects to this path instead,
    ``address`` to this host and port.

    ``limit`` bounds the connections that plain requests use at once; more wait. Streams and upgrades have their own.
    ``headers`` go with every request. ``max_body_bytes`` bounds a whole answer.
    """

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        ssl: ssl_module.SSLContext | None = None,
        unix: str | None = None,
        address: tuple[str, int] | None = None,
        headers: Headers = (),
        limit: int = 64,
        server_name: str = "",
        max_body_bytes: int = 2 * 1024 * 1024 * 1024,
    ) -> None:
        url = urlsplit(base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"no http or https URL: {base_url!r}")
        self._clock = clock
        self._ssl = (ssl or ssl_module.create_default_context()) if url.scheme == "https" else None
        default = (url.hostname, url.port or (443 if url.scheme == "https" else 80))
        self._host, self._port = address or default
        self._unix = unix
        self._server_name = server_name or url.hostname
        self._prefix = url.path.rstrip("/")
        self._max_body_bytes = max_body_bytes
        self._fixed = _lines((("Host", url.netloc.rpartition("@")[2]), *headers))
        self._idle: deque[_Connection] = deque()
        self._open: set[_Connection] = set()
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def request(self, method: str, path: str, query: str = "", headers: Headers = (), body: bytes = b"") -> Reply:
        """Raises: OSError when there is no answer."""
        head = self._head(method, path, query, headers, len(body) if body or method in _WITH_BODY else None)
        with self._clock.external():
            await self._take_turn()
            try:
                return await self._exchange(method, head, body)
            finally:
                self._give_turn()

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, query: str = "", headers: Headers = (), body: bytes = b""
    ) -> AsyncIterator[tuple[int, AsyncIterator[bytes]]]:
        """The status and the body's bytes as they come; leaving the block closes the connection unless all was read."""
        async with self.stream_with_headers(method, path, query, headers, body) as (status, _, pieces):
            yield status, pieces

    @asynccontextmanager
    async def stream_with_headers(
        self, method: str, path: str, query: str = "", headers: Headers = (), body: bytes = b""
    ) -> AsyncIterator[tuple[int, Mapping[str, str], AsyncIterator[bytes]]]:
        """``stream``, and the headers of the answer, their names in lower case."""
        head = self._head(method, path, query, headers, len(body) if body else None)
        with self._clock.external():
            connection = await self._begin(method, head, body)
        try:
            yield connection.status, connection.headers, connection.pieces()
        finally:
            self._put_back(connection)

    async def upgrade(self, path: str, query: str = "", headers: Headers = (), method: str = "GET") -> Duplex:
        """A raw connection after 101; ``headers`` carry Upgrade. Raises: UpgradeRefused, OSError."""
        duplex, _ = await self.upgrade_with_headers(path, query, headers, method)
        return duplex

    async def upgrade_with_headers(
        self, path: str, query: str = "", headers: Headers = (), method: str = "GET"
    ) -> tuple[Duplex, dict[str, str]]:
        """``upgrade``, and the headers of the 101: which protocol was chosen."""
        if not any(name.lower() == "connection" for name, _ in headers):
            headers = (*headers, ("Connection", "Upgrade"))
        head = self._head(method, path, query, headers, 0 if method in _WITH_BODY else None)
        with self._clock.external():
            connection = await self._begin(method, head, b"", upgrade=True)
            if connection.status == 101:
                return connection.duplex(), connection.headers
            try:
                body = b"".join([piece async for piece in connection.pieces()])
            finally:
                self._put_back(connection)
        raise UpgradeRefused(Reply(connection.status, connection.headers, body))

    async def close(self) -> None:
        """Close all connections, also those in use."""
        self._closed = True
        for connection in list(self._open):
            connection.close()
        self._idle.clear()

    def _head(self, method: str, path: str, query: str, headers: Headers, length: int | None) -> bytes:
        target = f"{self._prefix}{path}?{query}" if query else f"{self._prefix}{path}"
        if any(c in target for c in " \r\n"):
            raise ValueError(f"a request target may not contain blanks: {target!r}")
        head = b"%b %b HTTP/1.1\r\n%b%b" % (method.encode(), target.encode(), self._fixed, _lines(headers))
        return b"%bContent-Length: %d\r\n\r\n" % (head, length) if length is not None else head + b"\r\n"

    # turns: at most ``limit`` requests at once

    async def _take_turn(self) -> None:
        if self._free > 0:
            self._free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._give_turn()  # the turn came together with the cancellation
            raise

    def _give_turn(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    # one request on one connection

    async def _exchange(self, method: str, head: bytes, body: bytes) -> Reply:
        connection = await self._begin(method, head, body)
        try:
            return Reply(connection.status, connection.headers, await connection.body(self._max_body_bytes))
        finally:
            self._put_back(connection)

    async def _begin(self, method: str, head: bytes, body: bytes, upgrade: bool = False) -> "_Connection":
        """A connection whose answer's head has come."""
        while (connection := self._pop_idle()) is not None:
            try:
                await connection.send(method, head, body, upgrade)
                return connection
            except ConnectionError:
                # it was stale; what may have been acted on is not sent again
                if method not in IDEMPOTENT:
                    raise
            except BaseException:
                connection.close()
                raise
        connection = await self._connect()
        try:
            await connection.send(method, head, body, upgrade)
        except BaseException:
            connection.close()
            raise
        return connection

    def _pop_idle(self) -> "_Connection | None":
        now = self._clock.monotonic()
        while self._idle:
            connection = self._idle.pop()  # the one used last: the others may age and be dropped
            if connection.is_usable and now - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def _put_back(self, connection: "_Connection") -> None:
        if connection.is_usable and not self._closed:
            connection.idle_since = now = self._clock.monotonic()
            self._idle.append(connection)
            while len(self._idle) > 1 and now - self._idle[0].idle_since >= IDLE_SECONDS:  # what a burst has left
                self._idle.popleft().close()
        else:
            connection.close()

    async def _connect(self) -> "_Connection":
        if self._closed:
            raise ConnectionError("the client is closed")
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {}
        if self._ssl is not None:
            options = {"ssl": self._ssl, "server_hostname": self._server_name}
        try:
            async with self._clock.timeout(CONNECT_SECONDS):
                if self._unix is not None:
                    _, made = await loop.create_unix_connection(self._connection, self._unix, **options)
                else:
                    _, made = await loop.create_connection(self._connection, self._host, self._port, **options)
        except TimeoutError as error:
            raise ConnectionError(f"no connection to {self._host}:{self._port} in {CONNECT_SECONDS:g} s") from error
        except ssl_module.SSLError as error:
            raise ConnectionError(f"no TLS with {self._host}:{self._port}: {error}") from error
        return made

    def _connection(self) -> "_Connection":
        return _Connection(self._open)


_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class _Connection(asyncio.Protocol):
    """One connection to the server; ``on_*`` are httptools' callbacks."""

    def __init__(self, owner: "set[_Connection]") -> None:
        self._owner = owner
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._lost: Exception | None = None
        self._is_lost = False
        self._closing = False
        self.idle_since = 0.0
        self._write_paused = False
        self._drainers: list[asyncio.Future[None]] = []
        self._duplex: RawDuplex | None = None
        self._parser: Any = None
        self._clear()

    def _clear(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._busy = False
        self._method = ""
        self._upgrade = False
        self._upgraded_tail: bytes | None = None
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._complete = False
        self._reusable = False
        self._head_waiter: asyncio.Future[None] | None = None
        self._piece_waiter: asyncio.Future[None] | None = None

    @property
    def is_usable(self) -> bool:
        """Open, and its last answer was read to the end."""
        if self._is_lost or self._closing or self._transport.is_closing():
            return False
        return not self._busy or (self._complete and self._reusable and not self._pieces)

    async def send(self, method: str, head: bytes, body: bytes, upgrade: bool) -> None:
        """Send and wait for the head of the answer. Raises: ConnectionError."""
        self._clear()
        self._busy = True
        self._method = method
        self._upgrade = upgrade
        self._parser = httptools.HttpResponseParser(self)
        if self._is_lost or self._transport.is_closing():
            raise ConnectionResetError("the server closed the connection")
        if len(body) < 64 * 1024:
            self._transport.write(head + body if body else head)
        else:
            self._transport.write(head)
            self._transport.write(body)
        if not self.status:
            self._head_waiter = asyncio.get_running_loop().create_future()
            try:
                await self._head_waiter
            finally:
                self._head_waiter = None

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises: ConnectionError for one that was cut off, ValueError for one above the limit."""
        pieces = []
        size = 0
        async for piece in self.pieces():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise ValueError(f"the answer is longer than {limit} bytes")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._size -= len(piece)
                if self._paused and self._size < READ_LIMIT // 2:
                    self._paused = False
                    if not self._transport.is_closing():
                        self._transport.resume_reading()
                yield piece
            if self._complete:
                return
            if self._is_lost or self._closing:
                raise ConnectionResetError("the connection ended within the answer") from self._lost
            self._piece_waiter = asyncio.get_running_loop().create_future()
            try:
                await self._piece_waiter
            finally:
                self._piece_waiter = None

    def duplex(self) -> Duplex:
        duplex = self._duplex = RawDuplex(self)
        if self._upgraded_tail:
            duplex.feed(self._upgraded_tail)
            self._upgraded_tail = b""
        if self._is_lost:
            duplex.connection_lost()
        return duplex

    def close(self) -> None:
        self._closing = True
        if not self._is_lost:
            self._transport.close()
        self._wake()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._owner.add(self)
        keep_alive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        if self._duplex is not None:
            self._duplex.feed(data)
            return
        if self._upgraded_tail is not None:
            self._upgraded_tail += data
            return
        if not self._busy or self._complete:
            self.close()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded_tail = data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"the server's answer is no HTTP: {error}"))
        self._wake()

    def eof_received(self) -> bool:
        if self._duplex is not None:
            self._duplex.feed_eof()
            return self._transport.get_extra_info("sslcontext") is None
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._is_lost = True
        self._owner.discard(self)
        if self._duplex is not None:
            self._duplex.connection_lost()
        elif self._busy and self.status and not self._complete and not self._chunked_or_sized() and error is None:
            self._complete = True  # a body without a length ends with the connection
        self._fail(ConnectionResetError("the server closed the connection") if error is None else error)
        self._wake()
        self._wake_drainers()
        self._parser = None

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._wake_drainers()

    # what the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        text = value.decode("utf-8", "surrogateescape")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self.headers = {}
            return
        self.status = status
        if self._method == "HEAD":
            # the parser would wait for the body that the length promises
            self._finish()

    def on_body(self, data: bytes) -> None:
        if self._complete:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size > READ_LIMIT and not self._paused:
            self._paused = True
            if not self._transport.is_closing():
                self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self.status and not self._complete:
            self._finish()

    def _finish(self) -> None:
        self._complete = True
        self._reusable = self.status != 101 and bool(self._parser.should_keep_alive()) and not self._upgrade
        if self._method == "HEAD" and self.headers.get("connection", "").lower() == "close":
            self._reusable = False

    def _chunked_or_sized(self) -> bool:
        return "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "").lower()

    def _fail(self, error: Exception) -> None:
        if self._lost is None:
            self._lost = error
        if self._head_waiter is not None and not self._head_waiter.done() and not self.status:
            failure = error if isinstance(error, ConnectionError) else ConnectionError(str(error))
            self._head_waiter.set_exception(failure)
        self._closing = True
        if not self._is_lost:
            self._transport.abort()

    def _wake(self) -> None:
        if self._head_waiter is not None and not self._head_waiter.done():
            if self.status:
                self._head_waiter.set_result(None)
            elif self._closing:
                self._head_waiter.set_exception(ConnectionError("the connection was closed"))
        if self._piece_waiter is not None and not self._piece_waiter.done():
            if self._pieces or self._complete or self._closing:
                self._piece_waiter.set_result(None)

    # what a duplex calls

    @property
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    @property
    def is_lost(self) -> bool:
        return self._is_lost

    def write(self, data: bytes) -> None:
        if not self._is_lost:
            self._transport.write(data)

    async def drain(self) -> None:
        while self._write_paused and not self._is_lost:
            waiter = asyncio.get_running_loop().create_future()
            self._drainers.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._drainers:
                    self._drainers.remove(waiter)

    def stream_closed(self) -> None: ...

    def abort(self) -> None:
        self._transport.abort()

    def hang_up(self) -> None:
        self._transport.close()

    def pause_peer(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_peer(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _wake_drainers(self) -> None:
        for waiter in self._drainers:
            if not waiter.done():
                waiter.set_result(None)
        self._drainers.clear()


def keep_alive(sock: socket.socket | None) -> None:
    """Notice a dead peer within about 45 s, also on a watch that says nothing (client-go sends HTTP/2 pings)."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 45_000)


def _lines(headers: Headers) -> bytes:
    text = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if text.count("\n") != len(headers):
        raise ValueError("a header contains a line break")
    return text.encode("utf-8", "surrogateescape")
