"""Every request's way: info, authenticate, audit, impersonate, priority, authorize, route, verb (docs/flow-write.md).

A step that has nothing to do yet has its place. What needs no waiting runs to its end without a task: the answer of a
cached read is made on the spot. A ``StatusError`` raised by any step becomes a ``Status`` answer here, anything else a
500.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qs

from pynetes.apiserver import authz, endpoints, respond
from pynetes.apiserver.authn import impersonation
from pynetes.apiserver.context import Context, Server
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.apiserver.routing import BadPath, Route, Router
from pynetes.apiserver.subresources import HANDLERS
from pynetes.apiserver.verbs import create, delete, deletecollection, get, patch, update, watch
from pynetes.apiserver.verbs import list as listed
from pynetes.http.types import Answer, Request, Response, Stream, Takeover
from pynetes.meta import status
from pynetes.meta.status import StatusError
from pynetes.meta.times import parse_duration

log = logging.getLogger(__name__)

TOO_DEEP = "Recursion limit reached"
"""What orjson says of a value that is nested more than 254 levels deep. Differs: upstream's limit is 10000."""

Verb = Callable[[Context], Answer | Awaitable[Answer]]

_VERBS: Mapping[str, Verb] = {
    "get": get.get,
    "list": listed.list,
    "watch": watch.watch,
    "create": create.create,
    "update": update.update,
    "patch": patch.patch,
    "delete": delete.delete,
    "deletecollection": deletecollection.deletecollection,
}
_DEPRECATED = {
    ("", "v1", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("", "v1", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
}
"""Stable resources whose use is warned of. Source: ``APILifecycleDeprecated`` of their types."""
_NOT_TIMED = frozenset(("watch", "connect", "proxy"))


class Pipeline:
    """One server's steps. ``handle`` never raises."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._router = Router(server.resources)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        started = self._server.clock.monotonic()
        audit_id = self._server.clock.uuid4()
        try:
            route = self._router.resolve(request.method, request.path)
        except BadPath:
            return _finish(respond.bad_path(request.path), None, audit_id)
        params = parse_qs(request.query, keep_blank_values=True) if request.query else {}
        ctx = Context(
            server=self._server,
            request=request,
            info=_info(route, params),
            params=params,
            resource=route.resource,
            version=route.version,
            subresource=route.subresource,
        )
        ctx.audit["id"] = audit_id
        try:
            answer = self._steps(ctx, route)
        except Exception as error:  # the last catch of the synchronous half: a fault must not cost the connection
            answer = _failure(ctx, error)
        if isinstance(answer, Response | Stream | Takeover):
            self._server.metrics.observe(ctx.info, answer, started)
            return _finish(answer, ctx, audit_id)
        return self._wait(ctx, answer, started, audit_id)

    def _steps(self, ctx: Context, route: Route) -> Answer | Awaitable[Answer]:
        server = self._server
        if "timeout" in ctx.params:
            self._limit(ctx)  # what cannot be read is refused before anything else
        known = server.authenticator.authenticate(ctx.request)
        ctx.user = known.user
        ctx.remark(known)
        # audit: begins here
        if _impersonates(ctx.request.headers):
            ctx.user = impersonation.impersonate(ctx)
        # priority and fairness: waits here
        decision = server.authorizer.authorize(ctx.user, ctx.info)
        if not decision.allowed:
            raise authz.forbidden(ctx.user, ctx.info, decision)
        return self._dispatch(ctx, route)

    def _dispatch(self, ctx: Context, route: Route) -> Answer | Awaitable[Answer]:
        if route.fault:
            return _fault(ctx, route.fault)
        if route.resource is None:
            return endpoints.answer(ctx, route.endpoint)
        if (text := _DEPRECATED.get((ctx.info.group, ctx.info.version, ctx.info.resource))) is not None:
            ctx.warnings.append(text)
        elif route.version is not None and route.version.deprecated:
            ctx.warnings.append(route.version.deprecated)
        verb = ctx.info.verb
        if route.subresource is not None:
            handlers = HANDLERS.get((ctx.info.group, ctx.info.resource, ctx.info.subresource))
            handlers = handlers or HANDLERS.get(("*", "*", ctx.info.subresource), {})
            handler = handlers.get(verb) or handlers.get("connect")
            if handler is not None:
                return handler(ctx)
            if ctx.info.subresource != "status":
                raise status.not_implemented(f"{ctx.info.resource}/{ctx.info.subresource} is not implemented yet")
        elif (handlers := HANDLERS.get((ctx.info.group, ctx.info.resource, ""))) and verb in handlers:
            # resources that are never stored: reviews, component statuses
            return handlers[verb](ctx)
        if route.legacy_watch:
            return self._legacy_watch(ctx)
        ctx.media = respond.negotiate(ctx)
        return _VERBS[verb](ctx)

    def _legacy_watch(self, ctx: Context) -> Answer | Awaitable[Answer]:
        """The deprecated ``/watch/`` prefix: a name in the path is a field selector."""
        if ctx.info.name:
            selector = f"metadata.name={ctx.info.name}"
            ctx.params = {**ctx.params, "fieldSelector": [selector]}
        ctx.media = respond.negotiate(ctx)
        return _VERBS["watch"](ctx)

    async def _wait(self, ctx: Context, waiting: Awaitable[Answer], started: float, audit_id: str) -> Answer:
        limit = self._limit(ctx)
        answer: Answer
        try:
            if limit is None:
                answer = await waiting
            else:
                async with self._server.clock.timeout(limit):
                    answer = await waiting
        except TimeoutError:
            error = status.timeout("request did not complete within the allotted timeout")
            answer = _failure(ctx, error)
        except Exception as error:  # the last catch of the asynchronous half
            answer = _failure(ctx, error)
        self._server.metrics.observe(ctx.info, answer, started)
        return _finish(answer, ctx, audit_id)

    def _limit(self, ctx: Context) -> float | None:
        """How long the request may take: what it asks for itself (``timeout``), but no longer than any may.

        None: what goes on by its nature. Raises: StatusError.

        Source: apiserver ``pkg/endpoints/filters/request_deadline.go``.
        """
        if ctx.info.verb in _NOT_TIMED or ctx.info.subresource:
            return None
        longest = self._server.settings.request_timeout_seconds
        asked = (ctx.params.get("timeout") or [""])[0]
        if not asked:
            return longest
        try:
            seconds = parse_duration(asked)
        except ValueError as error:
            raise status.bad_request(f"invalid timeout specified in the request URL - {error}") from None
        return seconds if 0 < seconds <= longest else longest


def _info(route: Route, params: Mapping[str, list[str]]) -> RequestInfo:
    """The route's info with what its query says: watch or list, the name that a field selector fixes, the selectors."""
    info = route.info
    if not params or not (route.collection or route.legacy_watch):
        return info
    if route.watched is not None and is_true(params.get("watch")):
        info = route.watched
    fields, labels = params.get("fieldSelector"), params.get("labelSelector")
    if fields or labels:
        fields_text = fields[0] if fields else ""
        info = replace(
            info,
            name=info.name or _named(fields_text),
            field_selector=fields_text,
            label_selector=labels[0] if labels else "",
        )
    return info


def _named(field_selector: str) -> str:
    """The object name that a field selector fixes, or ``""``. Upstream authorizes such a list by that name."""
    for term in field_selector.split(","):
        key, _, value = term.partition("=")
        if key == "metadata.name":
            value = value.removeprefix("=")
            return "" if "/" in value or "%" in value or value in (".", "..") else value
    return ""


def is_true(values: list[str] | None) -> bool:
    """A boolean parameter as upstream reads it: present and neither ``false`` nor ``0``."""
    return bool(values) and values is not None and values[0].lower() not in ("false", "0")


def _impersonates(headers: Mapping[str, str]) -> bool:
    return any(name.startswith("impersonate-") for name in headers)


def _fault(ctx: Context, fault: str) -> Answer:
    if fault == "page":
        return respond.page_not_found()
    if fault == "name":
        raise status.not_found(ctx.info.group, ctx.info.resource, ctx.info.name)
    raise status.unknown_path() if fault == "path" else status.method_not_allowed()


def _failure(ctx: Context, error: Exception) -> Response:
    if isinstance(error, StatusError):
        return respond.status(ctx, error.status)
    if isinstance(error, RecursionError) or (isinstance(error, TypeError) and str(error) == TOO_DEEP):
        return respond.status(ctx, status.bad_request("the object is nested too deeply").status)
    log.error("%s %s failed: %s", ctx.info.verb, ctx.info.path, error, exc_info=error)
    return respond.status(ctx, status.internal_error(str(error) or type(error).__name__).status)


def _finish(answer: Answer, ctx: Context | None, audit_id: str) -> Answer:
    """The headers that every answer has."""
    headers = [("Audit-Id", audit_id)]
    if not any(name == "Cache-Control" for name, _ in answer.headers):
        headers.append(("Cache-Control", "no-cache, private"))
    if ctx is not None and ctx.warnings:
        headers += [("Warning", respond.warning(text)) for text in dict.fromkeys(ctx.warnings)]
    answer.headers = (*headers, *answer.headers)
    return answer
