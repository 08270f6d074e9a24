"""The authorizers in turn: masters, nodes, roles; the verdicts of roles are kept per user.

Source: kubernetes ``pkg/kubeapiserver/authorizer``.
"""

from pynetes.apiserver.authz import MASTERS, Decision
from pynetes.apiserver.authz.node import NodeAuthorizer
from pynetes.apiserver.authz.rbac import RBAC
from pynetes.apiserver.parts import Parts
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.apiserver.users import User

_KEPT = 16384
_MASTER = Decision(True)


class Authorizer:
    """Asked for every request. Reads roles and bindings from the server's cache, and compiles them per user on
    demand.
    """

    def __init__(self, server: Parts) -> None:
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
