"""Device classes, claims, claim templates and slices.

Source: kubernetes ``pkg/apis/resource``, ``pkg/registry/resource``.
"""

from collections.abc import Mapping
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill_empty
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_CLUSTER = Validation(namespaced=False)
_NAMESPACED = Validation()
_VERSIONED = Strategy(generation=True)
_CLAIM = Strategy(has_status=True, resets_metadata=True)


def _default_requests(spec: Object) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        exact = request.get("exactly")
        for device in ([exact] if exact is not None else []) + list(request.get("firstAvailable") or ()):
            fill_empty(device, allocationMode="ExactCount")
            if device["allocationMode"] == "ExactCount":
                fill_empty(device, count=1)


def default_claim(obj: Object) -> None:
    _default_requests(obj.setdefault("spec", {}))


def default_template(obj: Object) -> None:
    _default_requests(obj.setdefault("spec", {}).setdefault("spec", {}))


def claim_row(obj: Object, now: float) -> list[Any]:
    status = obj.get("status") or {}
    states = ["deleted"] if "deletionTimestamp" in obj["metadata"] else []
    if status.get("allocation") is None:
        states = states or ["pending"]
    else:
        states.append("allocated")
        if status.get("reservedFor"):
            states.append("reserved")
    return [obj["metadata"]["name"], ",".join(states), rows.age(obj, now)]


def slice_row(obj: Object, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    pool = (spec.get("pool") or {}).get("name") or ""
    return [obj["metadata"]["name"], spec.get("nodeName") or "", spec.get("driver") or "", pool, rows.age(obj, now)]


def slice_fields(obj: Object) -> Mapping[str, str]:
    spec = obj.get("spec") or {}
    return {"spec.nodeName": spec.get("nodeName") or "", "spec.driver": spec.get("driver") or ""}


CLASS_HOOKS = Hooks(
    prepare_create=_VERSIONED.create,
    prepare_update=_VERSIONED.update,
    validate=_CLUSTER.create,
    validate_update=_CLUSTER.update,
    table_row=rows.name_and_age,
)

CLAIM_HOOKS = Hooks(
    default=default_claim,
    prepare_create=_CLAIM.create,
    prepare_update=_CLAIM.update,
    validate=_NAMESPACED.create,
    validate_update=_NAMESPACED.update,
    table_row=claim_row,
)

TEMPLATE_HOOKS = Hooks(
    default=default_template,
    validate=_NAMESPACED.create,
    validate_update=_NAMESPACED.update,
    table_row=rows.name_and_age,
)

SLICE_HOOKS = Hooks(
    prepare_create=_VERSIONED.create,
    prepare_update=_VERSIONED.update,
    validate=_CLUSTER.create,
    validate_update=_CLUSTER.update,
    table_row=slice_row,
    fields=slice_fields,
)
