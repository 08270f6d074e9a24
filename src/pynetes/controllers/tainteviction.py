"""Evicts the pods of a node that do not tolerate its NoExecute taints, or no longer.

Watches: Nodes, Pods.
Owns: nothing; it deletes pods, after noting the condition DisruptionTarget.
Guarantees: a pod goes at once when it does not tolerate a taint, else after the shortest ``tolerationSeconds`` of its
    matching tolerations, counted from when the taint was first seen; taints that go away spare it.

Source: pkg/controller/tainteviction/taint_eviction.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pynetes.client.informer import Change
from pynetes.client.kinds import NODES, PODS
from pynetes.controllers import podstate
from pynetes.controllers.actions import Action, Delete, Patch, Report, apply
from pynetes.controllers.nodelifecycle import BY_NODE, NODE_INDEX
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods.tolerations import matching
from pynetes.meta.objects import Object, key_of, name_of, namespace_of, uid_of
from pynetes.meta.times import rfc3339


@dataclass(frozen=True, slots=True)
class Evict:
    """The pod goes now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The pod goes after so many seconds, unless things change."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Keep:
    """The pod may stay."""


Verdict = Evict | Wait | Keep


def plan(pod: Object, taints: Sequence[Object], since: float | None, now: float) -> Verdict:
    """``taints``: the node's NoExecute taints. ``since``: when the pod's time began to run, if it did."""
    if not taints:
        return Keep()
    used = matching(pod["spec"].get("tolerations") or (), taints)
    if used is None:
        return Evict()
    limits = [t["tolerationSeconds"] for t in used if t.get("tolerationSeconds") is not None]
    if not limits:
        return Keep()
    due = (now if since is None else since) + max(0, min(limits))
    return Evict() if due <= now else Wait(due - now)


def eviction(pod: Object, now: float) -> list[Action]:
    condition: Object = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
    }
    if generation := pod["metadata"].get("generation"):
        condition["observedGeneration"] = generation
    patch = {"metadata": {"uid": uid_of(pod)}, "status": {"conditions": [condition]}}
    namespace, name = namespace_of(pod), name_of(pod)
    return [
        Report(_subject(pod), "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key_of(pod)}"),
        Patch(PODS, namespace, name, patch, "status", missing_is_fine=True),
        Delete(PODS, namespace, name, uid=uid_of(pod)),
    ]


def _subject(pod: Object) -> Object:
    metadata = {"name": name_of(pod), "namespace": namespace_of(pod), "uid": uid_of(pod)}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}


class TaintEviction:
    """The acting half; keys are pods."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._nodes = context.informers.get(NODES)
        self._pods = context.informers.get(PODS, indexes=NODE_INDEX)
        self._since: dict[str, tuple[str, float]] = {}
        """By key: the pod's uid and when its time began to run."""
        self._nodes.add_handler(self._node_changed)
        self._pods.add_handler(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        pod = self._pods.get(key)
        uid, since = self._since.get(key, ("", None))
        if pod is None or podstate.is_deleted(pod) or not podstate.node_of(pod):
            self._since.pop(key, None)
            return None
        node = self._nodes.get(podstate.node_of(pod))
        now = self._context.clock.now()
        started = since if uid == uid_of(pod) else None
        match plan(pod, no_execute(node) if node is not None else (), started, now):
            case Evict():
                self._since.pop(key, None)
                await apply(self._context, eviction(pod, now))
            case Wait(seconds):
                self._since[key] = (uid_of(pod), now if started is None else started)
                return seconds
            case Keep() if self._since.pop(key, None) is not None:
                text = f"Cancelling deletion of Pod {key}"
                self._context.events.event(_subject(pod), "Normal", "TaintManagerEviction", text)
        return None

    def _node_changed(self, change: Change) -> None:
        before = no_execute(change.old.object) if change.old is not None else []
        after = no_execute(change.new.object) if change.new is not None else []
        if before != after:
            for pod in self._pods.by_index(BY_NODE, change.key):
                self._context.queue.add(key_of(pod))

    def _pod_changed(self, change: Change) -> None:
        """A pod that got a node or other tolerations, or went."""
        old = change.old.object["spec"] if change.old is not None else {}
        new = change.new.object["spec"] if change.new is not None else {}
        fields = ("nodeName", "tolerations")
        if change.new is None:
            self._since.pop(change.key, None)
        elif any(old.get(name) != new.get(name) for name in fields):
            self._context.queue.add(change.key)


def no_execute(node: Object) -> list[Object]:
    return [taint for taint in node["spec"].get("taints") or () if taint.get("effect") == "NoExecute"]


CONTROLLER = Controller("taint-eviction-controller", TaintEviction)
