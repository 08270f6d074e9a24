"""What controllers ask about pods beyond their life: since when they are ready, and which pod to give up first.

Source: pkg/controller/controller_utils.go and pkg/api/v1/pod/util.go.
"""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from pynetes.kinds.pods.lifecycle import condition, is_active, is_ready, is_terminal, phase
from pynetes.meta.objects import Object, annotations_of, uid_of
from pynetes.meta.times import parse_time

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def node_of(pod: Object) -> str:
    node: str = pod["spec"].get("nodeName", "")
    return node


def is_deleted(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def is_terminating(pod: Object) -> bool:
    """Being deleted while its containers may still run."""
    return not is_terminal(pod) and is_deleted(pod)


def ready_since(pod: Object) -> float:
    """When the pod became ready, in seconds since the epoch; 0 when it is not or does not say."""
    found = condition(pod, "Ready")
    if found is None or found.get("status") != "True" or not found.get("lastTransitionTime"):
        return 0.0
    return parse_time(found["lastTransitionTime"])


def next_availability(pods: Iterable[Object], min_ready_seconds: int, now: float) -> float | None:
    """Seconds until the next ready pod becomes available."""
    waits = (ready_since(pod) + min_ready_seconds - now for pod in pods if ready_since(pod))
    return min((wait for wait in waits if wait > 0), default=None)


def created_at(obj: Object) -> float:
    text = obj["metadata"].get("creationTimestamp")
    return parse_time(text) if text else 0.0


def first_to_delete(pods: Sequence[Object], related: Iterable[Object], now: float) -> list[Object]:
    """The pods in the order in which a controller that has too many gives them up.

    Unassigned before assigned; Pending, Unknown, Running; not ready; lower deletion cost; on a node with more pods of
    ``related``; ready for a shorter time (by powers of two, then by uid); more restarts; younger (likewise).
    """
    on_node: dict[str, int] = {}
    for pod in related:
        if is_active(pod):
            on_node[node_of(pod)] = on_node.get(node_of(pod), 0) + 1
    return sorted(pods, key=functools.cmp_to_key(_comparison(on_node, now)))


def _comparison(on_node: Mapping[str, int], now: float) -> Callable[[Object, Object], int]:
    def facts(pod: Object) -> tuple[object, ...]:
        regular, sidecar = _restarts(pod)
        return (
            bool(node_of(pod)),
            _PHASES.get(phase(pod), 0),
            is_ready(pod),
            _deletion_cost(pod),
            -on_node.get(node_of(pod), 0),
            ready_since(pod) if is_ready(pod) else None,
            (-regular, -sidecar),
            created_at(pod),
        )

    known: dict[int, tuple[object, ...]] = {}

    def compare(a: Object, b: Object) -> int:
        first = _once(known, a, facts)
        second = _once(known, b, facts)
        for index, (x, y) in enumerate(zip(first, second, strict=True)):
            if x == y:
                continue
            if index in (5, 7):
                return _by_age(a, b, x, y, now)
            return -1 if x < y else 1  # type: ignore[operator]
        return 0

    return compare


def _once(
    known: dict[int, tuple[object, ...]], pod: Object, facts: Callable[[Object], tuple[object, ...]]
) -> tuple[object, ...]:
    if id(pod) not in known:
        known[id(pod)] = facts(pod)
    return known[id(pod)]


def _by_age(a: Object, b: Object, since_a: object, since_b: object, now: float) -> int:
    """A missing time first, then the shorter age; ages of one power of two (in nanoseconds) by uid."""
    if not isinstance(since_a, float) or not isinstance(since_b, float) or not since_a or not since_b:
        return -1 if not since_a else 1
    difference = _power(now - since_a) - _power(now - since_b)
    if difference:
        return difference
    return -1 if uid_of(a) < uid_of(b) else 1


def _power(age: float) -> int:
    return int(math.log2(age * 1e9)) if age > 0 else -1


def _deletion_cost(pod: Object) -> int:
    text = annotations_of(pod).get(DELETION_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0


def _restarts(pod: Object) -> tuple[int, int]:
    status = pod.get("status") or {}
    regular = max((s.get("restartCount", 0) for s in status.get("containerStatuses") or ()), default=0)
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    statuses = status.get("initContainerStatuses") or ()
    return regular, max((s.get("restartCount", 0) for s in statuses if s.get("name") in sidecars), default=0)
