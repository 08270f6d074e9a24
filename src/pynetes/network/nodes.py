"""The node network on one host: a bridge that joins virtual nodes, each in a network namespace of its own.

``plan`` is pure: the network that is wanted and the links that there are, to ``ip -batch`` text. ``ensure`` carries it
out, for one caller at a time on a host; run again it adds what is missing and takes nothing away. Pods' traffic is
masqueraded only where it leaves the cluster, on the host, by whatever interface is not the bridge.
"""

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import orjson

from pynetes.aio.commands import Commands
from pynetes.network import forwarding, names, namespaces


@dataclass(frozen=True, slots=True)
class VirtualNode:
    """``number`` counts from 1 and names the host's end of its link. ``addresses``: one per IP family, with prefix."""

    name: str
    number: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """``host_addresses``: the bridge's own, with prefix; the nodes' way out. ``masquerade``: sources (node network, pod
    CIDRs) that get the host's address when they leave the cluster; empty: none do."""

    cluster: str
    host_addresses: tuple[str, ...]
    nodes: tuple[VirtualNode, ...]
    masquerade: tuple[str, ...] = ()
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Text for ``ip -batch``; ``namespace`` empty: on the host."""

    namespace: str
    text: str


def plan(network: NodeNetwork, links: Collection[str]) -> list[Batch]:
    """What to run, in order. ``links``: the names of the host's links."""
    bridge = names.bridge(network.cluster)
    host: list[str] = []
    if bridge not in links:
        host.append(f"link add {bridge} type bridge")
    host += [f"addr replace {address} dev {bridge}" for address in network.host_addresses]
    host.append(f"link set {bridge} up")
    inside: list[Batch] = []
    for node in network.nodes:
        link, namespace = names.link(network.cluster, node.number), names.namespace(network.cluster, node.name)
        mtu = f" mtu {network.mtu}" if network.mtu else ""
        if link not in links:
            host.append(f"link add {link}{mtu} type veth peer name eth0{mtu} netns {namespace}")
        host.append(f"link set {link} master {bridge} up")
        lines = [f"addr replace {address} dev eth0" for address in node.addresses]
        lines.append("link set eth0 up")
        for address in network.host_addresses:
            gateway = ipaddress.ip_interface(address)
            lines.append(f"route replace default via {gateway.ip}")
        inside.append(Batch(namespace, _text(lines)))
    return [Batch("", _text(host)), *inside]


def filter_text(network: NodeNetwork, family: int, existing: Sequence[str]) -> str:
    """For the host's ``iptables-restore --noflush``: let the bridge's traffic through, masquerade what leaves.

    ``existing``: the lines of ``iptables-save``.
    """
    bridge, chain = names.bridge(network.cluster), names.chain(network.cluster)
    sources = [s for s in network.masquerade if ipaddress.ip_network(s).version == family]
    lines = ["*filter", f":{chain} - [0:0]", f"-A {chain} -i {bridge} -j ACCEPT", f"-A {chain} -o {bridge} -j ACCEPT"]
    if f"-A FORWARD -j {chain}" not in existing:
        lines.append(f"-I FORWARD -j {chain}")
    lines += ["COMMIT", "*nat", f":{chain} - [0:0]"]
    lines += [f"-A {chain} -s {source} ! -o {bridge} -j MASQUERADE" for source in sources]
    if f"-A POSTROUTING -j {chain}" not in existing:
        lines.append(f"-A POSTROUTING -j {chain}")
    return _text([*lines, "COMMIT"])


async def ensure(network: NodeNetwork, commands: Commands) -> None:
    """Make the network, or what is missing of it. Raises: CommandFailed, OSError."""
    links = await host_links(commands)
    stale = [link for link in _lost(network) if link in links]  # their other ends went with the namespaces
    if stale:
        text = _text([f"link del {link}" for link in stale])  # one may go by itself meanwhile: -force
        await commands.run(["ip", "-force", "-batch", "-"], stdin=text.encode(), check=False)
    for node in network.nodes:
        namespace = namespaces.create(names.namespace(network.cluster, node.name))
        namespaces.run_inside(namespace, forwarding.forward_all)
    links = links.difference(stale)
    for batch in plan(network, links):
        where = ["-netns", batch.namespace] if batch.namespace else []
        await commands.run(["ip", *where, "-batch", "-"], stdin=batch.text.encode())
    families = sorted({ipaddress.ip_interface(a).version for a in network.host_addresses})
    forwarding.let_through(families, names.bridge(network.cluster))
    for family in families:
        program = await packet_filter(commands, family)
        saved = (await commands.run([f"{program}-save"])).stdout.decode(errors="replace").splitlines()
        text = filter_text(network, family, saved)
        await commands.run([f"{program}-restore", "-w", "5", "--noflush"], stdin=text.encode())


def _lost(network: NodeNetwork) -> list[str]:
    """The links to nodes whose namespaces are not there (yet, or any more)."""
    return [
        names.link(network.cluster, node.number)
        for node in network.nodes
        if not namespaces.held(namespaces.RUN_NETNS / names.namespace(network.cluster, node.name))
    ]


async def host_links(commands: Commands) -> set[str]:
    """The names of all links here."""
    done = await commands.run(["ip", "-json", "link", "show"])
    return {link["ifname"] for link in orjson.loads(done.stdout or b"[]")}


async def packet_filter(commands: Commands, family: int) -> str:
    """``iptables-legacy`` where it works, else ``iptables``; the same for IPv6. Suffixed by -save and -restore."""
    base = "ip6tables" if family == 6 else "iptables"
    try:
        done = await commands.run([f"{base}-legacy-save", "-t", "nat"], check=False)
    except FileNotFoundError:
        return base
    return f"{base}-legacy" if done.code == 0 else base


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
