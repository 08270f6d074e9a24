"""Removes pods that nobody else will: those of nodes that are gone, those deleted before they had a node, too old ones.

Watches: Pods, Nodes.
Owns: nothing; it deletes at once (grace period 0) what is lost.
Guarantees: a pod of a node that is gone is failed and deleted 40 to 60 s after the node went; terminated pods beyond
    ``terminated_pod_threshold`` go, evicted and oldest first.

Source: pkg/controller/podgc/gc_controller.go.
"""

from collections.abc import Collection, Iterable

from pynetes.client.kinds import NODES, PODS
from pynetes.controllers import podstate
from pynetes.controllers.actions import Action, Delete, Patch, apply
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def plan(
    pods: Collection[Object], gone: Collection[str], out_of_service: Collection[str], threshold: int, now: float
) -> list[Action]:
    """``gone``: nodes that no longer exist; ``out_of_service``: nodes that are not ready and tainted so."""
    actions: list[Action] = []
    terminated = [pod for pod in pods if phase_is_final(pod)]
    if 0 < threshold < len(terminated):
        terminated.sort(key=lambda pod: (not _was_evicted(pod), podstate.created_at(pod)))
        for pod in terminated[: len(terminated) - threshold]:
            actions += remove(pod)
    for pod in pods:
        if podstate.is_terminating(pod) and podstate.node_of(pod) in out_of_service:
            actions += remove(pod)
        elif podstate.node_of(pod) in gone:
            actions += remove(pod, condition=node_gone(pod, now))
        elif podstate.is_deleted(pod) and not podstate.node_of(pod):
            actions += remove(pod)
    return actions


def phase_is_final(pod: Object) -> bool:
    """Whether the pod counts as terminated: every phase but these three."""
    return lifecycle.phase(pod) not in ("Pending", "Running", "Unknown")


def node_gone(pod: Object, now: float) -> Object:
    condition: Object = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
        "reason": "DeletionByPodGC",
        "message": "PodGC: node no longer exists",
    }
    if generation := pod["metadata"].get("generation"):
        condition["observedGeneration"] = generation
    return condition


def remove(pod: Object, condition: Object | None = None) -> list[Action]:
    """Fail the pod unless it has ended, then delete it without grace."""
    namespace, name = namespace_of(pod), name_of(pod)
    actions: list[Action] = []
    if not lifecycle.is_terminal(pod):
        status: Object = {"phase": "Failed"}
        if generation := pod["metadata"].get("generation"):
            status["observedGeneration"] = generation
        if condition is not None:
            status["conditions"] = [condition]
        patch = {"metadata": {"uid": uid_of(pod)}, "status": status}
        actions.append(Patch(PODS, namespace, name, patch, "status", missing_is_fine=True))
    actions.append(Delete(PODS, namespace, name, grace_seconds=0))
    return actions


def _was_evicted(pod: Object) -> bool:
    return (pod.get("status") or {}).get("reason") == "Evicted"


class PodCollector:
    """The acting half; its only key is reconciled again and again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pods = context.informers.get(PODS)
        self._nodes = context.informers.get(NODES)
        self._missing: dict[str, float] = {}
        """Nodes that pods name and nobody knows, and since when."""
        context.queue.add("all")

    async def reconcile(self, key: str) -> float | None:
        now = self._context.clock.now()
        pods, nodes = self._pods.list(), self._nodes.list()
        gone = await self._gone(pods, {name_of(node) for node in nodes}, now)
        threshold = self._context.settings.terminated_pod_threshold
        await apply(self._context, plan(pods, gone, {name_of(n) for n in nodes if _is_lost(n)}, threshold, now))
        return self._context.settings.pod_gc_period_seconds

    async def _gone(self, pods: Iterable[Object], known: Collection[str], now: float) -> set[str]:
        """Nodes missing for long enough; the API is asked before a pod is given up."""
        named = {podstate.node_of(pod) for pod in pods} - {""}
        self._missing = {node: self._missing.get(node, now) for node in sorted(named) if node not in known}
        gone = set()
        for node, since in self._missing.items():
            if now - since < self._context.settings.quarantine_seconds:
                continue
            try:
                await self._context.client.get(NODES, node)
            except StatusError as error:
                if error.code != 404:
                    raise
                gone.add(node)
        return gone


def _is_lost(node: Object) -> bool:
    ready = lifecycle.condition(node, "Ready")
    tainted = any(taint.get("key") == OUT_OF_SERVICE for taint in node["spec"].get("taints") or ())
    return tainted and (ready is None or ready.get("status") != "True")


CONTROLLER = Controller("pod-garbage-collector-controller", PodCollector, workers=1)
