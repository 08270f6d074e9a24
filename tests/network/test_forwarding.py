"""What the host forwards for its clusters goes with the last of them; what the host itself wishes stays."""

from pathlib import Path

import pytest

from pynetes.network.forwarding import KEPT, SWITCH, SWITCH_IPV6, forward_all, let_through, take_back

BRIDGE = "pnabcdef-br"
HEAD = "Iface\tDestination\tGateway\n"


def flag(interface: str) -> str:
    return f"proc/sys/net/ipv4/conf/{interface}/forwarding"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host that forwards nothing, with a way out by eth0, a bridge of ours, and a dummy without routes."""
    for name in (SWITCH, SWITCH_IPV6, *map(flag, ("eth0", BRIDGE, "dummy0"))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("0\n")
    (tmp_path / "proc/net").mkdir()
    (tmp_path / "proc/net/route").write_text(f"{HEAD}eth0\t00000000\t010200C0\n{BRIDGE}\t0000590A\t00000000\n")
    return tmp_path


def values(host: Path, *names: str) -> list[str]:
    return [(host / name).read_text().strip() for name in names]


def test_interfaces_with_routes_forward_and_the_hosts_own_switch_is_not_touched(host: Path) -> None:
    let_through({4}, BRIDGE, host)
    assert values(host, flag("eth0"), flag(BRIDGE), flag("dummy0")) == ["1", "1", "0"]
    assert values(host, SWITCH, SWITCH_IPV6) == ["0", "0"]


def test_the_last_cluster_leaves_the_host_as_the_first_found_it(host: Path) -> None:
    let_through({4, 6}, BRIDGE, host)
    let_through({4, 6}, "pnsecond-br", host)  # a second cluster, or a second `up`, finds all on
    assert values(host, SWITCH_IPV6) == ["1"]
    take_back(host)
    assert values(host, flag("eth0"), SWITCH, SWITCH_IPV6) == ["0", "0", "0"]
    assert not (host / KEPT).exists()


def test_a_host_that_forwards_anyway_is_left_alone(host: Path) -> None:
    for name in (SWITCH, flag("eth0"), flag(BRIDGE)):
        (host / name).write_text("1\n")
    let_through({4}, BRIDGE, host)
    assert not (host / KEPT).exists()
    take_back(host)
    assert values(host, SWITCH, flag("eth0")) == ["1", "1"]


def test_a_switch_that_was_turned_on_meanwhile_is_a_newer_wish(host: Path) -> None:
    let_through({4}, BRIDGE, host)
    (host / SWITCH).write_text("1\n")  # Docker was started, say
    take_back(host)
    assert values(host, flag("eth0")) == ["1"]


def test_an_interface_that_is_gone_and_a_damaged_file_are_no_obstacle(host: Path) -> None:
    let_through({4}, BRIDGE, host)
    (host / flag("eth0")).unlink()
    take_back(host)
    (host / KEPT).write_text("{")
    take_back(host)
    assert not (host / KEPT).exists()


def test_a_nodes_namespace_forwards_both_families(host: Path) -> None:
    forward_all(host)
    assert values(host, SWITCH, SWITCH_IPV6) == ["1", "1"]
