"""A Service's ports as a proxy of one IP family sees them.

Source: Kubernetes ``pkg/proxy/serviceport.go``, ``pkg/proxy/servicechangetracker.go``.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pynetes.meta.objects import Object

PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of one Service in one IP family. ``affinity_seconds``: of session affinity by client, 0 without."""

    namespace: str
    name: str
    port_name: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    affinity_seconds: int = 0
    internal_local: bool = False
    external_local: bool = False
    health_check_node_port: int = 0

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def text(self) -> str:
        """``namespace/name:port``, which the chains' names are made from."""
        return f"{self.key}:{self.port_name}" if self.port_name else self.key

    @property
    def externally_accessible(self) -> bool:
        return bool(self.node_port or self.load_balancer_ips or self.external_ips)

    @property
    def uses_cluster_endpoints(self) -> bool:
        # also with the external policy Local: what begins in the cluster takes a short cut to all endpoints
        return not self.internal_local or self.externally_accessible

    @property
    def uses_local_endpoints(self) -> bool:
        return self.internal_local or (self.external_local and self.externally_accessible)


def service_ports(service: Object, family: int) -> list[ServicePort]:
    """Empty for what is not proxied: ExternalName, headless, another proxy's, none of this family."""
    spec = service.get("spec") or {}
    metadata = service["metadata"]
    if spec.get("type") == "ExternalName" or PROXY_NAME_LABEL in (metadata.get("labels") or {}):
        return []
    cluster_ip = next(iter(of_family(spec.get("clusterIPs") or [spec.get("clusterIP") or ""], family)), "")
    if not cluster_ip:
        return []
    affinity = 0
    if spec.get("sessionAffinity") == "ClientIP":
        affinity = int(((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds", 10800))
    ranges = of_family([r.strip() for r in spec.get("loadBalancerSourceRanges") or ()], family)
    if any(r.endswith("/0") for r in ranges):
        ranges = []
    external_local = spec.get("externalTrafficPolicy") == "Local" and (
        spec.get("type") in ("NodePort", "LoadBalancer") or bool(spec.get("externalIPs"))
    )
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    vips = [i["ip"] for i in ingress if i.get("ip") and i.get("ipMode", "VIP") == "VIP"]
    health = int(spec.get("healthCheckNodePort") or 0)
    return [
        ServicePort(
            namespace=metadata["namespace"],
            name=metadata["name"],
            port_name=port.get("name") or "",
            protocol=str(port.get("protocol") or "TCP").lower(),
            cluster_ip=cluster_ip,
            port=int(port["port"]),
            node_port=int(port.get("nodePort") or 0),
            external_ips=tuple(of_family(spec.get("externalIPs") or (), family)),
            load_balancer_ips=tuple(of_family(vips, family)),
            source_ranges=tuple(ranges),
            affinity_seconds=affinity,
            internal_local=spec.get("internalTrafficPolicy") == "Local",
            external_local=external_local,
            health_check_node_port=health if spec.get("type") == "LoadBalancer" and external_local else 0,
        )
        for port in spec.get("ports") or ()
    ]


def of_family(addresses: Iterable[str], family: int) -> list[str]:
    """Those addresses or networks that are of this family; what is none at all is left out."""
    return [a for a in addresses if family_of(a) == family]


@lru_cache(65536)
def family_of(address: str) -> int:
    """4 or 6; 0 for what is neither an address nor a network."""
    try:
        return ipaddress.ip_interface(address).version
    except ValueError:
        return 0
