"""What every cluster has from its first second: namespaces, roles and bindings, priority and flow objects, the Service
``kubernetes``. Made once, all in one batch; a second start writes nothing but what has changed of the server's own
address.

``data/bootstrap.json`` holds what a kube-apiserver v1.36 makes. Source: kubernetes ``plugin/pkg/auth/authorizer/rbac/
bootstrappolicy``, ``pkg/controlplane/controller/{systemnamespaces,kubernetesservice,defaultservicecidr}``.
Differs: the rules of aggregated ClusterRoles are there from the start; roles that somebody has changed are left as they
are.
"""

import asyncio
from typing import Any

import orjson

from pynetes.apiserver import stored
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
_Wanted = tuple[Resource, Object]


async def run(server: Parts) -> None:
    """Make what is missing, and bring the endpoints of ``kubernetes`` up to date; returns when the cache has it all."""
    now = server.clock.now()
    made = [
        _make(server, resource, obj, now) for resource, obj in _wanted(server, now) if _missing(server, resource, obj)
    ]
    changed = [_refresh(server, resource, obj) for resource, obj in _endpoints(server)]
    revisions = await asyncio.gather(*made, *changed)
    waiting = server.cache.wait_applied(max(revisions, default=0))
    if waiting is not None:
        await waiting


def _missing(server: Parts, resource: Resource, obj: Object) -> bool:
    return server.cache.of(resource).get(_key(resource, obj)) is None


def _key(resource: Resource, obj: Object) -> bytes:
    return resource.storage_key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


async def _make(server: Parts, resource: Resource, obj: Object, now: float) -> int:
    """The revision of the new object; 0 when another server was first."""
    value = stored.encode(resource, _complete(server, resource, obj, now))
    try:
        written = await server.store.put(_key(resource, obj), value, expected=0)
    except CompareFailed:
        return 0
    return written.mod_revision


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
    value = stored.encode(resource, next_)
    if value == entry.value:
        return 0
    try:
        return (await server.store.put(entry.key, value, expected=entry.revision)).mod_revision
    except CompareFailed:
        return 0


def _overwritten(entry: Entry, obj: Object) -> Object:
    next_ = entry.fresh()
    for name, value in obj.items():
        if name != "metadata":
            next_[name] = value
    return next_


def _wanted(server: Parts, now: float) -> list[_Wanted]:
    def named(plural: str, group: str = "") -> Resource:
        found = server.resources.get(group, plural)
        assert found is not None, plural
        return found

    wanted: list[_Wanted] = [(named("namespaces"), _namespace(name)) for name in SYSTEM_NAMESPACES]
    for plural, objects in data().items():
        resource = server.resources.get(_GROUPS[plural], plural)
        if resource is None:
            continue
        wanted += [(resource, _filled(plural, obj, now)) for obj in objects]
    wanted += [(named("configmaps"), obj) for obj in _config_maps(server, now)]
    cidrs = server.settings.service_cidrs
    wanted.append((named("servicecidrs", "networking.k8s.io"), _service_cidr(cidrs, now)))
    addresses = [first_address(cidr) for cidr in cidrs]
    wanted.append((named("services"), _service(addresses[:1], server.settings.advertise_port)))
    ip_addresses = named("ipaddresses", "networking.k8s.io")
    wanted += [(ip_addresses, ip_address_object(address, "default", "kubernetes")) for address in addresses[:1]]
    return wanted


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


def _config_maps(server: Parts, now: float) -> list[Object]:
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
    since = {"since": rfc3339(now)[:10]}
    name = "kube-apiserver-legacy-service-account-token-tracking"
    maps: list[Object] = [{"metadata": {"name": name, "namespace": "kube-system"}, "data": since}]
    if trust:
        meta = {"name": "extension-apiserver-authentication", "namespace": "kube-system"}
        maps.append({"metadata": meta, "data": trust})
    return maps


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
