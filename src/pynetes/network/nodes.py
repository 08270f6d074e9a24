"""The node network of virtual nodes: a bridge on the host, each node a network namespace with one leg in it.

Pure: what is there and what is wanted come to batches for ``ip -batch``; ``cluster`` runs them. Every name begins with the
cluster's prefix, so that what a crash left can be found.

Source: man 8 ip-link, ip-netns, bridge.
"""

from collections.abc import Collection
from dataclasses import dataclass

INTERFACE = "eth0"
"""A node's leg, seen from within."""

NODE_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # a pod's call to a Service that ends on its own node must come back through the node's rules
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/bridge/bridge-nf-call-ip6tables": "1",
}
"""What a node's namespace needs; those that the kernel does not have are left out."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One node: its namespace under /run/netns, its interface's name on the host, its address with prefix length."""

    namespace: str
    host_interface: str
    address: str


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """``address``: the host's, on the bridge, with prefix length. ``gateway``: the same without it."""

    bridge: str
    address: str
    gateway: str
    legs: tuple[Leg, ...]


def host_batch(wanted: NodeNetwork, links: Collection[str]) -> str:
    """Lines for the host: the bridge and the legs that are not there yet. ``links``: the interfaces that are."""
    lines = []
    if wanted.bridge not in links:
        lines.append(f"link add {wanted.bridge} type bridge")
    lines.append(f"address replace {wanted.address} dev {wanted.bridge}")
    lines.append(f"link set {wanted.bridge} up")
    for leg in wanted.legs:
        if leg.host_interface not in links:
            lines.append(f"link add {leg.host_interface} type veth peer name {INTERFACE} netns {leg.namespace}")
        lines.append(f"link set {leg.host_interface} master {wanted.bridge} up")
    return "\n".join(lines) + "\n"


def node_batch(wanted: NodeNetwork, leg: Leg) -> str:
    """Lines for one node's namespace."""
    return (
        "link set lo up\n"
        f"address replace {leg.address} dev {INTERFACE}\n"
        f"link set {INTERFACE} up\n"
        f"route replace default via {wanted.gateway} dev {INTERFACE}\n"
    )


def removal_batch(prefix: str, links: Collection[str]) -> str:
    """Lines that remove every interface of the prefix; a leg goes with its namespace, but does not wait for it."""
    return "".join(f"link delete {link}\n" for link in sorted(links) if link.startswith(prefix))
