"""Cluster addresses, per IP family: each is an IPAddress object, so that any API server may allocate (KEP-1880).

Addresses are drawn at random from the upper band of a ServiceCIDR, then from the lower, which is meant for addresses
that people choose (KEP-3070). Source: kubernetes ``pkg/registry/core/service/ipallocator``.
"""

import ipaddress
from collections.abc import Iterator

from pynetes.apiserver import fieldmanager, stored
from pynetes.apiserver.parts import Parts
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource
from pynetes.meta.times import rfc3339
from pynetes.store.types import CompareFailed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ALLOCATED = "provided IP is already allocated"
MISMATCHED = "the provided network does not match the current range"
_GROUP = "networking.k8s.io"
_LARGEST = 1 << 20
"""Addresses of a range that are looked at: all of any IPv4 range of sense, the beginning of an IPv6 one."""


class NotAvailable(Exception):
    """The address cannot be had; the text is upstream's."""


class Full(Exception):
    """No range of the family has an address left."""


def family_of(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def families(server: Parts) -> list[str]:
    """Those that the cluster has, the default first."""
    return list(dict.fromkeys(family_of(cidr) for cidr in server.settings.service_cidrs))


def first_address(cidr: str) -> str:
    """The address of the Service ``kubernetes`` in a range."""
    return str(ipaddress.ip_network(cidr, strict=False)[1])


def ip_address_object(address: str, namespace: str, name: str) -> Object:
    """The IPAddress that keeps an address for a Service, without its identity."""
    labels = {
        "ipaddress.kubernetes.io/ip-family": family_of(address),
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    parent = {"resource": "services", "namespace": namespace, "name": name}
    meta = {"name": str(ipaddress.ip_address(address)), "labels": labels}
    return {"metadata": meta, "spec": {"parentRef": parent}}


async def allocate(server: Parts, service: Object, address: str, dry_run: bool) -> str:
    """Take this very address. Raises: NotAvailable."""
    parsed = ipaddress.ip_address(address)
    networks = _networks(server, family_of(address))
    if not any(_usable(parsed, network) for network in networks):
        if dry_run and networks:
            text = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {networks[0]}"
            raise NotAvailable(text)
        raise NotAvailable(MISMATCHED)
    if dry_run:
        return address  # upstream's dry run does not look who has it
    if not await _take(server, service, str(parsed), dry_run):
        raise NotAvailable(ALLOCATED)
    return address


async def allocate_any(server: Parts, service: Object, family: str, dry_run: bool) -> str:
    """Take a free address. Raises: Full."""
    for network in _networks(server, family):
        for number in _candidates(server, network):
            address = str(network[number])
            if await _take(server, service, address, dry_run):
                return address
    raise Full("range is full")


async def release(server: Parts, address: str) -> None:
    """Give an address back; one that is not taken is no matter."""
    resource = _resource(server)
    await server.store.delete(resource.storage_key("", str(ipaddress.ip_address(address))))


def _resource(server: Parts) -> Resource:
    found = server.resources.get(_GROUP, "ipaddresses")
    assert found is not None
    return found


def _networks(server: Parts, family: str) -> list[Network]:
    """The ranges of the ServiceCIDRs that are not going, or of the settings while there are none."""
    resource = server.resources.get(_GROUP, "servicecidrs")
    cidrs: list[str] = []
    if resource is not None:
        for entry in server.cache.of(resource).list():
            if not entry.object["metadata"].get("deletionTimestamp"):
                cidrs += (entry.object.get("spec") or {}).get("cidrs") or ()
    cidrs = cidrs or list(server.settings.service_cidrs)
    return [ipaddress.ip_network(cidr, strict=False) for cidr in dict.fromkeys(cidrs) if family_of(cidr) == family]


def _last(network: Network) -> int:
    """The last number that may be given: IPv4 has a broadcast address at the end."""
    size = min(network.num_addresses, _LARGEST)
    return size - 2 if network.version == 4 else size - 1


def _usable(address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: Network) -> bool:
    if address not in network or address == network.network_address:
        return False
    return network.version == 6 or address != network.broadcast_address


def _candidates(server: Parts, network: Network) -> Iterator[int]:
    """Numbers of free addresses, from a random one on: the upper band, then the lower."""
    last = _last(network)
    size = last
    offset = 0 if size < 16 else min(max(16, size // 16), 256)
    resource = _resource(server)
    taken = server.cache.of(resource)
    for low, high in ((offset + 1, last), (1, offset)):
        count = high - low + 1
        if count <= 0:
            continue
        start = server.clock.random.randrange(count)
        for step in range(count):
            number = low + (start + step) % count
            if taken.get(resource.storage_key("", str(network[number]))) is None:
                yield number


async def _take(server: Parts, service: Object, address: str, dry_run: bool) -> bool:
    resource = _resource(server)
    key = resource.storage_key("", address)
    if dry_run:
        return server.cache.of(resource).get(key) is None
    meta = service["metadata"]
    obj = ip_address_object(address, meta.get("namespace", ""), meta.get("name", ""))
    now = server.clock.now()
    obj["metadata"] |= {"uid": server.clock.uuid4(), "creationTimestamp": rfc3339(now)}
    obj = {"kind": resource.kind, "apiVersion": resource.storage_api_version, **obj}
    fieldmanager.own_as_server(resource, obj, None, fieldmanager.SERVER, now)
    try:
        await server.store.put(key, stored.encode(resource, obj), expected=0)
    except CompareFailed:
        return False
    return True
