"""Acting as somebody else: the ``Impersonate-*`` headers, each of which the asker must be allowed to use.

Source: apiserver ``pkg/endpoints/filters/impersonation``.
Differs: the constrained modes (verbs ``impersonate:user-info`` ..., KEP-5284) are not tried yet; the verb
``impersonate`` decides.
"""

from urllib.parse import unquote

from pynetes.apiserver import authz
from pynetes.apiserver.authn import AUTHENTICATED
from pynetes.apiserver.authn.types import groups_of, split_user
from pynetes.apiserver.context import Context
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.apiserver.users import ANONYMOUS, User
from pynetes.meta import status
from pynetes.meta.gotext import quoted, strings

_EXTRA = "impersonate-extra-"
_UNAUTHENTICATED = "system:unauthenticated"


def impersonate(ctx: Context) -> User:
    """The user that the request acts as; the asker itself when no header says otherwise.

    Raises: StatusError 400 (groups without a user), 403.
    """
    headers = ctx.request.headers
    name = headers.get("impersonate-user", "")
    uid = headers.get("impersonate-uid", "")
    groups = _values(headers.get("impersonate-group"))
    extra = {unquote(h[len(_EXTRA) :]): _values(v) for h, v in headers.items() if h.startswith(_EXTRA)}
    if not name:
        if uid or groups or extra:
            raise status.bad_request(f"requested {_shown(uid, groups, extra)} without impersonating a user name")
        return ctx.user
    for info in _questions(name, uid, groups, extra):
        decision = ctx.server.authorizer.authorize(ctx.user, info)
        if not decision.allowed:
            raise authz.forbidden(ctx.user, info, decision)
    account = split_user(name)
    acted = groups or (groups_of(account[0]) if account else ())
    if name == ANONYMOUS.name:
        if _UNAUTHENTICATED not in acted:
            acted = (*acted, _UNAUTHENTICATED)
    elif AUTHENTICATED not in acted and _UNAUTHENTICATED not in acted:
        acted = (*acted, AUTHENTICATED)
    ctx.audit["impersonatedUser"] = name
    return User(name, tuple(acted), uid, tuple(extra.items()))


def _questions(name: str, uid: str, groups: tuple[str, ...], extra: dict[str, tuple[str, ...]]) -> list[RequestInfo]:
    """What the asker must be allowed: the verb ``impersonate`` on each part of the identity."""

    def question(group: str, resource: str, name: str, namespace: str = "", subresource: str = "") -> RequestInfo:
        return RequestInfo(
            "impersonate",
            "",
            is_resource=True,
            group=group,
            namespace=namespace,
            resource=resource,
            subresource=subresource,
            name=name,
        )

    account = split_user(name)
    first = question("", "serviceaccounts", account[1], account[0]) if account else question("", "users", name)
    asked = [first, *(question("", "groups", group) for group in groups)]
    for key, values in extra.items():
        asked += [question("authentication.k8s.io", "userextras", value, subresource=key) for value in values]
    if uid:
        asked.append(question("authentication.k8s.io", "uids", uid))
    return asked


def _values(header: str | None) -> tuple[str, ...]:
    return tuple(v for v in header.split(", ") if v) if header else ()


def _shown(uid: str, groups: tuple[str, ...], extra: dict[str, tuple[str, ...]]) -> str:
    shown_groups = strings(groups) if groups else "[]string(nil)"
    shown_extra = "map[string][]string(nil)"
    if extra:
        pairs = ", ".join(f"{quoted(k)}:{strings(extra[k])}" for k in sorted(extra))
        shown_extra = f"map[string][]string{{{pairs}}}"
    return f'&user.DefaultInfo{{Name:"", UID:{quoted(uid)}, Groups:{shown_groups}, Extra:{shown_extra}}}'
