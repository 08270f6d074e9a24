"""Pod disruption budgets. Source: kubernetes ``pkg/registry/policy/poddisruptionbudget/strategy.go``."""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_STRATEGY = Strategy(generation=True, has_status=True)
_VALIDATION = Validation()


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
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=table_row,
)
