"""The node network's batches make what is missing, and only that."""

from pynetes.network.nodes import Leg, NodeNetwork, host_batch, node_batch, removal_batch

LEG = Leg("pynetes-a-node-1", "pyn0-n1", "10.89.0.2/24")
NETWORK = NodeNetwork("pyn0-br", "10.89.0.1/24", "10.89.0.1", (LEG,))


def test_a_new_network_is_made_whole():
    assert host_batch(NETWORK, set()).splitlines() == [
        "link add pyn0-br type bridge",
        "address replace 10.89.0.1/24 dev pyn0-br",
        "link set pyn0-br up",
        "link add pyn0-n1 type veth peer name eth0 netns pynetes-a-node-1",
        "link set pyn0-n1 master pyn0-br up",
    ]
    assert "route replace default via 10.89.0.1 dev eth0" in node_batch(NETWORK, LEG)


def test_what_is_there_is_not_made_again():
    assert "link add" not in host_batch(NETWORK, {"pyn0-br", "pyn0-n1", "lo"})


def test_only_the_clusters_own_interfaces_are_removed():
    assert (
        removal_batch("pyn0-", {"lo", "pyn0-br", "pyn0-n1", "pyn01", "eth0"})
        == "link delete pyn0-br\nlink delete pyn0-n1\n"
    )
