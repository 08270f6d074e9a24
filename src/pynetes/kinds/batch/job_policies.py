"""What is wrong with a job's policies of failure and success.

Source: kubernetes ``pkg/apis/batch/validation/validation.go``.
"""

from collections.abc import Collection, Sequence

from pynetes.kinds.batch.indexes import count, intervals
from pynetes.meta.fielderrors import OMITTED, Path, duplicate, invalid, not_supported, required, too_long, too_many
from pynetes.meta.gotext import quoted
from pynetes.meta.names import qualified_name, size
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.validation import non_negative

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_MAX_RULES = 20
_MAX_INDEXES_SIZE = 64 * 1024


def failure_policy(path: Path, spec: Object) -> list[Cause]:
    rules = spec["podFailurePolicy"].get("rules") or ()
    path += ".rules"
    causes = [too_many(path, len(rules), _MAX_RULES)] if len(rules) > _MAX_RULES else []
    pods = (spec.get("template") or {}).get("spec") or {}
    names = {c.get("name") for member in ("containers", "initContainers") for c in pods.get(member) or ()}
    for i, rule in enumerate(rules):
        causes += _failure_rule(f"{path}[{i}]", rule, spec, names)
    return causes


def _failure_rule(path: Path, rule: Object, spec: Object, names: Collection[str | None]) -> list[Cause]:
    causes: list[Cause] = []
    action, codes, conditions = rule.get("action") or "", rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    if not action:
        causes.append(required(f"{path}.action", _valid(_ACTIONS)))
    elif action == "FailIndex":
        if spec.get("backoffLimitPerIndex") is None:
            causes.append(invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set"))
    elif action not in _ACTIONS:
        causes.append(not_supported(f"{path}.action", action, _ACTIONS))
    if codes is not None:
        causes += _exit_codes(f"{path}.onExitCodes", codes, names)
    if len(conditions) > _MAX_RULES:
        causes.append(too_many(f"{path}.onPodConditions", len(conditions), _MAX_RULES))
    for i, pattern in enumerate(conditions):
        causes += _pod_condition(f"{path}.onPodConditions[{i}]", pattern)
    if codes is not None and conditions:
        causes.append(invalid(path, OMITTED, "specifying both OnExitCodes and OnPodConditions is not supported"))
    if codes is None and not conditions:
        causes.append(invalid(path, OMITTED, "specifying one of OnExitCodes and OnPodConditions is required"))
    return causes


def _valid(values: Sequence[str]) -> str:
    return f"valid values: [{' '.join(map(quoted, values))}]"


def _exit_codes(path: Path, codes: Object, names: Collection[str | None]) -> list[Cause]:
    causes: list[Cause] = []
    operator, container, values = codes.get("operator") or "", codes.get("containerName"), codes.get("values") or []
    if not operator:
        causes.append(required(f"{path}.operator", _valid(_OPERATORS)))
    elif operator not in _OPERATORS:
        causes.append(not_supported(f"{path}.operator", operator, _OPERATORS))
    if container is not None and container not in names:
        detail = "must be one of the container or initContainer names in the pod template"
        causes.append(invalid(f"{path}.containerName", container, detail))
    if not values:
        causes.append(invalid(f"{path}.values", codes.get("values"), "at least one value is required"))
    elif len(values) > 255:
        causes.append(too_many(f"{path}.values", len(values), 255))
    seen: set[int] = set()
    for i, value in enumerate(values):
        if operator == "In" and value == 0:
            causes.append(invalid(f"{path}.values[{i}]", 0, "must not be 0 for the In operator"))
        if value in seen:
            causes.append(duplicate(f"{path}.values[{i}]", value))
        seen.add(value)
    if values != sorted(values):
        causes.append(invalid(f"{path}.values", values, "must be ordered"))
    return causes


def _pod_condition(path: Path, pattern: Object) -> list[Cause]:
    kind, status = pattern.get("type") or "", pattern.get("status") or ""
    causes = [invalid(f"{path}.type", kind, p) for p in qualified_name(kind)]
    if not status:
        causes.append(required(f"{path}.status", _valid(_STATUSES)))
    elif status not in _STATUSES:
        causes.append(not_supported(f"{path}.status", status, _STATUSES))
    return causes


def success_policy(path: Path, spec: Object) -> list[Cause]:
    rules = spec["successPolicy"].get("rules") or ()
    path += ".rules"
    causes: list[Cause] = []
    if not rules:
        causes.append(required(path, "at least one rules must be specified when the successPolicy is specified"))
    if len(rules) > _MAX_RULES:
        causes.append(too_many(path, len(rules), _MAX_RULES))
    for i, rule in enumerate(rules):
        causes += _success_rule(f"{path}[{i}]", rule, spec.get("completions") or 0)
    return causes


def _success_rule(path: Path, rule: Object, completions: int) -> list[Cause]:
    causes: list[Cause] = []
    wanted, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if wanted is None and indexes is None:
        causes.append(required(path, "at least one of succeededCount or succeededIndexes must be specified"))
    total = 0
    if indexes is not None:
        at = f"{path}.succeededIndexes"
        if size(indexes) > _MAX_INDEXES_SIZE:
            causes.append(too_long(at, _MAX_INDEXES_SIZE))
        try:
            total = count(intervals(indexes, completions))
        except ValueError as error:
            causes.append(invalid(at, indexes, f"error parsing succeededIndexes: {error}"))
    if wanted is not None:
        at = f"{path}.succeededCount"
        causes += non_negative(at, wanted)
        limit = "must be less than or equal to"
        if wanted > completions:
            causes.append(invalid(at, wanted, f"{limit} {completions} (the number of specified completions)"))
        if indexes is not None and wanted > total:
            what = "the number of indexes in the specified succeededIndexes field"
            causes.append(invalid(at, wanted, f"{limit} {total} ({what})"))
    return causes
