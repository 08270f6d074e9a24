"""Admission: an ordered list of plug-ins, asked in two phases about every create, update, delete and connect.

``mutate`` runs before the object is prepared and validated and may change it in place; ``validate`` runs after and may
only refuse. A plug-in names the operations and resources that it handles, so that a request meets only those that
concern it: the plan for (operation, resource, subresource) is made once. A step may answer an awaitable (a webhook
will).

Source: apiserver ``pkg/admission``; kubernetes ``pkg/kubeapiserver/options/plugins.go`` for the order.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynetes.apiserver.context import Context
from pynetes.meta import status
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource
from pynetes.meta.status import StatusError

if TYPE_CHECKING:
    from pynetes.apiserver.server import APIServer

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(slots=True)
class Attributes:
    """What is asked. ``obj`` is in the storage version and, in the mutating phase, the caller's own; None on delete.

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

    @property
    def server(self) -> "APIServer":
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
        self.ctx.audit.setdefault("annotations", {})[key] = value

    def forbidden(self, why: str) -> StatusError:
        """403 about this object, in upstream's words."""
        name = self.name
        if not name and self.obj is not None:
            # the name has not been generated yet
            meta = self.obj["metadata"]
            name = meta.get("name") or meta.get("generateName") or ""
        return status.forbidden(self.resource.group, self.resource.plural, name or "Unknown", why)


Step = Callable[[Attributes], Awaitable[None] | None]
Name = tuple[str, str, str]
"""Group, plural, subresource."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """``on``: the names that it handles; None: all. ``operations``: for which."""

    name: str
    operations: frozenset[str]
    on: frozenset[Name] | None = None
    mutate: Step | None = None
    validate: Step | None = None

    def handles(self, operation: str, name: Name) -> bool:
        return operation in self.operations and (self.on is None or name in self.on)


def plugins(server: "APIServer") -> Sequence[Plugin]:
    """All there are, in upstream's order. Those it has and we do not: webhooks ..."""
    from pynetes.apiserver.admission import (
        certificates,
        escalation,
        limit_ranger,
        namespace_lifecycle,
        node_restriction,
        pod_updates,
        pods,
        resource_quota,
        service_account,
        storage,
    )
    from pynetes.apiserver.admission.podsecurity import plugin as pod_security

    return (
        namespace_lifecycle.PLUGIN,
        limit_ranger.PLUGIN,
        service_account.PLUGIN,
        node_restriction.PLUGIN,
        pods.TAINT_NODES_BY_CONDITION,
        pod_security.plugin(server),
        pods.PRIORITY,
        pods.DEFAULT_TOLERATION_SECONDS,
        storage.DEFAULT_STORAGE_CLASS,
        storage.STORAGE_OBJECT_IN_USE_PROTECTION,
        storage.CLAIM_RESIZE,
        pods.RUNTIME_CLASS,
        certificates.REQUESTER,
        certificates.APPROVAL,
        certificates.SIGNING,
        certificates.SUBJECT_RESTRICTION,
        storage.DEFAULT_INGRESS_CLASS,
        pods.POD_TOPOLOGY_LABELS,
        pod_updates.DECLARED_FEATURES,
        pod_updates.POD_RESIZE,
        escalation.PLUGIN,
        resource_quota.plugin(server),
    )


class Admission:
    """One server's chain, less what its settings turn off.

    Raises: ValueError when the settings turn on or off what there is not.
    """

    def __init__(self, server: "APIServer") -> None:
        known = plugins(server)
        settings = server.settings
        unknown = {*settings.enable_admission, *settings.disable_admission} - {p.name for p in known}
        if unknown:
            raise ValueError(f"unknown admission plug-ins: {', '.join(sorted(unknown))}")
        self._plugins = tuple(p for p in known if p.name not in settings.disable_admission)
        self._plans: dict[tuple[str, Name], tuple[tuple[Step, ...], tuple[Step, ...]]] = {}

    def _plan(self, asked: Attributes) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        name = (asked.resource.group, asked.resource.plural, asked.subresource)
        key = (asked.operation, name)
        plan = self._plans.get(key)
        if plan is None:
            chosen = [p for p in self._plugins if p.handles(asked.operation, name)]
            plan = self._plans[key] = (
                tuple(p.mutate for p in chosen if p.mutate is not None),
                tuple(p.validate for p in chosen if p.validate is not None),
            )
        return plan

    async def mutate(self, asked: Attributes) -> None:
        """Raises: StatusError, mostly 403."""
        for step in self._plan(asked)[0]:
            if (waiting := step(asked)) is not None:
                await waiting

    async def validate(self, asked: Attributes) -> None:
        """Raises: StatusError, mostly 403."""
        for step in self._plan(asked)[1]:
            if (waiting := step(asked)) is not None:
                await waiting
