"""Takes pods without a node, decides, and binds: the acting half of the scheduler.

Watches: Pods, Nodes, Namespaces (labels that affinity terms select), Services, ReplicaSets, ReplicationControllers and
    StatefulSets (whose pods are spread).
Owns: ``spec.nodeName`` of pods that name this scheduler (through the binding subresource), their condition
    PodScheduled, and the events Scheduled and FailedScheduling.
Guarantees: a decision counts at once (*assumed*), so that no two pods are promised the same room, while bindings are
    written many at a time; a binding that is refused gives the room back and the pod is tried again.
Caveats: volume claims and resource claims are not looked at yet: pods that have any are refused
    (``pods.not_implemented``).

Source: pkg/scheduler/{scheduler,schedule_one,eventhandlers}.go.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.client.client import Client
from pynetes.client.events import EventRecorder
from pynetes.client.informer import Change, Informers
from pynetes.client.kinds import NAMESPACES, NODES, PODS
from pynetes.meta.objects import Object, labels_of, name_of
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339
from pynetes.scheduler import explain, preemption
from pynetes.scheduler.decide import Decider, Decision
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import PodInfo, read
from pynetes.scheduler.queue import ANY, Queue, Waiting
from pynetes.scheduler.settings import Settings
from pynetes.scheduler.siblings import Siblings

log = logging.getLogger(__name__)

_ROOM_MADE = frozenset({"NodeResourcesFit", "NodePorts", "PodTopologySpread", "InterPodAffinity"})
_LABELS_MATTER = frozenset({"NodeAffinity", "PodTopologySpread", "InterPodAffinity"})
_POD_APPEARED = frozenset({"PodTopologySpread", "InterPodAffinity"})
_NOTE_LIMIT = 1024
_STRATEGIC = "application/strategic-merge-patch+json"


@dataclass(frozen=True, slots=True)
class _Preemption:
    """What came of looking for victims. ``keeps``: those of an earlier look are still going."""

    message: str = ""
    candidate: preemption.Candidate | None = None
    keeps: bool = False


class Scheduler:
    """Runs until cancelled. The informers belong to the caller."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, settings: Settings) -> None:
        self.table = NodeTable()
        self.queue = Queue(clock, settings)
        self.decider = Decider(self.table, clock.random, settings.weights)
        self._client = client
        self._informers = informers
        self._clock = clock
        self._settings = settings
        self._events = EventRecorder(client, clock, settings.scheduler_name)
        self._placed: dict[str, tuple[PodInfo, str]] = {}
        """By uid: the pods that take room, and where; bound or assumed."""
        self._assumed: set[str] = set()
        self._nominated: dict[str, tuple[PodInfo, str]] = {}
        """By uid: the pods that wait for victims to go, and the node on which room is kept for them."""
        self._writes: deque[Callable[[], Awaitable[None]]] = deque()
        self._writers = Tasks()
        self._writing = 0
        self._nodes = informers.get(NODES)
        self._pods = informers.get(PODS)
        self._namespaces = informers.get(NAMESPACES)
        self._siblings = Siblings(informers)
        self._nodes.add_handler(self._node_changed)
        self._namespaces.add_handler(self._namespace_changed)
        self._pods.add_handler(self._pod_changed)

    async def run(self) -> None:
        self._informers.start()
        await self._informers.synced()
        try:
            while True:
                await self.queue.wait()
                for waiting in self.queue.pop(self._settings.batch):
                    self._try(waiting)
                # let bindings and the watch run between batches
                await self._clock.sleep(0)
        finally:
            await self._writers.close()
            await self._events.close()

    def _try(self, waiting: Waiting) -> None:
        try:
            self.attempt(waiting)
        except Exception:  # a pod that cannot be read must not keep all others from their nodes
            log.exception("scheduling pod %s failed", waiting.pod.key)
            self.queue.failed(waiting)

    def attempt(self, waiting: Waiting) -> None:
        """Decide for one pod; what follows from it is written in the background."""
        pod = waiting.pod
        if not pod.spec.get("topologySpreadConstraints"):
            pod.siblings = self._siblings.selector(pod.object)
        with self._without_reservations(pod):
            decision = self.decider.decide(pod)
            preempted = self._preempt(pod, decision.refusals) if decision.refusals is not None else None
        if decision.node:
            self._nominate(pod, "")
            self._assume(pod, decision.node)
            self._later(lambda: self._bind(waiting, decision.node))
        else:
            self._refuse(waiting, decision, preempted)

    @contextmanager
    def _without_reservations(self, pod: PodInfo) -> Iterator[None]:
        """Room kept for a nominated pod is there for itself and for pods of higher priority."""
        lifted = [n for n in self._nominated.values() if n[0].uid == pod.uid or n[0].priority < pod.priority]
        for info, node in lifted:
            self.table.remove_pod(info, node)
        try:
            yield
        finally:
            for info, node in lifted:
                self.table.add_pod(info, node)

    def _nominate(self, pod: PodInfo, node: str) -> None:
        """Keep room for a pod on a node whose victims are going; an empty node: no longer."""
        known = self._nominated.pop(pod.uid, None)
        if known is not None:
            self.table.remove_pod(*known)
        if node:
            self._nominated[pod.uid] = (pod, node)
            self.table.add_pod(pod, node)

    def _preempt(self, pod: PodInfo, refusals: explain.Refusals) -> "_Preemption":
        """Look for pods of lower priority whose end would help."""
        if refusals.nodes == 0:
            return _Preemption()
        if pod.spec.get("preemptionPolicy") == "Never":
            return _Preemption(f"preemption: {explain.NEVER_PREEMPTS}")
        nominated = self._nominated.get(pod.uid)
        if nominated is not None and nominated[1] not in refusals.final and self._is_making_room(pod, nominated[1]):
            return _Preemption(f"preemption: {explain.VICTIMS_GOING}", keeps=True)
        candidate, reasons = preemption.find(self.table, pod, refusals, self.decider.fits, self._clock.random)
        if candidate is None:
            return _Preemption(explain.preemption_message(refusals.nodes, reasons))
        return _Preemption(candidate=candidate)

    def _is_making_room(self, pod: PodInfo, node: str) -> bool:
        others = self.table.on_node.get(node, {}).values()
        return any(o.priority < pod.priority and preemption.is_being_preempted(o.object) for o in others)

    def _refuse(self, waiting: Waiting, decision: Decision, preempted: "_Preemption | None") -> None:
        refusals, pod = decision.refusals, waiting.pod
        if refusals is None or preempted is None:
            self.queue.refused(waiting, {"Unsupported"})
            self._later(lambda: self._report(pod, "Unschedulable", decision.refused))
            return
        after = [explain.NO_CLAIMS, preempted.message] if preempted.message else []
        text = explain.message(refusals, after)
        candidate = preempted.candidate
        if not preempted.keeps:
            self._nominate(pod, candidate.node if candidate is not None else "")
        self.queue.refused(waiting, refusals.plugins or {"Any"})
        for victim in candidate.victims if candidate is not None else ():
            self._later(partial(self._end, victim, pod, candidate.node if candidate is not None else ""))
        node = self._nominated[pod.uid][1] if pod.uid in self._nominated else ""
        self._later(lambda: self._report(pod, "Unschedulable", text, node))

    async def _end(self, victim: PodInfo, pod: PodInfo, node: str) -> None:
        """Tell a victim why, and delete it."""
        now = self._clock.now()
        condition: Object = {
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": rfc3339(now),
            "reason": preemption.REASON,
            "message": f"{self._settings.scheduler_name}: preempting to accommodate a higher priority pod",
        }
        name = name_of(victim.object)
        patch = {"metadata": {"uid": victim.uid}, "status": {"conditions": [condition]}}
        try:
            if "deletionTimestamp" not in victim.object["metadata"]:
                await self._client.patch(
                    PODS, name, patch, victim.namespace, subresource="status", patch_type=_STRATEGIC
                )
                await self._client.delete(PODS, name, victim.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return
        self._events.event(victim.object, "Normal", "Preempted", f"Preempted by pod {pod.uid} on node {node}")

    # writes

    def _later(self, write: Callable[[], Awaitable[None]]) -> None:
        """Writers exist while there is something to write: an idle scheduler has none."""
        self._writes.append(write)
        if self._writing < self._settings.concurrent_bindings:
            self._writing += 1
            self._writers.spawn(self._write(), "scheduler-write")

    async def _write(self) -> None:
        try:
            while self._writes:
                try:
                    await self._writes.popleft()()
                except (StatusError, OSError) as error:
                    log.info("a write of the scheduler failed: %s", error)
        finally:
            self._writing -= 1

    async def _bind(self, waiting: Waiting, node: str) -> None:
        pod = waiting.pod
        binding: Object = {
            "kind": "Binding",
            "apiVersion": "v1",
            "metadata": {"name": name_of(pod.object), "namespace": pod.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": node},
        }
        try:
            await self._client.create(PODS, binding, pod.namespace, subresource="binding", name=name_of(pod.object))
        except (StatusError, OSError) as error:
            self._give_back(pod)
            if not isinstance(error, StatusError) or error.code != 404:
                self.queue.failed(waiting)
                await self._report(pod, "SchedulerError", f"binding rejected: {error}")
            return
        self.queue.remove(pod.uid)
        self._events.event(pod.object, "Normal", "Scheduled", f"Successfully assigned {pod.key} to {node}")

    async def _report(self, pod: PodInfo, reason: str, text: str, nominated: str = "") -> None:
        """The event FailedScheduling, and the condition PodScheduled when it says something new."""
        note = text if len(text) <= _NOTE_LIMIT else f"{text[: _NOTE_LIMIT - 4]} ..."
        self._events.event(pod.object, "Warning", "FailedScheduling", note)
        current = self._pods.get(pod.key)
        if current is None:
            return
        status: Object = {}
        if (condition := pod_scheduled(current, reason, text, self._clock.now())) is not None:
            status["conditions"] = [condition]
        if (current.get("status") or {}).get("nominatedNodeName", "") != nominated:
            status["nominatedNodeName"] = nominated or None
        if not status:
            return
        patch = {"metadata": {"uid": pod.uid}, "status": status}
        try:
            await self._client.patch(
                PODS,
                name_of(pod.object),
                patch,
                pod.namespace,
                subresource="status",
                patch_type=_STRATEGIC,
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    # what others did

    def _node_changed(self, change: Change) -> None:
        if change.new is None:
            self.table.remove_node(change.key)
            return
        changes = self.table.set_node(change.new.object)
        if "added" in changes:
            self.queue.changed(ANY)
            return
        plugins: set[str] = set()
        if "taints" in changes or "unschedulable" in changes:
            plugins |= {"TaintToleration", "NodeUnschedulable"}
        if "labels" in changes:
            plugins |= _LABELS_MATTER
        if "allocatable" in changes:
            plugins |= {"NodeResourcesFit"}
        if plugins:
            self.queue.changed(frozenset(plugins))

    def _namespace_changed(self, change: Change) -> None:
        labels = labels_of(change.new.object) if change.new is not None else None
        if self.table.set_namespace(change.key, labels):
            self.queue.changed(frozenset({"InterPodAffinity"}))

    def _pod_changed(self, change: Change) -> None:
        if change.new is None:
            assert change.old is not None
            self._gone(change.old.object["metadata"]["uid"])
            return
        pod = change.new.object
        uid = pod["metadata"]["uid"]
        if change.old is not None and change.old.object["metadata"]["uid"] != uid:
            self._gone(change.old.object["metadata"]["uid"])
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            self._gone(uid)
        elif pod["spec"].get("nodeName"):
            self._runs(pod, uid, changed=_spec_changed(change))
        elif self._is_ours(pod) and uid not in self._assumed:
            self.queue.add(read(pod))
        elif uid in self.queue and not self._is_ours(pod):
            self.queue.remove(uid)

    def _is_ours(self, pod: Object) -> bool:
        spec = pod["spec"]
        named = spec.get("schedulerName", "default-scheduler") == self._settings.scheduler_name
        return named and not spec.get("schedulingGates") and "deletionTimestamp" not in pod["metadata"]

    def _runs(self, pod: Object, uid: str, changed: bool) -> None:
        """A pod with a node: count it there, unless it is counted already."""
        self.queue.remove(uid)
        if (nominated := self._nominated.get(uid)) is not None:
            self._nominate(nominated[0], "")
        node = pod["spec"]["nodeName"]
        placed = self._placed.get(uid)
        as_assumed = uid in self._assumed
        self._assumed.discard(uid)
        if placed is not None and placed[1] == node and (as_assumed or not changed):
            return
        if placed is not None:
            self.table.remove_pod(*placed)
        info = read(pod)
        self._placed[uid] = (info, node)
        self.table.add_pod(info, node)
        self.queue.changed(_POD_APPEARED if placed is None or not _asks_less(placed[0], info) else _ROOM_MADE)

    def _gone(self, uid: str) -> None:
        self.queue.remove(uid)
        if (nominated := self._nominated.get(uid)) is not None:
            self._nominate(nominated[0], "")
            self.queue.changed(_ROOM_MADE)
        self._assumed.discard(uid)
        placed = self._placed.pop(uid, None)
        if placed is not None:
            self.table.remove_pod(*placed)
            self.queue.changed(_ROOM_MADE)

    def _assume(self, pod: PodInfo, node: str) -> None:
        self._assumed.add(pod.uid)
        self._placed[pod.uid] = (pod, node)
        self.table.add_pod(pod, node)

    def _give_back(self, pod: PodInfo) -> None:
        if pod.uid in self._assumed:
            self._assumed.discard(pod.uid)
            placed = self._placed.pop(pod.uid)
            self.table.remove_pod(*placed)
            self.queue.changed(_ROOM_MADE)


def pod_scheduled(pod: Object, reason: str, text: str, now: float) -> Object | None:
    """The condition PodScheduled that says so; None when the pod has it."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    present = next((c for c in conditions if c["type"] == "PodScheduled"), None)
    condition: Object = {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
        "reason": reason,
        "message": text,
    }
    if generation := pod["metadata"].get("generation"):
        condition["observedGeneration"] = generation
    if present is None:
        return condition
    if present.get("status") == "False":
        condition["lastTransitionTime"] = present.get("lastTransitionTime")
    same = all(present.get(name) == condition.get(name) for name in ("status", "reason", "message"))
    return None if same and present.get("observedGeneration") == condition.get("observedGeneration") else condition


def _spec_changed(change: Change) -> bool:
    """Whether what a bound pod takes may have changed; its status may change as it likes."""
    if change.old is None or change.new is None:
        return True
    old, new = change.old.object, change.new.object
    if ("deletionTimestamp" in old["metadata"]) != ("deletionTimestamp" in new["metadata"]):
        return True
    return bool(old["spec"] != new["spec"] or labels_of(old) != labels_of(new))


def _asks_less(old: PodInfo, new: PodInfo) -> bool:
    return any(count < old.requests.get(name, 0) for name, count in new.requests.items()) or bool(
        old.requests.keys() - new.requests.keys()
    )
