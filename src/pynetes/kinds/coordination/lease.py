"""Leases.

Source: kubernetes ``pkg/apis/coordination/validation/validation.go``, ``pkg/registry/coordination/lease``.
"""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.metadata import Validation
from pynetes.meta.fielderrors import NOT_NEGATIVE, invalid
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

_GATED = ("strategy", "preferredHolder")


def _drop_gated(lease: Object, old: Object | None) -> None:
    """Coordinated leader election is off."""
    spec, before = lease.get("spec") or {}, (old or {}).get("spec") or {}
    for name in _GATED:
        if before.get(name) is None:
            spec.pop(name, None)


def prepare_create(lease: Object, context: WriteContext) -> None:
    _drop_gated(lease, None)


def prepare_update(lease: Object, old: Object, context: WriteContext) -> None:
    _drop_gated(lease, old)


def rules(lease: Object) -> list[Cause]:
    spec = lease.get("spec") or {}
    causes = []
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        causes.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        causes.append(invalid("spec.leaseTransitions", transitions, NOT_NEGATIVE))
    return causes


def table_row(lease: Object, now: float) -> list[Any]:
    holder = (lease.get("spec") or {}).get("holderIdentity") or ""
    return [lease["metadata"]["name"], holder, rows.age(lease, now)]


_VALIDATION = Validation(rules=rules)

HOOKS = Hooks(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=table_row,
)
