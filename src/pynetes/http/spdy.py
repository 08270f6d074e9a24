"""SPDY/3.1 as Kubernetes speaks it: many streams over one raw connection, for exec, attach and port-forward.

Runs over any ``Duplex``: a taken-over connection, or a WebSocket's messages (``Tunnel``: newer port-forwards).

Contract: each stream's bytes come in order; a stream whose reader is slow stops the whole session, since Kubernetes'
peers use no windows; a session's end is the end of its streams.

Source: the SPDY protocol draft 3.1; moby/spdystream for what peers really send (no SETTINGS, no WINDOW_UPDATE).
"""

import asyncio
import struct
import zlib
from collections import deque
from collections.abc import Callable, Mapping

from pynetes.http.types import Duplex
from pynetes.http.websocket import WebSocket

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY, HEADERS = 1, 2, 3, 6, 7, 8
FIN, UNIDIRECTIONAL = 1, 2
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, CANCEL = 1, 2, 3, 5

READ_LIMIT = 1024 * 1024
"""Bytes that a stream may hold unread before the session stops reading."""

WRITE_SIZE = 32 * 1024
"""Data is cut into frames of this size, so that streams take turns."""

MAX_CONTROL_BYTES = 1024 * 1024
MAX_HEADERS_BYTES = 1024 * 1024
MAX_STREAMS = 1000


class ProtocolError(Exception):
    """The peer does not speak SPDY/3.1; the session is over."""


class SPDYStream:
    """One stream of a session: a ``Duplex`` with headers. ``id`` is odd for those that a client opened."""

    def __init__(self, session: "Session", id: int, headers: Mapping[str, str]) -> None:
        self._session = session
        self.id = id
        self.headers = headers
        self.reply_headers: Mapping[str, str] = {}
        self.was_reset = False
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._read_ended = False
        self._write_ended = False
        self._reader: asyncio.Future[None] | None = None
        self._replied: asyncio.Future[None] | None = None
        self._has_reply = False

    @property
    def is_over_limit(self) -> bool:
        return self._size > READ_LIMIT

    async def read(self) -> bytes:
        while not self._pieces:
            if self._read_ended:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        self._session.room_made()
        return data

    def write(self, data: bytes) -> None:
        """Ignored after the end."""
        if not self._write_ended:
            for at in range(0, len(data), WRITE_SIZE):
                self._session.send_data(self.id, data[at : at + WRITE_SIZE], 0)

    async def drain(self) -> None:
        await self._session.drain()

    def close_write(self) -> None:
        """No more from us; the peer may go on."""
        if not self._write_ended:
            self._write_ended = True
            self._session.send_data(self.id, b"", FIN)
            self._forget_if_over()

    def close(self) -> None:
        """Nothing more is written, and what comes is dropped."""
        self.close_write()
        self.take_end()
        self._pieces.clear()
        self._size = 0
        self._session.room_made()

    def reset(self, status: int = CANCEL) -> None:
        """End both ways at once."""
        if not (self._read_ended and self._write_ended):
            self._session.send_control(RST_STREAM, 0, struct.pack(">II", self.id, status))
            self.take_reset()

    async def replied(self) -> None:
        """Wait until the peer took the stream. Raises: ConnectionError when it refused."""
        if not self._has_reply and not self._read_ended:
            self._replied = asyncio.get_running_loop().create_future()
            await self._replied
        if not self._has_reply or self.was_reset:
            raise ConnectionRefusedError(f"the peer refused stream {self.id}")

    # what the session calls

    def take(self, data: bytes) -> None:
        if not self._read_ended and data:
            self._pieces.append(data)
            self._size += len(data)
            _resolve(self._reader)

    def take_end(self) -> None:
        self._read_ended = True
        _resolve(self._reader)
        _resolve(self._replied)
        self._forget_if_over()

    def take_reset(self) -> None:
        self.was_reset = True
        self._write_ended = True
        self.take_end()

    def take_reply(self, headers: Mapping[str, str]) -> None:
        self.reply_headers = headers
        self._has_reply = True
        _resolve(self._replied)

    def _forget_if_over(self) -> None:
        if self._read_ended and self._write_ended:
            self._session.forget(self)


class Session:
    """One end. ``run`` must be running for anything to come; ``on_stream`` is told of each stream that the peer opens
    (already accepted; ``reset`` it to refuse)."""

    def __init__(
        self, duplex: Duplex, *, server: bool, on_stream: Callable[[SPDYStream], None] = lambda stream: stream.reset()
    ) -> None:
        self._duplex = duplex
        self._server = server
        self._on_stream = on_stream
        self._streams: dict[int, SPDYStream] = {}
        self._next_id = 2 if server else 1
        self._last_id = 0
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._room: asyncio.Future[None] | None = None
        self._closed = False

    def open(self, headers: Mapping[str, str]) -> SPDYStream:
        """A new stream; ``await stream.replied()`` tells whether the peer took it."""
        stream = SPDYStream(self, self._next_id, dict(headers))
        self._next_id += 2
        self._streams[stream.id] = stream
        body = struct.pack(">IIH", stream.id, 0, 0) + self._pack(headers)
        self.send_control(SYN_STREAM, 0, body)
        return stream

    async def run(self) -> None:
        """Read until the peer goes or ``close``. Raises: ProtocolError."""
        try:
            while not self._closed and (data := await self._duplex.read()):
                self._buffer += data
                while (frame := self._next_frame()) is not None:
                    self._take(*frame)
                    await self._wait_for_room()
        finally:
            self.close()

    def close(self) -> None:
        """End all streams and the connection."""
        if self._closed:
            return
        self.send_control(GOAWAY, 0, struct.pack(">II", self._last_id, 0))
        self._closed = True
        for stream in list(self._streams.values()):
            stream.take_reset()
        self._streams.clear()
        self.room_made()
        self._duplex.close()

    def _next_frame(self) -> tuple[bytes, int, bytes] | None:
        """The first four bytes, the flags and the body of a whole frame."""
        buffer = self._buffer
        if len(buffer) < 8:
            return None
        length = int.from_bytes(buffer[5:8], "big")
        if buffer[0] & 0x80 and length > MAX_CONTROL_BYTES:
            raise ProtocolError(f"a control frame of {length} bytes")
        if len(buffer) < 8 + length:
            return None
        head, flags, body = bytes(buffer[:4]), buffer[4], bytes(buffer[8 : 8 + length])
        del buffer[: 8 + length]
        return head, flags, body

    def _take(self, head: bytes, flags: int, body: bytes) -> None:
        first, second = struct.unpack(">HH", head)
        if not first & 0x8000:
            self._take_data(int.from_bytes(head, "big"), flags, body)
            return
        if first & 0x7FFF != 3:
            raise ProtocolError(f"version {first & 0x7FFF}")
        try:
            self._take_control(second, flags, body)
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise ProtocolError(f"a frame of type {second} is broken: {error}") from error

    def _take_data(self, id: int, flags: int, body: bytes) -> None:
        stream = self._streams.get(id)
        if stream is not None:  # else: forgotten already, the peer did not know yet
            stream.take(body)
            if flags & FIN:
                stream.take_end()

    def _take_control(self, type: int, flags: int, body: bytes) -> None:
        if type == SYN_STREAM:
            id = struct.unpack_from(">I", body)[0] & 0x7FFFFFFF
            # also of a stream that is refused the headers must be read: one compression runs through all of them
            self._take_stream(id, flags, self._unpack(body[10:]))
        elif type in (SYN_REPLY, HEADERS):
            headers = self._unpack(body[4:])
            stream = self._streams.get(struct.unpack_from(">I", body)[0] & 0x7FFFFFFF)
            if stream is not None:
                if type == SYN_REPLY:
                    stream.take_reply(headers)
                if flags & FIN:
                    stream.take_end()
        elif type == RST_STREAM:
            stream = self._streams.get(struct.unpack_from(">I", body)[0] & 0x7FFFFFFF)
            if stream is not None:
                stream.take_reset()
        elif type == PING:
            if bool(struct.unpack(">I", body)[0] & 1) == self._server:  # the peer's own, not the answer to one of ours
                self.send_control(PING, 0, body)

    def _take_stream(self, id: int, flags: int, headers: dict[str, str]) -> None:
        if bool(id & 1) != self._server or id <= self._last_id:
            raise ProtocolError(f"stream {id} after {self._last_id}")
        self._last_id = id
        if len(self._streams) >= MAX_STREAMS:
            self.send_control(RST_STREAM, 0, struct.pack(">II", id, REFUSED_STREAM))
            return
        stream = self._streams[id] = SPDYStream(self, id, headers)
        self.send_control(SYN_REPLY, 0, struct.pack(">I", id) + self._pack({}))
        if flags & FIN:
            stream.take_end()
        self._on_stream(stream)

    async def _wait_for_room(self) -> None:
        while not self._closed and any(stream.is_over_limit for stream in self._streams.values()):
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def _pack(self, headers: Mapping[str, str]) -> bytes:
        parts = [struct.pack(">I", len(headers))]
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                parts += [struct.pack(">I", len(text)), text]
        return self._deflate.compress(b"".join(parts)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def _unpack(self, block: bytes) -> dict[str, str]:
        data = self._inflate.decompress(block, MAX_HEADERS_BYTES)
        if self._inflate.unconsumed_tail:
            raise ProtocolError("headers are too long")
        texts: list[str] = []
        at = 4
        for _ in range(2 * struct.unpack_from(">I", data)[0]):
            size = struct.unpack_from(">I", data, at)[0]
            if at + 4 + size > len(data):
                raise ProtocolError("headers are cut off")
            texts.append(data[at + 4 : at + 4 + size].decode())
            at += 4 + size
        return {name.lower(): value.replace("\0", ", ") for name, value in zip(texts[::2], texts[1::2], strict=True)}

    # what the streams call

    def send_control(self, type: int, flags: int, body: bytes) -> None:
        if not self._closed:
            self._duplex.write(struct.pack(">HHI", 0x8003, type, flags << 24 | len(body)) + body)

    def send_data(self, id: int, data: bytes, flags: int) -> None:
        if not self._closed:
            self._duplex.write(struct.pack(">II", id, flags << 24 | len(data)) + data)

    async def drain(self) -> None:
        if not self._closed:
            await self._duplex.drain()

    def room_made(self) -> None:
        _resolve(self._room)

    def forget(self, stream: SPDYStream) -> None:
        self._streams.pop(stream.id, None)


class Tunnel:
    """A WebSocket as a ``Duplex``: bytes in binary messages (sub-protocol ``SPDY/3.1+portforward.k8s.io``)."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        while (message := await self._socket.receive()) is not None:
            if message:
                return message if isinstance(message, bytes) else message.encode()
        return b""

    def write(self, data: bytes) -> None:
        self._socket.send(data)

    async def drain(self) -> None:
        await self._socket.drain()

    def close(self) -> None:
        self._socket.close()


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow"
    " authorization cache-control connection content-base content-encoding content-language content-length"
    " content-location content-md5 content-range content-type date etag expect expires from host if-match"
    " if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma"
    " proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade"
    " user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie"
    " keep-alive origin"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug"
    " Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in _WORDS.split()) + _TEXT.encode()
)
"""What the protocol presets for the compression of headers (section 2.6.10.1)."""
