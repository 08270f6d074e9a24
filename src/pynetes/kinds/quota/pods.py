"""What a pod uses of quotas: itself, and until it has ended what it requests and is limited to.

Source: kubernetes ``pkg/quota/v1/evaluator/core/pods.go``, ``pkg/quota/v1/install/update_filter.go``.
"""

from collections.abc import Collection, Mapping

from pynetes.kinds.core.resource_names import HUGE_PAGES, is_extended, is_native
from pynetes.kinds.pods import lifecycle, resources
from pynetes.kinds.pods.resources import Amounts, amounts
from pynetes.kinds.quota.types import ONE, Evaluator, Write, plus, selects
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.times import parse_time

COUNT = "count/pods"
_DEVICE_CLASS = "deviceclass.resource.kubernetes.io/"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_NAMES = frozenset(
    (COUNT, "pods", *_COMPUTE, *(f"requests.{name}" for name in _COMPUTE), *(f"limits.{name}" for name in _COMPUTE))
)
_DEMANDED = frozenset(f"{side}{name}" for side in ("", "requests.", "limits.") for name in ("cpu", "memory"))
"""Where a quota limits one of these, every container must say it: a mistake of the first days that stayed."""


def counts(name: str) -> bool:
    if name in _NAMES or name.startswith((HUGE_PAGES, f"requests.{HUGE_PAGES}")):
        return True
    return name.startswith("requests.") and (not is_native(name) or name.startswith(f"requests.{_DEVICE_CLASS}"))


def usage(pod: Object, now: float) -> Amounts:
    if has_ended(pod, now):
        return {COUNT: ONE}
    used = _compute(resources.requests(pod, actual=True), resources.limits(pod, actual=True))
    return plus({COUNT: ONE}, used)


def has_ended(pod: Object, now: float) -> bool:
    """It has failed or succeeded, or should be gone since its grace period ended: its node may be lost."""
    if lifecycle.is_terminal(pod):
        return True
    meta = pod["metadata"]
    grace = meta.get("deletionGracePeriodSeconds")
    return "deletionTimestamp" in meta and grace is not None and now > parse_time(meta["deletionTimestamp"]) + grace


def _compute(requested: Mapping[str, Quantity], limited: Mapping[str, Quantity]) -> Amounts:
    used: Amounts = {"pods": ONE}
    for name, amount in requested.items():
        if name in _COMPUTE or name.startswith(HUGE_PAGES):
            used[name] = used[f"requests.{name}"] = amount
        elif is_extended(name) or name.startswith(_DEVICE_CLASS):
            used[f"requests.{name}"] = amount
    for name in _COMPUTE:
        if name in limited:
            used[f"limits.{name}"] = limited[name]
    return used


def charged(write: Write) -> bool:
    if write.subresource:
        return write.subresource == "resize" and write.operation == "UPDATE"
    if write.operation == "UPDATE":
        return write.old is not None and is_bounded(write.old) != is_bounded(write.obj)
    return write.operation == "CREATE"


def is_bounded(pod: Object) -> bool:
    """It has a deadline, which is what the scope Terminating means."""
    deadline = (pod.get("spec") or {}).get("activeDeadlineSeconds")
    return deadline is not None and deadline >= 0


def in_scope(requirement: Object, pod: Object) -> bool:
    match requirement.get("scopeName"):
        case "Terminating":
            return is_bounded(pod)
        case "NotTerminating":
            return not is_bounded(pod)
        case "BestEffort":
            return _qos_class(pod) == "BestEffort"
        case "NotBestEffort":
            return _qos_class(pod) != "BestEffort"
        case "PriorityClass":
            name = (pod.get("spec") or {}).get("priorityClassName")
            return selects(requirement, (name,) if name else ())
        case "CrossNamespacePodAffinity":
            return _looks_across_namespaces(pod)
    return False


def _qos_class(pod: Object) -> str:
    said: str = (pod.get("status") or {}).get("qosClass") or ""
    return said or resources.qos_class(pod)


def _looks_across_namespaces(pod: Object) -> bool:
    affinity = (pod.get("spec") or {}).get("affinity") or {}
    for side in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(side) or {}
        required = terms.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        preferred = terms.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        for term in (*required, *(weighted.get("podAffinityTerm") or {} for weighted in preferred)):
            if term.get("namespaces") or term.get("namespaceSelector") is not None:
                return True
    return False


def missing(names: Collection[str], pod: Object) -> str:
    spec = pod.get("spec") or {}
    own = spec.get("resources") or {}
    if any(resources.is_pod_level(name) for side in ("requests", "limits") for name in own.get(side) or ()):
        return ""
    lacking: dict[str, set[str]] = {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        said = container.get("resources") or {}
        has = _compute(amounts(said.get("requests")), amounts(said.get("limits")))
        for name in _DEMANDED.intersection(names):
            if name not in has:
                lacking.setdefault(name, set()).add(container["name"])
    if not lacking:
        return ""
    told = (f"{name} for: {','.join(sorted(containers))}" for name, containers in sorted(lacking.items()))
    return f"must specify {'; '.join(told)}"


def released(old: Object, new: Object, now: float) -> bool:
    if is_bounded(old) != is_bounded(new) or (has_ended(new, now) and not has_ended(old, now)):
        return True
    return any(
        before.get("resources") != after.get("resources")
        for field in ("containerStatuses", "initContainerStatuses")
        for before in (old.get("status") or {}).get(field) or ()
        for after in (new.get("status") or {}).get(field) or ()
        if before["name"] == after["name"]
    )


EVALUATOR = Evaluator("", "pods", counts, usage, charged, in_scope, missing, released)
