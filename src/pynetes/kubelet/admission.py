"""Whether this node takes a pod that was bound to it: what the scheduler asks, asked again, and what is not built yet.

Source: kubernetes ``pkg/kubelet/lifecycle/predicate.go``, ``handlers.go``.
"""

from collections.abc import Iterable, Mapping

from pynetes.kubelet.container import host_ports
from pynetes.kubelet.resources import milli, pod_requests, whole
from pynetes.kubelet.supported import unsupported
from pynetes.meta.objects import Object


def refusal(pod: Object, node: Object, others: Iterable[Object]) -> tuple[str, str] | None:
    """Reason and message why not; ``others`` are the pods that this node has taken and that are not done."""
    field = unsupported(pod)
    if field is not None:
        return "UnsupportedField", f"Pynetes does not support the field {field} yet"
    operating_system = (pod["spec"].get("os") or {}).get("name")
    if operating_system and operating_system != "linux":
        return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
    others = list(others)
    short = _short_of(pod, node, others)
    if short is not None:
        return short
    if not matches_node(pod, node):
        return _predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    if _ports_taken(pod, others):
        return _predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    return None


def _predicate(name: str, text: str) -> tuple[str, str]:
    return name, f"Predicate {name} failed: {text}"


def _short_of(pod: Object, node: Object, others: list[Object]) -> tuple[str, str] | None:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    if "pods" in allocatable and len(others) + 1 > whole(allocatable, "pods"):
        count = whole(allocatable, "pods")
        return (
            "OutOfpods",
            f"Node didn't have enough resource: pods, requested: 1, used: {len(others)}, capacity: {count}",
        )
    used: dict[str, int] = {}
    for other in others:
        for name, value in _numbers(pod_requests(other)).items():
            used[name] = used.get(name, 0) + value
    has = _numbers(allocatable)
    for name, value in _numbers(pod_requests(pod)).items():
        if name == "ephemeral-storage" and name not in has:
            continue
        if value and value + used.get(name, 0) > has.get(name, 0):
            return f"OutOf{name}", (
                f"Node didn't have enough resource: {name}, requested: {value}, used: {used.get(name, 0)}, "
                f"capacity: {has.get(name, 0)}"
            )
    return None


def _numbers(resources: Mapping[str, str]) -> dict[str, int]:
    return {n: milli(resources, n) if n == "cpu" else whole(resources, n) for n in resources}


def _ports_taken(pod: Object, others: Iterable[Object]) -> bool:
    wanted = host_ports(pod)
    if not wanted:
        return False
    taken = [port for other in others for port in host_ports(other)]
    return any(_clash(a, b) for a in wanted for b in taken)


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
    return any(_term(term, node) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    by_field = {"metadata.name": node["metadata"]["name"]}
    return all(_requirement(r, labels) for r in expressions) and all(_requirement(r, by_field) for r in fields)


def _requirement(requirement: Object, values: Mapping[str, str]) -> bool:
    key, operator = requirement["key"], requirement["operator"]
    wanted = requirement.get("values") or []
    present = key in values
    if operator == "In":
        return present and values[key] in wanted
    if operator == "NotIn":
        return not present or values[key] not in wanted
    if operator == "Exists":
        return present
    if operator == "DoesNotExist":
        return not present
    if not present or not wanted:
        return False
    try:
        number, bound = int(values[key]), int(wanted[0])
    except ValueError:
        return False
    return number > bound if operator == "Gt" else number < bound
