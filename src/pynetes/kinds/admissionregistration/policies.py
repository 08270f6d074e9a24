"""Admission policies and their bindings.

Source: kubernetes ``pkg/apis/admissionregistration/v1/defaults.go``, ``pkg/registry``.
"""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks
from pynetes.meta.selectors import format_object

_VALIDATION = Validation(namespaced=False)
_STRATEGY = Strategy(generation=True)
_WITH_STATUS = Strategy(generation=True, has_status=True, resets_metadata=True)


def default_policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    fill(spec, failurePolicy="Fail")
    _default_match(spec.get("matchConstraints"))


def default_binding(obj: Object) -> None:
    _default_match((obj.get("spec") or {}).get("matchResources"))


def _default_match(match: Object | None) -> None:
    if match is None:
        return
    fill(match, matchPolicy="Equivalent")
    for name in ("namespaceSelector", "objectSelector"):
        if match.get(name) is None:
            match[name] = {}
    for name in ("resourceRules", "excludeResourceRules"):
        for rule in match.get(name) or ():
            fill(rule, scope="*")


def _policy_row(obj: Object, now: float, member: str) -> list[Any]:
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    shown = rows.UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"
    return [obj["metadata"]["name"], len(spec.get(member) or ()), shown, rows.age(obj, now)]


def binding_row(obj: Object, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    reference = spec.get("paramRef") or {}
    shown = rows.UNSET
    if reference.get("name"):
        shown = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference.get("selector") is not None:
        shown = format_object(reference["selector"])
    return [obj["metadata"]["name"], spec.get("policyName") or "", shown, rows.age(obj, now)]


VALIDATING_POLICY_HOOKS = Hooks(
    default=default_policy,
    prepare_create=_WITH_STATUS.create,
    prepare_update=_WITH_STATUS.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=lambda obj, now: _policy_row(obj, now, "validations"),
)

MUTATING_POLICY_HOOKS = Hooks(
    default=default_policy,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=lambda obj, now: _policy_row(obj, now, "mutations"),
)

BINDING_HOOKS = Hooks(
    default=default_binding,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=binding_row,
)
