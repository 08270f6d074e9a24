"""What a budget allows, from its pods and the scales of their controllers.

Source: pkg/controller/disruption/disruption.go; component-helpers ``apps/poddisruptionbudget``.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pynetes.client.kinds import POD_DISRUPTION_BUDGETS, PODS
from pynetes.controllers import podstate
from pynetes.controllers.actions import Report
from pynetes.controllers.ownership import named
from pynetes.kinds.pods import lifecycle
from pynetes.kinds.workload import scaled
from pynetes.meta import selectors
from pynetes.meta.objects import Object, controller_of, name_of, namespace_of
from pynetes.meta.times import parse_time, rfc3339

DELETION_SECONDS = 120.0
"""After an eviction the pod must be seen to be deleted within this time, else it counts again."""

STALE_SECONDS = 120.0
"""After this time a pod that is still not being deleted loses its mark."""


@dataclass(slots=True)
class Plan:
    """``again``: seconds until an evicted pod that is still there counts again."""

    status: Object
    reports: list[Report] = field(default_factory=list)
    again: float | None = None


def plan(budget: Object, pods: Sequence[Object], scales: Mapping[str, int], now: float) -> Plan:
    """``scales``: what the pods' controllers ask for, by their uid."""
    reports = []
    if not pods:
        reports.append(_about(budget, "Normal", "NoPods", "No matching pods found"))
    expected, desired = _expectation(budget, pods, scales)
    if needs_scales(budget) and any(controller_of(pod) is None for pod in pods):
        reports.append(_about(budget, "Warning", "UnmanagedPods", _unmanaged(budget)))
    disrupted, again, overdue = _disrupted(budget, pods, now)
    reports += overdue
    healthy = sum(1 for pod in pods if _is_healthy(pod, disrupted))
    allowed = max(0, healthy - desired) if expected > 0 else 0
    return Plan(_status(budget, healthy, desired, expected, allowed, disrupted, now), reports, again)


def needs_scales(budget: Object) -> bool:
    """Whether the budget is a share or a maximum of what controllers ask for."""
    spec = budget["spec"]
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def _expectation(budget: Object, pods: Sequence[Object], scales: Mapping[str, int]) -> tuple[int, int]:
    """How many pods there should be, and how many of them must be healthy."""
    spec = budget["spec"]
    if needs_scales(budget):
        total = sum(scales.values())
        if spec.get("maxUnavailable") is not None:
            return total, max(0, total - scaled(spec["maxUnavailable"], total, up=True))
        return total, scaled(spec["minAvailable"], total, up=True)
    if spec.get("minAvailable") is not None:
        return len(pods), spec["minAvailable"]
    return 0, 0


def _disrupted(budget: Object, pods: Iterable[Object], now: float) -> tuple[dict[str, str], float | None, list[Report]]:
    """The evicted pods that are still to be deleted, when to look again, and what to say of those that never were."""
    found: dict[str, str] = {}
    again: float | None = None
    reports: list[Report] = []
    listed = (budget.get("status") or {}).get("disruptedPods") or {}
    for pod in pods:
        if podstate.is_deleted(pod) or name_of(pod) not in listed:
            continue
        left = parse_time(listed[name_of(pod)]) + DELETION_SECONDS - now
        if left < 0:
            # upstream names the namespace twice
            where = f"{namespace_of(budget)}/{namespace_of(budget)}"
            text = f"Pod was expected by PDB {where} to be deleted but it wasn't"
            reports.append(Report(named(PODS, pod), "Warning", "NotDeleted", text))
        else:
            found[name_of(pod)] = listed[name_of(pod)]
            again = left if again is None else min(again, left)
    return found, again, reports


def _is_healthy(pod: Object, disrupted: Mapping[str, str]) -> bool:
    return not podstate.is_deleted(pod) and name_of(pod) not in disrupted and lifecycle.is_ready(pod)


def _status(
    budget: Object, healthy: int, desired: int, expected: int, allowed: int, disrupted: Mapping[str, str], now: float
) -> Object:
    before = budget.get("status") or {}
    generation = budget["metadata"].get("generation", 0)
    status: Object = {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "conditions": copy.deepcopy(before.get("conditions") or []),
    }
    if disrupted:
        status["disruptedPods"] = dict(disrupted)
    if generation:
        status["observedGeneration"] = generation
    condition = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
    }
    present = lifecycle.find_condition(status["conditions"], "DisruptionAllowed")
    if _is_news(before, status, present, condition):
        _put_condition(status, condition, generation, now)
    return status


def _is_news(before: Object, status: Object, present: Object | None, condition: Object) -> bool:
    """What the condition says of the generation that it observed changes only together with something else."""
    if present is None or any(present.get(name) != condition[name] for name in ("status", "reason")):
        return True
    return {**before, "conditions": None} != {**status, "conditions": None}


def failed(budget: Object, error: Exception, now: float) -> Object:
    """The status when the count failed: nothing is allowed."""
    status = copy.deepcopy(budget.get("status") or {})
    status["disruptionsAllowed"] = 0
    for name in ("currentHealthy", "desiredHealthy", "expectedPods"):
        status.setdefault(name, 0)
    condition = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": str(error)}
    _put_condition(status, condition, status.get("observedGeneration", 0), now)
    return status


def _put_condition(status: Object, condition: Object, generation: int, now: float) -> None:
    """The time of the last transition is that of the last change of the status."""
    conditions = status.setdefault("conditions", [])
    present = lifecycle.find_condition(conditions, condition["type"])
    since = rfc3339(now)
    if present is not None and present["status"] == condition["status"]:
        since = present["lastTransitionTime"]
    made = {**condition, "lastTransitionTime": since}
    if generation:
        made["observedGeneration"] = generation
    if present is None:
        conditions.append(made)
    else:
        conditions[conditions.index(present)] = made


def _about(budget: Object, type_: str, reason: str, message: str) -> Report:
    return Report(named(POD_DISRUPTION_BUDGETS, budget), type_, reason, message)


def _unmanaged(budget: Object) -> str:
    selector = selectors.printed(budget["spec"].get("selector") or {})
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {selector}) were"
        " found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result"
        ' in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an'
        " integer value."
    )


# --- marks of disruptions that never came


def stale_after(pod: Object, now: float) -> float | None:
    """Seconds until the pod's mark is stale; None when it has none that could be. Those of kubelets never are."""
    if podstate.is_deleted(pod) or lifecycle.is_terminal(pod):
        return None
    mark = lifecycle.condition(pod, "DisruptionTarget")
    if mark is None or mark.get("status") != "True" or mark.get("reason") == "TerminationByKubelet":
        return None
    return max(0.0, parse_time(mark["lastTransitionTime"]) + STALE_SECONDS - now)


def unmarked(pod: Object, now: float) -> Object:
    """The pod's status with the mark taken back."""
    mark: Object = {
        "type": "DisruptionTarget",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
    }
    if generation := pod["metadata"].get("generation"):
        mark["observedGeneration"] = generation
    conditions = [mark if c["type"] == mark["type"] else c for c in pod["status"]["conditions"]]
    return {**pod["status"], "conditions": conditions}
