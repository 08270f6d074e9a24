"""Endpoints from slices, and which of them a node may use."""

from pynetes.proxy.endpoints import Endpoint, endpoints, usable
from pynetes.proxy.services import service_ports
from tests.proxy.lists import service


def piece(*found: dict[str, object] | str, kind: str = "IPv4") -> dict[str, object]:
    entries = [{"addresses": [f]} if isinstance(f, str) else f for f in found]
    return {"addressType": kind, "ports": [{"name": "p80", "port": 80, "protocol": "TCP"}], "endpoints": entries}


def test_hints_are_followed_only_when_every_ready_endpoint_has_one() -> None:
    (port,) = service_ports(service(), 4)
    zone = "z1"
    near = Endpoint("10.1.0.1", 80, zones=frozenset({"z1"}))
    far = Endpoint("10.1.0.2", 80, zones=frozenset({"z2"}))
    bare = Endpoint("10.1.0.3", 80)
    assert usable(port, (near, far), "here", zone).cluster == (near,)
    assert usable(port, (near, far, bare), "here", zone).cluster == (near, far, bare)
    assert usable(port, (near, far), "here", "").cluster == (near, far)
    mine = Endpoint("10.1.0.4", 80, nodes=frozenset({"here"}))
    other = Endpoint("10.1.0.5", 80, nodes=frozenset({"there"}))
    assert usable(port, (mine, other), "here", "").cluster == (mine,)


def test_an_endpoint_in_two_slices_counts_once_with_the_better_news() -> None:
    bad = {"addresses": ["10.1.0.1"], "conditions": {"ready": False, "serving": False}}
    found = endpoints([piece(bad), piece("10.1.0.1")], 4, "here")
    assert [e.ready for e in found[("p80", "tcp")]] == [True]
