"""Pod disruption budgets. Source: kubernetes ``pkg/registry/policy/poddisruptionbudget/strategy.go``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows, workload
from pynetes.kinds.internal import internal_json
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import invalid, not_supported
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import conditions, label_selector, object_meta, object_meta_update

_STRATEGY = Strategy(generation=True, has_status=True)
_EVICTION_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
_STATUS_COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


def validate(budget: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(budget, True) + _spec(budget.get("spec") or {}, False)


def validate_update(budget: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(budget, old)
    if context.subresource != "status":
        any_value = bool(label_selector("", (old.get("spec") or {}).get("selector")))
        return causes + _spec(budget.get("spec") or {}, any_value)
    status = budget.get("status") or {}
    causes += conditions("status.conditions", status.get("conditions"))
    return causes + workload.counts("status", status, _STATUS_COUNTS)


def _spec(spec: Object, any_value: bool) -> list[Cause]:
    causes: list[Cause] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = internal_json("PodDisruptionBudgetSpec", spec)
        causes.append(invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set"))
    for name in ("minAvailable", "maxUnavailable"):
        if (value := spec.get(name)) is not None:
            causes += workload.int_or_percent(f"spec.{name}", value)
            causes += workload.not_more_than_all(f"spec.{name}", value)
    causes += label_selector("spec.selector", spec.get("selector"), any_value)
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _EVICTION_POLICIES:
        causes.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _EVICTION_POLICIES))
    return causes


def table_row(budget: Object, now: float) -> list[Any]:
    spec, status = budget.get("spec") or {}, budget.get("status") or {}
    return [
        budget["metadata"]["name"],
        str(spec["minAvailable"]) if spec.get("minAvailable") is not None else "N/A",
        str(spec["maxUnavailable"]) if spec.get("maxUnavailable") is not None else "N/A",
        status.get("disruptionsAllowed", 0),
        rows.age(budget, now),
    ]


HOOKS = Hooks(
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
)
