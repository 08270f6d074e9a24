"""Decide what a new cluster is made of, beside the clusters and networks that its host has; an older one has a say."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.cluster.config import (
    MAX_CLUSTERS,
    ClusterConfig,
    ClusterDir,
    ConfigError,
    all_clusters,
    new_config,
    node_network,
    pod_network,
)

FIRST_PORT = 6443


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for; None where they did not say."""

    nodes: int | None = None
    simulated_nodes: int | None = None
    api_port: int | None = None


def configure(folder: ClusterDir, wanted: Wanted, clock: Clock) -> tuple[ClusterConfig, bool]:
    """The cluster's configuration and whether it is new. Raises: ConfigError."""
    if folder.exists:
        config = folder.load()
        for word, asked, has in (
            ("nodes", wanted.nodes, config.nodes),
            ("simulated nodes", wanted.simulated_nodes, config.simulated_nodes),
            ("API port", wanted.api_port, config.api_port),
        ):
            if asked is not None and asked != has:
                raise ConfigError(
                    f"cluster {config.name!r} exists with {word} {has}, not {asked}; "
                    f"leave the flag out to go on with it, or `pynetes down --name {config.name}` first"
                )
        return config, False
    nodes, simulated = wanted.nodes, wanted.simulated_nodes
    if nodes is None:
        nodes = 0 if simulated or os.geteuid() != 0 else 1
    if simulated is None:
        simulated = 0 if nodes or os.geteuid() == 0 else 1
    if nodes > 0 and os.geteuid() != 0:
        raise ConfigError("real nodes need root; run as root, or use --simulated-nodes N")
    others = list(_others())
    config = new_config(
        folder,
        id=clock.uuid4(),
        nodes=nodes,
        simulated_nodes=simulated,
        api_port=wanted.api_port or free_port({other.api_port for other in others}),
        taken=taken({other.index for other in others}, Path("/proc/net/route").read_text()),
    )
    folder.save(config)
    return config, True


def _others() -> Iterator[ClusterConfig]:
    """The other clusters of this home; a damaged one is nobody's obstacle."""
    for other in all_clusters():
        with suppress(ConfigError):
            yield other.load()


def taken(others: set[int], table: str) -> set[int]:
    """The cluster indexes that a new cluster leaves alone. ``table``: the text of ``/proc/net/route``.

    A network within one of ours is somebody's for sure. One that ours would lie within (a company's 10.0.0.0/8)
    is left alone as well, unless there is no other choice.
    """
    within, around = set(others), set(others)
    for line in table.splitlines()[1:]:
        destination, mask = (int(line.split()[column], 16).to_bytes(4, "little") for column in (1, 7))
        if not any(mask):
            continue
        route = ipaddress.ip_network((destination, int.from_bytes(mask, "big").bit_count()), strict=False)
        for index in range(MAX_CLUSTERS):
            for ours in map(ipaddress.ip_network, (node_network(index), pod_network(index))):
                if route.overlaps(ours):
                    around.add(index)
                    if route.prefixlen >= ours.prefixlen:
                        within.add(index)
    return around if len(around) < MAX_CLUSTERS else within


def free_port(taken: set[int]) -> int:
    """The first free port from 6443 on."""
    for port in range(FIRST_PORT, FIRST_PORT + 1000):
        if port not in taken and not in_use(port):
            return port
    raise ConfigError(f"no free port from {FIRST_PORT} to {FIRST_PORT + 999}; choose one with --api-port")


def in_use(port: int) -> bool:
    """Whether something listens there already, or this user may not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
