"""Role bindings and cluster role bindings. Source: kubernetes ``pkg/apis/rbac/validation/validation.go``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill_empty
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import Path, invalid, not_supported, required
from pynetes.meta.names import dns1123_subdomain, path_segment
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

GROUP = "rbac.authorization.k8s.io"


def default(binding: Object) -> None:
    fill_empty(binding.setdefault("roleRef", {}), apiGroup=GROUP)
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            fill_empty(subject, apiGroup=GROUP)


def _rules(binding: Object, kinds: Sequence[str], namespaced: bool) -> list[Cause]:
    reference = binding["roleRef"]
    causes: list[Cause] = []
    if reference.get("apiGroup") != GROUP:
        causes.append(not_supported("roleRef.apiGroup", reference.get("apiGroup", ""), (GROUP,)))
    if reference.get("kind") not in kinds:
        causes.append(not_supported("roleRef.kind", reference.get("kind", ""), kinds))
    name = reference.get("name") or ""
    if not name:
        causes.append(required("roleRef.name"))
    else:
        causes += [invalid("roleRef.name", name, p) for p in path_segment(name)]
    for i, subject in enumerate(binding.get("subjects") or ()):
        causes += _subject(f"subjects[{i}]", subject, namespaced)
    return causes


def _subject(path: Path, subject: Object, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    name, kind, group = subject.get("name") or "", subject.get("kind") or "", subject.get("apiGroup") or ""
    if not name:
        causes.append(required(f"{path}.name"))
    match kind:
        case "ServiceAccount":
            if name:
                causes += [invalid(f"{path}.name", name, p) for p in dns1123_subdomain(name)]
            if group:
                causes.append(not_supported(f"{path}.apiGroup", group, ("",)))
            if not namespaced and not subject.get("namespace"):
                causes.append(required(f"{path}.namespace"))
        case "User" | "Group":
            if group != GROUP:
                causes.append(not_supported(f"{path}.apiGroup", group, (GROUP,)))
        case _:
            causes.append(not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group")))
    return causes


def table_row(binding: Object, now: float) -> list[Any]:
    reference = binding["roleRef"]
    users, groups, accounts = [], [], []
    for subject in binding.get("subjects") or ():
        match subject.get("kind"):
            case "ServiceAccount":
                accounts.append(f"{subject.get('namespace', '')}/{subject.get('name', '')}")
            case "User":
                users.append(subject.get("name", ""))
            case "Group":
                groups.append(subject.get("name", ""))
    return [
        binding["metadata"]["name"],
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        rows.age(binding, now),
        ", ".join(users),
        ", ".join(groups),
        ", ".join(accounts),
    ]


def _hooks(kinds: Sequence[str], namespaced: bool) -> Hooks:
    def validate(binding: Object, context: WriteContext) -> list[Cause]:
        return object_meta(binding, namespaced, path_segment) + _rules(binding, kinds, namespaced)

    def validate_update(binding: Object, old: Object, context: WriteContext) -> list[Cause]:
        causes = validate(binding, context) + object_meta_update(binding, old)
        if binding["roleRef"] != old["roleRef"]:
            shown = {
                "APIGroup": binding["roleRef"].get("apiGroup", ""),
                "Kind": binding["roleRef"].get("kind", ""),
                "Name": binding["roleRef"].get("name", ""),
            }
            causes.append(invalid("roleRef", shown, "cannot change roleRef"))
        return causes

    return Hooks(default=default, validate=validate, validate_update=validate_update, table_row=table_row)


ROLE_BINDING_HOOKS = _hooks(("Role", "ClusterRole"), namespaced=True)
CLUSTER_ROLE_BINDING_HOOKS = _hooks(("ClusterRole",), namespaced=False)
