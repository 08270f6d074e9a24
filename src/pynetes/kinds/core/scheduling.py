"""What is wrong with where a pod asks to run: affinity, spreading, gates.

Source: kubernetes ``pkg/apis/core/validation/validation.go``.
"""

from collections.abc import Sequence

from pynetes.kinds.core.resource_names import NOT_POSITIVE
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_supported, required
from pynetes.meta.names import dns1123_label, dns1123_subdomain, label_value, qualified_name
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_name, label_selector

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_OPERATOR = "not a valid selector operator"
_RANGE = "must be in the range 1-100"


def affinity(path: Path, value: Object) -> list[Cause]:
    causes: list[Cause] = []
    if node := value.get("nodeAffinity"):
        at = f"{path}.nodeAffinity"
        if (selector := node.get(_REQUIRED)) is not None:
            causes += node_selector(f"{at}.{_REQUIRED}", selector)
        for i, term in enumerate(node.get(_PREFERRED) or ()):
            where = f"{at}.{_PREFERRED}[{i}]"
            if not 1 <= term.get("weight", 0) <= 100:
                causes.append(invalid(f"{where}.weight", term.get("weight", 0), _RANGE))
            causes += _node_term(f"{where}.preference", term.get("preference") or {}, check_values=False)
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = value.get(kind) or {}
        at = f"{path}.{kind}"
        for i, term in enumerate(pods.get(_REQUIRED) or ()):
            causes += _pod_term(f"{at}.{_REQUIRED}[{i}]", term)
        for i, weighted in enumerate(pods.get(_PREFERRED) or ()):
            where = f"{at}.{_PREFERRED}[{i}]"
            if not 1 <= weighted.get("weight", 0) <= 100:
                causes.append(invalid(f"{where}.weight", weighted.get("weight", 0), _RANGE))
            causes += _pod_term(f"{where}.podAffinityTerm", weighted.get("podAffinityTerm") or {})
    return causes


def node_selector(path: Path, selector: Object) -> list[Cause]:
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        return [required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")]
    causes: list[Cause] = []
    for i, term in enumerate(terms):
        causes += _node_term(f"{path}.nodeSelectorTerms[{i}]", term, check_values=True)
    return causes


def _node_term(path: Path, term: Object, check_values: bool) -> list[Cause]:
    causes: list[Cause] = []
    for i, requirement in enumerate(term.get("matchExpressions") or ()):
        causes += _node_requirement(f"{path}.matchExpressions[{i}]", requirement, check_values)
    for i, requirement in enumerate(term.get("matchFields") or ()):
        causes += _node_field(f"{path}.matchFields[{i}]", requirement)
    return causes


def _node_requirement(path: Path, requirement: Object, check_values: bool) -> list[Cause]:
    causes: list[Cause] = []
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            causes.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(forbidden(f"{path}.values", detail))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            causes.append(required(f"{path}.values", detail))
    else:
        causes.append(invalid(f"{path}.operator", operator, _OPERATOR))
    causes += label_name(f"{path}.key", requirement.get("key") or "")
    if check_values:
        for i, value in enumerate(values):
            causes += [invalid(f"{path}.values[{i}]", value, p) for p in label_value(value)]
    return causes


def _node_field(path: Path, requirement: Object) -> list[Cause]:
    causes: list[Cause] = []
    operator, values, key = requirement.get("operator") or "", requirement.get("values") or (), requirement.get("key")
    if operator not in ("In", "NotIn"):
        causes.append(invalid(f"{path}.operator", operator, _OPERATOR))
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        causes.append(required(f"{path}.values", detail))
    if key != "metadata.name":
        return [*causes, invalid(f"{path}.key", key or "", "not a valid field selector key")]
    for i, value in enumerate(values):
        causes += [invalid(f"{path}.values[{i}]", value, p) for p in dns1123_subdomain(value)]
    return causes


def _pod_term(path: Path, term: Object) -> list[Cause]:
    selector = term.get("labelSelector")
    causes = label_selector(f"{path}.labelSelector", selector)
    causes += label_selector(f"{path}.namespaceSelector", term.get("namespaceSelector"))
    for namespace in term.get("namespaces") or ():
        causes += [invalid(f"{path}.namespace", namespace, p) for p in dns1123_label(namespace)]
    match, mismatch = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    causes += _label_keys(path, match, mismatch, selector)
    topology = term.get("topologyKey") or ""
    if not topology:
        causes.append(required(f"{path}.topologyKey", "can not be empty"))
    return causes + label_name(f"{path}.topologyKey", topology)


def _label_keys(path: Path, match: Sequence[str], mismatch: Sequence[str], selector: Object | None) -> list[Cause]:
    """The server has added the matched keys to the selector already; a key twice was there before."""
    causes: list[Cause] = []
    for name, keys in (("matchLabelKeys", match), ("mismatchLabelKeys", mismatch)):
        if keys and selector is None:
            causes.append(forbidden(f"{path}.{name}", "must not be specified when labelSelector is not set"))
        elif keys:
            for i, key in enumerate(keys):
                causes += label_name(f"{path}.{name}[{i}]", key)
    if selector is not None:
        seen = set(selector.get("matchLabels") or ())
        for expression in selector.get("matchExpressions") or ():
            key = expression.get("key", "")
            if key in match and key in seen:
                detail = "exists in both matchLabelKeys and labelSelector"
                causes.append(invalid(f"{path}[{list(match).index(key)}]", key, detail))
            seen.add(key)
    for i, key in enumerate(match):
        if key in mismatch:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            causes.append(invalid(f"{path}.matchLabelKeys[{i}]", key, detail))
    return causes


def topology_spread(path: Path, constraints: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, constraint in enumerate(constraints):
        at, skew = f"{path}[{i}]", constraint.get("maxSkew", 0)
        topology, action = constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""
        if skew <= 0:
            causes.append(invalid(f"{at}.maxSkew", skew, NOT_POSITIVE))
        if not topology:
            causes.append(required(f"{at}.topologyKey", "can not be empty"))
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            causes.append(not_supported(f"{at}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway")))
        if any(
            (c.get("topologyKey") or "", c.get("whenUnsatisfiable") or "") == (topology, action)
            for c in constraints[i + 1 :]
        ):
            causes.append(duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{topology}, {action}}}"))
        domains = constraint.get("minDomains")
        if domains is not None:
            if domains <= 0:
                causes.append(invalid(f"{at}.minDomains", domains, NOT_POSITIVE))
            if action != "DoNotSchedule":
                detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                causes.append(invalid(f"{at}.minDomains", domains, detail))
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            policy = constraint.get(name)
            if policy is not None and policy not in ("Honor", "Ignore"):
                causes.append(not_supported(f"{at}.{name}", policy, ("Honor", "Ignore")))
        selector = constraint.get("labelSelector")
        causes += _label_keys(at, constraint.get("matchLabelKeys") or (), (), selector)
        causes += label_selector(f"{at}.labelSelector", selector)
    return causes


def readiness_gates(path: Path, gates: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, gate in enumerate(gates):
        kind = gate.get("conditionType") or ""
        causes += [invalid(f"{path}[{i}].conditionType", kind, p) for p in qualified_name(kind)]
    return causes


def scheduling_gates(path: Path, gates: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    seen = set()
    for i, gate in enumerate(gates):
        name = gate.get("name") or ""
        causes += [invalid(f"{path}[{i}]", name, p) for p in qualified_name(name)]
        if name in seen:
            causes.append(duplicate(f"{path}[{i}]", name))
        seen.add(name)
    return causes
