"""A server's end of a TLS connection, straight over its socket: one call enciphers and sends, one receives.

The event loops' own TLS passes every byte through two memory buffers a connection, which also stay as large as what
once went through them. Here OpenSSL has the socket itself. What a peer does not take waits as it was written, so that
a thousand watchers that wait for the same bytes hold them once.

Contract: as ``asyncio.Transport``. ``connection_made`` comes after the handshake; ``close`` sends what was written,
says goodbye and does not wait for the peer's (Go's server does not either). Who ends a peer that is slow at the
handshake or takes nothing after ``close`` is the owner, by ``abort``.

Source: RFC 8446; Go's ``net/http`` for what is said to a peer that speaks plain HTTP.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Any, cast

from pynetes.aio.clock import Clock, Timer

log = logging.getLogger(__name__)

RECORD = 16 * 1024
"""The most that one TLS record carries: a read that brings less has very likely brought all there was."""

READS = 16
"""Records read in one turn of the loop: a peer that sends without end must leave room for the others."""

PIECE = 16 * RECORD
"""Sent by one call, and taken off the buffer's size once all of it is out."""

HIGH_WATER = 64 * 1024
LOW_WATER = 16 * 1024
"""Bytes that wait: the protocol is paused above the one, resumed at the other."""

BACKLOG = 1024
ACCEPTS = 64
"""Connections accepted in one turn of the loop."""

KEEP_ALIVE_SECONDS = 180
"""How often the kernel asks a silent peer whether it is still there: a watch whose client lost power ends by it."""

REST_SECONDS = 1.0
"""How long nothing is accepted after the process ran out of file descriptors or memory."""

PLAIN_HTTP = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class State(Enum):
    """A connection's life. Each state leads to those after it only."""

    SHAKING = "shaking hands"
    OPEN = "open"
    CLOSING = "sending what is left"
    CLOSED = "closed"


class SecureTransport(asyncio.Transport):
    """See the module's contract. ``settled`` is called once: the handshake is over, however it went."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        make_protocol: Callable[[], asyncio.Protocol],
        settled: Callable[["SecureTransport"], None],
    ) -> None:
        """Takes the socket, which must not block. Raises: OSError, the peer has gone already."""
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._make_protocol = make_protocol
        self._settled = settled
        self._protocol = cast(asyncio.Protocol, None)
        self._context = context
        self._state = State.SHAKING
        self._reading = True
        self._backlog: deque[bytes | memoryview] = deque()
        self._buffered = 0
        self._protocol_paused = False
        self._socket = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._fd = self._socket.fileno()
        self._is_tcp = sock.family != socket.AF_UNIX
        self._loop.add_reader(self._fd, self._shake)

    # the handshake

    def _shake(self) -> None:
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self._fd, self._writable)
            return
        except OSError as error:
            log.debug("TLS handshake failed: %s", error)
            if isinstance(error, ssl.SSLError) and error.reason == "HTTP_REQUEST":
                self._answer_plainly()
            self._finish(error)
            return
        self._state = State.OPEN
        self._settled(self)
        self._loop.add_reader(self._fd, self._readable)
        self._protocol = self._make_protocol()
        self._protocol.connection_made(self)

    def _answer_plainly(self) -> None:
        with suppress(OSError):
            socket.socket.recv(self._socket, RECORD)  # what is left unread would make the kernel reset the connection
            socket.socket.send(self._socket, PLAIN_HTTP)

    # reading

    def _readable(self) -> None:
        for _ in range(READS):
            try:
                data = self._socket.recv(RECORD)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLWantWriteError:  # it has to answer a change of keys first
                self._loop.add_writer(self._fd, self._writable)
                return
            except OSError as error:
                self._finish(error)
                return
            if not data:
                self._stop_reading()
                if not self._protocol.eof_received():
                    self.close()
                return
            self._protocol.data_received(data)
            if len(data) < RECORD or not self._reading:
                return

    def pause_reading(self) -> None:
        if self._state is State.OPEN:
            self._stop_reading()

    def resume_reading(self) -> None:
        if self._state is State.OPEN and not self._reading:
            self._reading = True
            self._loop.add_reader(self._fd, self._readable)

    def is_reading(self) -> bool:
        return self._reading

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    # writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._state is not State.OPEN or not data:
            return
        if not isinstance(data, bytes):
            data = bytes(data)
        if not self._backlog:
            data = self._send(data)
            if not data:
                return
            self._loop.add_writer(self._fd, self._writable)
        self._backlog.append(data)
        self._buffered += len(data)
        if self._buffered > HIGH_WATER and not self._protocol_paused:
            self._protocol_paused = True
            self._protocol.pause_writing()

    def _send(self, data: bytes | memoryview) -> bytes | memoryview:
        """Send what the kernel takes; what is left, nothing also after a failure, which ends the connection.

        What is left must come again first: OpenSSL holds the start of it, enciphered. Several records are several
        sends, which the kernel is told to pass on as one: that saves it a walk through all its layers for each.
        """
        corked = self._is_tcp and len(data) > RECORD
        try:
            if corked:
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            while (sent := self._socket.send(data if len(data) <= PIECE else memoryview(data)[:PIECE])) < len(data):
                data = memoryview(data)[sent:]
            data = b""
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError as error:
            self._finish(error)
            return b""
        if corked:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        return data

    def _writable(self) -> None:
        if self._state is State.SHAKING:
            self._loop.remove_writer(self._fd)
            self._shake()
            return
        while self._backlog:
            data = self._backlog[0]
            rest = self._send(data)
            if self._state is State.CLOSED:
                return
            self._buffered -= len(data) - len(rest)
            if rest:
                self._backlog[0] = rest
                break
            self._backlog.popleft()
        if not self._backlog:
            self._loop.remove_writer(self._fd)
            if self._state is State.CLOSING:
                self._say_goodbye()
                return
        if self._protocol_paused and self._buffered <= LOW_WATER:
            self._protocol_paused = False
            self._protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        return self._buffered

    def can_write_eof(self) -> bool:
        return False  # TLS has no half-closed state

    # the end

    def close(self) -> None:
        if self._state is State.SHAKING:
            self._finish(None)
        elif self._state is State.OPEN:
            self._state = State.CLOSING
            self._stop_reading()
            if not self._backlog:
                self._say_goodbye()

    def abort(self) -> None:
        self._finish(None)

    def is_closing(self) -> bool:
        return self._state in (State.CLOSING, State.CLOSED)

    def _say_goodbye(self) -> None:
        with suppress(OSError):
            self._socket.unwrap()
        self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        if self._state is State.CLOSED:
            return
        shaking = self._state is State.SHAKING
        self._state = State.CLOSED
        self._reading = False
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._backlog.clear()
        self._buffered = 0
        self._socket.close()
        if shaking:
            self._settled(self)
        else:
            self._loop.call_soon(self._protocol.connection_lost, error)

    # what a protocol asks

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "sslcontext":
            return self._context
        if name == "peercert":
            return self._socket.getpeercert()
        if name == "ssl_object":
            return self._socket
        if name == "peername":
            with suppress(OSError):  # it may have gone again
                return self._socket.getpeername()
        return default


class SecureListener:
    """Accepts on a bound socket, which it owns, and shakes hands with whoever comes."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        make_protocol: Callable[[], asyncio.Protocol],
        clock: Clock,
        accepted: Callable[[], None],
    ) -> None:
        sock.listen(BACKLOG)
        sock.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._context = context
        self._make_protocol = make_protocol
        self._clock = clock
        self._accepted = accepted
        self._rest: Timer | None = None
        self.shaking: dict[SecureTransport, int] = {}
        """Who is at the handshake, and since how many sweeps."""
        self._loop.add_reader(sock.fileno(), self._accept)

    @property
    def address(self) -> Any:
        return self._socket.getsockname()

    def sweep(self, most: int) -> None:
        """Break off whoever has been at the handshake for more than so many sweeps."""
        for transport, sweeps in list(self.shaking.items()):
            if sweeps >= most:
                transport.abort()
            else:
                self.shaking[transport] = sweeps + 1

    def close(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        if self._rest is not None:
            self._rest.cancel()
        for transport in list(self.shaking):
            transport.abort()

    def _accept(self) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                log.error("no connection is accepted for a while: %s", error)
                self._loop.remove_reader(self._socket.fileno())
                self._rest = self._clock.call_later(REST_SECONDS, self._go_on)
                return
            sock.setblocking(False)
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_SECONDS)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_ALIVE_SECONDS)
            try:
                transport = SecureTransport(sock, self._context, self._make_protocol, self._settled)
            except OSError:  # gone before we looked
                sock.close()
                continue
            self.shaking[transport] = 0
            self._accepted()

    def _go_on(self) -> None:
        self._rest = None
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def _settled(self, transport: SecureTransport) -> None:
        self.shaking.pop(transport, None)
