"""The host's side of a cluster's node network: makes it before the nodes start, removes it when the cluster goes."""

import ipaddress
import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pynetes.cluster.config import ClusterConfig
from pynetes.network import namespaces
from pynetes.network.nodes import NODE_SYSCTLS, Leg, NodeNetwork, host_batch, node_batch, removal_batch

if TYPE_CHECKING:
    from pynetes.aio.clock import Clock
    from pynetes.client.informer import Informers
    from pynetes.network.cni import CNI


def namespace_name(config: ClusterConfig, node: str) -> str:
    return f"pynetes-{config.name}-{node}"


def namespace_file(config: ClusterConfig, node: str) -> Path:
    return namespaces.RUN_NETNS / namespace_name(config, node)


def prefix(config: ClusterConfig) -> str:
    """How the names of all its interfaces on the host begin; at most 15 characters are theirs."""
    return f"pyn{config.index}-"


def node_network(config: ClusterConfig) -> NodeNetwork:
    bits = ipaddress.ip_network(config.node_network).prefixlen
    legs = [
        Leg(namespace_name(config, name), f"{prefix(config)}n{number}", f"{config.node_address(number)}/{bits}")
        for number, name in enumerate(config.node_names, 1)
    ]
    return NodeNetwork(f"{prefix(config)}br", f"{config.host_address}/{bits}", config.host_address, tuple(legs))


def ensure(config: ClusterConfig) -> None:
    """Make what is missing of the node network; blocking, for a process without a loop. Raises: OSError."""
    wanted = node_network(config)
    for leg in wanted.legs:
        namespaces.create(leg.namespace)
        namespaces.run_inside(namespaces.RUN_NETNS / leg.namespace, _write_sysctls)
    _ip(["-batch", "-"], host_batch(wanted, _links()))
    for leg in wanted.legs:
        _ip(["-n", leg.namespace, "-batch", "-"], node_batch(wanted, leg))
    _masquerade(config, add=True)


def remove(name: str, config: ClusterConfig | None) -> None:
    """Remove interfaces, namespaces and rules of a cluster; without its configuration only the namespaces are found."""
    if config is not None:
        batch = removal_batch(prefix(config), _links())
        if batch:
            _ip(["-force", "-batch", "-"], batch, check=False)
        _masquerade(config, add=False)
    for namespace in namespaces.names(f"pynetes-{name}-node-"):
        namespaces.delete(namespace)


def _write_sysctls() -> None:
    for path, value in NODE_SYSCTLS.items():
        with suppress(FileNotFoundError):
            Path("/proc/sys", path).write_text(value)


def _links() -> set[str]:
    return {link["ifname"] for link in json.loads(_ip(["-j", "link", "show"], "") or "[]")}


def _ip(words: list[str], stdin: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *words], input=stdin, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _masquerade(config: ClusterConfig, *, add: bool) -> None:
    """Let nodes and pods reach what is outside of the host, under the host's address; nothing inside is translated."""
    inside = [config.node_network, *config.pod_cidrs]
    for source in inside:
        # to the nodes and pods of this cluster a packet goes as it is; the host itself is no destination of this chain
        rule = ["POSTROUTING", "-s", source, "!", "-o", f"{prefix(config)}br", "-m", "comment", "--comment"]
        rule += [f"pynetes {config.name}", "-j", "MASQUERADE"]
        there = _iptables("-C", rule)
        if add and not there and not _iptables("-A", rule):
            raise OSError(f"iptables -t nat -A {' '.join(rule)} failed")
        if not add and there:
            _iptables("-D", rule)
    if add and config.nodes:
        forward = Path("/proc/sys/net/ipv4/ip_forward")
        if os.access(forward, os.W_OK) and forward.read_text().strip() == "0":
            forward.write_text("1")


def _iptables(verb: str, rule: list[str]) -> bool:
    done = subprocess.run(["iptables", "-w", "-t", "nat", verb, *rule], capture_output=True)
    return done.returncode == 0


async def pod_network(informers: "Informers", clock: "Clock", cni: "CNI", node: str, data: Path) -> None:
    """Give the node its CNI configuration once its pod CIDRs are known, and again when they change."""
    from pynetes.aio.queues import Latest
    from pynetes.client.kinds import NODES
    from pynetes.network.pods import conflist

    informer = informers.get(NODES)
    changed: Latest[tuple[str, ...]] = Latest()

    def look() -> None:
        found = informer.get(node)
        cidrs = tuple(found["spec"].get("podCIDRs") or ()) if found else ()
        if cidrs:
            changed.set(cidrs)

    informer.add_handler(lambda change: look() if change.key == node else None)
    informers.start()
    while True:
        cni.configure(conflist(await changed.next(), data))
