"""Clusters of one host never share a network or a name on it, and bad names and sizes are told clearly."""

import ipaddress
import json

import pytest

from pynetes.cluster.config import (
    MAX_CLUSTERS,
    ROOTS_HOME,
    ClusterConfig,
    ClusterDir,
    ConfigError,
    cluster_dir,
    new_config,
)
from pynetes.cluster.configure import taken

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
DEFAULT_ROUTE = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"


def make(used=(), **changes):
    given = {"folder": ClusterDir(ROOTS_HOME / "a"), "id": "1", "nodes": 2, "simulated_nodes": 0, "api_port": 6443}
    return new_config(**{**given, "taken": set(used), **changes})


def route(destination: str, mask: str) -> str:
    return f"br\t{destination}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n"


def test_clusters_of_one_host_get_networks_of_their_own():
    first, second = make(), make([0])
    assert (first.node_network, first.pod_cidrs) == ("10.89.0.0/24", ("10.244.0.0/16",))
    assert (second.node_network, second.pod_cidrs) == ("10.89.1.0/24", ("10.243.0.0/16",))
    assert make([1]).index == 0
    with pytest.raises(ConfigError, match="100 clusters"):
        make(range(MAX_CLUSTERS))


def test_a_network_that_the_host_has_a_route_into_is_not_taken_again():
    nodes = route("0001590A", "00FFFFFF")  # 10.89.1.0/24
    pods = route("0000F40A", "00FFFFFF")  # 10.244.0.0/24
    assert taken(set(), HEAD + DEFAULT_ROUTE + nodes + pods) == {0, 1}
    assert taken({7}, HEAD + DEFAULT_ROUTE) == {7}


def test_a_route_around_all_our_networks_leaves_a_choice():
    company = route("0000000A", "000000FF")  # 10.0.0.0/8
    assert taken({3}, HEAD + company + route("0001590A", "00FFFFFF")) == {1, 3}
    part_of_it = route("0000590A", "00C0FFFF")  # 10.89.0.0/18
    assert taken(set(), HEAD + part_of_it) == set(range(64))


def test_clusters_of_one_name_in_two_homes_have_handles_of_their_own(tmp_path):
    at_home, here = ClusterDir(ROOTS_HOME / "a"), ClusterDir(tmp_path / "a")
    assert at_home.handle == "a"
    assert here.handle.startswith("a_") and here.handle != ClusterDir(tmp_path / "other" / "a").handle
    (tmp_path / "link").symlink_to(tmp_path)
    assert ClusterDir(tmp_path / "link" / "a").handle == here.handle
    assert make(folder=here).handle == here.handle


def test_the_host_and_the_nodes_have_addresses_on_the_node_network():
    config = make()
    assert config.host_address == "10.89.0.1"
    assert [config.node_address(n) for n in (1, 2)] == ["10.89.0.2", "10.89.0.3"]
    assert config.dns_address == "10.96.0.10"
    assert make(nodes=0, simulated_nodes=1).host_address == "127.0.0.1"


def test_every_pod_that_a_node_takes_finds_an_address():
    """Kubernetes, "Considerations for large clusters": no more than 110 pods per node, unless it is told otherwise."""
    for config, pods in ((make(), 110), (make(simulated_nodes=5), 250), (make(nodes=0, simulated_nodes=5), 1000)):
        cluster = ipaddress.ip_network(config.pod_cidrs[0])
        addresses = 2 ** (32 - config.node_cidr_mask) - 3  # less the network, the gateway and the broadcast
        assert pods <= addresses
        if not config.nodes:
            assert config.simulated_pods == pods
            assert 2 ** (config.node_cidr_mask - cluster.prefixlen) >= 5000
        assert not cluster.overlaps(ipaddress.ip_network(config.service_cidrs[0]))


def test_a_configuration_survives_its_file():
    config = make()
    assert ClusterConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("name", ["", "-a", "A", "a/b", "..", "x" * 31])
def test_a_name_that_cannot_be_a_folder_or_interface_is_refused(name):
    with pytest.raises(ConfigError, match="cluster name"):
        cluster_dir(name)


def test_a_cluster_without_nodes_is_refused():
    with pytest.raises(ConfigError, match="at least one node"):
        make(nodes=0)


def test_a_folder_that_cannot_be_written_is_told_and_not_left_half_made(tmp_path, monkeypatch):
    def full(old, new):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    folder = ClusterDir(tmp_path / "a")
    with pytest.raises(ConfigError, match=r"cannot write .*cluster.json: No space left on device"):
        folder.save(make())
    assert not folder.path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "{}",
        '{"name": "a"}',
        "\x00\xff",
        json.dumps({**json.loads(make().to_json()), "nodes": "two"}),
    ],
)
def test_a_damaged_file_is_told_with_its_mend(tmp_path, monkeypatch, text):
    monkeypatch.setenv("PYNETES_HOME", str(tmp_path))
    folder = cluster_dir("a")
    folder.save(make())
    folder.config_file.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match="pynetes down --name a"):
        folder.load()
