"""Pure plans: the node network, routes to pods, and what is taken away again."""

from pynetes.network import names, routes
from pynetes.network.cleanup import removal_text
from pynetes.network.nodes import NodeNetwork, VirtualNode, filter_text, plan

NETWORK = NodeNetwork(
    "dev",
    ("10.89.0.1/24", "fd89::1/64"),
    (VirtualNode("n1", 1, ("10.89.0.2/24", "fd89::2/64")),),
    masquerade=("10.89.0.0/24", "10.244.0.0/16", "fd00::/48"),
)
TAG = names.tag("dev")


def test_names_fit_and_differ_by_cluster() -> None:
    assert len(names.link("a" * 60, 9999)) <= 15
    assert names.tag("a") != names.tag("b")
    assert not names.namespace("a-b", "n").startswith(names.namespace_prefix("a"))


def test_a_new_network_is_made_whole() -> None:
    host, inside = plan(NETWORK, {"lo", "eth0"})
    assert host.text == (
        f"link add {TAG}-br type bridge\n"
        f"addr replace 10.89.0.1/24 dev {TAG}-br\n"
        f"addr replace fd89::1/64 dev {TAG}-br\n"
        f"link set {TAG}-br up\n"
        f"link add {TAG}-1 type veth peer name eth0 netns pynetes.dev.n1\n"
        f"link set {TAG}-1 master {TAG}-br up\n"
    )
    assert inside.namespace == "pynetes.dev.n1"
    assert inside.text == (
        "addr replace 10.89.0.2/24 dev eth0\n"
        "addr replace fd89::2/64 dev eth0\n"
        "link set eth0 up\n"
        "route replace default via 10.89.0.1\n"
        "route replace default via fd89::1\n"
    )


def test_what_is_there_is_not_made_again() -> None:
    host, _ = plan(NETWORK, {f"{TAG}-br", f"{TAG}-1"})
    assert "link add" not in host.text


def test_only_what_leaves_by_another_interface_is_masqueraded() -> None:
    text = filter_text(NETWORK, 4, [])
    chain = names.chain("dev")
    assert f"-A {chain} -s 10.244.0.0/16 ! -o {TAG}-br -j MASQUERADE\n" in text
    assert "fd00::/48" not in text
    assert f"-I FORWARD -j {chain}\n" in text
    again = filter_text(NETWORK, 4, [f"-A FORWARD -j {chain}", f"-A POSTROUTING -j {chain}"])
    assert "-I FORWARD" not in again
    assert "-A POSTROUTING" not in again


def test_removal_takes_the_chain_and_what_leads_to_it_only() -> None:
    chain = names.chain("dev")
    saved = ["*nat", ":POSTROUTING ACCEPT [0:0]", f":{chain} - [0:0]", f"-A POSTROUTING -j {chain}",
             "-A POSTROUTING -j OTHER", f"-A {chain} -s 10.0.0.0/8 -j MASQUERADE", "COMMIT", "*filter", "COMMIT"]  # fmt: skip
    assert removal_text("dev", saved) == (f"*nat\n:{chain} - [0:0]\n-D POSTROUTING -j {chain}\n-X {chain}\nCOMMIT\n")
    assert removal_text("other", saved) == ""


def node(name: str, cidrs: list[str], *addresses: str) -> dict[str, object]:
    status = {
        "addresses": [{"type": "Hostname", "address": name}, *({"type": "InternalIP", "address": a} for a in addresses)]
    }
    return {"metadata": {"name": name}, "spec": {"podCIDRs": cidrs}, "status": status}


def test_every_other_nodes_pods_are_routed_by_its_address_of_that_family() -> None:
    nodes = [
        node("a", ["10.244.0.0/24"], "10.89.0.2"),
        node("b", ["10.244.1.0/24", "fd00:1::/64"], "10.89.0.3", "fd89::3"),
        node("c", ["10.244.2.0/24"]),
        node("d", [], "10.89.0.5"),
    ]
    wanted = routes.wanted(nodes, "a")
    assert wanted == {"10.244.1.0/24": "10.89.0.3", "fd00:1::/64": "fd89::3"}
    assert set(routes.wanted(nodes, "")) == {"10.244.0.0/24", "10.244.1.0/24", "fd00:1::/64"}


def test_routes_converge_and_then_nothing_is_written() -> None:
    observed = routes.parse(
        b'[{"dst":"10.244.9.0/24","gateway":"10.89.0.9"},{"dst":"10.244.1.0/24","gateway":"10.89.0.4"}]'
    )
    text = routes.plan({"10.244.1.0/24": "10.89.0.3"}, observed)
    assert text == (
        "route replace 10.244.1.0/24 via 10.89.0.3 proto 87\n"
        "route del 10.244.9.0/24 proto 87\n"
    )  # fmt: skip
    assert routes.plan({"10.244.1.0/24": "10.89.0.3"}, {"10.244.1.0/24": "10.89.0.3"}) == ""
