"""Priority classes. Source: kubernetes ``pkg/apis/scheduling/validation/validation.go``, ``pkg/apis/scheduling/v1``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import forbidden, immutable, not_supported, required
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

HIGHEST_USER_PRIORITY = 1_000_000_000
SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_POLICIES = ("PreemptLowerPriority", "Never")
_STRATEGY = Strategy(generation=True, spec=())


def default(obj: Object) -> None:
    fill(obj, preemptionPolicy="PreemptLowerPriority")


def validate(obj: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(obj, False)
    name, value = obj["metadata"].get("name", ""), obj.get("value", 0)
    if name.startswith("system-"):
        if problem := _system_problem(name, obj):
            detail = "priority class names with 'system-' prefix are reserved for system use only. error: "
            causes.append(forbidden("metadata.name", detail + problem))
    elif value > HIGHEST_USER_PRIORITY:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        causes.append(forbidden("value", detail))
    policy = obj.get("preemptionPolicy")
    if policy == "":
        causes.append(required("preemptionPolicy"))
    elif policy is not None and policy not in _POLICIES:
        causes.append(not_supported("preemptionPolicy", policy, _POLICIES))
    return causes


def _system_problem(name: str, obj: Object) -> str:
    if name not in SYSTEM:
        return f"{name} is not a known system priority class"
    if obj.get("value", 0) != SYSTEM[name]:
        return f"value of {name} PriorityClass must be {SYSTEM[name]}"
    if obj.get("globalDefault"):
        return f"globalDefault of {name} PriorityClass must be false"
    return ""


def validate_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(obj, old)
    if obj.get("value", 0) != old.get("value", 0):
        causes.append(forbidden("value", "may not be changed in an update."))
    return causes + immutable("preemptionPolicy", obj.get("preemptionPolicy"), old.get("preemptionPolicy"))


def table_row(obj: Object, now: float) -> list[Any]:
    return [
        obj["metadata"]["name"],
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        rows.age(obj, now),
        obj.get("preemptionPolicy") or "",
    ]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
)
