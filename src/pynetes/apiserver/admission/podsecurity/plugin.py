"""The plug-in: pods are held to what their namespace enforces, templates of pods to what it warns of.

Source: k8s.io/pod-security-admission ``admission/admission.go``; kubernetes
``plugin/pkg/admission/security/podsecurity/admission.go``.
Differs: pods of a namespace are looked at in the order of their names.
"""

from collections.abc import Awaitable, Iterable, Sequence

from pynetes.apiserver.admission import CREATE, UPDATE, Attributes, Plugin
from pynetes.apiserver.admission.namespace_lifecycle import namespace_entry
from pynetes.apiserver.admission.podsecurity.levels import PREFIX, PRIVILEGED, Level, Policy, policy_of
from pynetes.apiserver.admission.podsecurity.standards import details, reasons, violations
from pynetes.apiserver.parts import Parts
from pynetes.meta import status
from pynetes.meta.encoding import Entry
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, controller_of, labels_of, name_of
from pynetes.meta.status import Cause

_TEMPLATES = {
    ("", "replicationcontrollers"): ("spec", "template"),
    ("", "podtemplates"): ("template",),
    ("apps", "replicasets"): ("spec", "template"),
    ("apps", "deployments"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"),
    ("apps", "daemonsets"): ("spec", "template"),
    ("batch", "jobs"): ("spec", "template"),
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
}
_POD_WRITES = ("", "ephemeralcontainers", "resize")
_LABEL = PREFIX.encode()
_MOST_PODS = 3000
_MOST_SECONDS = 1.0
_PODS_A_TURN = 50


class PodSecurity:
    """One server's, by its settings."""

    def __init__(self, server: Parts) -> None:
        self._server = server
        self._settings = server.settings.pod_security
        self._defaults, causes = policy_of(self._settings.default_labels(), Policy())
        if causes:
            raise ValueError(f"pod security settings: {causes[0].field}: {causes[0].message}")

    def validate(self, asked: Attributes) -> Awaitable[None] | None:
        """Raises: StatusError 403 for a pod, 422 for the labels of a namespace."""
        if asked.resource.plural == "namespaces":
            return self._namespace(asked)
        if asked.namespace in self._settings.exempt_namespaces:
            asked.audit(f"{PREFIX}exempt", "namespace")
            return None
        if asked.ctx.user.name in self._settings.exempt_usernames:
            asked.audit(f"{PREFIX}exempt", "user")
            return None
        resource = asked.server.resources.get("", "namespaces")
        assert resource is not None
        entry = asked.server.cache.of(resource).get(resource.storage_key("", asked.namespace))
        if entry is None:
            return self._later(asked)
        self._admit(asked, entry)
        return None

    async def _later(self, asked: Attributes) -> None:
        """The cache does not know the namespace yet; the store may."""
        entry = await namespace_entry(asked)
        if entry is None:
            raise status.internal_error(f"failed to lookup namespace {quoted(asked.namespace)}")
        self._admit(asked, entry)

    def _admit(self, asked: Attributes, namespace: Entry) -> None:
        # the bytes rule out most namespaces without decoding them
        labelled = _LABEL in namespace.value
        policy, causes = policy_of(labels_of(namespace.object), self._defaults) if labelled else (self._defaults, [])
        is_pod = asked.resource.plural == "pods"
        if not causes and policy.allows_everything:
            if is_pod:
                asked.audit(f"{PREFIX}enforce-policy", str(Level()))
            return
        if is_pod:
            if asked.old is not None and not is_significant(asked.obj or {}, asked.old):
                return
            self._evaluate(asked, policy, causes, asked.obj or {}, enforce=True)
        elif causes or policy.warn.name != PRIVILEGED or policy.audit.name != PRIVILEGED:
            template = _template(asked)
            if template is not None:
                self._evaluate(asked, policy, causes, template, enforce=False)

    def _evaluate(
        self, asked: Attributes, policy: Policy, causes: Sequence[Cause], pod: Object, *, enforce: bool
    ) -> None:
        spec, metadata = pod.get("spec") or {}, pod.get("metadata") or {}
        if spec.get("runtimeClassName") in self._settings.exempt_runtime_classes:
            asked.audit(f"{PREFIX}exempt", "runtimeClass")
            return
        if causes:
            told = "; ".join(f"{cause.field}: {cause.message}" for cause in causes)
            asked.audit(f"{PREFIX}error", f"Failed to parse policy: {told}")
        found = {level: violations(level, metadata, spec) for level in {policy.enforce, policy.audit, policy.warn}}
        if found[policy.audit]:
            told = f'would violate PodSecurity "{policy.audit}": {details(found[policy.audit])}'
            asked.audit(f"{PREFIX}audit-violations", told)
        if enforce:
            asked.audit(f"{PREFIX}enforce-policy", str(policy.enforce))
            if found[policy.enforce]:
                raise asked.forbidden(f'violates PodSecurity "{policy.enforce}": {details(found[policy.enforce])}')
        if found[policy.warn]:
            asked.ctx.warnings.append(f'would violate PodSecurity "{policy.warn}": {details(found[policy.warn])}')

    # namespaces

    def _namespace(self, asked: Attributes) -> Awaitable[None] | None:
        labels = labels_of(asked.obj or {"metadata": {}})
        policy, causes = policy_of(labels, self._defaults)
        before, old_causes = policy_of(labels_of(asked.old or {"metadata": {}}), self._defaults)
        if causes and (asked.old is None or causes != old_causes):
            raise status.invalid("", "Namespace", asked.name, causes)
        if asked.old is None or not _is_stricter(policy.enforce, before.enforce):
            return None
        if asked.name in self._settings.exempt_namespaces:
            if told := exempt_warning(asked.name, policy, self._defaults, labels):
                asked.ctx.warnings.append(told)
            return None
        return self._look_at_pods(asked, policy.enforce)

    async def _look_at_pods(self, asked: Attributes, enforce: Level) -> None:
        """Warn of the pods that the new level would not have let in; they stay."""
        clock = self._server.clock
        since = clock.monotonic()
        pods = by_importance(asked.objects("", "pods", asked.name), self._settings.exempt_runtime_classes)
        found: dict[str, list[str]] = {}
        checked = 0
        for pod in pods[:_MOST_PODS]:
            checked += 1
            if told := reasons(violations(enforce, pod["metadata"], pod.get("spec") or {})):
                found.setdefault(told, []).append(name_of(pod))
            if checked % _PODS_A_TURN == 0:
                await clock.sleep(0)
                if clock.monotonic() - since > _MOST_SECONDS:
                    break
        warnings = asked.ctx.warnings
        if checked < len(pods):
            warnings.append(
                f"new PodSecurity enforce level only checked against the first {checked} of {len(pods)} existing pods"
            )
        if found:
            warnings.append(
                f'existing pods in namespace "{asked.name}" violate the new PodSecurity enforce level "{enforce}"'
            )
        warnings += sorted(f"{_counted(names)}: {told}" for told, names in found.items())


def _is_stricter(new: Level, old: Level) -> bool:
    """Whether there may be pods that the old level let in and the new one would not."""
    if new == old or new.name == PRIVILEGED:
        return False
    return new.minor != old.minor or new.strictness > old.strictness


def _counted(names: Sequence[str]) -> str:
    others = len(names) - 1
    if not others:
        return names[0]
    return f"{min(names)} (and {others} other pod{'' if others == 1 else 's'})"


def by_importance(pods: Iterable[Object], exempt_runtime_classes: Sequence[str]) -> list[Object]:
    """One pod of each controller first: its others are likely alike."""
    first: list[Object] = []
    more: list[Object] = []
    seen: set[str] = set()
    for pod in pods:
        if (pod.get("spec") or {}).get("runtimeClassName") in exempt_runtime_classes:
            continue
        owner = controller_of(pod)
        if owner is not None and owner["uid"] in seen:
            more.append(pod)
            continue
        first.append(pod)
        if owner is not None:
            seen.add(owner["uid"])
    return first + more


def is_significant(pod: Object, old: Object) -> bool:
    """Whether an update changes what the checks look at: containers came, or run another image."""
    new_spec, old_spec = pod.get("spec") or {}, old.get("spec") or {}
    for field in ("containers", "initContainers"):
        new, before = new_spec.get(field) or [], old_spec.get(field) or []
        if [c.get("image") for c in new] != [c.get("image") for c in before]:
            return True
    images = {c["name"]: c.get("image") for c in old_spec.get("ephemeralContainers") or ()}
    added = new_spec.get("ephemeralContainers") or ()
    return any(c["name"] not in images or images[c["name"]] != c.get("image") for c in added)


def exempt_warning(name: str, policy: Policy, defaults: Policy, labels: dict[str, str]) -> str:
    """That the labels of an exempt namespace do nothing; empty where they ask for nothing."""
    if policy.allows_everything or policy.amounts_to(defaults):
        return ""
    told = [
        f"{mode}={level}"
        for mode, level in (("enforce", policy.enforce), ("audit", policy.audit), ("warn", policy.warn))
        if level.name != PRIVILEGED and (PREFIX + mode in labels or f"{PREFIX}{mode}-version" in labels)
    ]
    return f'namespace "{name}" is exempt from Pod Security, and the policy ({", ".join(told)}) will be ignored'


def _template(asked: Attributes) -> Object | None:
    found: Object | None = asked.obj
    for name in _TEMPLATES[asked.resource.group, asked.resource.plural]:
        found = (found or {}).get(name)
    return found


def plugin(server: Parts) -> Plugin:
    on = {(group, plural, "") for group, plural in _TEMPLATES} | {("", "namespaces", "")}
    on |= {("", "pods", subresource) for subresource in _POD_WRITES}
    return Plugin("PodSecurity", frozenset({CREATE, UPDATE}), frozenset(on), validate=PodSecurity(server).validate)
