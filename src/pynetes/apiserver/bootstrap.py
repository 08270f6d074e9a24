"""What every cluster has from its first second: namespaces, roles and bindings, priority and flow objects, the Service
``kubernetes``. Made all in one batch; a later start writes nothing but what somebody has taken away meanwhile
(``reconciliation``), and what has changed of the server's own address.

``keep`` goes on with what a running server looks after: every ten seconds the Service ``kubernetes`` and where it
leads, every minute the system's namespaces, flow objects and trust.

``data/bootstrap.json`` holds what a kube-apiserver v1.36 makes. Source: kubernetes ``plugin/pkg/auth/authorizer/rbac/
bootstrappolicy``, ``pkg/registry/{rbac,flowcontrol}/rest``, ``pkg/controlplane/controller/{systemnamespaces,
kubernetesservice,defaultservicecidr,clusterauthenticationtrust}``.
Differs: the rules of aggregated ClusterRoles are there from the start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from typing import Any

import orjson

from pynetes.apiserver import fieldmanager, reconciliation, stored
from pynetes.apiserver.allocation.addresses import family_of, first_address, ip_address_object
from pynetes.apiserver.initial import data
from pynetes.apiserver.parts import Parts
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource, WriteContext
from pynetes.meta.selectors import from_object
from pynetes.meta.times import rfc3339
from pynetes.store.types import CompareFailed

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_GROUPS = {
    "clusterroles": "rbac.authorization.k8s.io",
    "clusterrolebindings": "rbac.authorization.k8s.io",
    "roles": "rbac.authorization.k8s.io",
    "rolebindings": "rbac.authorization.k8s.io",
    "flowschemas": "flowcontrol.apiserver.k8s.io",
    "prioritylevelconfigurations": "flowcontrol.apiserver.k8s.io",
    "priorityclasses": "scheduling.k8s.io",
    "apiservices": "apiregistration.k8s.io",
}
_LOOKED_AFTER = ("prioritylevelconfigurations", "flowschemas")
_FLOW_MAKER = "api-priority-and-fairness-config-producer-v1"
_MAKERS = {"flowschemas": _FLOW_MAKER, "prioritylevelconfigurations": _FLOW_MAKER}
_APPLIERS_OF_STATUS = {"servicecidrs": "kubernetes-service-cidr-controller"}
_Wanted = tuple[Resource, Object]


log = logging.getLogger(__name__)

_SERVICE_SECONDS, _MINUTE = 10.0, 6
"""How often the Service is looked after; everything else at every sixth time."""


async def run(server: Parts) -> None:
    """Make what is missing and mend what was changed; returns when the cache has it all."""
    now = server.clock.now()
    wanted = [*_resources(server), *_service_objects(server, now), *_system_objects(server, now)]
    await _ensure(server, wanted, [*_endpoints(server), *_trust(server)], now)


async def keep(server: Parts) -> None:
    """Look after it for ever."""
    turn = 0
    while True:
        await server.clock.sleep(_SERVICE_SECONDS)
        turn += 1
        now = server.clock.now()
        wanted, exact = _service_objects(server, now), _endpoints(server)
        try:
            if turn % _MINUTE == 0:
                wanted += _system_objects(server, now)
                exact += _trust(server)
                await _remove_unwanted(server)
            await _ensure(server, wanted, exact, now)
        except OSError as error:  # a full disk, a store that is away: the next turn tries again
            log.warning("what every cluster has could not be looked after: %s", error)


async def _ensure(server: Parts, wanted: Iterable[_Wanted], exact: Iterable[_Wanted], now: float) -> None:
    """``exact``: what has to say just that, whoever changed it."""
    changes = [change for resource, obj in wanted if (change := _change(server, resource, obj, now)) is not None]
    changes += [_refresh(server, resource, obj) for resource, obj in exact]
    revisions = await asyncio.gather(*changes)
    waiting = server.cache.wait_applied(max(revisions, default=0))
    if waiting is not None:
        await waiting


def _change(server: Parts, resource: Resource, obj: Object, now: float) -> Awaitable[int] | None:
    """What makes the object, or mends it; None when it is as it should be."""
    entry = server.cache.of(resource).get(_key(resource, obj))
    if entry is None:
        return _make(server, resource, _filled(resource.plural, obj, now), now)
    next_: Object | None = None
    match resource.plural:
        case "clusterroles" | "roles":
            next_ = reconciliation.role(entry.object, obj)
        case "clusterrolebindings" | "rolebindings":
            if reconciliation.is_of_another_role(entry.object, obj):
                return _remake(server, resource, entry, obj, now)
            next_ = reconciliation.binding(entry.object, obj)
        case "flowschemas" | "prioritylevelconfigurations":
            wanted = orjson.loads(stored.encode(resource, _complete(server, resource, obj, now)))
            next_ = reconciliation.flow_object(entry.object, wanted)
            if next_ is not None and resource.hooks.prepare_update is not None:
                resource.hooks.prepare_update(next_, entry.object, WriteContext(now))
    return None if next_ is None else _replace(server, resource, entry, next_)


async def _replace(server: Parts, resource: Resource, entry: Entry, next_: Object) -> int:
    """The revision of the write; 0 when somebody was faster."""
    maker = _MAKERS.get(resource.plural, fieldmanager.SERVER)
    fieldmanager.own_as_server(resource, next_, entry.object, maker, server.clock.now())
    try:
        written = await server.store.put(entry.key, stored.encode(resource, next_), expected=entry.revision)
    except CompareFailed:
        return 0
    return written.mod_revision


async def _remake(server: Parts, resource: Resource, entry: Entry, obj: Object, now: float) -> int:
    """Another object in the place of this one: what cannot be changed was."""
    try:
        await server.store.delete(entry.key, expected=entry.revision)
    except CompareFailed:
        return 0
    return await _make(server, resource, obj, now)


async def _remove_unwanted(server: Parts) -> None:
    for plural in ("flowschemas", "prioritylevelconfigurations"):
        names = {obj["metadata"]["name"]: obj for obj in data()[plural]}
        resource = server.resources.get(_GROUPS[plural], plural)
        if resource is None:
            continue
        for entry in server.cache.of(resource).list():
            if reconciliation.is_unwanted(entry.object, names):
                try:
                    await server.store.delete(entry.key, expected=entry.revision)
                except CompareFailed:
                    continue


def _key(resource: Resource, obj: Object) -> bytes:
    return resource.storage_key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


async def _make(server: Parts, resource: Resource, obj: Object, now: float) -> int:
    """The revision of the new object; 0 when another server was first."""
    value = stored.encode(resource, _owned(resource, _complete(server, resource, obj, now), now))
    try:
        written = await server.store.put(_key(resource, obj), value, expected=0)
    except CompareFailed:
        return 0
    return written.mod_revision


def _owned(resource: Resource, obj: Object, now: float) -> Object:
    """A new object with its managers: the part of the server that makes it, and the one that knows its status."""
    status = obj.pop("status", None)
    fieldmanager.own_as_server(resource, obj, None, _MAKERS.get(resource.plural, fieldmanager.SERVER), now)
    if status and resource.plural in _APPLIERS_OF_STATUS:
        return fieldmanager.apply_status_as_server(resource, obj, status, _APPLIERS_OF_STATUS[resource.plural], now)
    return {**obj, "status": status} if status else obj


def _complete(server: Parts, resource: Resource, obj: Object, now: float) -> Object:
    """With kind, identity, defaults and generation. The object's own maps are copied, for they are shared."""
    whole: Object = orjson.loads(orjson.dumps(obj))
    meta = whole.pop("metadata")
    whole = {"kind": resource.kind, "apiVersion": resource.storage_api_version, "metadata": meta, **whole}
    meta["uid"] = server.clock.uuid4()
    meta["creationTimestamp"] = rfc3339(now)
    if resource.hooks.default is not None:
        resource.hooks.default(whole)
    if resource.hooks.prepare_create is not None:
        said = whole.get("status")
        resource.hooks.prepare_create(whole, WriteContext(now))
        if said:
            whole["status"] = said  # clients may not say it; we are the ones who know
    return whole


async def _refresh(server: Parts, resource: Resource, obj: Object) -> int:
    """Make the object or, when it says something else, overwrite what it says. The revision, 0 without a write."""
    entry = server.cache.of(resource).get(_key(resource, obj))
    if entry is None:
        return await _make(server, resource, obj, server.clock.now())
    next_ = _overwritten(entry, obj)
    return 0 if stored.encode(resource, next_) == entry.value else await _replace(server, resource, entry, next_)


def _overwritten(entry: Entry, obj: Object) -> Object:
    next_ = entry.fresh()
    for name, value in obj.items():
        if name != "metadata":
            next_[name] = value
    return next_


def _resources(server: Parts) -> list[_Wanted]:
    """What is made and mended at the start only."""
    wanted: list[_Wanted] = []
    for plural, objects in data().items():
        resource = server.resources.get(_GROUPS[plural], plural)
        if resource is not None and plural not in _LOOKED_AFTER:
            wanted += [(resource, obj) for obj in objects]
    since = {"since": rfc3339(server.clock.now())[:10]}
    name = "kube-apiserver-legacy-service-account-token-tracking"
    tracking = {"metadata": {"name": name, "namespace": "kube-system"}, "data": since}
    wanted.append((_named(server, "configmaps"), tracking))
    return wanted


def _system_objects(server: Parts, now: float) -> list[_Wanted]:
    wanted = [(_named(server, "namespaces"), _namespace(name)) for name in SYSTEM_NAMESPACES]
    for plural in _LOOKED_AFTER:
        resource = server.resources.get(_GROUPS[plural], plural)
        if resource is not None:
            wanted += [(resource, obj) for obj in data()[plural]]
    return wanted


def _service_objects(server: Parts, now: float) -> list[_Wanted]:
    cidrs = server.settings.service_cidrs
    first = first_address(cidrs[0])
    return [
        (_named(server, "servicecidrs", "networking.k8s.io"), _service_cidr(cidrs, now)),
        (_named(server, "services"), _service([first], server.settings.advertise_port)),
        (_named(server, "ipaddresses", "networking.k8s.io"), ip_address_object(first, "default", "kubernetes")),
    ]


def _named(server: Parts, plural: str, group: str = "") -> Resource:
    found = server.resources.get(group, plural)
    assert found is not None, plural
    return found


def _filled(plural: str, obj: Object, now: float) -> Object:
    if plural == "clusterroles" and obj.get("aggregationRule"):
        return {**obj, "rules": aggregated_rules(obj, data()["clusterroles"])}
    if plural == "apiservices":
        condition = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": rfc3339(now),
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        return {**obj, "status": {"conditions": [condition]}}
    return obj


def aggregated_rules(role: Object, roles: list[Object], depth: int = 4) -> list[Object]:
    """The rules of the roles that an aggregation rule selects, each once, in the order of the roles' names."""
    rules: list[Object] = []
    for written in role["aggregationRule"].get("clusterRoleSelectors") or ():
        selector = from_object(written)
        for other in sorted(roles, key=lambda r: str(r["metadata"]["name"])):
            if other is role or not selector.matches(other["metadata"].get("labels") or {}):
                continue
            of_other = other.get("rules") or []
            if other.get("aggregationRule") and depth:
                of_other = aggregated_rules(other, roles, depth - 1)
            rules += [rule for rule in of_other if rule not in rules]
    return rules


def _namespace(name: str) -> Object:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _trust(server: Parts) -> list[_Wanted]:
    """Whom this server believes, for those who want to believe the same."""
    settings = server.settings
    trust: dict[str, str] = {}
    if settings.client_ca_pem:
        trust["client-ca-file"] = settings.client_ca_pem.decode()
    if settings.request_header_ca_pem:
        trust |= {
            "requestheader-allowed-names": orjson.dumps(list(settings.request_header_names)).decode(),
            "requestheader-client-ca-file": settings.request_header_ca_pem.decode(),
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-username-headers": '["X-Remote-User"]',
        }
    meta = {"name": "extension-apiserver-authentication", "namespace": "kube-system"}
    return [(_named(server, "configmaps"), {"metadata": meta, "data": trust})] if trust else []


def _service_cidr(cidrs: tuple[str, ...], now: float) -> Object:
    ready = {
        "type": "Ready",
        "status": "True",
        "lastTransitionTime": rfc3339(now),
        "reason": "",
        "message": "Kubernetes Service CIDR is ready",
    }
    return {
        "metadata": {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]},
        "spec": {"cidrs": list(cidrs)},
        "status": {"conditions": [ready]},
    }


def _service(addresses: list[str], target_port: int) -> Object:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    spec: dict[str, Any] = {
        "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": target_port}],
        "clusterIP": addresses[0],
        "clusterIPs": addresses,
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": [family_of(a) for a in addresses],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    meta = {"name": "kubernetes", "namespace": "default", "labels": labels}
    return {"metadata": meta, "spec": spec, "status": {"loadBalancer": {}}}


def _endpoints(server: Parts) -> list[_Wanted]:
    """Where this server is found: Endpoints and EndpointSlice of the Service ``kubernetes``."""
    address, port = server.settings.advertise_address, server.settings.advertise_port
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    endpoints = {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
    }
    piece = {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": family_of(address),
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": ports,
    }
    found = (
        (server.resources.get("", "endpoints"), endpoints),
        (server.resources.get("discovery.k8s.io", "endpointslices"), piece),
    )
    return [(resource, obj) for resource, obj in found if resource is not None]
