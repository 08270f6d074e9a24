"""Which pods make room for a critical one that was bound to this node: as few as possible, the least protected first.

Pure. Source: kubernetes ``pkg/kubelet/preemption/preemption.go``; tasks/administer-cluster/
guaranteed-scheduling-critical-addon-pods.
"""

from collections.abc import Mapping, Sequence

from pynetes.kubelet import pods
from pynetes.kubelet.admission import Shortfall, numbers
from pynetes.kubelet.resources import pod_requests
from pynetes.meta.objects import Object

REASON, MESSAGE = "Preempting", "Preempted in order to admit critical pod"
CONDITION = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "TerminationByKubelet",
    "message": "Pod was preempted by Kubelet to accommodate a critical pod.",
}

Needs = Mapping[str, int]


class NoRoom(Exception):
    """All that may go is too little."""


def victims(pod: Object, others: Sequence[Object], short: Sequence[Shortfall]) -> list[Object]:
    """Those of the other pods that have to go. Raises: NoRoom."""
    needs = {s.resource: s.missing for s in short}
    by_class: dict[str, list[Object]] = {"BestEffort": [], "Burstable": [], "Guaranteed": []}
    for other in others:
        if _may_go(pod, other):
            by_class[pods.qos_class(other)].append(other)
    best_effort, burstable, guaranteed = by_class.values()
    left = _less(needs, [*best_effort, *burstable, *guaranteed])
    if left:
        raise NoRoom(f"no set of running pods found to reclaim resources: {_told(left)}")
    last = _nearest(guaranteed, _less(needs, [*best_effort, *burstable]))
    middle = _nearest(burstable, _less(needs, [*best_effort, *last]))
    first = _nearest(best_effort, _less(needs, [*middle, *last]))
    return [*first, *middle, *last]


def _may_go(pod: Object, other: Object) -> bool:
    if not pods.is_critical(other):
        return True
    mine, its = pod["spec"].get("priority"), other["spec"].get("priority")
    return mine is not None and its is not None and mine > its


def _requests(pod: Object) -> dict[str, int]:
    return {"pods": 1, **numbers(pod_requests(pod))}


def _less(needs: Needs, gone: Sequence[Object]) -> dict[str, int]:
    """What is still missing when these are gone."""
    given = [_requests(pod) for pod in gone]
    left = {name: value - sum(g.get(name, 0) for g in given) for name, value in needs.items()}
    return {name: value for name, value in left.items() if value > 0}


def _nearest(candidates: Sequence[Object], needs: Needs) -> list[Object]:
    """Again and again the one that comes nearest to what is missing; of equals the smaller."""
    remaining, chosen = list(candidates), []
    while needs:
        if not remaining:
            raise NoRoom(f"no set of running pods found to reclaim resources: {_told(needs)}")
        best = min(remaining, key=lambda pod: (_distance(pod, needs), _size(pod)))
        remaining.remove(best)
        chosen.append(best)
        needs = _less(needs, [best])
    return chosen


def _distance(pod: Object, needs: Needs) -> float:
    has = _requests(pod)
    return float(sum((max(value - has.get(name, 0), 0) / value) ** 2 for name, value in needs.items()))


def _size(pod: Object) -> tuple[int, int]:
    has = _requests(pod)
    return has.get("memory", 0), has.get("cpu", 0)


def _told(needs: Needs) -> str:
    return "[" + "".join(f"(res: {name}, q: {value}), " for name, value in needs.items()) + "]"
