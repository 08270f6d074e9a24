"""UDP flows of connection tracking: how they are read, and which are forgotten."""

import struct

from pynetes.proxy.conntrack import Flow, parse, stale
from pynetes.proxy.services import service_ports


def udp_port() -> object:
    spec = {
        "clusterIP": "10.96.0.10",
        "clusterIPs": ["10.96.0.10"],
        "ports": [{"port": 53, "protocol": "UDP", "nodePort": 30053}],
    }
    return service_ports({"metadata": {"namespace": "n", "name": "dns"}, "spec": spec}, 4)[0]


def test_flows_to_endpoints_that_are_gone_are_forgotten_and_no_others() -> None:
    flows = [
        Flow("10.96.0.10", 53, "10.1.0.1", b"kept"),
        Flow("10.96.0.10", 53, "10.1.0.9", b"stale"),
        Flow("192.168.0.2", 30053, "10.1.0.9", b"stale node port"),
        Flow("10.96.0.11", 53, "10.1.0.9", b"another service"),
    ]
    found = stale(flows, [(udp_port(), frozenset({"10.1.0.1"}))])  # type: ignore[list-item]
    assert [f.original for f in found] == [b"stale", b"stale node port"]


def test_a_flow_is_read_from_the_kernels_message() -> None:
    def attribute(kind: int, value: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)

    def tuple_(source: bytes, destination: bytes, port: int) -> bytes:
        ip = attribute(1 | 0x8000, attribute(1, source) + attribute(2, destination))
        return ip + attribute(2 | 0x8000, attribute(1, b"\x11") + attribute(3, struct.pack("!H", port)))

    original = tuple_(bytes([10, 1, 0, 5]), bytes([10, 96, 0, 10]), 53)
    reply = tuple_(bytes([10, 1, 0, 1]), bytes([10, 1, 0, 5]), 4000)
    flow = parse(attribute(1 | 0x8000, original) + attribute(2 | 0x8000, reply), 4)
    assert flow is not None
    assert (flow.destination, flow.port, flow.answered_by) == ("10.96.0.10", 53, "10.1.0.1")
