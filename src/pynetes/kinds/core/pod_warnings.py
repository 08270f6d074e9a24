"""What a pod's author should hear.

Source: kubernetes ``pkg/api/pod/warnings.go``, ``pkg/registry/core/pod/strategy.go``.
"""

from collections.abc import Iterator, Sequence

from pynetes.kinds.core.claim_warnings import claim_spec_warnings, fractional, is_fractional
from pynetes.kinds.core.node_labels import DEPRECATED, node_term_warnings
from pynetes.kinds.core.path_warnings import overlapping_paths
from pynetes.kinds.core.profiles import APP_ARMOR, APP_ARMOR_TEXT, SECCOMP_CONTAINER, SECCOMP_POD, app_armor_of
from pynetes.meta.addresses import ip_warnings
from pynetes.meta.fielderrors import Path
from pynetes.meta.gotext import quoted
from pynetes.meta.names import dns1123_label
from pynetes.meta.objects import Object

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NO_SELECTOR = "a null labelSelector results in matching no pod"
_SECCOMP_TEXT = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_BYTES = ("memory", "ephemeral-storage")

_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_VOLUMES = {
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}


def pod_warnings(pod: Object, old: Object | None) -> Sequence[str]:
    """On create only: people do not update pods, machines do it often."""
    if old is not None:
        return []
    found = []
    if problems := dns1123_label(pod["metadata"].get("name", "")):
        text = "which can result in surprising behavior; a DNS label is recommended"
        found.append(f"metadata.name: this is used in the Pod's hostname, {text}: [{' '.join(problems)}]")
    return found + spec_warnings("", pod["metadata"], pod["spec"])


def spec_warnings(path: Path, meta: Object, spec: Object) -> list[str]:
    """``path`` is that of the template, ``""`` for a pod."""
    prefix = f"{path}." if path else ""
    at, notes = f"{prefix}spec", f"{prefix}metadata.annotations"
    annotations = meta.get("annotations") or {}
    found = _placement(at, spec)
    found += [f"{notes}[{name}]: {text}" for name, text in _ANNOTATIONS.items() if name in annotations]
    if volumes := spec.get("volumes"):
        found += _volumes(f"{at}.volumes", volumes)
    found += _lists(at, spec)
    for name in _BYTES:
        text = (spec.get("overhead") or {}).get(name)
        if text is not None and is_fractional(text):
            found.append(f"{at}.overhead[{name}]: {fractional(text)}")
    if annotations:
        found += _profiles(notes, annotations, spec, is_template=bool(path))
    containers = list(_containers(at, spec))
    for where, container in containers:
        found += _container(where, container)
    found += _ports(containers) + _port_names(containers)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{at}.terminationGracePeriodSeconds: {text}")
    if affinity := spec.get("affinity"):
        found += _pod_terms(f"{at}.affinity", affinity)
    return found + _addresses(at, spec)


def _containers(path: Path, spec: Object) -> Iterator[tuple[Path, Object]]:
    for member in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(member) or ()):
            yield f"{path}.{member}[{i}]", container


def _placement(path: Path, spec: Object) -> list[str]:
    found = []
    for label in spec.get("nodeSelector") or ():
        if text := DEPRECATED.get(label):
            found.append(f"{path}.nodeSelector[{label}]: {text}")
    if affinity := (spec.get("affinity") or {}).get("nodeAffinity"):
        at = f"{path}.affinity.nodeAffinity"
        for i, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
            found += node_term_warnings(f"{at}.{_REQUIRED}.nodeSelectorTerms[{i}]", term)
        for i, term in enumerate(affinity.get(_PREFERRED) or ()):
            found += node_term_warnings(f"{at}.{_PREFERRED}[{i}].preference", term.get("preference") or {}, True)
    for i, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        at, key = f"{path}.topologySpreadConstraints[{i}]", constraint.get("topologyKey", "")
        if text := DEPRECATED.get(key):
            found.append(f"{at}.topologyKey: {key} is {text}")
        if constraint.get("labelSelector") is None:
            found.append(f"{at}.labelSelector: {_NO_SELECTOR}")
    return found


def _volumes(path: Path, volumes: Sequence[Object]) -> list[str]:
    found = []
    for i, volume in enumerate(volumes):
        for name, (shown, text) in _VOLUMES.items():
            if volume.get(name) is not None:
                found.append(f"{path}[{i}].{shown}: {text}")
        if template := (volume.get("ephemeral") or {}).get("volumeClaimTemplate"):
            at = f"{path}[{i}].ephemeral.volumeClaimTemplate.spec"
            found += claim_spec_warnings(at, template.get("spec") or {})
    return found + overlapping_paths(volumes)


def _lists(path: Path, spec: Object) -> list[str]:
    found = []
    for member, name, said in (("hostAliases", "ip", "ip"), ("imagePullSecrets", "name", "name")):
        known: set[str] = set()
        for i, item in enumerate(spec.get(member) or ()):
            value = item.get(name, "")
            if value in known:
                found.append(f"{path}.{member}[{i}].{name}: duplicate {said} {quoted(value)}")
            known.add(value)
    for i, item in enumerate(spec.get("imagePullSecrets") or ()):
        if not item.get("name"):
            found.append(f'{path}.imagePullSecrets[{i}].name: invalid empty name ""')
    return found


def _profiles(path: Path, annotations: Object, spec: Object, is_template: bool) -> list[str]:
    """Profiles that stand in annotations, without the field that took their place."""
    context = spec.get("securityContext") or {}
    found = []
    if context.get("seccompProfile") is None and SECCOMP_POD in annotations:
        found.append(f"{path}[{SECCOMP_POD}]: {_SECCOMP_TEXT}")
    whole = context.get("appArmorProfile")
    for _, container in _containers("", spec):
        own, name = container.get("securityContext") or {}, container.get("name", "")
        if own.get("seccompProfile") is None and f"{SECCOMP_CONTAINER}{name}" in annotations:
            found.append(f"{path}[{SECCOMP_CONTAINER}{name}]: {_SECCOMP_TEXT}")
        key = f"{APP_ARMOR}{name}"
        # of a pod's own, preparing it warns
        if is_template and key in annotations and own.get("appArmorProfile") is None:
            if whole is None or whole != app_armor_of(annotations[key]):
                found.append(f"{path}[{key}]: {APP_ARMOR_TEXT}")
    return found


def _container(path: Path, container: Object) -> list[str]:
    found = []
    resources = container.get("resources") or {}
    for name in _BYTES:
        for side in ("limits", "requests"):
            text = (resources.get(side) or {}).get(name)
            if text is not None and is_fractional(text):
                found.append(f"{path}.resources.{side}[{name}]: {fractional(text)}")
    known: set[str] = set()
    for i, variable in enumerate(container.get("env") or ()):
        name, value = variable.get("name", ""), variable.get("value") or ""
        reference = f"$({name})"
        hides = variable.get("valueFrom") is not None or value == reference or reference not in value
        if name in known and hides:
            text = f"hides previous definition of {quoted(name)}, which may be dropped when using apply"
            found.append(f"{path}.env[{i}]: {text}")
        known.add(name)
    return found


def _ports(containers: Sequence[tuple[Path, Object]]) -> list[str]:
    found = []
    known: dict[tuple[int, str], list[tuple[Path, str, int]]] = {}
    for path, container in containers:
        for i, port in enumerate(container.get("ports") or ()):
            at, ip, number = f"{path}.ports[{i}]", port.get("hostIP") or "", port.get("hostPort") or 0
            if ip and not number:
                found.append(f"{at}: hostIP set without hostPort: {_go_port(port)}")
            others = known.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
            for other, other_ip, other_number in others:
                if (ip, number) == (other_ip, other_number):
                    found.append(f"{at}: duplicate port definition with {other}")
                elif not number or not other_number:
                    found.append(f"{at}: overlapping port definition with {other}")
                elif number == other_number and bool(ip) != bool(other_ip):
                    found.append(f"{at}: dangerously ambiguous port definition with {other}")
            others.append((at, ip, number))
    return found


def _go_port(port: Object) -> str:
    """As Go prints the struct."""
    members = (("Name", ""), ("HostPort", 0), ("ContainerPort", 0), ("Protocol", ""), ("HostIP", ""))
    shown = (f"{name}:{port.get(name[0].lower() + name[1:], zero)}" for name, zero in members)
    return "{" + " ".join(shown) + "}"


def _port_names(containers: Sequence[tuple[Path, Object]]) -> list[str]:
    found = []
    known: dict[str, Path] = {}
    for path, container in containers:
        for i, port in enumerate(container.get("ports") or ()):
            name, at = port.get("name"), f"{path}.ports[{i}]"
            if not name:
                continue
            if (other := known.setdefault(name, at)) != at:
                text = f"services and probes that select ports by name will use {other}"
                found.append(f"{at}: duplicate port name {quoted(name)} with {other}, {text}")
    return found


def _pod_terms(path: Path, affinity: Object) -> list[str]:
    found = []
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or {}
        for i, term in enumerate(terms.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                found.append(f"{path}.{kind}.{_REQUIRED}[{i}].labelSelector: {_NO_SELECTOR}")
        for i, weighted in enumerate(terms.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                found.append(f"{path}.{kind}.{_PREFERRED}[{i}].podAffinityTerm.labelSelector: {_NO_SELECTOR}")
    return found


def _addresses(path: Path, spec: Object) -> list[str]:
    found = []
    for i, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        found += ip_warnings(f"{path}.dnsConfig.nameservers[{i}]", server)
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        found += ip_warnings(f"{path}.hostAliases[{i}].ip", alias.get("ip") or "")
    return found
