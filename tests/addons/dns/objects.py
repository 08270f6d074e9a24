"""A few Services and EndpointSlices, looked up as the zone does."""

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]


def service(name: str, namespace: str = "ns", **spec: Any) -> Object:
    addresses = spec.pop("clusterIPs", ["10.96.0.50"])
    ports = spec.pop("ports", [{"name": "http", "port": 80, "protocol": "TCP"}])
    spec = {"type": "ClusterIP", "clusterIPs": addresses, "ports": ports, **spec}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def headless(name: str, namespace: str = "ns", **spec: Any) -> Object:
    return service(name, namespace, clusterIPs=["None"], **spec)


def piece(service_name: str, *endpoints: Object, namespace: str = "ns", port: int = 8080) -> Object:
    return {
        "metadata": {
            "name": f"{service_name}-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service_name},
        },
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }


def endpoint(address: str, hostname: str = "", ready: bool | None = None) -> Object:
    out: Object = {"addresses": [address]}
    if hostname:
        out["hostname"] = hostname
    if ready is not None:
        out["conditions"] = {"ready": ready}
    return out


class Objects:
    """A ``Source`` over lists."""

    def __init__(self, services: Iterable[Object], pieces: Iterable[Object] = ()) -> None:
        self._services = list(services)
        self._pieces = list(pieces)

    def service(self, namespace: str, name: str) -> Object | None:
        wanted = {"name": name, "namespace": namespace}
        return next((s for s in self._services if s["metadata"] == wanted), None)

    def has_services(self, namespace: str) -> bool:
        return any(s["metadata"]["namespace"] == namespace for s in self._services)

    def slices(self, namespace: str, name: str) -> list[Object]:
        return [
            p
            for p in self._pieces
            if p["metadata"]["namespace"] == namespace and p["metadata"]["labels"]["kubernetes.io/service-name"] == name
        ]

    def services_at(self, address: str) -> list[Object]:
        return [s for s in self._services if address in s["spec"]["clusterIPs"]]

    def slices_with(self, address: str) -> list[Object]:
        return [p for p in self._pieces if any(address in e["addresses"] for e in p["endpoints"])]
