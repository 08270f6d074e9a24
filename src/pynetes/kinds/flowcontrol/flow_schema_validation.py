"""What makes a flow schema invalid. Source: kubernetes ``pkg/apis/flowcontrol/validation``."""

from collections.abc import Sequence

from pynetes.kinds.flowcontrol.mandatory import EXEMPT, SCHEMAS
from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_supported, required, same
from pynetes.meta.names import dns1123_label, dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause

_ALL = "*"
_LAST_PRECEDENCE = 10000
_METHODS = ("ByNamespace", "ByUser")
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_SUBJECT_ORDER = ("serviceAccount", "user", "group")


def validate(schema: Object, context: WriteContext) -> Sequence[Cause]:
    name, spec = schema["metadata"].get("name", ""), schema["spec"]
    causes = object_meta(schema, False) + _spec("spec", name, spec)
    if (fixed := SCHEMAS.get(name)) is not None and not same(spec, fixed):
        shown = internal_json("FlowSchemaSpec", spec)
        causes.append(invalid("spec", shown, f"spec of '{name}' must equal the fixed value"))
    return causes + conditions(schema)


def validate_update(schema: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return conditions(schema) if context.subresource == "status" else validate(schema, context)


def conditions(obj: Object) -> list[Cause]:
    """Against the conditions of a flow schema's or priority level's status."""
    causes: list[Cause] = []
    seen = set()
    for i, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        path, kind = f"status.conditions[{i}].type", condition.get("type") or ""
        if kind in seen:
            causes.append(duplicate(path, kind))
        seen.add(kind)
        if not kind:
            causes.append(required(path))
    return causes


def _spec(path: Path, name: str, spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    precedence, at = spec.get("matchingPrecedence", 0), f"{path}.matchingPrecedence"
    if precedence <= 0:
        causes.append(invalid(at, precedence, "must be a positive value"))
    if precedence > _LAST_PRECEDENCE:
        causes.append(invalid(at, precedence, f"must not be greater than {_LAST_PRECEDENCE}"))
    if precedence == 1 and name != EXEMPT:
        causes.append(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in _METHODS:
        shown = internal_json("FlowDistinguisherMethod", method)
        causes.append(not_supported(f"{path}.distinguisherMethod.type", shown, _METHODS))
    level, at = (spec.get("priorityLevelConfiguration") or {}).get("name") or "", f"{path}.priorityLevelConfiguration"
    if not level:
        causes.append(required(f"{at}.name", "must reference a priority level"))
    causes += [invalid(f"{at}.name", level, p) for p in dns1123_subdomain(level) if level]
    for i, rule in enumerate(spec.get("rules") or ()):
        causes += _rule(f"{path}.rules[{i}]", rule)
    return causes


def _rule(path: Path, rule: Object) -> list[Cause]:
    causes: list[Cause] = []
    subjects, resources, others = (rule.get(n) or () for n in ("subjects", "resourceRules", "nonResourceRules"))
    if not subjects:
        causes.append(required(f"{path}.subjects", "subjects must contain at least one value"))
    for i, subject in enumerate(subjects):
        causes += _subject(f"{path}.subjects[{i}]", subject)
    if not resources and not others:
        detail = "at least one of resourceRules and nonResourceRules has to be non-empty"
        causes.append(required(path, detail))
    for i, resource in enumerate(resources):
        causes += _resource_rule(f"{path}.resourceRules[{i}]", resource)
    for i, other in enumerate(others):
        causes += _non_resource_rule(f"{path}.nonResourceRules[{i}]", other)
    return causes


def _subject(path: Path, subject: Object) -> list[Cause]:
    kind = subject.get("kind") or ""
    member = _SUBJECTS.get(kind)
    if member is None:
        return [not_supported(f"{path}.kind", kind, _SUBJECTS)]
    causes = _who(f"{path}.{member}", kind, subject.get(member))
    for other_kind, other in ((k, m) for m in _SUBJECT_ORDER for k, n in _SUBJECTS.items() if n == m != member):
        if subject.get(other) is not None:
            causes.append(forbidden(f"{path}.{other}", f"{other} is forbidden when subject kind is not '{other_kind}'"))
    return causes


def _who(path: Path, kind: str, who: Object | None) -> list[Cause]:
    if who is None:
        return [required(path, f"{_SUBJECTS[kind]} is required when subject kind is '{kind}'")]
    name = who.get("name") or ""
    causes = [] if name else [required(f"{path}.name")]
    if kind != "ServiceAccount":
        return causes
    if name and name != _ALL:
        causes += [invalid(f"{path}.name", name, p) for p in dns1123_subdomain(name)]
    namespace = who.get("namespace") or ""
    if not namespace:
        causes.append(required(f"{path}.namespace", "must specify namespace for service account"))
    return causes + [invalid(f"{path}.namespace", namespace, p) for p in dns1123_label(namespace) if namespace]


def _resource_rule(path: Path, rule: Object) -> list[Cause]:
    causes = _verbs(f"{path}.verbs", rule.get("verbs") or ())
    for member, one, more in (("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")):
        values = rule.get(member) or ()
        if not values:
            causes.append(required(f"{path}.{member}", f"resource rules must supply at least one {one}"))
        causes += _wildcard(f"{path}.{member}", values, more)
    namespaces, at = rule.get("namespaces") or (), f"{path}.namespaces"
    if not namespaces and not rule.get("clusterScope"):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*causes, required(at, detail)]
    if _ALL in namespaces:
        return causes + _wildcard(at, namespaces, "namespaces")
    for i, namespace in enumerate(namespaces):
        problems = (f"each member of this list must be '*' or a DNS-1123 label; {p}" for p in dns1123_label(namespace))
        causes += [invalid(f"{at}[{i}]", namespace, p) for p in problems]
    return causes


def _non_resource_rule(path: Path, rule: Object) -> list[Cause]:
    causes = _verbs(f"{path}.verbs", rule.get("verbs") or ())
    urls, at = rule.get("nonResourceURLs") or (), f"{path}.nonResourceURLs"
    if not urls:
        return [*causes, required(at, "nonResourceURLs must contain at least one value")]
    if _ALL in urls:
        return causes + _wildcard(at, urls, "non-resource URLs")
    found = ((i, url, _url_problem(url)) for i, url in enumerate(urls))
    return causes + [invalid(f"{at}[{i}]", url, problem) for i, url, problem in found if problem]


def _verbs(path: Path, verbs: Sequence[str]) -> list[Cause]:
    if not verbs:
        return [required(path, "verbs must contain at least one value")]
    if _ALL in verbs:
        return _wildcard(path, verbs, "verbs")
    return [] if set(verbs) <= set(_VERBS) else [not_supported(path, verbs, _VERBS)]


def _wildcard(path: Path, values: Sequence[str], what: str) -> list[Cause]:
    if len(values) > 1 and _ALL in values:
        return [invalid(path, values, f"if '*' is present, must not specify other {what}")]
    return []


def _url_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    stars = url.count("*")
    return "wildcard can only do suffix matching" if stars > 1 or (stars and not url.endswith("/*")) else ""
