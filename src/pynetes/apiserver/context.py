"""One request on its way through the pipeline, and what every step may reach.

Each step of docs/flow-write.md reads and fills this record; steps share nothing else.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pynetes.http.types import Request
from pynetes.meta.resource import Resource, Subresource, Version

if TYPE_CHECKING:
    from pynetes.apiserver.server import APIServer
    from pynetes.meta.negotiation import Media


@dataclass(frozen=True, slots=True)
class User:
    """Who asks. Source: the ``user.Info`` of apiserver ``pkg/authentication/user``."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What is asked for, as authorizers see it. For a path that is no resource only ``verb`` and ``path`` are set.

    ``verb``: get, list, watch, create, update, patch, delete, deletecollection; the lower-case method otherwise.
    Source: apiserver ``pkg/endpoints/request/requestinfo.go``.
    """

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    parts: tuple[str, ...] = ()
    field_selector: str = ""
    label_selector: str = ""


@dataclass(slots=True)
class Context:
    """One request. ``resource`` and ``version`` are set for a resource that is served, ``subresource`` for one of its.

    ``audit`` holds annotations for the audit event; ``audit["id"]`` is the request's Audit-Id.
    """

    server: "APIServer"
    request: Request
    info: RequestInfo
    params: dict[str, list[str]]
    user: User = ANONYMOUS
    resource: Resource | None = None
    version: Version | None = None
    subresource: Subresource | None = None
    media: "Media | None" = None
    warnings: list[str] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.params.get(name)
        return values[0] if values else default
