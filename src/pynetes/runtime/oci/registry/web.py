"""HTTP to whomever a pull meets: registries, their token servers, the stores that these redirect to."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from pynetes import __version__
from pynetes.aio.clock import Clock
from pynetes.http.client import HTTPClient
from pynetes.http.failures import speaks_no_tls, unreached
from pynetes.http.types import Headers
from pynetes.runtime.oci.registry.endpoints import Trust
from pynetes.runtime.types import RuntimeFailure

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of a manifest, a token or an error. Source: OCI distribution specification, "Pushing Manifests"."""

PATIENCE_SECONDS = 300.0
"""How long nothing may come. Source: containerd ``image_pull_progress_timeout``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``pieces`` end with the body, and raise OSError when it is cut off."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]

    async def body(self) -> bytes:
        """Raises: RuntimeFailure when it is no document's size; OSError."""
        data = bytearray()
        async for piece in self.pieces:
            data += piece
            if len(data) > MAX_DOCUMENT:
                raise RuntimeFailure(f"the answer of {self.url} is longer than {MAX_DOCUMENT} bytes")
        return bytes(data)

    def unexpected(self) -> RuntimeFailure:
        try:
            phrase = f" {HTTPStatus(self.status).phrase}"
        except ValueError:
            phrase = ""
        return RuntimeFailure(
            f"unexpected status from {self.method} request to {self.url}: {self.status}{phrase}", "ErrImagePull"
        )


class Web:
    """The connections of one pull."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clients: dict[tuple[str, str, Trust], HTTPClient] = {}
        self._plain: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            await client.close()

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: bytes = b"",
        trust: Trust = Trust(),  # noqa: B008  # it is frozen
        falls_back: bool = False,
    ) -> AsyncIterator[Answer]:
        """Raises: RuntimeFailure, in the words of Go's HTTP client, when there is no answer."""
        async with AsyncExitStack() as stack:
            while True:
                parts = urlsplit(url)
                if falls_back and parts.netloc in self._plain:
                    parts = parts._replace(scheme="http")
                try:
                    client = self._client(parts.scheme, parts.netloc, trust)
                    asked = client.stream_with_headers(method, parts.path or "/", parts.query, headers, body)
                    async with self._clock.timeout(PATIENCE_SECONDS):
                        status, got, pieces = await stack.enter_async_context(asked)
                    break
                except (OSError, ValueError) as error:
                    if falls_back and parts.scheme == "https" and _speaks_no_tls(error):
                        self._plain.add(parts.netloc)
                        continue
                    port = parts.port or (443 if parts.scheme == "https" else 80)
                    why = await unreached(parts.hostname or "", port, error)
                    raise RuntimeFailure(f'{method.capitalize()} "{parts.geturl()}": {why}', "ErrImagePull") from error
            yield Answer(method, parts.geturl(), status, got, self._patient(pieces))

    def _client(self, scheme: str, host: str, trust: Trust) -> HTTPClient:
        key = scheme, host, trust
        if key not in self._clients:
            self._clients[key] = HTTPClient(
                f"{scheme}://{host}",
                self._clock,
                ssl=trust.context() if scheme == "https" else None,
                headers=(("User-Agent", f"pynetes/{__version__}"),),
            )
        return self._clients[key]

    async def _patient(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            async with self._clock.timeout(PATIENCE_SECONDS):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece


def _speaks_no_tls(error: Exception) -> bool:
    cause = error.__cause__ or error
    return isinstance(cause, ssl.SSLError) and speaks_no_tls(cause)
