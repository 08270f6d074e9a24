"""Roles and cluster roles. Source: kubernetes ``pkg/apis/rbac/validation/validation.go``."""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.metadata import Validation, object_meta
from pynetes.meta.fielderrors import Path, invalid, required
from pynetes.meta.names import path_segment
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.selectors import SelectorError, from_object
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_selector


def policy_rule(path: Path, rule: Object, namespaced: bool) -> list[Cause]:
    causes = []
    if not rule.get("verbs"):
        causes.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    if urls := rule.get("nonResourceURLs"):
        if namespaced:
            causes.append(
                invalid(f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs")
            )
        if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            causes.append(invalid(f"{path}.nonResourceURLs", urls, detail))
        return causes
    if not rule.get("apiGroups"):
        causes.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        causes.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return causes


def _rules(obj: Object, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    for i, rule in enumerate(obj.get("rules") or ()):
        causes += policy_rule(f"rules[{i}]", rule, namespaced)
    return causes


def _cluster_rules(obj: Object) -> list[Cause]:
    causes = _rules(obj, namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is not None:
        path = "aggregationRule.clusterRoleSelectors"
        selectors = aggregation.get("clusterRoleSelectors") or ()
        if not selectors:
            causes.append(required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"))
        for i, selector in enumerate(selectors):
            causes += label_selector(f"{path}[{i}]", selector)
            try:
                from_object(selector)
            except SelectorError:
                causes.append(invalid(f"{path}[{i}]", None, "invalid label selector."))
    return causes


def table_row(obj: Object, now: float) -> list[Any]:
    return [obj["metadata"]["name"], rows.created(obj)]


def _hooks(validation: Validation) -> Hooks:
    def update(obj: Object, old: Object, context: WriteContext) -> list[Cause]:
        again = object_meta(obj, validation.namespaced, path_segment)
        return [*again, *validation.update(obj, old, context)]

    return Hooks(validate=validation.create, validate_update=update, table_row=table_row)


ROLE_HOOKS = _hooks(Validation(True, path_segment, lambda obj: _rules(obj, namespaced=True)))
CLUSTER_ROLE_HOOKS = _hooks(Validation(False, path_segment, _cluster_rules))
