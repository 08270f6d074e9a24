"""One server connection: bytes in, requests to the handler, answers out, in order.

Contract: answers leave in the order of their requests; a handler that answers synchronously is answered inside
``data_received`` with no task. Whoever is gone has their handler's task cancelled and their stream ended. Heads,
bodies, pipelined requests and what waits for an upgrade are all bounded.

Source: RFC 9112; apiserver's limits (Go's ``net/http`` server: 1 MiB of headers, 32 s for a head).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from enum import Enum
from typing import Any, cast
from urllib.parse import unquote

import httptools

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.http.budget import Budget
from pynetes.http.heads import Heads, lines
from pynetes.http.peers import address, peer_certificate
from pynetes.http.streams import RawDuplex, StreamWriter
from pynetes.http.types import Answer, Handler, PeerCertificate, Request, Response, Stream, Takeover

log = logging.getLogger(__name__)

BIG_BODY = 64 * 1024
"""Bodies from this size on are written apart from their head, not copied behind it."""

PIPELINE_LIMIT = 32
"""Requests that may wait behind one being answered; then reading stops."""

TAIL_LIMIT = 256 * 1024
"""Bytes kept for a new protocol while its takeover is being decided; then reading stops."""

BODIES_BYTES = 64 * 1024 * 1024
"""Request bodies that a server holds at once; further ones are not read until there is room."""

SMALL_BODY = 64 * 1024
"""Bodies up to this size are just kept; longer ones need room in the site's budget."""

LINGER_SECONDS = 0.5

TEXT = "text/plain; charset=utf-8"
MALFORMED = Response(400, b"400 Bad Request", TEXT)
NO_HOST = Response(400, b"400 Bad Request: missing required Host header", TEXT)
HEAD_TOO_LARGE = Response(431, b"431 Request Header Fields Too Large", TEXT)
BODY_TOO_LARGE = Response(413, b"413 Request Entity Too Large", TEXT)
FAILED = Response(500, b"500 Internal Server Error", TEXT)

_names: dict[bytes, str] = {}
_methods = {m.encode(): m for m in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")}


class Owed(Enum):
    """What a peer owes the server."""

    HEAD = "a request's head, its first one or one that has begun"
    BODY = "the rest of a body"
    REQUEST = "another request, if it likes"
    GOODBYE = "its goodbye, and to take what is left"
    NOTHING = "it is the server's turn"


class Site:
    """What all connections of one server share."""

    def __init__(
        self, handler: Handler, clock: Clock, max_body_bytes: int, max_head_bytes: int, too_large: Response
    ) -> None:
        self.handler = handler
        self.clock = clock
        self.max_body_bytes = max_body_bytes
        self.max_head_bytes = max_head_bytes
        self.too_large = too_large
        self.connections: set[Connection] = set()
        self.tasks = Tasks()
        self.tick = 0  # moved by the server's sweeper: a connection notes it instead of reading the clock
        self.stopping = False
        self.heads = Heads(clock)
        self.bodies = Budget(max(BODIES_BYTES, max_body_bytes))

    def opened(self, connection: "Connection") -> None:
        """Overridden by the server, which sweeps while there are connections."""
        self.connections.add(connection)

    def closed(self, connection: "Connection") -> None:
        self.connections.discard(connection)


class _Waiting:
    """A request in the pipeline, or an answer that needs no handler (``answer`` set)."""

    __slots__ = ("answer", "keep_alive", "old", "request", "upgrade")

    def __init__(
        self, request: Request | None, keep_alive: bool, old: bool, upgrade: bool, answer: Response | None = None
    ) -> None:
        self.request = request
        self.keep_alive = keep_alive
        self.old = old
        self.upgrade = upgrade
        self.answer = answer


class Connection(asyncio.Protocol):
    """See the module's contract. Callbacks named ``on_*`` are httptools' own."""

    __slots__ = (
        "_asked",
        "_body",
        "_body_size",
        "_closing",
        "_deciding",
        "_duplex",
        "_head_done",
        "_head_size",
        "_headers",
        "_keep_alive",
        "_lost",
        "_method",
        "_old",
        "_parser",
        "_queue",
        "_reading",
        "_reading_paused",
        "_room",
        "_site",
        "_tail",
        "_task",
        "_transport",
        "_unsent",
        "_upgrade_to",
        "_url",
        "_waiters",
        "_wanted",
        "_write_paused",
        "_writer",
        "peer",
        "remote",
        "state",
        "tick",
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.peer: PeerCertificate | None = None
        self.remote = ""
        self.state: dict[str, Any] = {}
        self.tick = site.tick
        # the request being read
        self._reading = False
        self._head_done = False
        self._head_size = 0
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_size = 0
        self._wanted = 0  # room for a body that has not been given yet
        self._room = 0  # room that was given
        # the request being answered
        self._method = "GET"
        self._keep_alive = True
        self._old = False  # HTTP/1.0
        self._upgrade_to = ""
        self._task: asyncio.Task[None] | None = None
        self._writer: StreamWriter | None = None
        self._duplex: RawDuplex | None = None
        # those behind it
        self._queue: deque[_Waiting] = deque()
        self._deciding = False  # an upgrade was asked for: what follows is not HTTP until it is refused
        self._tail: list[bytes] = []
        # the connection
        self._asked = False  # a first request has come whole
        self._unsent = 0
        self._closing = False
        self._lost = False
        self._reading_paused = False
        self._write_paused = False
        self._waiters: list[asyncio.Future[None]] = []

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.remote = address(transport.get_extra_info("peername"))
        if certificate := transport.get_extra_info("peercert"):
            whole: bytes = transport.get_extra_info("ssl_object").getpeercert(True)
            self.peer = peer_certificate(certificate, whole)
        self._site.opened(self)

    def data_received(self, data: bytes) -> None:
        if not self._reading:
            self.tick = self._site.tick
        if self._duplex is not None:
            self._duplex.feed(data)
        elif self._closing:
            return
        elif self._deciding:
            self._tail.append(data)
            if sum(map(len, self._tail)) > TAIL_LIMIT:
                self._pause_reading()
        else:
            self._parse(data)

    def eof_received(self) -> bool:
        """A peer that has stopped sending is gone, as for Go's server; what was written is still sent."""
        if self._duplex is not None:
            self._duplex.feed_eof()
            return not self._is_tls()  # TLS has no half-closed state
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self._site.closed(self)
        self._parser = None  # it holds our callbacks: a cycle
        self._queue.clear()
        self._tail.clear()
        if self._wanted:
            self._site.bodies.withdraw(self._room_made)
        self._give_room_back()
        if self._task is not None:
            self._task.cancel()
        if self._writer is not None:
            self._writer.connection_lost()
        if self._duplex is not None:
            self._duplex.connection_lost()
        self._wake_drainers()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._wake_drainers()
        self._serve_waiting()

    # what the parser calls

    def on_url(self, url: bytes) -> None:
        self._reading = True
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = _names.get(name)
        if key is None:
            key = name.decode("latin-1").lower()
            if len(_names) < 1024:
                _names[name] = key
        text = value.decode("utf-8", "surrogateescape")
        headers = self._headers
        if key in headers:
            headers[key] = f"{headers[key]}{'; ' if key == 'cookie' else ', '}{text}"
        else:
            headers[key] = text

    def on_headers_complete(self) -> None:
        self._head_done = True
        headers = self._headers
        length = headers.get("content-length")
        if length is not None and int(length) > self._site.max_body_bytes:
            self._refuse(self._site.too_large)
        elif length is not None and int(length) > SMALL_BODY:
            self._want_room(int(length))
        elif self._is_free():
            self._let_continue()

    def on_body(self, data: bytes) -> None:
        self._body_size += len(data)
        if self._closing:
            return
        if self._body_size > self._site.max_body_bytes:
            self._body.clear()
            self._refuse(self._site.too_large)
            return
        self._body.append(data)
        if self._body_size > SMALL_BODY and not self._room and not self._wanted:
            self._want_room(self._site.max_body_bytes)  # it comes in chunks: how much, nobody knows

    def on_message_complete(self) -> None:
        if self._closing:
            return
        parser = self._parser
        method = parser.get_method()
        path, mark, query = self._url.partition(b"?")
        request = Request(
            _methods.get(method) or method.decode("latin-1"),
            _path(path),
            query.decode("utf-8", "surrogateescape") if mark else "",
            self._headers,
            b"".join(self._body) if self._body_size else b"",
            self.peer,
            self.remote,
            self.state,
        )
        old = parser.get_http_version() != "1.1"
        keep_alive = not old and parser.should_keep_alive()
        upgrade = parser.should_upgrade()
        if not old and "host" not in self._headers:
            self._refuse(NO_HOST)
            return
        if self._wanted:  # all of it has come already: it was read with its head
            self._site.bodies.withdraw(self._room_made)
            self._wanted = 0
            self._resume_reading()
        self._begin_reading()
        self._asked = True
        if self._is_free() and not self._write_paused:
            self._serve(request, keep_alive, old, upgrade)
            return
        self._queue.append(_Waiting(request, keep_alive, old, upgrade))
        if len(self._queue) >= PIPELINE_LIMIT:
            self._pause_reading()

    # reading

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade_asked(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            # raised by the parser for what is no HTTP, or around a callback's own failure
            if not self._closing:
                self._refuse(MALFORMED)
            return
        if self._reading and not self._head_done:
            self._head_size += len(data)
            if self._head_size > self._site.max_head_bytes and not self._closing:
                self._refuse(HEAD_TOO_LARGE)

    def _begin_reading(self) -> None:
        self._reading = False
        self._head_done = False
        self._head_size = 0
        self._url = b""
        self._headers = {}
        if self._body_size:
            self._body = []
            self._body_size = 0

    def _refuse(self, answer: Response) -> None:
        """Answer and close, behind what is still being answered; what comes after is not read."""
        self._closing = True
        if self._is_free():
            self._keep_alive = False
            self._method = "GET"
            self._respond(answer)
        else:
            self._queue.append(_Waiting(None, False, False, False, answer))

    def _upgrade_asked(self, tail: bytes) -> None:
        if self._duplex is not None:
            self._duplex.feed(tail)
        elif self._closing:
            return
        elif self._is_free() and not self._queue:
            self._read_on(tail)  # refused at once: HTTP goes on
        else:
            self._deciding = True
            self._tail = [tail]

    def _read_on(self, tail: bytes) -> None:
        self._deciding = False
        self._parser = httptools.HttpRequestParser(self)
        if tail:
            self._parse(tail)

    def _let_continue(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _want_room(self, size: int) -> None:
        self._wanted = size
        self._ask_for_room()

    def _ask_for_room(self) -> None:
        """Not before all that was asked earlier is answered: a body that waits behind a watch must not hold any."""
        if self._is_free() and self._site.bodies.take(self._wanted, self._room_made):
            self._room_made()
        else:
            self._pause_reading()

    def _room_made(self) -> None:
        self._room, self._wanted = self._wanted, 0
        self.tick = self._site.tick
        self._let_continue()
        self._resume_reading()

    def _give_room_back(self) -> None:
        room, self._room = self._room, 0
        if room:
            self._site.bodies.give_back(room)

    def _pause_reading(self) -> None:
        if not self._reading_paused and not self._transport.is_closing():
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused and not self._transport.is_closing():
            self._reading_paused = False
            self._transport.resume_reading()

    # answering

    def _is_free(self) -> bool:
        return self._task is None and self._writer is None and self._duplex is None and not self._queue

    def _serve(self, request: Request, keep_alive: bool, old: bool, upgrade: bool) -> None:
        self._method = request.method
        self._keep_alive = keep_alive
        self._old = old
        self._upgrade_to = request.headers.get("upgrade", "") if upgrade else ""
        try:
            answer = self._site.handler(request)
        except Exception:  # the handler is foreign code: its fault is a 500, not this connection's end
            log.exception("%s %s failed", request.method, request.path)
            answer = FAILED
        if type(answer) is Response:
            self._respond(answer)
        elif isinstance(answer, Stream | Takeover | Response):
            self._answer(answer)
        else:
            name = f"{request.method} {request.path}"
            self._task = self._site.tasks.spawn(self._wait(answer, name), name)

    async def _wait(self, pending: Awaitable[Answer], name: str) -> None:
        try:
            answer = await pending
        except asyncio.CancelledError:
            if not self._lost:  # the handler cancelled itself: nobody will answer here
                self._transport.abort()
            raise
        except Exception:  # as in _serve
            log.exception("%s failed", name)
            answer = FAILED
        self._task = None
        self.tick = self._site.tick
        if self._lost:
            _drop(answer)
            return
        self._answer(answer)
        self._serve_waiting()

    def _answer(self, answer: Answer) -> None:
        if isinstance(answer, Response):
            self._respond(answer)
        elif isinstance(answer, Stream):
            self._start_stream(answer)
        else:
            self._take_over(answer)

    def _respond(self, response: Response) -> None:
        if self._room:
            self._give_room_back()
        status = response.status
        body = response.body
        head = self._site.heads.head(status, response.content_type)
        if response.headers:
            head += lines(response.headers)
        keep_alive = self._keep_alive and not self._site.stopping
        if not keep_alive:
            head += b"Connection: close\r\n"
        if status == 204 or status == 304:
            self._transport.write(head + b"\r\n")
        elif self._method == "HEAD":
            self._transport.write(b"%bContent-Length: %d\r\n\r\n" % (head, len(body)))
        elif len(body) < BIG_BODY:
            self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        else:
            self._transport.write(b"%bContent-Length: %d\r\n\r\n" % (head, len(body)))
            self._transport.write(body)
        if self._closing:
            self._linger()
        elif not keep_alive:
            self._close()

    def _start_stream(self, stream: Stream) -> None:
        self._give_room_back()
        head = self._site.heads.head(stream.status, stream.content_type) + lines(stream.headers)
        if self._old:
            self._keep_alive = False
        else:
            head += b"Transfer-Encoding: chunked\r\n"
        if not self._keep_alive or self._site.stopping:
            head += b"Connection: close\r\n"
        self._transport.write(head + b"\r\n")
        if self._method == "HEAD" or self._site.stopping:
            stream.ended()
            if self._method != "HEAD" and not self._old:
                self._transport.write(b"0\r\n\r\n")
            if not self._keep_alive or self._site.stopping:
                self._close()
            return
        writer = self._writer = StreamWriter(self, stream.ended, chunked=not self._old)
        try:
            stream.start(writer)
        except Exception:  # as in _serve; the head is gone, so the break is all the peer can be told
            log.exception("a stream did not start")
            writer.abort()

    def _take_over(self, answer: Takeover) -> None:
        if not self._upgrade_to:
            self._respond(Response(400, b"400 Bad Request: no upgrade was asked for", TEXT))
            return
        given = {name.lower() for name, _ in answer.headers}
        head = self._site.heads.head(101, "") + lines(answer.headers)
        if "upgrade" not in given:
            head += lines((("Upgrade", self._upgrade_to),))
        if "connection" not in given:
            head += b"Connection: Upgrade\r\n"
        self._transport.write(head + b"\r\n")
        duplex = self._duplex = RawDuplex(self)
        tail, self._tail = b"".join(self._tail), []
        self._deciding = False
        self._resume_reading()
        if tail:
            duplex.feed(tail)
        self._task = self._site.tasks.spawn(self._run(answer, duplex), f"takeover {self.remote}")

    async def _run(self, answer: Takeover, duplex: RawDuplex) -> None:
        try:
            await answer.run(duplex)
        except Exception:  # as in _serve
            log.exception("a takeover failed")
        finally:
            self._task = None
            duplex.close()

    def _serve_waiting(self) -> None:
        while self._task is None and self._writer is None and self._duplex is None:
            if self._lost or self._write_paused or self._transport.is_closing():
                return
            if not self._queue:
                if self._deciding:
                    tail, self._tail = b"".join(self._tail), []
                    self._read_on(tail)
                if self._wanted:
                    self._ask_for_room()
                else:
                    self._resume_reading()
                return
            waiting = self._queue.popleft()
            if waiting.request is not None:
                self._serve(waiting.request, waiting.keep_alive, waiting.old, waiting.upgrade)
            elif waiting.answer is not None:
                self._keep_alive = False
                self._method = "GET"
                self._respond(waiting.answer)

    def _close(self) -> None:
        self._closing = True
        self._transport.close()

    def _linger(self) -> None:
        """Let a peer that is still sending read its refusal: a close now would make the kernel reset the connection."""
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._site.clock.call_later(LINGER_SECONDS, self._transport.close)

    def _is_tls(self) -> bool:
        return self._transport.get_extra_info("sslcontext") is not None

    # what the ends of a stream or takeover call

    @property
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    @property
    def is_lost(self) -> bool:
        return self._lost

    def write(self, data: bytes) -> None:
        if not self._lost:
            self._transport.write(data)

    async def drain(self) -> None:
        while self._write_paused and not self._lost:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    def pause_peer(self) -> None:
        self._pause_reading()

    def resume_peer(self) -> None:
        self._resume_reading()

    def stream_closed(self) -> None:
        """The stream's writer has ended it properly."""
        self._writer = None
        self.tick = self._site.tick
        if not self._keep_alive or self._site.stopping:
            self._close()
        else:
            asyncio.get_running_loop().call_soon(self._serve_waiting)

    def abort(self) -> None:
        self._transport.abort()

    def hang_up(self) -> None:
        """Close after what was written is sent."""
        self._close()

    def _wake_drainers(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # what the server calls

    @property
    def owes(self) -> Owed:
        if self._closing:
            return Owed.GOODBYE
        if self._reading:
            if self._wanted:
                return Owed.NOTHING
            return Owed.BODY if self._head_done else Owed.HEAD
        if not self._is_free():
            return Owed.NOTHING
        return Owed.REQUEST if self._asked else Owed.HEAD

    def has_taken(self) -> bool:
        """Has the peer taken something that waited since this was asked last?"""
        before, self._unsent = self._unsent, self.buffered
        return self._unsent < before

    def stop(self) -> None:
        """Close once nothing is being answered; streams are ended now."""
        if self._writer is not None:
            self._writer.close()
        elif not self._reading and self._is_free():
            self._close()


def _path(raw: bytes) -> str:
    if raw[:1] != b"/" and b"://" in raw:  # absolute form
        raw = b"/" + raw.partition(b"://")[2].partition(b"/")[2]
    text = raw.decode("utf-8", "replace")
    return unquote(text) if "%" in text else text


def _drop(answer: Answer) -> None:
    """Nobody is left to take it: a stream's owner still hears of the end."""
    if isinstance(answer, Stream):
        answer.ended()
