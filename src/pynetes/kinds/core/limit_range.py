"""Limit ranges. Source: kubernetes ``pkg/apis/core/v1/defaults.go``, ``pkg/apis/core/validation/validation.go``."""

from collections.abc import Mapping
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core import resource_names
from pynetes.kinds.core.pod_defaults import round_amounts
from pynetes.kinds.metadata import Validation
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, required
from pynetes.meta.names import qualified_name
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_LISTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def default(limit_range: Object) -> None:
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            _default_container(item)
        for name in _LISTS:
            if item.get(name):
                round_amounts(item[name])


def _default_container(item: Object) -> None:
    limits = item["default"] = {**(item.get("max") or {}), **(item.get("default") or {})}
    item["defaultRequest"] = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}


def prepare_create(limit_range: Object, context: WriteContext) -> None:
    """Without a name it gets one that is nobody's."""
    meta = limit_range["metadata"]
    if not meta.get("name"):
        meta["name"] = meta["uid"]


def rules(limit_range: Object) -> list[Cause]:
    causes: list[Cause] = []
    seen = set()
    for i, item in enumerate((limit_range.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{i}]", item.get("type", "")
        causes += _type(f"{path}.type", kind)
        if kind in seen:
            causes.append(duplicate(f"{path}.type", kind))
        seen.add(kind)
        causes += _item(path, kind, item)
    return causes


def _type(path: Path, kind: str) -> list[Cause]:
    if problems := qualified_name(kind):
        return [invalid(path, kind, p) for p in problems]
    if "/" not in kind and kind not in _TYPES:
        return [invalid(path, kind, "must be a standard limit type or fully qualified")]
    return []


def _item(path: Path, kind: str, item: Object) -> list[Cause]:
    causes: list[Cause] = []
    check = resource_names.resource_name
    if kind in ("Pod", "Container"):
        check = resource_names.container_resource_name
    amounts: dict[str, dict[str, Quantity]] = {name: {} for name in _LISTS}
    for name in _LISTS:
        if name == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim":
            if not any("storage" in (item.get(side) or ()) for side in ("min", "max")):
                detail = "either minimum or maximum storage value is required, but neither was provided"
                causes.append(required(f"{path}.limits", detail))
        if name in ("default", "defaultRequest") and kind == "Pod":
            if item.get(name):
                causes.append(forbidden(f"{path}.{name}", "may not be specified when `type` is 'Pod'"))
            continue
        for resource, text in (item.get(name) or {}).items():
            causes += check(f"{path}.{name}[{resource}]", resource)
            amounts[name][resource] = Quantity.parse(text)
    for resource in dict.fromkeys(r for name in _LISTS for r in amounts[name]):
        causes += _one(path, resource, {name: found.get(resource) for name, found in amounts.items()})
    return causes


def _one(path: Path, resource: str, amounts: Mapping[str, Quantity | None]) -> list[Cause]:
    """Against the amounts of one resource, which must be in order: min, default request, default, max."""
    low, high, limit, request = (amounts[n] for n in ("min", "max", "default", "defaultRequest"))
    ratio = amounts["maxLimitRequestRatio"]
    causes: list[Cause] = []

    def ordered(
        name: str, shown: Quantity | None, less: Quantity | None, more: Quantity | None, texts: tuple[str, str]
    ) -> None:
        if less is None or more is None or shown is None or less <= more:
            return
        detail = f"{texts[0]} value {less.canonical()} is greater than {texts[1]} value {more.canonical()}"
        causes.append(invalid(f"{path}.{name}[{resource}]", shown.canonical(), detail))

    ordered("min", low, low, high, ("min", "max"))
    ordered("defaultRequest", request, low, request, ("min", "default request"))
    ordered("defaultRequest", request, request, high, ("default request", "max"))
    ordered("defaultRequest", request, request, limit, ("default request", "default limit"))
    ordered("default", low, low, limit, ("min", "default"))
    ordered("default", high, limit, high, ("default", "max"))
    if ratio is not None:
        at, text = f"{path}.maxLimitRequestRatio[{resource}]", ratio.canonical()
        if ratio < Quantity.of(1):
            causes.append(invalid(at, text, f"ratio {text} is less than 1"))
        if low is not None and high is not None and low.nanos:
            most = high.nanos / low.nanos
            if ratio.nanos / 1e9 > most:
                causes.append(invalid(at, text, f"ratio {text} is greater than max/min = {most:f}"))
    if limit is not None and request is not None and limit != request and not resource_names.may_overcommit(resource):
        texts = (
            f"default value {limit.canonical()} must equal to defaultRequest value {request.canonical()} in {resource}"
        )
        causes.append(invalid(f"{path}.defaultRequest[{resource}]", request.canonical(), texts))
    return causes


def table_row(limit_range: Object, now: float) -> list[Any]:
    return [limit_range["metadata"]["name"], rows.created(limit_range)]


_VALIDATION = Validation(rules=rules)

HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    validate=_VALIDATION.create,
    validate_update=lambda obj, old, context: [*_VALIDATION.create(obj, context)],
    table_row=table_row,
)
