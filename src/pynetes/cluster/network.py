"""A cluster's node network: what its configuration comes to, made before the nodes start, removed with the cluster."""

import asyncio
import ipaddress
from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.aio.commands import RealCommands
from pynetes.aio.queues import Latest
from pynetes.client.informer import Informers
from pynetes.client.kinds import NODES
from pynetes.cluster.config import ClusterConfig
from pynetes.network import cleanup, names, namespaces, nodes
from pynetes.network.cni import CNI
from pynetes.network.pods import conflist


def namespace_name(config: ClusterConfig, node: str) -> str:
    """The node's network namespace, as ``ip netns`` knows it."""
    return names.namespace(config.handle, node)


def namespace_file(config: ClusterConfig, node: str) -> Path:
    return namespaces.RUN_NETNS / namespace_name(config, node)


def node_network(config: ClusterConfig) -> nodes.NodeNetwork:
    bits = ipaddress.ip_network(config.node_network).prefixlen
    return nodes.NodeNetwork(
        cluster=config.handle,
        host_addresses=(f"{config.host_address}/{bits}",),
        nodes=tuple(
            nodes.VirtualNode(name, number, (f"{config.node_address(number)}/{bits}",))
            for number, name in enumerate(config.node_names, 1)
        ),
        masquerade=(config.node_network, *config.pod_cidrs),
    )


def ensure(config: ClusterConfig, clock: Clock) -> None:
    """Make what is missing of the node network; on a loop of its own, closed again. Raises: OSError, CommandFailed."""

    async def make() -> None:
        await nodes.ensure(node_network(config), RealCommands(clock))

    asyncio.run(make())


def remove(handle: str, clock: Clock) -> None:
    """Remove everything of the cluster's network from the host, found by its handle alone."""

    async def clean() -> None:
        await cleanup.remove(handle, RealCommands(clock))

    asyncio.run(clean())


async def pod_network(informers: Informers, cni: CNI, node: str, data: Path) -> None:
    """Give the node its CNI configuration once its pod CIDRs are known, and again when they change."""
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
