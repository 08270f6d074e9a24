"""Probes by gRPC: one call of ``grpc.health.v1.Health/Check`` over HTTP/2, and the words about what came of it.

``HealthCall`` is the conversation without a socket; ``check`` gives it one. A server that is not there, or that does
not speak HTTP/2, is waited for until the time is up, as gRPC's clients do.

Source: kubernetes ``pkg/probe/grpc/grpc.go``; gRPC ``doc/PROTOCOL-HTTP2.md``, ``doc/health-checking.md``.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pynetes.aio.clock import Clock
from pynetes.kubelet.host import Outcome
from pynetes.kubelet.images import duration

if TYPE_CHECKING:
    from h2.events import Event

PATH = "/grpc.health.v1.Health/Check"
AGENT = "kube-probe/1.36 grpc-go/1.78.0"
SERVING = 1
STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
CODES = (
    "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
    "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable",
    "DataLoss", "Unauthenticated",
)  # fmt: skip
DEADLINE_EXCEEDED, UNIMPLEMENTED, UNAVAILABLE, UNKNOWN = 4, 12, 14, 2
AGAIN_SECONDS = 0.1
CHUNK = 65536


class BrokenConnection(Exception):
    """The other end does not speak HTTP/2, or hung up before it had answered."""


class HealthCall:
    """One call on one connection. Feed it with ``receive``, send what ``outgoing`` gives; ``ready`` once the other end
    has shown that it speaks HTTP/2, ``over`` once it has answered."""

    def __init__(self, authority: str, service: str) -> None:
        from h2.config import H2Configuration  # a tenth of a second, for those who probe by gRPC
        from h2.connection import H2Connection

        self.ready = False
        self.over = False
        self._connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._authority = authority
        self._service = service
        self._stream = 0
        self._code: int | None = None
        self._message = ""
        self._body = b""
        self._connection.initiate_connection()

    def outgoing(self) -> bytes:
        return self._connection.data_to_send()

    def ask(self) -> None:
        """Send the request."""
        self._stream = self._connection.get_next_available_stream_id()
        headers = [
            (":method", "POST"), (":scheme", "http"), (":path", PATH), (":authority", self._authority),
            ("te", "trailers"), ("content-type", "application/grpc"), ("user-agent", AGENT),
        ]  # fmt: skip
        self._connection.send_headers(self._stream, headers)
        name = self._service.encode()
        message = b"\x0a" + _varint(len(name)) + name if name else b""
        frame = b"\0" + len(message).to_bytes(4, "big") + message
        self._connection.send_data(self._stream, frame, end_stream=True)

    def receive(self, data: bytes) -> None:
        """Raises: BrokenConnection."""
        from h2.exceptions import ProtocolError

        if not data:
            raise BrokenConnection("EOF")
        try:
            events = self._connection.receive_data(data)
        except ProtocolError as error:
            raise BrokenConnection(str(error)) from None
        for event in events:
            self._take(event)

    def _take(self, event: "Event") -> None:
        from h2 import events

        if isinstance(event, events.RemoteSettingsChanged):
            self.ready = True
        elif isinstance(event, events.ConnectionTerminated):
            raise BrokenConnection("the connection was closed")
        elif getattr(event, "stream_id", 0) != self._stream:
            return
        elif isinstance(event, events.ResponseReceived | events.TrailersReceived):
            self._read({_text(n): _text(v) for n, v in event.headers or ()})
        elif isinstance(event, events.DataReceived):
            self._body += event.data or b""
            self._connection.acknowledge_received_data(event.flow_controlled_length or 0, self._stream)
        elif isinstance(event, events.StreamEnded):
            self.over = True
        elif isinstance(event, events.StreamReset):
            self._code, self._message, self.over = UNAVAILABLE, "stream terminated by RST_STREAM", True

    def _read(self, headers: dict[str, str]) -> None:
        status = headers.get(":status", "200")
        if status != "200" and "grpc-status" not in headers:
            self._code = UNIMPLEMENTED if status == "404" else UNKNOWN
            self._message = f"unexpected HTTP status code received from server: {status}"
        if headers.get("grpc-status", "").isdigit():
            self._code, self._message = int(headers["grpc-status"]), unquote(headers.get("grpc-message", ""))

    def verdict(self, seconds: float) -> tuple[Outcome, str]:
        """What the answer means, once it is ``over``."""
        code = UNKNOWN if self._code is None else self._code
        if code == 0:
            status = _status(self._body)
            if status == SERVING:
                return Outcome.SUCCESS, "service healthy"
            word = STATUSES[status] if status < len(STATUSES) else str(status)
            return Outcome.FAILURE, f'service unhealthy (responded with "{word}")'
        if code == UNIMPLEMENTED:
            text = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
            return Outcome.FAILURE, f"{text}: {self._message}"
        if code == DEADLINE_EXCEEDED:
            return Outcome.FAILURE, _unfinished(seconds)
        name = CODES[code] if code < len(CODES) else f"Code({code})"
        return Outcome.FAILURE, f"error: health rpc probe failed: rpc error: code = {name} desc = {self._message}"


async def check(clock: Clock, host: str, port: int, service: str, seconds: float) -> tuple[Outcome, str]:
    """Ask once, within the time."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    begun = clock.monotonic()
    writer: asyncio.StreamWriter | None = None
    try:
        try:
            async with clock.timeout(seconds):
                call, reader, writer = await _connected(clock, host, port, address, service)
        except TimeoutError:
            within = f'timeout: failed to connect service "{address}" within {duration(seconds)}'
            return Outcome.FAILURE, f"{within}: context deadline exceeded"
        try:
            async with clock.timeout(max(seconds - (clock.monotonic() - begun), 0.0)):
                call.ask()
                while not call.over:
                    await _exchange(call, reader, writer)
        except TimeoutError:
            return Outcome.FAILURE, _unfinished(seconds)
        except (BrokenConnection, OSError) as error:
            why = f"rpc error: code = Unavailable desc = error reading from server: {error}"
            return Outcome.FAILURE, f"error: health rpc probe failed: {why}"
        return call.verdict(seconds)
    finally:
        if writer is not None:
            writer.close()


async def _connected(
    clock: Clock, host: str, port: int, address: str, service: str
) -> tuple[HealthCall, asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a server that speaks HTTP/2; tried again and again."""
    while True:
        writer: asyncio.StreamWriter | None = None
        with contextlib.suppress(OSError, BrokenConnection):
            try:
                reader, writer = await asyncio.open_connection(host, port)
                call = HealthCall(address, service)
                while not call.ready:
                    await _exchange(call, reader, writer)
                kept, writer = writer, None
                return call, reader, kept
            finally:
                if writer is not None:
                    writer.close()
        await clock.sleep(AGAIN_SECONDS)


async def _exchange(call: HealthCall, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(call.outgoing())
    call.receive(await reader.read(CHUNK))
    writer.write(call.outgoing())


def _unfinished(seconds: float) -> str:
    return f"timeout: health rpc did not complete within {duration(seconds)}"


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _status(body: bytes) -> int:
    """Field 1 of the message in the one gRPC frame; an absent one is 0."""
    message = body[5:]
    return message[1] if len(message) >= 2 and message[0] == 0x08 else 0
