"""Routes to other nodes' pods: one per node and pod CIDR, by the node's address on the shared segment.

*Watches* Nodes. *Owns* the routes of protocol 87 in this network namespace, or of one link in it. *Guarantees*: a
second run with no change writes nothing; routes of others are left alone. *Caveats*: nodes must share a segment; an
overlay across segments is another driver.

Source: Kubernetes ``staging/src/k8s.io/cloud-provider/controllers/route``, which does the same in a cloud.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Iterable, Mapping

import orjson

from pynetes.aio.clock import Clock
from pynetes.aio.commands import CommandFailed, Commands
from pynetes.client.informer import Change, Informers
from pynetes.client.kinds import NODES
from pynetes.meta.objects import Object

log = logging.getLogger(__name__)

PROTOCOL = "87"
RESYNC_SECONDS = 30.0
RETRY_SECONDS = 1.0


def wanted(nodes: Iterable[Object], node_name: str) -> dict[str, str]:
    """Pod CIDR to the address of its node, for all nodes but this one (``""``: this is none of them)."""
    routes: dict[str, str] = {}
    for node in nodes:
        if node["metadata"]["name"] == node_name:
            continue
        spec = node.get("spec") or {}
        addresses = (node.get("status") or {}).get("addresses") or ()
        internal = {
            ipaddress.ip_address(a["address"]).version: a["address"]
            for a in reversed(addresses)
            if a.get("type") == "InternalIP"
        }
        for cidr in spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else ()):
            via = internal.get(ipaddress.ip_network(cidr).version)
            if via:
                routes[cidr] = via
    return routes


def plan(routes: Mapping[str, str], observed: Mapping[str, str]) -> str:
    """``ip -batch`` text that makes the observed routes the wanted ones; empty when they are."""
    lines = [
        f"route replace {cidr} via {via} proto {PROTOCOL}"
        for cidr, via in sorted(routes.items())
        if observed.get(cidr) != via
    ]
    lines += [f"route del {cidr} proto {PROTOCOL}" for cidr in sorted(observed) if cidr not in routes]
    return "".join(f"{line}\n" for line in lines)


def parse(output: bytes) -> dict[str, str]:
    """What ``ip -json route show`` printed, as pod CIDR to address."""
    return {r["dst"]: r.get("gateway", "") for r in orjson.loads(output or b"[]") if r.get("dst") != "default"}


class Routes:
    """Keeps the routes of the network namespace that this process is in."""

    def __init__(
        self, informers: Informers, clock: Clock, node_name: str, commands: Commands, device: str = ""
    ) -> None:
        """``device``: only routes by this link are ours, where several clusters share a namespace (the host's)."""
        self._informers = informers
        self._scope = ("dev", device) if device else ()
        self._nodes = informers.get(NODES)
        self._clock = clock
        self._node_name = node_name
        self._commands = commands
        self._wake = asyncio.Event()
        self._wanted: dict[str, str] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        self._nodes.add_handler(self._changed)
        self._informers.start()
        await self._nodes.synced()
        while True:
            self._wake.clear()
            pause = RESYNC_SECONDS
            try:
                await self.sync()
            except (CommandFailed, OSError) as error:
                # an address whose node has no link yet: the kernel says unreachable
                log.warning("routes were not written, again in %s s: %s", RETRY_SECONDS, error)
                pause = RETRY_SECONDS
            try:
                await self._clock.wait_for(self._wake.wait(), pause)
            except TimeoutError:
                pass

    async def sync(self) -> None:
        """Once, now. Raises: CommandFailed."""
        routes = wanted(self._nodes.list(), self._node_name)
        self._wanted = routes
        observed: dict[str, str] = {}
        for family in ("-4", "-6"):
            done = await self._commands.run(["ip", "-json", family, "route", "show", "proto", PROTOCOL, *self._scope])
            observed |= parse(done.stdout)
        text = plan(routes, observed)
        if text:
            await self._commands.run(["ip", "-batch", "-"], stdin=text.encode())

    def _changed(self, change: Change) -> None:
        # nodes report every few seconds: only what matters to a route wakes us
        if wanted(self._nodes.list(), self._node_name) != self._wanted:
            self._wake.set()
