"""Makes the Service ``kube-dns``, where pods find cluster DNS, and names the nodes that answer behind it.

*Watches* Nodes. *Owns* Service ``kube-system/kube-dns`` and the EndpointSlice of the same name. *Guarantees*: the slice
names the nodes that are ready, a pod asks its own node first (topology hints), what somebody deletes is made anew
within a minute. *Caveats*: fields of the Service that others changed stay as they are.

Source: kubeadm's add-on ``coredns`` for the Service; KEP-3015 (hints by node).
"""

import asyncio
import logging
from collections.abc import Collection, Iterable

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.client.informer import Change, Informers
from pynetes.client.kinds import ENDPOINT_SLICES, NODES, SERVICES
from pynetes.client.types import Kind
from pynetes.meta.objects import Object, name_of
from pynetes.meta.status import StatusError

log = logging.getLogger(__name__)

NAMESPACE, NAME = "kube-system", "kube-dns"
MANAGED_BY = "dns.pynetes.io"
PORT = 53
AGAIN_SECONDS = 60.0
RETRY_SECONDS = 1.0


def service(address: str) -> Object:
    """The Service, as kubeadm makes it but for its selector: no pods stand behind it."""
    labels = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    ports = (("dns", "UDP"), ("dns-tcp", "TCP"))
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "clusterIP": address,
            "ports": [{"name": name, "port": PORT, "protocol": protocol} for name, protocol in ports],
        },
    }


def endpoint_slice(nodes: Iterable[Object], names: Collection[str]) -> Object:
    """``names``: the nodes that run a DNS server."""
    labels = {
        "kubernetes.io/service-name": NAME,
        "endpointslice.kubernetes.io/managed-by": MANAGED_BY,
        "k8s-app": "kube-dns",
    }
    endpoints = [
        {
            "addresses": [address],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": name_of(node),
            "hints": {"forNodes": [{"name": name_of(node)}]},
        }
        for node in sorted(nodes, key=name_of)
        if name_of(node) in names and _is_ready(node) and (address := _address(node))
    ]
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [
            {"name": "dns", "port": PORT, "protocol": "UDP"},
            {"name": "dns-tcp", "port": PORT, "protocol": "TCP"},
        ],
    }


def _is_ready(node: Object) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _address(node: Object) -> str:
    addresses = (node.get("status") or {}).get("addresses") or ()
    return next((a["address"] for a in addresses if a.get("type") == "InternalIP" and ":" not in a["address"]), "")


class Publisher:
    """``run`` until cancelled. ``address``: the Service's; the informers belong to the caller."""

    def __init__(
        self, client: Client, informers: Informers, clock: Clock, address: str, names: Collection[str]
    ) -> None:
        self._client = client
        self._informers = informers
        self._clock = clock
        self._address = address
        self._names = names
        self._nodes = informers.get(NODES)
        self._written: Object = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        self._nodes.add_handler(self._node_changed)
        self._informers.start()
        await self._nodes.synced()
        while True:
            self._changed.clear()
            delay = AGAIN_SECONDS
            try:
                await self.publish()
            except (StatusError, OSError) as error:
                log.warning("cluster DNS is not published yet: %s", error)
                delay = RETRY_SECONDS
            try:
                await self._clock.wait_for(self._changed.wait(), delay)
            except TimeoutError:
                self._written = {}  # look at what is there, whether or not something is new

    async def publish(self) -> None:
        """Write what is not as it was last written."""
        wanted = endpoint_slice(self._nodes.list(), self._names)
        if wanted == self._written:
            return
        await self._make(SERVICES, service(self._address))
        current = await self._make(ENDPOINT_SLICES, wanted)
        if any(current.get(field) != wanted[field] for field in ("endpoints", "ports")):
            metadata = {**current["metadata"], "labels": wanted["metadata"]["labels"]}
            await self._client.update(ENDPOINT_SLICES, {**wanted, "metadata": metadata})
        self._written = wanted

    async def _make(self, kind: Kind, wanted: Object) -> Object:
        """What is there, made if it was not."""
        try:
            return await self._client.get(kind, NAME, NAMESPACE)
        except StatusError as error:
            if error.code != 404:
                raise
        return await self._client.create(kind, wanted)

    def _node_changed(self, change: Change) -> None:
        self._changed.set()
