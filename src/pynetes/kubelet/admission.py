"""Whether this node takes a pod that was bound to it: what the scheduler asks, asked again, and what is not built yet.

Source: kubernetes ``pkg/kubelet/lifecycle/predicate.go``, ``handlers.go``.
"""

from collections.abc import Mapping

from pynetes.kinds.pods.node_terms import term_matches
from pynetes.kubelet.container import host_ports
from pynetes.kubelet.resources import milli, pod_requests, whole
from pynetes.kubelet.supported import unsupported
from pynetes.meta.objects import Object


class Taken:
    """What the pods that this node has taken, and that are not done, hold of it: kept as sums, one look a pod."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        self._pods: dict[str, tuple[dict[str, int], list[tuple[str, str, int]]]] = {}

    def __len__(self) -> int:
        return len(self._pods)

    def add(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid not in self._pods:
            asked = _numbers(pod_requests(pod))
            self._pods[uid] = asked, host_ports(pod)
            for name, value in asked.items():
                self.used[name] = self.used.get(name, 0) + value

    def remove(self, uid: str) -> None:
        asked, _ = self._pods.pop(uid, ({}, []))
        for name, value in asked.items():
            self.used[name] -= value

    def without(self, uid: str) -> "Taken":
        """What the others hold."""
        others = Taken()
        others.used = dict(self.used)
        others._pods = dict(self._pods)
        others.remove(uid)
        return others

    def clashes(self, wanted: list[tuple[str, str, int]]) -> bool:
        return bool(wanted) and any(_clash(a, b) for _, ports in self._pods.values() for a in ports for b in wanted)


def refusal(pod: Object, node: Object, taken: Taken) -> tuple[str, str] | None:
    """Reason and message why the node does not take it."""
    field = unsupported(pod)
    if field is not None:
        return "UnsupportedField", f"Pynetes does not support the field {field} yet"
    operating_system = (pod["spec"].get("os") or {}).get("name")
    if operating_system and operating_system != "linux":
        return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
    short = _short_of(pod, node, taken)
    if short is not None:
        return short
    if not matches_node(pod, node):
        return _predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    if taken.clashes(host_ports(pod)):
        return _predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    return None


def has_room(pod: Object, node: Object, taken: Taken) -> tuple[str, str] | None:
    """Reason and message why a pod of this node cannot have what it now asks for."""
    others = taken.without(pod["metadata"]["uid"])
    return _short_of(pod, node, others)


def _predicate(name: str, text: str) -> tuple[str, str]:
    return name, f"Predicate {name} failed: {text}"


def _short_of(pod: Object, node: Object, taken: Taken) -> tuple[str, str] | None:
    has = _numbers((node.get("status") or {}).get("allocatable") or {})
    wanted = {"pods": 1, **_numbers(pod_requests(pod))}
    used = {**taken.used, "pods": len(taken)}
    for name, value in wanted.items():
        if name not in has and name in ("pods", "ephemeral-storage"):
            continue
        if value and value + used.get(name, 0) > has.get(name, 0):
            return f"OutOf{name}", (
                f"Node didn't have enough resource: {name}, requested: {value}, used: {used.get(name, 0)}, "
                f"capacity: {has.get(name, 0)}"
            )
    return None


def _numbers(resources: Mapping[str, str]) -> dict[str, int]:
    return {n: milli(resources, n) if n == "cpu" else whole(resources, n) for n in resources}


def _clash(one: tuple[str, str, int], other: tuple[str, str, int]) -> bool:
    everywhere = ("", "0.0.0.0", "::")
    same_host = one[0] == other[0] or one[0] in everywhere or other[0] in everywhere
    return same_host and one[1:] == other[1:]


def matches_node(pod: Object, node: Object) -> bool:
    """The pod's nodeSelector and required node affinity against the node."""
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(term_matches(node, term) for term in required.get("nodeSelectorTerms") or ())
