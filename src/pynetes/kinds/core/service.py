"""Services. Cluster addresses, families and node ports are the allocator's, which runs before validation.

Source: kubernetes ``pkg/apis/core/v1/defaults.go``, ``pkg/registry/core/service/strategy.go``, ``pkg/api/service``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.service_validation import is_headless, validate, validate_update
from pynetes.kinds.strategy import keep
from pynetes.meta.addresses import cidr_warnings, ip_warnings
from pynetes.meta.fielderrors import same
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext

_WITH_ADDRESS = ("ClusterIP", "NodePort", "LoadBalancer")
_WITH_NODE_PORT = ("NodePort", "LoadBalancer")
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"


def default(service: Object) -> None:
    spec = service.setdefault("spec", {})
    if not spec.get("sessionAffinity"):
        spec["sessionAffinity"] = "None"
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    kind = spec.get("type")
    if not kind:
        kind = spec["type"] = "ClusterIP"
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)
    if is_external(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if kind in _WITH_ADDRESS and spec.get("internalTrafficPolicy") is None:
        spec["internalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is None:
            spec["allocateLoadBalancerNodePorts"] = True
        for ingress in _ingress(service):
            if ingress.get("ip") and ingress.get("ipMode") is None:
                ingress["ipMode"] = "VIP"


def _ingress(service: Object) -> Sequence[Object]:
    return ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()


def is_external(spec: Object) -> bool:
    """Whether traffic may come from outside the cluster."""
    kind = spec.get("type")
    return kind in _WITH_NODE_PORT or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_health_check(spec: Object) -> bool:
    """Whether a load balancer asks nodes for their own endpoints."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def needs_node_port(spec: Object) -> bool:
    kind = spec.get("type")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False)


def prepare_create(service: Object, context: WriteContext) -> None:
    service.pop("status", None)


def prepare_update(service: Object, old: Object, context: WriteContext) -> None:
    if context.subresource == "status":
        keep(service, old, "spec")
        return
    keep(service, old, "status")
    _drop_what_the_type_does_not_have(service["spec"], old["spec"])
    if service["spec"].get("type") != "LoadBalancer" and _ingress(service):
        service["status"] = {**service["status"], "loadBalancer": {}}


def _drop_what_the_type_does_not_have(spec: Object, old: Object) -> None:
    """Fields that were set by the server for the old type, and that the client sent back unchanged."""

    def drop(*names: str) -> None:
        for name in names:
            spec.pop(name, None)

    def unchanged(name: str) -> bool:
        return same(spec.get(name), old.get(name))

    if old.get("type") in _WITH_ADDRESS and spec.get("type") not in _WITH_ADDRESS:
        if unchanged("clusterIP") and unchanged("clusterIPs"):
            drop("clusterIP", "clusterIPs")
        for name in ("ipFamilies", "ipFamilyPolicy"):
            if unchanged(name):
                drop(name)
    if needs_node_port(old) and spec.get("type") not in _WITH_NODE_PORT and _node_ports(spec) == _node_ports(old):
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    if needs_health_check(old) and not needs_health_check(spec) and unchanged("healthCheckNodePort"):
        drop("healthCheckNodePort")
    if old.get("type") == "LoadBalancer" and spec.get("type") != "LoadBalancer":
        for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            if unchanged(name):
                drop(name)
    if is_external(old) and not is_external(spec) and unchanged("externalTrafficPolicy"):
        drop("externalTrafficPolicy")
    if spec.get("type") not in _WITH_ADDRESS and unchanged("internalTrafficPolicy"):
        drop("internalTrafficPolicy")


def _node_ports(spec: Object) -> list[int]:
    return [port.get("nodePort", 0) for port in spec.get("ports") or ()]


def warnings(service: Object, old: Object | None) -> Sequence[str]:
    spec = service["spec"]
    found: list[str] = []
    if _HINTS in (service["metadata"].get("annotations") or {}):
        found.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    if spec.get("clusterIP") and not headless:
        for i, ip in enumerate(spec.get("clusterIPs") or ()):
            found += ip_warnings(f"spec.clusterIPs[{i}]", ip)
    external = spec.get("externalIPs") or ()
    if headless:
        if spec.get("loadBalancerIP"):
            found.append("spec.loadBalancerIP is ignored for headless services")
        if external:
            found.append("spec.externalIPs is ignored for headless services")
        if spec.get("sessionAffinity") != "None":
            found.append("spec.SessionAffinity is ignored for headless services")
    for i, ip in enumerate(external):
        found += ip_warnings(f"spec.externalIPs[{i}]", ip)
    named = spec.get("type") == "ExternalName"
    if external and not headless and not named:
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        found += ip_warnings("spec.loadBalancerIP", spec["loadBalancerIP"])
    for i, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        found += cidr_warnings(f"spec.loadBalancerSourceRanges[{i}]", cidr)
    if named and external:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not named and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append(f"spec.trafficDistribution: {quoted('PreferClose')} is deprecated; use {quoted('PreferSameZone')}")
    return found


def table_row(service: Object, now: float) -> list[Any]:
    spec = service["spec"]
    addresses = spec.get("clusterIPs") or (rows.NONE,)
    ports = ",".join(map(_port, spec.get("ports") or ())) or rows.NONE
    return [
        service["metadata"]["name"],
        spec.get("type") or "",
        addresses[0],
        _external_ip(service),
        ports,
        rows.age(service, now),
        rows.labels(spec.get("selector")),
    ]


def _port(port: Object) -> str:
    number = f"{port['port']}:{port['nodePort']}" if port.get("nodePort") else str(port.get("port", 0))
    return f"{number}/{port.get('protocol', '')}"


def _external_ip(service: Object) -> str:
    spec = service["spec"]
    given = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(given) or rows.NONE
        case "LoadBalancer":
            assigned = rows.load_balancer((service.get("status") or {}).get("loadBalancer"))
            return ",".join(([assigned] if assigned else []) + given) or "<pending>"
        case "ExternalName":
            name: str = spec.get("externalName", "")
            return name
    return rows.UNKNOWN


def fields(service: Object) -> Mapping[str, str]:
    spec = service["spec"]
    return {"spec.clusterIP": spec.get("clusterIP") or "", "spec.type": spec.get("type") or ""}


__all__ = ["HOOKS", "is_external", "is_headless", "needs_health_check", "needs_node_port"]

HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
    fields=fields,
)
