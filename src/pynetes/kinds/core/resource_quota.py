"""Resource quotas. Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidateResourceQuota``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core import resource_names
from pynetes.kinds.core.pod_defaults import round_amounts
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import FIELD_IMMUTABLE, Path, invalid, required
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

_STRATEGY = Strategy(has_status=True)
_SCOPES = frozenset(
    (
        "Terminating",
        "NotTerminating",
        "BestEffort",
        "NotBestEffort",
        "PriorityClass",
        "VolumeAttributesClass",
        "CrossNamespacePodAffinity",
    )
)
_ONLY_EXISTS = frozenset(("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"))
_CONFLICTS = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_POD_COMPUTE = frozenset(("cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"))


def default(quota: Object) -> None:
    for owner, names in (("spec", ("hard",)), ("status", ("hard", "used"))):
        for name in names:
            if amounts := (quota.get(owner) or {}).get(name):
                round_amounts(amounts)


def validate(quota: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(quota, True) + _spec(quota.get("spec") or {})


def validate_update(quota: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(quota, old)
    if context.subresource == "status":
        status = quota.get("status") or {}
        return causes + _amounts("status.hard", status.get("hard")) + _amounts("status.used", status.get("used"))
    spec = quota.get("spec") or {}
    causes += _spec(spec)
    scopes = spec.get("scopes") or []
    if set(scopes) != set((old.get("spec") or {}).get("scopes") or ()):
        causes.append(invalid("spec.scopes", scopes or None, FIELD_IMMUTABLE))
    return causes


def _amounts(path: Path, amounts: Mapping[str, str] | None) -> list[Cause]:
    causes: list[Cause] = []
    for name, text in (amounts or {}).items():
        at = f"{path}[{name}]"
        problems = resource_names.resource_name(at, name)
        if "/" not in name and not resource_names.is_standard_quota(name):
            problems.append(invalid(at, name, "must be a standard resource for quota"))
        causes += problems + resource_names.amount(at, name, text)
    return causes


def _spec(spec: Object) -> list[Cause]:
    hard = sorted(spec.get("hard") or ())
    causes = _amounts("spec.hard", spec.get("hard"))
    scopes = spec.get("scopes") or []
    for scope in scopes:
        if scope not in _SCOPES:
            causes.append(invalid("spec.scopes", scopes, "unsupported scope"))
        for name in hard:
            if resource_names.is_standard_quota(name) and not scope_fits(scope, name):
                causes.append(invalid("spec.scopes", scopes, "unsupported scope applied to resource"))
    causes += _conflicts(scopes, scopes)
    if (selector := spec.get("scopeSelector")) is not None:
        causes += _selector(selector, hard, scopes)
    return causes


def _conflicts(scopes: Sequence[str], shown: Sequence[str]) -> list[Cause]:
    return [
        invalid("spec.scopes", list(shown) or None, "conflicting scopes")
        for pair in _CONFLICTS
        if all(scope in scopes for scope in pair)
    ]


def scope_fits(scope: str, resource: str) -> bool:
    """Whether a quota of that resource may be restricted to the scope."""
    match scope:
        case "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity":
            return resource == "pods" or resource in _POD_COMPUTE
        case "BestEffort":
            return resource == "pods"
        case "VolumeAttributesClass":
            return resource in ("persistentvolumeclaims", "requests.storage")
    return True


def _selector(selector: Object, hard: Sequence[str], scopes: Sequence[str]) -> list[Cause]:
    path = "spec.scopeSelector.matchExpressions"
    causes: list[Cause] = []
    expressions = selector.get("matchExpressions") or ()
    for expression in expressions:
        scope, operator = expression.get("scopeName", ""), expression.get("operator", "")
        values = expression.get("values") or []
        if scope not in _SCOPES:
            causes.append(invalid(f"{path}.scopeName", scope, "unsupported scope"))
        for name in hard:
            if resource_names.is_standard_quota(name) and not scope_fits(scope, name):
                causes.append(invalid(path, _shown(selector), "unsupported scope applied to resource"))
        if scope in _ONLY_EXISTS and operator != "Exists":
            detail = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating,"
                " ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or"
                " ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            causes.append(invalid(f"{path}.operator", operator, detail))
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                causes.append(required(f"{path}.values", detail))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                causes.append(invalid(f"{path}.values", values, detail))
        else:
            causes.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    return causes + _conflicts([e.get("scopeName", "") for e in expressions], scopes)


def _shown(selector: Object) -> Object:
    expressions = selector.get("matchExpressions")
    shown = [
        {"ScopeName": e.get("scopeName", ""), "Operator": e.get("operator", ""), "Values": e.get("values")}
        for e in expressions or ()
    ]
    return {"MatchExpressions": shown if expressions is not None else None}


def table_row(quota: Object, now: float) -> list[Any]:
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        column = limits if name.startswith("limits.") else requests
        column.append(f"{name}: {used.get(name, '0')}/{hard[name]}")
    return [quota["metadata"]["name"], ", ".join(requests), ", ".join(limits), rows.age(quota, now)]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
)
