"""The rules by which webhooks and policies choose requests.

Source: kubernetes ``pkg/apis/admissionregistration/validation/validation.go``.
"""

from collections.abc import Iterator, Sequence

from pynetes.meta.fielderrors import Path, invalid, not_supported, required
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")


def rule_with_operations(path: Path, rule: Object) -> Iterator[Cause]:
    operations = rule.get("operations") or []
    if not operations:
        yield required(f"{path}.operations")
    if len(operations) > 1 and "*" in operations:
        yield invalid(f"{path}.operations", operations, "if '*' is present, must not specify other operations")
    for i, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            yield not_supported(f"{path}.operations[{i}]", operation, _OPERATIONS)
    yield from _rule(path, rule)


def _rule(path: Path, rule: Object) -> Iterator[Cause]:
    for name, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(name) or []
        if not values:
            yield required(f"{path}.{name}")
        if len(values) > 1 and "*" in values:
            yield invalid(f"{path}.{name}", values, f"if '*' is present, must not specify other {what}")
    for i, version in enumerate(rule.get("apiVersions") or ()):
        if not version:
            yield required(f"{path}.apiVersions[{i}]")
    yield from _resources(f"{path}.resources", rule.get("resources") or [])
    if (scope := rule.get("scope")) is not None and scope not in _SCOPES:
        yield not_supported(f"{path}.scope", scope, _SCOPES)


def _resources(path: Path, resources: Sequence[str]) -> Iterator[Cause]:
    if not resources:
        yield required(path)
    all_of: set[str] = set()
    everywhere: set[str] = set()
    plain_last = False
    for i, text in enumerate(resources):
        if not text:
            yield required(f"{path}[{i}]")
            continue
        resource, slash, sub = text.partition("/")
        if not slash:
            plain_last = text != "*"
            continue
        if resource in all_of:
            yield invalid(f"{path}[{i}]", text, f"if '{resource}/*' is present, must not specify {text}")
        if sub in everywhere:
            yield invalid(f"{path}[{i}]", text, f"if '*/{sub}' is present, must not specify {text}")
        if sub == "*":
            all_of.add(resource)
        if resource == "*":
            everywhere.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        yield invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and plain_last:
        yield invalid(path, resources, "if '*' is present, must not specify other resources without subresources")
