"""A Service's endpoints from its EndpointSlices, and which of them a node may use.

Source: Kubernetes ``pkg/proxy/endpointslicecache.go``, ``pkg/proxy/topology.go``; KEP-1669 (terminating endpoints),
KEP-2433 (topology hints), KEP-3015 (PreferSameNode).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pynetes.meta.objects import Object
from pynetes.proxy.services import ServicePort

SERVICE_LABEL = "kubernetes.io/service-name"
ZONE_LABEL = "topology.kubernetes.io/zone"

NOWHERE: frozenset[str] = frozenset()
"""No hint: one for all endpoints, of which there may be many."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address and port behind a service port. Hints are the zones and nodes that are to use it."""

    ip: str
    port: int
    local: bool = False
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zones: frozenset[str] = NOWHERE
    nodes: frozenset[str] = NOWHERE

    @property
    def text(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Usable:
    """What is left for each traffic policy. ``exists``: there are some anywhere, if only on other nodes."""

    cluster: tuple[Endpoint, ...] = ()
    local: tuple[Endpoint, ...] = ()
    reachable: tuple[Endpoint, ...] = ()
    exists: bool = False


def endpoints(slices: Iterable[Object], family: int, node_name: str) -> dict[tuple[str, str], tuple[Endpoint, ...]]:
    """By (port name, protocol in lower case), in the order of their addresses; each address and port once."""
    kind = "IPv6" if family == 6 else "IPv4"
    found: dict[tuple[str, str], dict[str, Endpoint]] = {}
    for piece in slices:
        if piece.get("addressType") != kind:
            continue
        for port in piece.get("ports") or ():
            if not port.get("port"):
                continue
            key = (port.get("name") or "", str(port.get("protocol") or "TCP").lower())
            known = found.setdefault(key, {})
            for entry in piece.get("endpoints") or ():
                endpoint = _endpoint(entry, int(port["port"]), node_name)
                if endpoint is None:
                    continue
                # while an endpoint moves from one slice to another it may be in both: the better news counts
                if endpoint.text not in known or _rank(endpoint) > _rank(known[endpoint.text]):
                    known[endpoint.text] = endpoint
    return {key: tuple(known[text] for text in sorted(known)) for key, known in found.items()}


def usable(port: ServicePort, all_: tuple[Endpoint, ...], node_name: str, zone: str) -> Usable:
    """The ready ones; where there are none, those that still serve while they end. ``zone``: the node's."""
    if not all_:
        return Usable()
    cluster: tuple[Endpoint, ...] = ()
    filtered = False
    if port.uses_cluster_endpoints:
        hinted = _hint(all_, node_name, zone)
        cluster = tuple(e for e in all_ if e.ready and (hinted is None or hinted(e)))
        filtered = hinted is not None
        if not cluster:
            cluster = tuple(e for e in all_ if e.serving and e.terminating)
    if not port.uses_local_endpoints:
        return Usable(cluster, (), cluster, bool(cluster))
    exists = bool(cluster) or any(e.ready or (e.serving and e.terminating) for e in all_)
    local = tuple(e for e in all_ if e.local and e.ready)
    if not local:
        local = tuple(e for e in all_ if e.local and e.serving and e.terminating)
        filtered = filtered or bool(local)
    if not port.uses_cluster_endpoints:
        return Usable((), local, local, exists)
    if not filtered:
        return Usable(cluster, local, cluster, exists)
    both = {e.text: e for e in (*cluster, *local)}
    return Usable(cluster, local, tuple(both[text] for text in sorted(both)), exists)


def _hint(all_: tuple[Endpoint, ...], node_name: str, zone: str) -> Callable[[Endpoint], bool] | None:
    """Which endpoints the hints leave to this node; ``None``: all, because not every ready one has a hint."""
    ready = [e for e in all_ if e.ready]
    if not ready:
        return None
    if all(e.nodes for e in ready) and any(node_name in e.nodes for e in ready):
        return lambda e: node_name in e.nodes
    if zone and all(e.zones for e in ready) and any(zone in e.zones for e in ready):
        return lambda e: zone in e.zones
    return None


def _endpoint(entry: Object, port: int, node_name: str) -> Endpoint | None:
    addresses = entry.get("addresses") or ()
    if not addresses:
        return None
    conditions = entry.get("conditions") or {}
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    hints = entry.get("hints") or {}
    return Endpoint(
        ip=addresses[0],
        port=port,
        local=entry.get("nodeName") == node_name,
        ready=ready,
        serving=ready if serving is None else bool(serving),
        terminating=bool(conditions.get("terminating")),
        zones=frozenset(z["name"] for z in hints.get("forZones") or ()) or NOWHERE,
        nodes=frozenset(n["name"] for n in hints.get("forNodes") or ()) or NOWHERE,
    )


def _rank(endpoint: Endpoint) -> tuple[bool, bool]:
    return endpoint.ready, endpoint.serving
