"""Roles and bindings, indexed by subject: what a user may do, and why.

The index is made from the cache when a role or binding has changed, and answers three questions: is this allowed
(``decide``), is it allowed whatever the object's name (``verdict``), and which rules does this user hold (``rules_of``:
access reviews and the escalation check).

Source: kubernetes ``plugin/pkg/auth/authorizer/rbac``, ``pkg/registry/rbac/validation/rule.go``,
``pkg/apis/rbac/v1/evaluation_helpers.go``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pynetes.apiserver.authz import Decision
from pynetes.apiserver.parts import Parts
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.apiserver.users import User
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource

GROUP = "rbac.authorization.k8s.io"
_SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a role, compiled."""

    verbs: frozenset[str]
    groups: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    url_prefixes: tuple[str, ...] = ()

    def allows(self, info: RequestInfo) -> bool:
        if not self.concerns(info):
            return False
        return not info.is_resource or not self.names or info.name in self.names

    def concerns(self, info: RequestInfo) -> bool:
        """Allows it for some name at least."""
        if info.verb not in self.verbs and "*" not in self.verbs:
            return False
        if not info.is_resource:
            return "*" in self.urls or info.path in self.urls or info.path.startswith(self.url_prefixes)
        if info.group not in self.groups and "*" not in self.groups:
            return False
        if "*" in self.resources:
            return True
        if not info.subresource:
            return info.resource in self.resources
        both = f"{info.resource}/{info.subresource}"
        return both in self.resources or f"*/{info.subresource}" in self.resources


def compile_rule(rule: Object) -> Rule:
    urls = rule.get("nonResourceURLs") or ()
    return Rule(
        frozenset(rule.get("verbs") or ()),
        frozenset(rule.get("apiGroups") or ()),
        frozenset(rule.get("resources") or ()),
        frozenset(rule.get("resourceNames") or ()),
        frozenset(urls),
        tuple(u[:-1] for u in urls if u.endswith("*")),
    )


@dataclass(frozen=True, slots=True)
class Binding:
    """One subject of a binding. ``namespace`` is "" for a ClusterRoleBinding."""

    name: str
    namespace: str
    role_kind: str
    role: str
    subject: str

    @property
    def reason(self) -> str:
        if self.namespace:
            bound = f'RoleBinding "{self.name}/{self.namespace}"'
        else:
            bound = f"ClusterRoleBinding {quoted(self.name)}"
        return f"RBAC: allowed by {bound} of {self.role_kind} {quoted(self.role)} to {self.subject}"


class RBAC:
    """The index. ``generation`` changes whenever an answer may have changed."""

    def __init__(self, server: Parts) -> None:
        self._server = server
        self._resources: list[Resource] = []
        self._seen: tuple[int, ...] = ()
        self._generation = 0
        self._bindings: dict[tuple[str, str], dict[str, list[Binding]]] = {}
        self._rules: dict[tuple[str, str], list[tuple[Object, Rule]] | None] = {}

    def generation(self) -> int:
        """Changes with every change of a role or binding."""
        if not self._resources:
            found = (
                self._server.resources.get(GROUP, p)
                for p in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
            )
            self._resources = [r for r in found if r is not None]
        cache = self._server.cache
        seen = tuple(cache.of(r).changed for r in self._resources)
        if seen != self._seen:
            self._seen = seen
            self._generation += 1
            self._rules.clear()
            self._index()
        return self._generation

    def _index(self) -> None:
        self._bindings = {}
        for plural in ("clusterrolebindings", "rolebindings"):
            resource = self._server.resources.get(GROUP, plural)
            if resource is None:
                continue
            for entry in self._server.cache.of(resource).list():
                self._add(entry.object)

    def _add(self, binding: Object) -> None:
        meta, role = binding["metadata"], binding.get("roleRef") or {}
        namespace = meta.get("namespace", "")
        for subject in binding.get("subjects") or ():
            kind, name = subject.get("kind", ""), subject.get("name", "")
            shown = f"{kind} {quoted(name)}"
            if kind == "ServiceAccount":
                of = subject.get("namespace") or namespace
                shown = f'{kind} "{name}/{of}"'
                kind, name = "User", f"{_SERVICE_ACCOUNT}{of}:{name}"
            made = Binding(meta["name"], namespace, role.get("kind", ""), role.get("name", ""), shown)
            self._bindings.setdefault((kind, name), {}).setdefault(namespace, []).append(made)

    def bindings_of(self, user: User, namespace: str) -> Iterator[Binding]:
        """Those that bind the user in this namespace: the cluster-wide first."""
        self.generation()
        subjects = [("User", user.name), *(("Group", group) for group in user.groups)]
        for scope in ("", namespace) if namespace else ("",):
            found = [b for s in subjects for b in self._bindings.get(s, {}).get(scope, ())]
            # upstream walks the bindings in the order of their names
            yield from sorted(found, key=lambda binding: binding.name)

    def role_rules(self, kind: str, name: str, namespace: str) -> list[tuple[Object, Rule]] | None:
        """A role's rules, as written and compiled; None: there is no such role."""
        plural = "clusterroles" if kind == "ClusterRole" else "roles"
        resource = self._server.resources.get(GROUP, plural)
        if resource is None:
            return None
        key = (namespace if kind == "Role" else "", name)
        if key not in self._rules:
            entry = self._server.cache.of(resource).get(resource.storage_key(*key))
            written = None if entry is None else entry.object.get("rules") or []
            self._rules[key] = None if written is None else [(rule, compile_rule(rule)) for rule in written]
        return self._rules[key]

    def _visit(self, user: User, namespace: str, errors: list[str]) -> Iterator[tuple[Binding, Object, Rule]]:
        for binding in self.bindings_of(user, namespace):
            rules = self.role_rules(binding.role_kind, binding.role, binding.namespace)
            if rules is None:
                errors.append(f'{binding.role_kind.lower()}.{GROUP} "{binding.role}" not found')
                continue
            for written, rule in rules:
                yield binding, written, rule

    def verdict(self, user: User, info: RequestInfo) -> tuple[Decision, frozenset[str]]:
        """What is decided whatever the object's name, and the names for which more is allowed."""
        names: set[str] = set()
        errors: list[str] = []
        for binding, _, rule in self._visit(user, info.namespace, errors):
            if not rule.concerns(info):
                continue
            if not info.is_resource or not rule.names:
                return Decision(True, binding.reason), frozenset()
            names |= rule.names
        return _denied(errors), frozenset(names)

    def decide(self, user: User, info: RequestInfo) -> Decision:
        errors: list[str] = []
        for binding, _, rule in self._visit(user, info.namespace, errors):
            if rule.allows(info):
                return Decision(True, binding.reason)
        return _denied(errors)

    def rules_of(self, user: User, namespace: str) -> tuple[list[Object], list[str]]:
        """The rules that the user holds in a namespace ("": cluster-wide), and what could not be resolved."""
        errors: list[str] = []
        return [written for _, written, _ in self._visit(user, namespace, errors)], errors


def _denied(errors: list[str]) -> Decision:
    if not errors:
        return Decision(False)
    texts = list(dict.fromkeys(errors))
    return Decision(False, "RBAC: " + (texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"))
