"""Syncs against a recording packet filter: what is written when, and what is not."""

import asyncio
import struct
from collections.abc import Iterable, Sequence

import pytest

from pynetes.aio.clock import VirtualClock
from pynetes.aio.commands import CommandFailed, Completed, RecordingCommands
from pynetes.http.types import Request
from pynetes.proxy.conntrack import Flow, parse, stale
from pynetes.proxy.healthz import Healthz
from pynetes.proxy.iptables.kernel import Kernel, parse_save
from pynetes.proxy.proxy import Family
from pynetes.proxy.services import service_ports
from pynetes.proxy.settings import Settings

SETTINGS = Settings("here", ("10.0.0.0/8",))


class Lists:
    """Services by key with the addresses behind them."""

    def __init__(self, **found: list[str]) -> None:
        self.found = {f"ns/{name}": addresses for name, addresses in found.items()}

    def services(self) -> Iterable[dict[str, object]]:
        return [s for key in self.found if (s := self.service(key)) is not None]

    def service(self, key: str) -> dict[str, object] | None:
        if key not in self.found:
            return None
        ip = f"10.96.0.{sum(key.encode()) % 200 + 1}"
        spec = {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"port": 80}]}
        return {"metadata": {"namespace": "ns", "name": key[3:]}, "spec": spec}

    def slices(self, key: str) -> Sequence[dict[str, object]]:
        entries = [{"addresses": [a]} for a in self.found[key]]
        return [{"addressType": "IPv4", "ports": [{"port": 8080}], "endpoints": entries}]


def restores(commands: RecordingCommands) -> list[str]:
    return [stdin.decode() for argv, stdin in commands.calls if "restore" in argv[0]]


def test_a_change_writes_one_text_with_that_service_alone() -> None:
    commands = RecordingCommands()
    family = Family(4, SETTINGS, Kernel(commands, 4))
    source = Lists(a=["10.1.0.1"], b=["10.1.0.2"])
    asyncio.run(family.sync(source, None, {}))
    source.found["ns/a"] = ["10.1.0.3"]
    asyncio.run(family.sync(source, {"ns/a"}, {}))
    full, partial = restores(commands)
    assert "10.1.0.1:8080" in full
    assert "10.1.0.2:8080" in full
    assert "10.1.0.3:8080" in partial
    assert "10.1.0.2:8080" not in partial
    assert partial.count("-X KUBE-SEP-") == 1, "the old endpoint's chain goes"
    assert sum("save" in argv[0] for argv, _ in commands.calls) == 2, "one look whether legacy works, one at the rules"


def test_a_service_that_is_gone_takes_its_chains_with_it() -> None:
    commands = RecordingCommands()
    family = Family(4, SETTINGS, Kernel(commands, 4))
    source = Lists(a=["10.1.0.1"])
    asyncio.run(family.sync(source, None, {}))
    del source.found["ns/a"]
    asyncio.run(family.sync(source, {"ns/a"}, {}))
    text = restores(commands)[-1]
    assert text.count("-X KUBE-") == 2
    assert "ns/a" not in text


def test_legacy_programs_are_used_where_they_work() -> None:
    def refuse(argv: tuple[str, ...], stdin: bytes) -> Completed | None:
        return Completed(argv, 1, b"", b"no such table") if "legacy" in argv[0] else None

    for answers, program in (((), "iptables-legacy-restore"), ((refuse,), "iptables-restore")):
        commands = RecordingCommands(answers)
        asyncio.run(Kernel(commands, 4).restore("x"))
        assert commands.calls[-1][0][0] == program
        assert "--noflush" in commands.calls[-1][0]


def test_a_refused_text_raises() -> None:
    commands = RecordingCommands(
        (lambda argv, _: Completed(argv, 2, b"", b"line 3") if "restore" in argv[0] else None,)
    )
    with pytest.raises(CommandFailed, match="line 3"):
        asyncio.run(Kernel(commands, 4).restore("x"))


def test_what_iptables_save_prints_is_read_by_table() -> None:
    text = "# c\n*nat\n:A - [0:0]\n-A A -j B\nCOMMIT\n*filter\n:INPUT ACCEPT [1:2]\nCOMMIT\n"
    assert parse_save(text) == {"nat": [":A - [0:0]", "-A A -j B"], "filter": [":INPUT ACCEPT [1:2]"]}


def test_health_fails_when_a_change_waits_for_too_long() -> None:
    clock = VirtualClock()
    health = Healthz(clock, SETTINGS)
    request = Request("GET", "/healthz", "", {})
    assert health.handle(request).status == 200
    health.queued()
    clock.call_later(61, lambda: None)
    clock.fire_next()
    assert health.handle(request).status == 503
    health.synced()
    assert health.handle(request).status == 200
    assert health.handle(Request("GET", "/x", "", {})).status == 404


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
