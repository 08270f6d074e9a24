"""``/healthz``, ``/livez``, ``/readyz``: named checks, each with a path of its own.

Source: apiserver ``pkg/server/healthz/healthz.go``.
"""

from collections.abc import Callable, Mapping

from pynetes.apiserver import respond
from pynetes.apiserver.context import Context, Server
from pynetes.http.types import Response

Check = Callable[[Server], bool]


def _always(server: Server) -> bool:
    return True


def _ready(server: Server) -> bool:
    return server.ready


def _store(server: Server) -> bool:
    return getattr(server.store, "healthy", True)


_ALIVE: Mapping[str, Check] = {"ping": _always, "log": _always, "etcd": _store}
_STARTED: Mapping[str, Check] = {
    "poststarthook/rbac/bootstrap-roles": _ready,
    "poststarthook/scheduling/bootstrap-system-priority-classes": _ready,
    "poststarthook/bootstrap-controller": _ready,
}
CHECKS: Mapping[str, Mapping[str, Check]] = {
    "healthz": {**_ALIVE, **_STARTED},
    "livez": {**_ALIVE, **_STARTED},
    "readyz": {**_ALIVE, "etcd-readiness": _store, "informer-sync": _ready, **_STARTED, "shutdown": _ready},
}
_SNIFF = (("X-Content-Type-Options", "nosniff"),)


def health(ctx: Context) -> Response:
    group, _, name = ctx.info.path.strip("/").partition("/")
    checks = CHECKS[group]
    if name:
        if name not in checks:
            return respond.page_not_found()
        if checks[name](ctx.server):
            return _text("ok")
        return _text(f"internal server error: {name} failed\n", 500)
    excluded = set(ctx.params.get("exclude", ()))
    lines, failed = [], []
    for name, check in checks.items():
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok")
        elif check(ctx.server):
            lines.append(f"[+]{name} ok")
        else:
            failed.append(name)
            lines.append(f"[-]{name} failed: reason withheld")
    if unknown := sorted(excluded - checks.keys()):
        listed = ", ".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}")
    if failed:
        return _text("\n".join(lines) + f"\n{group} check failed\n", 500)
    if "verbose" in ctx.params:
        return _text("\n".join(lines) + f"\n{group} check passed\n")
    return _text("ok")


def _text(body: str, status: int = 200) -> Response:
    response = respond.text(body, status)
    response.headers = _SNIFF
    return response
