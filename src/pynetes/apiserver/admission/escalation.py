"""Nobody grants what they do not hold: roles and bindings are compared with the rules of who writes them.

Upstream does this in the storage of roles and bindings, after the mutating admission and before validation; here it is
the last of the mutating phase.

Source: kubernetes ``pkg/registry/rbac/*/policybased/storage.go``, ``pkg/registry/rbac/validation``.
"""

from pynetes.apiserver.admission import CREATE, UPDATE, Attributes, Plugin
from pynetes.apiserver.authz import MASTERS
from pynetes.apiserver.authz.covering import uncovered
from pynetes.apiserver.authz.rbac import GROUP
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.meta import status
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object

_GC_FIELDS = ("ownerReferences", "finalizers", "resourceVersion", "managedFields")


def mutate(asked: Attributes) -> None:
    obj = asked.obj
    if obj is None or MASTERS in asked.ctx.user.groups:
        return
    if asked.old is not None and _only_for_collector(obj, asked.old):
        return
    if asked.resource.plural in ("roles", "clusterroles"):
        _check_role(asked, obj)
    else:
        _check_binding(asked, obj)


def _check_role(asked: Attributes, role: Object) -> None:
    if _may(asked, "escalate", asked.resource.plural, asked.ctx.info.name):
        return
    rules = list(role.get("rules") or ())
    if role.get("aggregationRule") and asked.resource.plural == "clusterroles":
        # whoever aggregates grants what others will write
        rules += [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
            {"verbs": ["*"], "nonResourceURLs": ["*"]},
        ]
    confirm_no_escalation(asked, rules, "" if asked.resource.plural == "clusterroles" else asked.namespace)


def _check_binding(asked: Attributes, binding: Object) -> None:
    role = binding.get("roleRef") or {}
    kind, name = role.get("kind", ""), role.get("name", "")
    plural = "clusterroles" if kind == "ClusterRole" else "roles"
    if _may(asked, "bind", plural, name):
        return
    found = (
        asked.server.authorizer.rbac.role_rules(kind, name, asked.namespace) if kind in ("Role", "ClusterRole") else []
    )
    if found is None:
        raise status.not_found(GROUP, asked.resource.plural, name)
    confirm_no_escalation(asked, [rule for rule, _ in found], asked.namespace)


def _may(asked: Attributes, verb: str, plural: str, name: str) -> bool:
    info = RequestInfo(verb, "", is_resource=True, group=GROUP, namespace=asked.namespace, resource=plural, name=name)
    return asked.server.authorizer.authorize(asked.ctx.user, info).allowed


def confirm_no_escalation(asked: Attributes, rules: list[Object], namespace: str) -> None:
    """Raises: StatusError 403 that lists what the user does not hold."""
    user = asked.ctx.user
    held, _ = asked.server.authorizer.rbac.rules_of(user, namespace)
    missing = uncovered(rules, held)
    if not missing:
        return
    listed = "\n".join(sorted({_described(rule) for rule in _compact(missing)}))
    groups = " ".join(map(quoted, user.groups))
    who = f"user {quoted(user.name)} (groups=[{groups}])"
    raise asked.forbidden(f"{who} is attempting to grant RBAC permissions not currently held:\n{listed}")


def _compact(rules: list[Object]) -> list[Object]:
    """Rules that differ by their verb only, put together."""
    simple: dict[tuple[str, str, str], Object] = {}
    others: list[Object] = []
    for rule in rules:
        if "nonResourceURLs" in rule:
            others.append(rule)
            continue
        key = (rule["apiGroups"][0], rule["resources"][0], *(rule.get("resourceNames") or [""]))
        if key in simple:
            simple[key]["verbs"] += rule["verbs"]
        else:
            simple[key] = {**rule, "verbs": list(rule["verbs"])}
    return [*others, *simple.values()]


def _described(rule: Object) -> str:
    parts = []
    for label, field in (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("ResourceNames", "resourceNames"),
        ("Verbs", "verbs"),
    ):
        if values := rule.get(field):
            parts.append(f"{label}:[{', '.join(map(quoted, values))}]")
    return "{" + ", ".join(parts) + "}"


def _only_for_collector(obj: Object, old: Object) -> bool:
    def rest(value: Object) -> Object:
        meta = {k: v for k, v in value["metadata"].items() if k not in _GC_FIELDS}
        return {**value, "metadata": meta}

    return rest(obj) == rest(old)


PLUGIN = Plugin(
    "RBACEscalation",
    frozenset({CREATE, UPDATE}),
    frozenset((GROUP, plural, "") for plural in ("roles", "clusterroles", "rolebindings", "clusterrolebindings")),
    mutate,
)
