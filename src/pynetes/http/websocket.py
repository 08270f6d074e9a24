"""WebSockets over a taken-over connection: the handshake is ours, the frames are wsproto's.

Contract of ``WebSocket``: ``receive`` gives whole messages and answers pings meanwhile; None is the end, whoever said
it. ``send`` never waits: call ``drain`` where much is sent.

Source: RFC 6455; apimachinery ``pkg/util/httpstream/wsstream/conn.go`` for how a sub-protocol is chosen.
"""

import base64
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from pynetes.aio.clock import Clock
from pynetes.http.client import HTTPClient
from pynetes.http.types import Duplex, Headers, Request, Response, Takeover

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
TEXT = "text/plain; charset=utf-8"


class WebSocket:
    """One end of a WebSocket. ``subprotocol`` is the one agreed on, or empty."""

    def __init__(self, duplex: Duplex, subprotocol: str, *, server: bool) -> None:
        self._duplex = duplex
        self._connection = Connection(ConnectionType.SERVER if server else ConnectionType.CLIENT)
        self._messages: deque[bytes | str] = deque()
        self._parts: list[bytes | str] = []
        self._size = 0
        self._ended = False
        self.subprotocol = subprotocol
        self.close_code = 0

    async def receive(self) -> bytes | str | None:
        """The next message, text as ``str``; None at the end (``close_code`` tells why, 1006: no goodbye)."""
        while not self._messages:
            if self._ended:
                return None
            data = await self._duplex.read()
            if not data:
                self._ended = True
                self.close_code = self.close_code or 1006
                return None
            try:
                self._connection.receive_data(data)
                for event in self._connection.events():
                    self._take(event)
            except RemoteProtocolError:
                self.close(1002)
        return self._messages.popleft()

    def send(self, data: bytes | str) -> None:
        """Send one message; ignored after the end."""
        event = TextMessage(data) if isinstance(data, str) else BytesMessage(data)
        self._write(event)

    async def drain(self) -> None:
        await self._duplex.drain()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and end; what was sent before is delivered."""
        if not self._ended:
            self._ended = True
            self.close_code = code
            self._write(CloseConnection(code, reason or None))
            self._duplex.close()

    def _take(self, event: Event) -> None:
        if isinstance(event, TextMessage | BytesMessage):
            part = event.data if isinstance(event.data, str) else bytes(event.data)
            self._parts.append(part)
            self._size += len(part)
            if self._size > MAX_MESSAGE_BYTES:
                self.close(1009)
            elif event.message_finished:
                self._messages.append(_join(self._parts))
                self._parts = []
                self._size = 0
        elif isinstance(event, Ping):
            self._write(event.response())
        elif isinstance(event, CloseConnection) and not self._ended:
            self._ended = True
            self.close_code = int(event.code)
            self._write(event.response())
            self._duplex.close()

    def _write(self, event: Event) -> None:
        if self._connection.state in (ConnectionState.CLOSED, ConnectionState.LOCAL_CLOSING):
            return
        try:
            self._duplex.write(self._connection.send(event))
        except LocalProtocolError:
            pass  # the state moved on: the peer has said goodbye and takes nothing more


def _join(parts: list[bytes | str]) -> bytes | str:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], str):
        return "".join(part for part in parts if isinstance(part, str))
    return b"".join(part for part in parts if isinstance(part, bytes))


def is_websocket(request: Request) -> bool:
    """Whether the request asks for a WebSocket."""
    tokens = request.headers.get("connection", "").lower().replace(" ", "").split(",")
    return "upgrade" in tokens and request.headers.get("upgrade", "").lower() == "websocket"


def accept(
    request: Request, protocols: Sequence[str], run: Callable[[WebSocket], Awaitable[None]], headers: Headers = ()
) -> Takeover | Response:
    """Answer a handshake: the first of the client's sub-protocols that is one of ``protocols``.

    A client that names none is served when ``protocols`` is empty or contains ``""``. ``run`` is given the socket,
    which is closed when it returns.
    """
    if not is_websocket(request):
        return Response(400, b"400 Bad Request: not a WebSocket handshake", TEXT)
    if request.headers.get("sec-websocket-version") != "13":
        return Response(426, b"426 Upgrade Required", TEXT, (("Sec-WebSocket-Version", "13"),))
    key = request.headers.get("sec-websocket-key", "")
    if not key:
        return Response(400, b"400 Bad Request: Sec-WebSocket-Key is missing", TEXT)
    asked = [name.strip() for name in request.headers.get("sec-websocket-protocol", "").split(",") if name.strip()]
    chosen = choose(asked, protocols)
    if chosen is None:
        return Response(400, b"400 Bad Request: no sub-protocol in common", TEXT)
    answer = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", _accept_key(key))]
    if chosen:
        answer.append(("Sec-WebSocket-Protocol", chosen))

    async def talk(duplex: Duplex) -> None:
        socket = WebSocket(duplex, chosen, server=True)
        try:
            await run(socket)
        finally:
            socket.close()

    return Takeover(talk, (*answer, *headers))


def choose(asked: Sequence[str], supported: Sequence[str]) -> str | None:
    """The sub-protocol to speak; empty: none; None: nothing in common."""
    for name in asked:
        if name in supported:
            return name
    return "" if not asked and (not supported or "" in supported) else None


async def connect(
    client: HTTPClient, clock: Clock, path: str, query: str = "", headers: Headers = (), protocols: Sequence[str] = ()
) -> WebSocket:
    """Open a WebSocket as a client. Raises: UpgradeRefused, OSError."""
    key = base64.b64encode(clock.token_bytes(16)).decode()
    duplex, answer = await client.upgrade_with_headers(path, query, (*headers, *handshake(key, protocols)))
    if answer.get("sec-websocket-accept") != _accept_key(key):
        duplex.close()
        raise ConnectionError("the server's WebSocket handshake does not fit the key")
    return WebSocket(duplex, answer.get("sec-websocket-protocol", ""), server=False)


def handshake(key: str, protocols: Sequence[str] = ()) -> Headers:
    """A client's handshake headers, ``key`` being 16 random bytes in base64."""
    headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
    ]
    if protocols:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(protocols)))
    return headers


def _accept_key(key: str) -> str:
    return base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()
