"""Horizontal pod autoscalers, in their v2 form.

Source: kubernetes ``pkg/apis/autoscaling/v2/defaults.go``, ``pkg/printers``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.autoscaling.autoscaler_validation import MEMBERS, validate, validate_update
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_STRATEGY = Strategy(has_status=True)


def default(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    fill(spec, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if (behavior := spec.get("behavior")) is not None:
        up = {"type": "Pods", "value": 4, "periodSeconds": 15}
        percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
        _default_rules(behavior, "scaleUp", [up, percent], 0)
        _default_rules(behavior, "scaleDown", [percent], None)


def _default_rules(behavior: Object, name: str, policies: list[Object], window: int | None) -> None:
    rules = behavior.get(name)
    if rules is None:
        rules = behavior[name] = {}
    if window is not None:
        fill(rules, stabilizationWindowSeconds=window)
    fill(rules, selectPolicy="Max", policies=[dict(p) for p in policies])


def table_row(obj: Object, now: float) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    return [
        obj["metadata"]["name"],
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(spec.get("metrics") or (), status.get("currentMetrics") or ()),
        rows.UNSET if spec.get("minReplicas") is None else str(spec["minReplicas"]),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        rows.age(obj, now),
    ]


def _metrics(specs: Sequence[Object], statuses: Sequence[Object]) -> str:
    if not specs:
        return rows.NONE
    texts = [_metric(spec, statuses[i] if i < len(statuses) else {}) for i, spec in enumerate(specs)]
    shown = ", ".join(texts[:2])
    return f"{shown} + {len(texts) - 2} more..." if len(texts) > 2 else shown


def _metric(spec: Object, status: Object) -> str:
    kind = spec.get("type", "")
    member = MEMBERS.get(kind)
    if member is None:
        return "<unknown type>"
    source = spec.get(member) or {}
    target = source.get("target") or {}
    measured = status.get(member)
    current = (measured or {}).get("current") or {}
    average = target.get("averageValue")
    prefix = f"{source.get('name', '')}: " if "Resource" in kind else ""
    if kind == "Pods":
        return f"{current.get('averageValue', '0') if measured else rows.UNKNOWN}/{average or '0'}"
    if average is not None:
        known = current.get("averageValue")
        if prefix:
            return f"{prefix}{(known or '0') if measured else rows.UNKNOWN}/{average}"
        return f"{known if known is not None else rows.UNKNOWN}/{average} (avg)"
    if prefix:
        usage, wanted = current.get("averageUtilization"), target.get("averageUtilization")
        left = rows.UNKNOWN if usage is None else f"{usage}%"
        return f"{prefix}{left}/{'<auto>' if wanted is None else f'{wanted}%'}"
    return f"{current.get('value', '0') if measured else rows.UNKNOWN}/{target.get('value', '0')}"


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
)
