"""Paths to what they mean: the request info that authorizers see, and the resource or endpoint that answers.

Source: apiserver ``pkg/endpoints/request/requestinfo.go``; the answers to paths that lead nowhere are recorded facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pynetes.apiserver.registry import Registry
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.meta.resource import Resource, Subresource, Version

_VERBS: Mapping[str, str] = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = frozenset(("status", "finalize"))
_ROUTES_KEPT = 8192


class BadPath(Exception):
    """The path names a special verb and nothing else: upstream answers 500 in plain text."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads.

    ``fault`` says why it leads nowhere: "page" (404 in plain text), "path" (404 Status), "name" (404 Status about the
    object), "method" (405 Status).
    ``endpoint`` is set for a path that is no resource. Lists and watches share a path: ``watched`` is the other info.
    """

    info: RequestInfo
    resource: Resource | None = None
    version: Version | None = None
    subresource: Subresource | None = None
    endpoint: str = ""
    fault: str = ""
    collection: bool = False
    watched: RequestInfo | None = None
    legacy_watch: bool = False


class Router:
    """Resolves (method, path), keeping the latest answers until the registry changes."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._generation = -1
        self._routes: dict[tuple[str, str], Route] = {}

    def resolve(self, method: str, path: str) -> Route:
        """Raises: BadPath."""
        if self._generation != self._registry.generation:
            self._generation = self._registry.generation
            self._routes.clear()
        route = self._routes.get((method, path))
        if route is None:
            if len(self._routes) >= _ROUTES_KEPT:
                # the oldest half goes: cheaper than a move on every hit, and as good for paths that are asked again
                for key in list(self._routes)[: _ROUTES_KEPT // 2]:
                    del self._routes[key]
            route = self._routes[method, path] = self._make(method, path)
        return route

    def _make(self, method: str, path: str) -> Route:
        info = request_info(method, path)
        if not info.is_resource:
            return self._other(method, info)
        legacy = info.verb == "watch"
        resource = self._registry.get(info.group, info.resource)
        version = resource.version(info.version) if resource is not None else None
        if resource is None or version is None or not version.served:
            info = _of_collection(method, info)
            known = info.group == "" or self._registry.serves(info.group)
            return Route(info, fault="path" if known and not self._registry.is_custom(info.group) else "page")
        if info.namespace and not resource.namespaced and info.resource != "namespaces":
            return Route(info, fault="page" if resource.custom else "path")
        if len(info.parts) > 1 and resource.namespaced and not info.namespace:
            return Route(info, fault="path")
        subresource = None
        if info.subresource:
            subresource = resource.subresources.get(info.subresource)
            if subresource is None and resource.custom and len(info.parts) == 3:
                return Route(info, fault="name")
            if subresource is None or (len(info.parts) > 3 and "connect" not in subresource_verbs(subresource)):
                return Route(info, fault="path")
        return self._resource_route(method, info, resource, version, subresource, legacy)

    def _resource_route(
        self,
        method: str,
        info: RequestInfo,
        resource: Resource,
        version: Version,
        subresource: Subresource | None,
        legacy: bool,
    ) -> Route:
        collection = not info.name
        found = Route(info, resource, version, subresource, collection=collection, legacy_watch=legacy)
        verbs = subresource_verbs(subresource) if subresource else resource.verbs
        if legacy:
            allowed = method == "GET" and "watch" in verbs
            return found if allowed else replace(found, fault="method")
        if subresource and "connect" in verbs:
            return found
        if collection and method in ("GET", "HEAD"):
            found = replace(found, info=replace(info, verb="list"), watched=replace(info, verb="watch"))
        elif collection and method == "DELETE":
            found = replace(found, info=replace(info, verb="deletecollection"))
        verb = found.info.verb
        wrong_place = (verb == "create" and not collection and subresource is None) or (
            verb in ("update", "patch") and collection
        )
        if collection and resource.namespaced and not info.namespace and verb not in ("list", "watch"):
            # creating one and deleting all need a namespace in the path
            wrong_place = True
        if method == "HEAD" or verb not in verbs or wrong_place:
            return replace(found, fault="method")
        return found

    def _other(self, method: str, info: RequestInfo) -> Route:
        """Paths that are no resource: endpoints by their first segments, discovery by the registry."""
        path = info.path
        parts = [p for p in path.split("/") if p]
        if not parts:
            return Route(info, endpoint="root")
        first = parts[0]
        if first in ("api", "apis"):
            return self._discovery(method, info, parts)
        if first in ("healthz", "livez", "readyz"):
            return Route(info, endpoint="health")
        if path in ("/version", "/version/"):
            return Route(info, endpoint="version", fault="" if method == "GET" else "method")
        if first == "version":
            return Route(info, fault="path")
        if path == "/metrics":
            return Route(info, endpoint="metrics")
        if path == "/openapi/v2":
            return Route(info, endpoint="openapi_v2")
        if parts[:2] == ["openapi", "v3"]:
            return Route(info, endpoint="openapi_v3")
        if path in ("/.well-known/openid-configuration", "/openid/v1/jwks"):
            return Route(info, endpoint="openid", fault="" if method == "GET" else "method")
        return Route(info, fault="page")

    def _discovery(self, method: str, info: RequestInfo, parts: list[str]) -> Route:
        fault = "" if method == "GET" else "method"
        if len(parts) == 1:
            return Route(info, endpoint="discovery", fault=fault)
        group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2] if len(parts) > 2 else "")
        if not self._registry.serves(group):
            return Route(info, fault="page")
        if len(parts) > 3 or not self._registry.serves(group, version):
            return Route(info, fault="path")
        return Route(info, endpoint="discovery", fault=fault)


def _of_collection(method: str, info: RequestInfo) -> RequestInfo:
    """The verb of a collection that is not served, as authorizers see it."""
    verb = {"GET": "list", "HEAD": "list", "DELETE": "deletecollection"}.get(method)
    return info if verb is None or info.name or info.verb in ("watch", "proxy") else replace(info, verb=verb)


def subresource_verbs(subresource: Subresource) -> tuple[str, ...]:
    return subresource.verbs


def request_info(method: str, path: str) -> RequestInfo:
    """What a path asks for, without its query. Raises: BadPath."""
    parts = path.strip("/").split("/")
    other = RequestInfo(method.lower(), path)
    if len(parts) < 3 or parts[0] not in ("api", "apis"):
        return other
    group = ""
    rest = parts[1:]
    if parts[0] == "apis":
        if len(rest) < 3:
            return other
        group, rest = rest[0], rest[1:]
    version, rest = rest[0], rest[1:]
    verb = _VERBS.get(method, "")
    if rest[0] in ("proxy", "watch"):
        if len(rest) < 2:
            raise BadPath(path)
        verb, rest = rest[0], rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    return RequestInfo(
        verb=verb,
        path=path,
        is_resource=True,
        group=group,
        version=version,
        namespace=namespace,
        resource=rest[0],
        subresource=rest[2] if len(rest) > 2 and verb != "proxy" else "",
        name=rest[1] if len(rest) > 1 else "",
        parts=tuple(rest),
    )
