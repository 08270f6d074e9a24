"""Services for the tests, without an API."""

from collections.abc import Iterable, Sequence


class Lists:
    """Services by key with the addresses behind them."""

    def __init__(self, **found: list[str]) -> None:
        self.found = {f"ns/{name}": addresses for name, addresses in found.items()}

    def keys(self) -> Iterable[str]:
        return list(self.found)

    def service(self, key: str) -> dict[str, object] | None:
        if key not in self.found:
            return None
        ip = f"10.96.0.{sum(key.encode()) % 200 + 1}"
        spec = {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"port": 80}]}
        return {"metadata": {"namespace": "ns", "name": key[3:]}, "spec": spec}

    def slices(self, key: str) -> Sequence[dict[str, object]]:
        entries = [{"addresses": [a]} for a in self.found[key]]
        return [{"addressType": "IPv4", "ports": [{"port": 8080}], "endpoints": entries}]


def service(ip: str = "172.30.0.41", **spec: object) -> dict[str, object]:
    status = spec.pop("status", {})
    ports = [{"name": "p80", "port": 80, "protocol": "TCP"}]
    return {
        "metadata": {"namespace": "ns1", "name": "svc1"},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "ports": ports, **spec},
        "status": status,
    }
