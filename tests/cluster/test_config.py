"""Clusters of one host never share a network, and bad names and sizes are told clearly."""

import pytest

from pynetes.cluster.config import ClusterConfig, ConfigError, cluster_dir, new_config
from pynetes.cluster.up import routed


def make(taken=(), **changes):
    given = {"name": "a", "id": "1", "nodes": 2, "simulated_nodes": 0, "api_port": 6443, "taken": set(taken)}
    return new_config(**{**given, **changes})


def test_clusters_of_one_host_get_networks_of_their_own():
    first, second = make(), make(taken=[0])
    assert (first.node_network, first.pod_cidrs) == ("10.89.0.0/24", ("10.244.0.0/16",))
    assert (second.node_network, second.pod_cidrs) == ("10.89.1.0/24", ("10.243.0.0/16",))
    assert make(taken=[1]).index == 0


def test_a_network_that_the_host_has_a_route_into_is_not_taken_again():
    table = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br\t0001590A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    assert routed(table) == {1}
    assert routed(table.splitlines()[0]) == set()


def test_the_host_and_the_nodes_have_addresses_on_the_node_network():
    config = make()
    assert config.host_address == "10.89.0.1"
    assert [config.node_address(n) for n in (1, 2)] == ["10.89.0.2", "10.89.0.3"]
    assert config.dns_address == "10.96.0.10"
    assert make(nodes=0, simulated_nodes=1).host_address == "127.0.0.1"


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


def test_a_damaged_file_is_told_with_its_mend(tmp_path, monkeypatch):
    monkeypatch.setenv("PYNETES_HOME", str(tmp_path))
    folder = cluster_dir("a")
    folder.save(make())
    folder.config_file.write_text("{")
    with pytest.raises(ConfigError, match="pynetes down"):
        folder.load()
