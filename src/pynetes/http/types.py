"""The nouns of HTTP: what a handler is given and what it may answer.

A handler is ``Callable[[Request], Answer | Awaitable[Answer]]``: one that needs no waiting answers synchronously and
costs no task. An answer is a ``Response`` (whole), a ``Stream`` (headers now, chunks later) or a ``Takeover`` (101, the
transport changes hands).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The subject of a verified client certificate, when it ends (seconds since the epoch), and the hexadecimal SHA-256
    of the whole.
    """

    common_name: str
    organizations: tuple[str, ...] = ()
    serial: str = ""
    not_after: float = 0.0
    sha256: str = ""


@dataclass(slots=True)
class Request:
    """One request, its body read whole (``max_body_bytes`` is the server's setting; longer ones are answered 413).

    ``path`` is percent-decoded, ``query`` is the raw text after ``?``. Header names are lower case; a repeated header
    is joined by ``", "``. ``state`` lives as long as the connection: what is worth keeping per connection (the
    authenticated user) is kept there by the handler.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    peer: PeerCertificate | None = None
    remote: str = ""
    state: dict[str, Any] = field(default_factory=dict)


Headers = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Response:
    """A whole answer. ``Content-Length`` and ``Date`` are the server's business."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Headers = ()


class Writer(Protocol):
    """The open end of a streamed answer. All methods are synchronous; none ever blocks."""

    @property
    def buffered(self) -> int:
        """Bytes that the peer has not taken yet."""

    @property
    def closed(self) -> bool: ...

    def write(self, data: bytes) -> None:
        """Send as one chunk; ignored after the end."""

    def write_framed(self, data: bytes) -> int:
        """Send bytes that already carry their chunk framing (see ``frame``), so that many streams share one object.

        Returns ``buffered``.
        """

    def close(self) -> None:
        """End the stream properly."""

    def abort(self) -> None:
        """Break the connection: the peer sees an unexpected end."""

    async def drain(self) -> None:
        """Wait until the peer has taken enough to go on; returns at once when closed."""

    async def wait_closed(self) -> None: ...


def frame(data: bytes) -> bytes:
    """One HTTP/1.1 chunk around the data."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass(slots=True)
class Stream:
    """An answer that goes on. ``start`` is called once, synchronously, after the head was sent; ``ended`` once at the
    end, whoever ended it (peer gone, server stopping, ``close``)."""

    start: Callable[[Writer], None]
    ended: Callable[[], None] = lambda: None
    status: int = 200
    content_type: str = "application/json"
    headers: Headers = ()


class Duplex(Protocol):
    """Raw bytes both ways, after a takeover or a client's upgrade."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Takeover:
    """Answer 101 with these headers, then run ``run(duplex)`` as a task; the connection closes when it returns."""

    run: Callable[[Duplex], Awaitable[None]]
    headers: Headers = ()


Answer = Response | Stream | Takeover
Handler = Callable[[Request], Answer | Awaitable[Answer]]


@dataclass(slots=True)
class Reply:
    """What a client got back: a whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
