"""Whether this node takes a pod that was bound to it: what the scheduler asks, asked again, and what is not built yet.

Source: kubernetes ``pkg/kubelet/lifecycle/predicate.go``, ``handlers.go``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pynetes.kinds.pods.node_terms import term_matches
from pynetes.kinds.pods.tolerations import tolerated
from pynetes.kubelet import pods
from pynetes.kubelet.container import host_ports
from pynetes.kubelet.resources import milli, pod_requests, whole
from pynetes.kubelet.supported import unsupported
from pynetes.kubelet.sysctls import forbidden as forbidden_sysctl
from pynetes.meta.objects import Object

OS_LABEL = "kubernetes.io/os"
ORDER = ("pods", "cpu", "memory", "ephemeral-storage")
"""In which shortfalls are told; others come after them."""


class Taken:
    """What the pods that this node has taken, and that are not done, hold of it: kept as sums, one look a pod."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        self._pods: dict[str, tuple[dict[str, int], list[tuple[str, str, int]]]] = {}

    def __len__(self) -> int:
        return len(self._pods)

    def add(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid not in self._pods:
            asked = numbers(pod_requests(pod))
            self._pods[uid] = asked, host_ports(pod)
            for name, value in asked.items():
                self.used[name] = self.used.get(name, 0) + value

    def remove(self, uid: str) -> None:
        asked, _ = self._pods.pop(uid, ({}, []))
        for name, value in asked.items():
            self.used[name] -= value

    def without(self, uid: str) -> "Taken":
        """What the others hold."""
        others = Taken()
        others.used = dict(self.used)
        others._pods = dict(self._pods)
        others.remove(uid)
        return others

    def clashes(self, wanted: list[tuple[str, str, int]]) -> bool:
        return bool(wanted) and any(_clash(a, b) for _, ports in self._pods.values() for a in ports for b in wanted)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Of this the node has too little. Amounts are thousandths of CPU, bytes or pieces."""

    resource: str
    requested: int
    used: int
    capacity: int

    @property
    def missing(self) -> int:
        return self.requested - (self.capacity - self.used)

    @property
    def told(self) -> tuple[str, str]:
        return f"OutOf{self.resource}", (
            f"Node didn't have enough resource: {self.resource}, requested: {self.requested}, used: {self.used}, "
            f"capacity: {self.capacity}"
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """What a pod is to stand on: the node, what others hold of it, and what its administrator and kernel allow."""

    node: Object
    taken: Taken
    apparmor: bool = False
    selinux: bool = False
    unsafe_sysctls: tuple[str, ...] = ()


def refusal(pod: Object, ground: Ground) -> tuple[str, str] | list[Shortfall] | None:
    """Reason and message why the node does not take it; or what a critical pod lacks, which others have to give up."""
    field = unsupported(pod) or _enforced_profile(pod, ground)
    if field is not None:
        return "UnsupportedField", f"Pynetes does not support the field {field} yet"
    forbidden = forbidden_sysctl(pod, ground.unsafe_sysctls)
    if forbidden is not None:
        return "SysctlForbidden", forbidden
    found = _operating_system(pod, ground.node) or _groups_policy(pod, ground.node)
    if found is not None:
        return found
    short = _shortfalls(pod, ground.node, ground.taken)
    others = _predicates(pod, ground)
    if pods.is_critical(pod):
        if others or short:
            return others[0] if others else short
    elif short or others:
        return short[0].told if short else others[0]
    if not ground.apparmor and _wants_apparmor(pod):
        return "AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host"
    return None


def has_room(pod: Object, node: Object, taken: Taken) -> tuple[str, str] | None:
    """Reason and message why a pod of this node cannot have what it now asks for."""
    short = _shortfalls(pod, node, taken.without(pod["metadata"]["uid"]))
    return short[0].told if short else None


def _operating_system(pod: Object, node: Object) -> tuple[str, str] | None:
    label = (pod["metadata"].get("labels") or {}).get(OS_LABEL)
    if label is not None and label != "linux":
        text = f"Failed to admit pod as the `{OS_LABEL}` label doesn't match node label"
        return "PodOSSelectorNodeLabelDoesNotMatch", text
    wanted = (pod["spec"].get("os") or {}).get("name")
    if wanted and wanted != "linux":
        return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
    return None


def _groups_policy(pod: Object, node: Object) -> tuple[str, str] | None:
    policy = (pod["spec"].get("securityContext") or {}).get("supplementalGroupsPolicy")
    can = ((node.get("status") or {}).get("features") or {}).get("supplementalGroupsPolicy")
    if policy == "Strict" and not can:
        return "SupplementalGroupsPolicyNotSupported", "SupplementalGroupsPolicy=Strict is not supported in this node"
    return None


def _predicates(pod: Object, ground: Ground) -> list[tuple[str, str]]:
    """What the scheduler asks besides resources, asked again; and taints, which may have come since."""
    found = []
    if not matches_node(pod, ground.node):
        found.append(_predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector"))
    if ground.taken.clashes(host_ports(pod)):
        found.append(_predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports"))
    taints = [t for t in ground.node.get("spec", {}).get("taints") or () if t.get("effect") == "NoExecute"]
    tolerations = pod["spec"].get("tolerations") or ()
    if not pods.is_static(pod) and not all(tolerated(tolerations, taint) for taint in taints):
        found.append(_predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate"))
    return found


def _predicate(name: str, text: str) -> tuple[str, str]:
    return name, f"Predicate {name} failed: {text}"


def _profiles(pod: Object, name: str) -> Iterator[tuple[str, Object]]:
    """Every security context of the pod that has this field: path and value."""
    context = pod["spec"].get("securityContext") or {}
    if context.get(name):
        yield f"spec.securityContext.{name}", context[name]
    for where in ("initContainers", "containers"):
        for index, container in enumerate(pod["spec"].get(where) or ()):
            context = container.get("securityContext") or {}
            if context.get(name):
                yield f"spec.{where}[{index}].securityContext.{name}", context[name]


def _wants_apparmor(pod: Object) -> bool:
    return any(profile.get("type") != "Unconfined" for _, profile in _profiles(pod, "appArmorProfile"))


def _enforced_profile(pod: Object, ground: Ground) -> str | None:
    """The path of a profile that this kernel would enforce and this runtime cannot set; without the kernel's part
    AppArmor is refused in upstream's words, and SELinux labels mean nothing."""
    if ground.apparmor and _wants_apparmor(pod):
        return next(p for p, v in _profiles(pod, "appArmorProfile") if v.get("type") != "Unconfined")
    if ground.selinux:
        return next((path for path, _ in _profiles(pod, "seLinuxOptions")), None)
    return None


def _shortfalls(pod: Object, node: Object, taken: Taken) -> list[Shortfall]:
    has = numbers((node.get("status") or {}).get("allocatable") or {})
    wanted = {"pods": 1, **numbers(pod_requests(pod))}
    used = {**taken.used, "pods": len(taken)}
    found = []
    for name, value in wanted.items():
        if name not in has and (name in ("pods", "ephemeral-storage") or _is_extended(name)):
            continue  # extended resources that the node does not know are the cluster's business, not the node's
        if value and value + used.get(name, 0) > has.get(name, 0):
            found.append(Shortfall(name, value, used.get(name, 0), has.get(name, 0)))
    return sorted(found, key=lambda s: ORDER.index(s.resource) if s.resource in ORDER else len(ORDER))


def _is_extended(name: str) -> bool:
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def numbers(resources: Mapping[str, str]) -> dict[str, int]:
    """Thousandths of CPU, bytes or pieces."""
    return {n: milli(resources, n) if n == "cpu" else whole(resources, n) for n in resources}


def _clash(one: tuple[str, str, int], other: tuple[str, str, int]) -> bool:
    everywhere = ("", "0.0.0.0", "::")
    same_host = one[0] == other[0] or one[0] in everywhere or other[0] in everywhere
    return same_host and one[1:] == other[1:]


def matches_node(pod: Object, node: Object) -> bool:
    """The pod's nodeSelector and required node affinity against the node."""
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(term_matches(node, term) for term in required.get("nodeSelectorTerms") or ())
