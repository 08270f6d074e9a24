"""Notices nodes that fell silent, and says so by conditions and taints.

Watches: Nodes, Leases (of kube-node-lease), Pods.
Owns: the conditions Ready, MemoryPressure, DiskPressure and PIDPressure of a node that stopped reporting (they become
    Unknown); the taints ``node.kubernetes.io/{not-ready,unreachable,memory-pressure,disk-pressure,pid-pressure,
    network-unavailable,unschedulable}``; the condition Ready of pods on nodes that are not ready; the beta labels of
    operating system and architecture.
Guarantees: a node whose lease and status stand still for 50 s becomes Unknown within 5 s more; a node's NoExecute taint
    follows at 0.1 nodes a second and zone; when no node of the cluster reports, no node is tainted: it is more likely
    that the control plane is cut off.
Caveats: evicting the pods of a tainted node is taint-eviction-controller's work.

Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pynetes.client.informer import Change
from pynetes.client.kinds import LEASES, NODES, PODS
from pynetes.client.workqueue import TokenBucket
from pynetes.controllers import podstate
from pynetes.controllers.actions import Action, Patch, Report, Update, apply
from pynetes.controllers.ownership import named
from pynetes.controllers.settings import Settings
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, labels_of, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339

ALL = "*"
"""The key of the pass over all nodes; any other key is a node's name."""

LEASE_NAMESPACE = "kube-node-lease"
BY_NODE = "node"
NODE_INDEX = {BY_NODE: lambda pod: (podstate.node_of(pod),)}

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_TAINT_OF = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_OURS = {*_TAINT_OF.values(), UNSCHEDULABLE}
_REPORTED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_BETA_LABELS = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}


class Zone(Enum):
    NORMAL = "normal"
    PARTIAL_DISRUPTION = "partial disruption"
    FULL_DISRUPTION = "full disruption"


@dataclass(slots=True)
class Health:
    """When a node was last heard of, by our own clock: those of nodes are not trusted."""

    probed: float
    heartbeat: str = ""
    renewed: str = ""
    had_condition: bool = False


def observe(node: Object, lease: Object | None, health: Health | None, now: float) -> Health:
    """What is known of a node's health after looking at its status and lease."""
    ready = lifecycle.condition(node, "Ready")
    heartbeat = (ready or {}).get("lastHeartbeatTime") or ""
    renewed = ((lease or {}).get("spec") or {}).get("renewTime") or ""
    if health is None:
        probed = now if ready is not None else podstate.created_at(node)
        health = Health(probed, heartbeat, "", ready is not None)
    elif ready is not None and (not health.had_condition or heartbeat != health.heartbeat):
        health = Health(now, heartbeat, health.renewed, True)
    if renewed and renewed > health.renewed:
        health = Health(now, health.heartbeat, renewed, health.had_condition)
    return health


def silent_conditions(node: Object, health: Health, settings: Settings, now: float) -> list[Object] | None:
    """The conditions of a node that has been silent for too long; None while it has not, or when they say so."""
    ready = lifecycle.condition(node, "Ready")
    grace = settings.node_startup_grace_period_seconds if ready is None else settings.node_monitor_grace_period_seconds
    if now <= health.probed + grace:
        return None
    conditions = list((node.get("status") or {}).get("conditions") or ())
    for type_ in _REPORTED:
        index = next((i for i, c in enumerate(conditions) if c["type"] == type_), None)
        if index is None:
            conditions.append(
                {
                    "type": type_,
                    "status": "Unknown",
                    "lastHeartbeatTime": node["metadata"].get("creationTimestamp"),
                    "lastTransitionTime": rfc3339(now),
                    "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                }
            )
        elif conditions[index]["status"] != "Unknown":
            conditions[index] = {
                **conditions[index],
                "status": "Unknown",
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
                "lastTransitionTime": rfc3339(now),
            }
    return None if lifecycle.find_condition(conditions, "Ready") == ready else conditions


def no_schedule_taints(node: Object, now: float) -> list[Object]:
    """The node's taints with the NoSchedule ones as its conditions and ``unschedulable`` ask for."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    wanted = [_TAINT_OF[pair] for c in conditions if (pair := (c["type"], c["status"])) in _TAINT_OF]
    if node["spec"].get("unschedulable"):
        wanted.append(UNSCHEDULABLE)
    taints: Sequence[Object] = node["spec"].get("taints") or ()
    kept = [t for t in taints if t["effect"] != "NoSchedule" or t["key"] not in _OURS or t["key"] in wanted]
    present = {t["key"] for t in kept if t["effect"] == "NoSchedule"}
    added = [_taint(key, "NoSchedule", now) for key in wanted if key not in present]
    return [*kept, *added]


def no_execute_taints(node: Object, status: str, now: float) -> list[Object]:
    """The node's taints for a Ready condition of this status: not-ready or unreachable, or neither."""
    key = {"False": NOT_READY, "Unknown": UNREACHABLE}.get(status)
    taints: Sequence[Object] = node["spec"].get("taints") or ()
    ours = (NOT_READY, UNREACHABLE)
    kept = [t for t in taints if t["effect"] != "NoExecute" or t["key"] not in ours or t["key"] == key]
    if key is not None and not any(t["key"] == key and t["effect"] == "NoExecute" for t in kept):
        kept.append(_taint(key, "NoExecute", now))
    return kept


def _taint(key: str, effect: str, now: float) -> Object:
    return {"key": key, "effect": effect, "timeAdded": rfc3339(now)}


def labels_to_set(node: Object) -> dict[str, str]:
    """The beta labels that do not say what the stable ones do."""
    labels = labels_of(node)
    return {
        beta: labels[key] for key, beta in _BETA_LABELS.items() if key in labels and labels.get(beta) != labels[key]
    }


def zone_of(node: Object) -> str:
    labels = labels_of(node)
    region, zone = labels.get("topology.kubernetes.io/region", ""), labels.get("topology.kubernetes.io/zone", "")
    return f"{region}:\x00:{zone}" if region or zone else ""


def zone_state(statuses: Sequence[str], threshold: float) -> Zone:
    """From the statuses of the nodes' Ready conditions."""
    lost = sum(1 for status in statuses if status != "True")
    if lost and lost == len(statuses):
        return Zone.FULL_DISRUPTION
    return Zone.PARTIAL_DISRUPTION if lost > 2 and lost / len(statuses) >= threshold else Zone.NORMAL


def eviction_rate(state: Zone, nodes: int, settings: Settings) -> float:
    """Nodes a second that may be tainted NoExecute in a zone."""
    if state is not Zone.PARTIAL_DISRUPTION:
        return settings.node_eviction_rate
    return settings.secondary_node_eviction_rate if nodes > settings.large_cluster_size_threshold else 0.0


def plan_node(node: Object, now: float) -> list[Action]:
    """What one node's own state asks for: NoSchedule taints, beta labels."""
    actions: list[Action] = []
    taints = no_schedule_taints(node, now)
    if taints != (node["spec"].get("taints") or []):
        actions.append(_set_taints(node, taints))
    if labels := labels_to_set(node):
        actions.append(Patch(NODES, "", name_of(node), {"metadata": {"labels": labels}}))
    return actions


def _set_taints(node: Object, taints: Sequence[Object]) -> Patch:
    """The list is replaced whole, so the node must be the one that was looked at."""
    patch = {"metadata": {"resourceVersion": node["metadata"]["resourceVersion"]}, "spec": {"taints": list(taints)}}
    return Patch(NODES, "", name_of(node), patch, patch_type="application/merge-patch+json")


def pods_not_ready(pods: Sequence[Object], now: float) -> list[Action]:
    """The Ready condition of every pod of a lost node becomes False."""
    actions: list[Action] = []
    for pod in pods:
        if not lifecycle.is_ready(pod):
            continue
        ready = lifecycle.condition(pod, "Ready")
        condition = {**(ready or {}), "status": "False", "lastTransitionTime": rfc3339(now)}
        patch = {"metadata": {"uid": uid_of(pod)}, "status": {"conditions": [condition]}}
        actions.append(Patch(PODS, namespace_of(pod), name_of(pod), patch, "status", missing_is_fine=True))
        actions.append(Report(named(PODS, pod), "Warning", "NodeNotReady", "Node is not ready"))
    return actions


@dataclass(slots=True)
class _ZoneRecord:
    state: Zone = Zone.NORMAL
    rate: float = -1.0
    bucket: TokenBucket | None = None


class NodeLifecycle:
    """The acting half: one pass over all nodes every 5 s, and single nodes as they change."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings
        self._nodes = context.informers.get(NODES)
        self._leases = context.informers.get(LEASES, LEASE_NAMESPACE)
        self._pods = context.informers.get(PODS, indexes=NODE_INDEX)
        self._health: dict[str, Health] = {}
        self._known: dict[str, Object] = {}
        self._zones: dict[str, _ZoneRecord] = {}
        self._all_lost = False
        self._nodes.add_handler(self._changed)
        context.queue.add(ALL)

    async def reconcile(self, key: str) -> float | None:
        if key == ALL:
            await self._monitor()
            return self._settings.node_monitor_period_seconds
        node = self._nodes.get(key)
        if node is not None:
            await apply(self._context, plan_node(node, self._context.clock.now()))
        return None

    async def _monitor(self) -> None:
        nodes = {name_of(node): node for node in self._nodes.list()}
        self._announce(nodes)
        statuses: dict[str, str] = {}
        for name, node in nodes.items():
            try:
                statuses[name] = await self._look_at(name, node)
            except StatusError as error:
                # one node's conflict is no reason to leave the others unseen: the next pass looks again
                if error.code not in (404, 409):
                    raise
                statuses[name] = _ready_status(node)
        if await self._judge_zones(nodes, statuses):
            await self._taint(nodes, statuses)

    def _announce(self, nodes: dict[str, Object]) -> None:
        for name in sorted(nodes.keys() - self._known.keys()):
            self._report(nodes[name], "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller")
        for name in sorted(self._known.keys() - nodes.keys()):
            text = f"Node {name} event: Removing Node {name} from Controller"
            self._report(self._known[name], "RemovingNode", text)
            self._health.pop(name, None)
        self._known = nodes

    async def _look_at(self, name: str, node: Object) -> str:
        """Bring one node's conditions up to date; the status of its Ready condition then."""
        now = self._context.clock.now()
        lease = self._leases.get(f"{LEASE_NAMESPACE}/{name}")
        self._health[name] = observe(node, lease, self._health.get(name), now)
        before = _ready_status(node)
        conditions = silent_conditions(node, self._health[name], self._settings, now)
        if conditions is None:
            return before
        changed = {**named(NODES, node), "status": {**(node.get("status") or {}), "conditions": conditions}}
        await apply(self._context, [Update(NODES, changed, "status")])
        if before == "True":
            self._report(node, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
            await apply(self._context, pods_not_ready(self._pods.by_index(BY_NODE, name), now))
        return "Unknown"

    async def _judge_zones(self, nodes: dict[str, Object], statuses: dict[str, str]) -> bool:
        """Set each zone's rate; whether anything may be tainted at all."""
        by_zone: dict[str, list[str]] = {}
        for name, node in nodes.items():
            by_zone.setdefault(zone_of(node), []).append(statuses[name])
        now = self._context.clock.monotonic()
        self._zones = {zone: self._zones.get(zone, _ZoneRecord()) for zone in by_zone}
        for zone, found in by_zone.items():
            record = self._zones[zone]
            record.state = zone_state(found, self._settings.unhealthy_zone_threshold)
            rate = eviction_rate(record.state, len(found), self._settings)
            if rate != record.rate:
                record.rate = rate
                record.bucket = TokenBucket(rate, 1, now) if rate > 0 else None
        were_lost = self._all_lost
        self._all_lost = bool(by_zone) and all(r.state is Zone.FULL_DISRUPTION for r in self._zones.values())
        if were_lost and not self._all_lost:
            # it was us who were cut off: everyone gets a fresh start
            for health in self._health.values():
                health.probed = self._context.clock.now()
            return False
        return True

    async def _taint(self, nodes: dict[str, Object], statuses: dict[str, str]) -> None:
        now = self._context.clock.now()
        for name, node in nodes.items():
            status = "True" if self._all_lost else statuses[name]
            taints = no_execute_taints(node, status, now)
            if taints == (node["spec"].get("taints") or []):
                continue
            adds = len(taints) > sum(1 for t in node["spec"].get("taints") or ())
            bucket = self._zones[zone_of(node)].bucket
            if adds and not (bucket is not None and bucket.try_take(self._context.clock.monotonic())):
                continue
            try:
                await apply(self._context, [_set_taints(node, taints)])
            except StatusError as error:
                if error.code not in (404, 409):
                    raise

    def _report(self, node: Object, reason: str, text: str) -> None:
        subject = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name_of(node), "uid": uid_of(node)}}
        self._context.events.event(subject, "Normal", reason, text)

    def _changed(self, change: Change) -> None:
        if change.new is not None:
            self._context.queue.add(change.key)


def _ready_status(node: Object) -> str:
    ready = lifecycle.condition(node, "Ready")
    return "Unknown" if ready is None else str(ready.get("status"))


CONTROLLER = Controller("node-lifecycle-controller", NodeLifecycle, "node-controller", workers=2)
