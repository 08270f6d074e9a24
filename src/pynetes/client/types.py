"""What components see of the API: a transport that carries bytes, and the events of a watch.

Both transports (HTTPS, in process) run the same request pipeline; no component can tell which one it was given.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from pynetes.http.types import Duplex, Headers, Reply
from pynetes.meta.objects import Object


@dataclass(frozen=True, slots=True)
class Kind:
    """Names a resource as a client does: ``Kind("apps/v1", "deployments", "Deployment")``."""

    api_version: str
    plural: str
    kind: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The request path of the collection, object or subresource. An empty namespace: all, or cluster scope."""
        base = "/api/" if "/" not in self.api_version else "/apis/"
        parts = [base + self.api_version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [p for p in (name, subresource) if p]
        return "/".join(parts)


class Transport(Protocol):
    """Carries requests as bytes to one API server, as one identity. Raises: OSError when there is no answer."""

    async def request(
        self, method: str, path: str, *, query: str = "", headers: Headers = (), body: bytes = b""
    ) -> Reply: ...

    def stream(
        self, method: str, path: str, *, query: str = "", headers: Headers = ()
    ) -> AbstractAsyncContextManager[tuple[int, AsyncIterator[bytes]]]:
        """The status and the body's bytes as they come (of any size, not lines). An error status has its body too."""

    async def upgrade(self, path: str, *, query: str = "", headers: Headers = ()) -> Duplex:
        """A raw connection after 101. Raises: StatusError when the server refused."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """``type`` is ADDED, MODIFIED, DELETED, BOOKMARK or ERROR (then ``object`` is a Status)."""

    type: str
    object: Object
