"""Device classes, claims, claim templates and slices.

Source: kubernetes ``pkg/apis/resource``, ``pkg/registry/resource``.
"""

from collections.abc import Mapping
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill_empty
from pynetes.kinds.resource.claim_status_validation import allocated, device_of
from pynetes.kinds.resource.claim_validation import (
    validate_claim,
    validate_claim_update,
    validate_template,
    validate_template_update,
)
from pynetes.kinds.resource.slice_validation import (
    slice_warnings,
    validate_class,
    validate_class_update,
    validate_slice,
    validate_slice_update,
)
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.times import rfc3339

_VERSIONED = Strategy(generation=True)
_CLAIM = Strategy(has_status=True, resets_metadata=True)


def _default_requests(spec: Object) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        exact = request.get("exactly")
        for device in ([exact] if exact is not None else []) + list(request.get("firstAvailable") or ()):
            fill_empty(device, allocationMode="ExactCount")
            if device["allocationMode"] == "ExactCount":
                fill_empty(device, count=1)
            _default_tolerations(device)


def _default_tolerations(owner: Object) -> None:
    for toleration in owner.get("tolerations") or ():
        fill_empty(toleration, operator="Equal")


def default_claim(obj: Object) -> None:
    _default_requests(obj.setdefault("spec", {}))
    allocation = (obj.get("status") or {}).get("allocation") or {}
    for result in (allocation.get("devices") or {}).get("results") or ():
        _default_tolerations(result)


def default_template(obj: Object) -> None:
    _default_requests(obj.setdefault("spec", {}).setdefault("spec", {}))


def prepare_claim_update(claim: Object, old: Object, context: WriteContext) -> None:
    """With an allocation go the states of its devices."""
    _CLAIM.update(claim, old, context)
    status = claim.get("status") or {}
    if context.subresource != "status" or not status.get("devices"):
        return
    gone = allocated(old.get("status") or {}) - allocated(status)
    kept = [device for device in status["devices"] if device_of(device) not in gone]
    if kept:
        status["devices"] = kept
    else:
        del status["devices"]


def prepare_slice_create(obj: Object, context: WriteContext) -> None:
    _VERSIONED.create(obj, context)
    _drop_disabled(obj, None)
    _date_taints(obj, context)


def prepare_slice_update(obj: Object, old: Object, context: WriteContext) -> None:
    _drop_disabled(obj, old)
    _date_taints(obj, context)
    _VERSIONED.update(obj, old, context)


def _date_taints(obj: Object, context: WriteContext) -> None:
    """A default of upstream's, where hooks that fill in know no time."""
    for device in (obj.get("spec") or {}).get("devices") or ():
        for taint in device.get("taints") or ():
            if taint.get("timeAdded") is None:
                taint["timeAdded"] = rfc3339(context.now)


def _drop_disabled(obj: Object, old: Object | None) -> None:
    """What the gates DRANodeAllocatableResources and DRAListTypeAttributes are for, unless it was there before."""
    devices, before = ((o.get("spec") or {}).get("devices") or () for o in (obj, old or {}))
    if not any(device.get("nodeAllocatableResourceMappings") for device in before):
        for device in devices:
            device.pop("nodeAllocatableResourceMappings", None)
    if not any(_lists(attribute) for device in before for attribute in (device.get("attributes") or {}).values()):
        for device in devices:
            for attribute in (device.get("attributes") or {}).values():
                for name in _lists(attribute):
                    del attribute[name]


def _lists(attribute: Object) -> list[str]:
    return [name for name in ("bools", "ints", "strings", "versions") if name in attribute]


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
    validate=validate_class,
    validate_update=validate_class_update,
    table_row=rows.name_and_age,
)

CLAIM_HOOKS = Hooks(
    default=default_claim,
    prepare_create=_CLAIM.create,
    prepare_update=prepare_claim_update,
    validate=validate_claim,
    validate_update=validate_claim_update,
    table_row=claim_row,
)

TEMPLATE_HOOKS = Hooks(
    default=default_template,
    validate=validate_template,
    validate_update=validate_template_update,
    table_row=rows.name_and_age,
)

SLICE_HOOKS = Hooks(
    prepare_create=prepare_slice_create,
    prepare_update=prepare_slice_update,
    validate=validate_slice,
    validate_update=validate_slice_update,
    warnings=slice_warnings,
    table_row=slice_row,
    fields=slice_fields,
)
