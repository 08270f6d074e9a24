"""Who may do what: the chain of authorizers, asked once for each kind of request and user, then remembered.

``Authorizer.authorize`` is synchronous. A repeated question costs one dictionary lookup: verdicts are kept per user and
attributes until a role or binding changes. The modes run in the order of the settings (upstream: Node, RBAC); the first
that allows wins; the members of ``system:masters`` are never asked about.

Source: apiserver ``pkg/authorization/union``, ``pkg/endpoints/filters/authorization.go``,
``pkg/endpoints/handlers/responsewriters/errors.go`` for the texts.
"""

from dataclasses import dataclass

from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.apiserver.users import User
from pynetes.meta import status
from pynetes.meta.gotext import quoted
from pynetes.meta.status import StatusError

MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason`` is what access reviews show of an allowance, and what ends the text of a denial."""

    allowed: bool
    reason: str = ""


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
