"""The node as the kubelet reports it: registration, status, heartbeat.

Source: kubernetes ``pkg/kubelet/kubelet_node_status.go``, ``pkg/kubelet/nodestatus/setters.go``,
``component-helpers/apimachinery/lease``.
"""

import copy
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.client.events import EventRecorder
from pynetes.client.kinds import LEASES, NODES
from pynetes.kubelet.host import Machine
from pynetes.kubelet.resources import amount
from pynetes.kubelet.settings import Settings
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339, rfc3339_micro
from pynetes.runtime.types import Features, Image

log = logging.getLogger(__name__)

VERSION = "v1.36.3"
LEASE_NAMESPACE = "kube-node-lease"
MAX_IMAGES = 50
CONDITIONS = (
    ("MemoryPressure", "HasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "HasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "HasSufficientPID", "kubelet has sufficient PID available"),
)
"""Type, word (``Kubelet...`` is the reason, ``Node...`` the event), message."""
FEATURES = (
    "ExtendWebSocketsToKubelet",
    "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingInitContainers",
    "RestartAllContainersOnContainerExits",
)
"""What not every kubelet can, and this one can; the API refuses to ask it of a node that does not say so.

Source: component-helpers ``nodedeclaredfeatures/features``.
"""


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """What the Node says of its runtime. ``version``: ``name://version``."""

    version: str
    handlers: Sequence[str] = ("",)
    features: Features = field(default_factory=Features)


def capacity(machine: Machine, settings: Settings) -> dict[str, str]:
    found = {
        "cpu": str(machine.cpus),
        "ephemeral-storage": f"{machine.ephemeral_storage // 1024}Ki",
        "memory": f"{machine.memory // 1024}Ki",
        "pods": str(settings.max_pods),
    }
    found.update({f"hugepages-{size}": str(pages) for size, pages in machine.hugepages.items()})
    found.update(settings.capacity)
    return found


def allocatable(has: dict[str, str], settings: Settings) -> dict[str, str]:
    """Capacity less what is reserved."""
    found = dict(has)
    for name, value in settings.reserved.items():
        if name in found:
            left = max(amount(found[name]) - amount(value), amount("0"))
            text = f"{int(left * 1000)}m" if name == "cpu" else str(int(left))
            found[name] = Quantity.parse(text).canonical()
    return found


def labels(machine: Machine, settings: Settings) -> dict[str, str]:
    return {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": settings.hostname or settings.node_name,
        "kubernetes.io/os": "linux",
        **settings.labels,
    }


def node_status(
    machine: Machine,
    settings: Settings,
    images: Iterable[Image],
    old: Object,
    now: float,
    *,
    port: int,
    runtime: RuntimeInfo,
    unready: str = "",
) -> Object:
    """The whole status. ``unready`` says why the node is not, if so."""
    has = capacity(machine, settings)
    addresses = [{"type": "InternalIP", "address": a} for a in settings.addresses]
    addresses.append({"type": "Hostname", "address": settings.hostname or settings.node_name})
    info: Object = {
        "machineID": machine.machine_id,
        "systemUUID": machine.system_uuid,
        "bootID": machine.boot_id,
        "kernelVersion": machine.kernel_version,
        "osImage": machine.os_image,
        "containerRuntimeVersion": runtime.version,
        "kubeletVersion": VERSION,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": machine.architecture,
    }
    if machine.swap:
        info["swap"] = {"capacity": machine.swap}
    found: Object = {
        "addresses": addresses,
        "allocatable": allocatable(has, settings),
        "capacity": has,
        "conditions": _conditions(old, now, unready),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "declaredFeatures": list(FEATURES),
        "images": _images(images),
        "nodeInfo": info,
        "runtimeHandlers": [
            {
                "name": handler,
                "features": {
                    "recursiveReadOnlyMounts": runtime.features.recursive_read_only_mounts,
                    "userNamespaces": runtime.features.user_namespaces,
                },
            }
            for handler in runtime.handlers
        ],
        "features": {"supplementalGroupsPolicy": runtime.features.supplemental_groups_policy},
    }
    for key in ("volumesAttached", "volumesInUse", "config", "phase"):
        if old.get(key):
            found[key] = old[key]
    return found


def _images(images: Iterable[Image]) -> list[Object]:
    listed = sorted(images, key=lambda i: i.size, reverse=True)[:MAX_IMAGES]
    return [{"names": [*i.digests, *i.tags][:5], "sizeBytes": i.size} for i in listed if i.digests or i.tags]


def _conditions(old: Object, now: float, unready: str) -> list[Object]:
    before = {c["type"]: c for c in old.get("conditions") or ()}
    found = [_condition(before, type_, "False", f"Kubelet{word}", text, now) for type_, word, text in CONDITIONS]
    if unready:
        found.append(_condition(before, "Ready", "False", "KubeletNotReady", unready, now))
    else:
        found.append(_condition(before, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now))
    own = {c["type"] for c in found}
    return [c for t, c in before.items() if t not in own] + found


def _condition(before: dict[str, Object], type_: str, status: str, reason: str, message: str, now: float) -> Object:
    known = before.get(type_)
    since = known["lastTransitionTime"] if known is not None and known["status"] == status else rfc3339(now)
    return {
        "type": type_,
        "status": status,
        "lastHeartbeatTime": rfc3339(now),
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }


class NodeReporter:
    """Keeps the Node and its Lease. ``port`` is right once the server listens."""

    def __init__(
        self, client: Client, clock: Clock, settings: Settings, events: EventRecorder, runtime: RuntimeInfo,
        on_status: Callable[[Object], None],
    ) -> None:  # fmt: skip
        self.port = settings.port or 10250
        self.node: Object = {}
        self._client = client
        self._clock = clock
        self._settings = settings
        self._events = events
        self._runtime = runtime
        self._on_status = on_status
        self._reported = float("-inf")
        self._lease: Object | None = None
        self._told: dict[str, str] = {}

    async def register(self, machine: Machine, images: Iterable[Image]) -> None:
        """Make the Node, or take the one that is there, and bring its labels up to date."""
        settings, now = self._settings, self._clock.now()
        wanted = self._wanted(machine)
        wanted["status"] = self._new_status(machine, images, {}, now)
        try:
            if not settings.register_node:
                self.node = await self._client.get(NODES, settings.node_name)
            else:
                self.node = await self._client.create(NODES, wanted)
                self._reported = now
        except StatusError as error:
            if error.code != 409:
                raise
            self.node = await self._client.get(NODES, settings.node_name)
            await self._adopt(wanted)
        self._on_status(self.node)
        if self._reported == now:
            self._tell_conditions()

    def _wanted(self, machine: Machine) -> Object:
        settings = self._settings
        meta: Object = {"name": settings.node_name, "labels": labels(machine, settings)}
        annotations = {"volumes.kubernetes.io/controller-managed-attach-detach": "true", **settings.annotations}
        meta["annotations"] = annotations
        spec: Object = {}
        if settings.taints:
            spec["taints"] = list(settings.taints)
        if settings.provider_id:
            spec["providerID"] = settings.provider_id
        if settings.pod_cidrs:
            spec["podCIDR"], spec["podCIDRs"] = settings.pod_cidrs[0], list(settings.pod_cidrs)
        return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec}

    async def _adopt(self, wanted: Object) -> None:
        meta = self.node["metadata"]
        patch: Object = {}
        for key in ("labels", "annotations"):
            fresh = {k: v for k, v in wanted["metadata"][key].items() if (meta.get(key) or {}).get(k) != v}
            if fresh:
                patch[key] = fresh
        if patch:
            self.node = await self._client.patch(NODES, self._settings.node_name, {"metadata": patch})

    async def report(self, machine: Machine, images: Iterable[Image], *, unready: str = "") -> None:
        """Write the status when something changed, or when the last report is old."""
        now = self._clock.now()
        old = self.node.get("status") or {}
        fresh = self._new_status(machine, images, old, now, unready)
        if not _differs(old, fresh) and now - self._reported < self._settings.status_report_seconds:
            return
        patch = {key: value for key, value in fresh.items() if old.get(key) != value}
        # conditions of others (network, problem detectors) must survive: merge by type
        self.node = await self._client.patch(
            NODES, self._settings.node_name, {"status": patch}, subresource="status",
            patch_type="application/strategic-merge-patch+json",
        )  # fmt: skip
        self._reported = now
        self._on_status(self.node)
        self._tell_conditions()

    async def heartbeat(self) -> None:
        """Renew the node's Lease, or make it."""
        now, name = self._clock.now(), self._settings.node_name
        renew = rfc3339_micro(now)
        if self._lease is not None:
            lease = copy.deepcopy(self._lease)
            lease["spec"]["renewTime"] = renew
            try:
                self._lease = await self._client.update(LEASES, lease)
                return
            except StatusError as error:
                self._lease = None
                if error.code not in (404, 409):
                    raise
        spec = {"holderIdentity": name, "leaseDurationSeconds": self._settings.lease_seconds, "renewTime": renew}
        try:
            self._lease = await self._client.get(LEASES, name, LEASE_NAMESPACE)
            self._lease = await self._client.update(LEASES, {**self._lease, "spec": {**self._lease["spec"], **spec}})
        except StatusError as error:
            self._lease = None
            if error.code != 404:
                raise
            meta: Object = {"name": name, "namespace": LEASE_NAMESPACE}
            uid = self.node.get("metadata", {}).get("uid")
            if uid:
                meta["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}]
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
            self._lease = await self._client.create(LEASES, body, LEASE_NAMESPACE)

    def tell(self, type_: str, reason: str, message: str) -> None:
        """An event about this node. Its object's uid is the node's name, as upstream writes it."""
        name = self._settings.node_name
        node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name, "uid": name}}
        self._events.event(node, type_, reason, message)

    def _new_status(
        self, machine: Machine, images: Iterable[Image], old: Object, now: float, unready: str = ""
    ) -> Object:
        return node_status(
            machine, self._settings, images, old, now, port=self.port, runtime=self._runtime, unready=unready
        )

    def _tell_conditions(self) -> None:
        """Say once what a condition has become."""
        name = self._settings.node_name
        status = {c["type"]: c["status"] for c in self.node.get("status", {}).get("conditions") or ()}
        for type_, word, _ in CONDITIONS:
            reason = f"Node{word}"
            if self._told.get(type_) != status.get(type_) == "False":
                self.tell("Normal", reason, f"Node {name} status is now: {reason}")
        ready = status.get("Ready")
        if ready and self._told.get("Ready") != ready:
            reason = "NodeReady" if ready == "True" else "NodeNotReady"
            self.tell("Normal", reason, f"Node {name} status is now: {reason}")
        self._told = status


def _differs(old: Object, new: Object) -> bool:
    def plain(status: Object) -> Object:
        conditions = [{k: v for k, v in c.items() if k != "lastHeartbeatTime"} for c in status.get("conditions") or ()]
        return {**status, "conditions": sorted(conditions, key=lambda c: c["type"])}

    return plain(old) != plain(new)
