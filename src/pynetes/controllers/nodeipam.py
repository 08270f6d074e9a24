"""Gives every node a range of pod addresses, one of each cluster CIDR.

Watches: Nodes.
Owns: ``spec.podCIDR`` and ``spec.podCIDRs`` of nodes that have none.
Guarantees: ranges never overlap; the range of a deleted node is free again; ranges that overlap a service CIDR are
    never given. Ranges are given in turn: a freed one is used again only after the rest.
Caveats: the event CIDRNotAvailable is all that a node gets when the ranges are used up.

Source: pkg/controller/nodeipam/ipam/range_allocator.go and cidrset/cidr_set.go.
"""

import ipaddress
from collections.abc import Sequence

from pynetes.client.informer import Change
from pynetes.client.kinds import NODES
from pynetes.controllers.actions import Action, Patch, Report, apply
from pynetes.controllers.settings import Settings
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object, name_of, uid_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Ranges:
    """The node ranges of one cluster CIDR."""

    def __init__(self, cluster: str, mask: int) -> None:
        self._network: Network = ipaddress.ip_network(cluster)
        if mask < self._network.prefixlen:
            raise ValueError(f"{cluster}: a node's mask /{mask} is wider than the cluster's network")
        self._mask = mask
        self._step = 1 << (self._network.max_prefixlen - mask)
        self._count = 1 << (mask - self._network.prefixlen)
        self._used: set[int] = set()
        self._next = 0

    def occupy(self, network: str) -> None:
        """Take whatever overlaps a network. Raises: ValueError when it is not of this cluster CIDR."""
        given: Network = ipaddress.ip_network(network, strict=False)
        if given.version != self._network.version or not given.overlaps(self._network):
            raise ValueError(f"{network} is not in {self._network}")
        self._used.update(self._indexes(given))

    def release(self, network: str) -> None:
        self._used.difference_update(self._indexes(ipaddress.ip_network(network, strict=False)))

    def take(self) -> str | None:
        """The next free range; None when there is none."""
        for offset in range(self._count):
            index = (self._next + offset) % self._count
            if index not in self._used:
                self._used.add(index)
                self._next = (index + 1) % self._count
                address = self._network.network_address + index * self._step
                return f"{address}/{self._mask}"
        return None

    def _indexes(self, given: Network) -> range:
        base = int(self._network.network_address)
        first = max(0, (int(given.network_address) - base) // self._step)
        last = min(self._count - 1, (int(given.broadcast_address) - base) // self._step)
        return range(first, last + 1)


def ranges_of(settings: Settings) -> list[Ranges]:
    """One pool for each cluster CIDR, without what the services have."""
    pools = []
    for cidr in settings.cluster_cidrs:
        is_ipv6 = ":" in cidr
        pool = Ranges(cidr, settings.node_cidr_mask_ipv6 if is_ipv6 else settings.node_cidr_mask_ipv4)
        for service in settings.service_cidrs:
            if (":" in service) == is_ipv6 and _overlap(service, cidr):
                pool.occupy(service)
        pools.append(pool)
    return pools


def _overlap(a: str, b: str) -> bool:
    first: Network = ipaddress.ip_network(a)
    return first.overlaps(ipaddress.ip_network(b))


def plan(node: Object, pools: Sequence[Ranges]) -> list[Action]:
    """Occupies what the node has, or takes a range of every pool; what was taken for nothing is given back."""
    present = node["spec"].get("podCIDRs") or ()
    if present:
        for pool, cidr in zip(pools, present, strict=False):
            pool.occupy(cidr)
        return []
    taken: list[str] = []
    for pool in pools:
        cidr = pool.take()
        if cidr is None:
            for owner, free in zip(pools, taken, strict=False):
                owner.release(free)
            return [_not_available(node)]
        taken.append(cidr)
    spec = {"podCIDR": taken[0], "podCIDRs": taken}
    return [Patch(NODES, "", name_of(node), {"spec": spec})] if taken else []


def _not_available(node: Object) -> Report:
    subject = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name_of(node), "uid": uid_of(node)}}
    return Report(subject, "Normal", "CIDRNotAvailable", f"Node {name_of(node)} status is now: CIDRNotAvailable")


class NodeRanges:
    """The acting half; keys are nodes. One at a time: the pools are shared."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pools = ranges_of(context.settings)
        self._given: dict[str, list[str]] = {}
        self._occupied = False
        self._nodes = context.informers.get(NODES)
        self._nodes.add_handler(self._changed)

    async def reconcile(self, key: str) -> float | None:
        self._occupy_all_once()
        node = self._nodes.get(key)
        if node is None or key in self._given or not self._context.settings.allocate_node_cidrs:
            return None
        actions = plan(node, self._pools)
        taken = actions[0].patch["spec"]["podCIDRs"] if actions and isinstance(actions[0], Patch) else []
        try:
            await apply(self._context, actions)
        except BaseException:
            for pool, cidr in zip(self._pools, taken, strict=False):
                pool.release(cidr)
            raise
        if actions and not taken:
            raise ValueError(f"no range of pod addresses is left for node {key}")
        self._given[key] = taken or list(node["spec"].get("podCIDRs") or ())
        return None

    def _occupy_all_once(self) -> None:
        """Before the first range is given: what nodes have already is taken."""
        if self._occupied:
            return
        self._occupied = True
        for node in self._nodes.list():
            cidrs = node["spec"].get("podCIDRs") or ()
            for pool, cidr in zip(self._pools, cidrs, strict=False):
                pool.occupy(cidr)
            if cidrs:
                self._given[name_of(node)] = list(cidrs)

    def _changed(self, change: Change) -> None:
        if change.new is not None:
            self._context.queue.add(change.key)
            return
        assert change.old is not None
        cidrs = self._given.pop(change.key, None) or change.old.object["spec"].get("podCIDRs") or ()
        for pool, cidr in zip(self._pools, cidrs, strict=False):
            pool.release(cidr)


CONTROLLER = Controller("node-ipam-controller", NodeRanges, "cidrAllocator", workers=1)
