"""One request on its way through the pipeline, what every step may reach, and what admission is asked.

Each step of docs/flow-write.md reads and fills a ``Context``; steps share nothing else.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pynetes.apiserver.parts import Parts
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.apiserver.users import ANONYMOUS, User
from pynetes.http.types import Request
from pynetes.meta import status
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource, Subresource, Version
from pynetes.meta.status import StatusError

if TYPE_CHECKING:
    from pynetes.apiserver.authn import Authenticator, Believed
    from pynetes.apiserver.authz.authorizer import Authorizer
    from pynetes.apiserver.bodies import Bodies
    from pynetes.apiserver.documents import Documents
    from pynetes.apiserver.metrics import Metrics
    from pynetes.apiserver.openings import Openings
    from pynetes.client.client import Client
    from pynetes.meta.negotiation import Media


class Admission(Protocol):
    """The chain of plug-ins. Both raise StatusError, mostly 403."""

    async def mutate(self, asked: "Attributes") -> None: ...

    async def validate(self, asked: "Attributes") -> None: ...


class Server(Parts, Protocol):
    """What the steps may reach of their API server. ``loopback`` writes through the whole pipeline, as a master."""

    @property
    def authenticator(self) -> "Authenticator": ...

    @property
    def authorizer(self) -> "Authorizer": ...

    @property
    def admission(self) -> Admission: ...

    @property
    def bodies(self) -> "Bodies": ...

    @property
    def openings(self) -> "Openings": ...

    @property
    def documents(self) -> "Documents": ...

    @property
    def metrics(self) -> "Metrics": ...

    @property
    def loopback(self) -> "Client": ...

    @property
    def ready(self) -> bool: ...


@dataclass(slots=True)
class Context:
    """One request. ``resource`` and ``version`` are set for a resource that is served, ``subresource`` for one of its.

    ``audit`` holds annotations for the audit event; ``audit["id"]`` is the request's Audit-Id.
    """

    server: Server
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

    def annotate(self, key: str, value: str) -> None:
        """Put an annotation on the request's audit event."""
        self.audit.setdefault("annotations", {})[key] = value

    def remark(self, known: "Believed") -> None:
        """Tell what is to be told of credentials that were shown."""
        if known.warning:
            self.warnings.append(known.warning)
        for key, value in known.audit:
            self.annotate(key, value)


@dataclass(slots=True)
class Reinvocation:
    """Whether and for whom the mutating plug-ins run a second time; filled in by those that ask webhooks.

    ``invoked``: webhooks that want to be asked again when the object changes after them; ``required``: those for which
    it did; ``last_seen``: the object after the last webhook.
    """

    is_wanted: bool = False
    is_second: bool = False
    invoked: set[str] = field(default_factory=set)
    required: set[str] = field(default_factory=set)
    last_seen: Object | None = None

    def require(self) -> None:
        """The object has changed: those invoked so far have not seen what it is now."""
        self.required |= self.invoked
        self.invoked.clear()


@dataclass(slots=True)
class Attributes:
    """What admission is asked. ``obj`` is in the storage version and, in the mutating phase, the caller's own; None on
    delete.

    ``old`` is what the store has: read-only.
    """

    ctx: Context
    operation: str
    resource: Resource
    namespace: str
    name: str
    obj: Object | None = None
    old: Object | None = None
    subresource: str = ""
    dry_run: bool = False
    options: Object | None = None
    reinvocation: Reinvocation | None = None

    @property
    def server(self) -> Server:
        return self.ctx.server

    def objects(self, group: str, plural: str, namespace: str = "") -> list[Object]:
        """The objects of a namespace, or of a cluster-scoped resource, in the order of their names. Read-only."""
        resource = self.server.resources.get(group, plural)
        if resource is None:
            return []
        prefix = f"{resource.storage_prefix}/{namespace}/".encode() if namespace else b""
        return [entry.object for entry in self.server.cache.of(resource).list(prefix)]

    def find(self, group: str, plural: str, name: str, namespace: str = "") -> Object | None:
        """One object, as the cache has it. Read-only."""
        resource = self.server.resources.get(group, plural)
        if resource is None:
            return None
        entry = self.server.cache.of(resource).get(resource.storage_key(namespace, name))
        return None if entry is None else entry.object

    def audit(self, key: str, value: str) -> None:
        """Put an annotation on the request's audit event."""
        self.ctx.annotate(key, value)

    def forbidden(self, why: str) -> StatusError:
        """403 about this object, in upstream's words."""
        name = self.name
        if not name and self.obj is not None:
            # the name has not been generated yet
            meta = self.obj["metadata"]
            name = meta.get("name") or meta.get("generateName") or ""
        return status.forbidden(self.resource.group, self.resource.plural, name or "Unknown", why)
