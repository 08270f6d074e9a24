"""Flow schemas and priority levels.

Source: kubernetes ``pkg/apis/flowcontrol/v1/defaults.go``, ``pkg/registry/flowcontrol``.
"""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill, fill_empty
from pynetes.kinds.flowcontrol import flow_schema_validation, priority_level_validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_STRATEGY = Strategy(generation=True, has_status=True, resets_metadata=True)


def default_schema(obj: Object) -> None:
    fill_empty(obj.setdefault("spec", {}), matchingPrecedence=1000)


def default_level(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    if (exempt := spec.get("exempt")) is not None:
        fill(exempt, nominalConcurrencyShares=0, lendablePercent=0)
    if (limited := spec.get("limited")) is not None:
        fill(limited, nominalConcurrencyShares=30, lendablePercent=0)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            fill_empty(queuing, handSize=8, queues=64, queueLengthLimit=50)


def schema_row(obj: Object, now: float) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    method = spec.get("distinguisherMethod")
    dangling = (c.get("status", "") for c in status.get("conditions") or () if c.get("type") == "Dangling")
    return [
        obj["metadata"]["name"],
        (spec.get("priorityLevelConfiguration") or {}).get("name") or "",
        spec.get("matchingPrecedence", 0),
        rows.NONE if method is None else method.get("type", ""),
        rows.age(obj, now),
        next(dangling, "?"),
    ]


def level_row(obj: Object, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    shares: Any = rows.NONE
    queues: list[Any] = [rows.NONE] * 3
    if (limited := spec.get("limited")) is not None:
        shares = limited.get("nominalConcurrencyShares")
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            queues = [queuing.get(name, 0) for name in ("queues", "handSize", "queueLengthLimit")]
    return [obj["metadata"]["name"], spec.get("type") or "", shares, *queues, rows.age(obj, now)]


SCHEMA_HOOKS = Hooks(
    default=default_schema,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=flow_schema_validation.validate,
    validate_update=flow_schema_validation.validate_update,
    table_row=schema_row,
)

LEVEL_HOOKS = Hooks(
    default=default_level,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=priority_level_validation.validate,
    validate_update=priority_level_validation.validate_update,
    table_row=level_row,
)
