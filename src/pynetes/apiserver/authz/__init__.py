"""Who may do what: the chain of authorizers, asked once for each kind of request and user, then remembered.

``Authorizer.authorize`` is synchronous. A repeated question costs one dictionary lookup: verdicts are kept per user and
attributes until a role or binding changes. The modes run in the order of the settings (upstream: Node, RBAC); the first
that allows wins; the members of ``system:masters`` are never asked about.

Source: apiserver ``pkg/authorization/union``, ``pkg/endpoints/filters/authorization.go``,
``pkg/endpoints/handlers/responsewriters/errors.go`` for the texts.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynetes.apiserver.context import RequestInfo, User
from pynetes.meta import status
from pynetes.meta.gotext import quoted
from pynetes.meta.status import StatusError

if TYPE_CHECKING:
    from pynetes.apiserver.server import APIServer

MASTERS = "system:masters"
_KEPT = 16384


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason`` is what access reviews show of an allowance, and what ends the text of a denial."""

    allowed: bool
    reason: str = ""


_MASTER = Decision(True)


class Authorizer:
    """Asked for every request. Reads roles and bindings from the server's cache, and compiles them per user on
    demand.
    """

    def __init__(self, server: "APIServer") -> None:
        # imported here: they name Decision in their own signatures
        from pynetes.apiserver.authz.node import NodeAuthorizer
        from pynetes.apiserver.authz.rbac import RBAC

        self.rbac = RBAC(server)
        self.node = NodeAuthorizer(server, self.rbac)
        self._server = server
        self._verdicts: dict[tuple[str, ...], tuple[Decision, frozenset[str]]] = {}
        self._generation = -1

    def authorize(self, user: User, info: RequestInfo) -> Decision:
        if MASTERS in user.groups:
            return _MASTER
        modes = self._server.settings.authorization_modes
        reasons: list[str] = []
        if "Node" in modes and self.node.concerns(user):
            decision = self.node.authorize(user, info)
            if decision.allowed:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        if "RBAC" in modes:
            decision = self._by_roles(user, info)
            if decision.allowed:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        elif "AlwaysAllow" in modes:
            return _MASTER
        return Decision(False, "\n".join(reasons))

    def _by_roles(self, user: User, info: RequestInfo) -> Decision:
        generation = self.rbac.generation()
        if generation != self._generation or len(self._verdicts) > _KEPT:
            self._generation = generation
            self._verdicts.clear()
        about: tuple[str, ...]
        if info.is_resource:
            about = (info.verb, info.group, info.resource, info.subresource, info.namespace)
        else:
            about = (info.verb, info.path)
        key = (user.name, *user.groups, "", *about)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = self.rbac.verdict(user, info)
        decision, names = verdict
        if not decision.allowed and info.name and info.name in names:
            return self.rbac.decide(user, info)
        return decision


def forbidden(user: User, info: RequestInfo, decision: Decision) -> StatusError:
    """The 403 that a refused request is answered with."""
    why = denial(user, info)
    if decision.reason:
        why += f": {decision.reason}"
    if not info.is_resource:
        error = status.forbidden("", "", "", why)
        error.status.setdefault("details", {})
        return error
    return status.forbidden(info.group, info.resource, info.name, why)


def denial(user: User, info: RequestInfo) -> str:
    """What the user cannot do, in upstream's words."""
    subject = f"User {quoted(user.name)} cannot {info.verb}"
    if not info.is_resource:
        return f"{subject} path {quoted(info.path)}"
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    where = f"in the namespace {quoted(info.namespace)}" if info.namespace else "at the cluster scope"
    return f"{subject} resource {quoted(resource)} in API group {quoted(info.group)} {where}"
