"""Where a DaemonSet's pods belong: on which nodes they start and stay, and how a pod is pinned to its node.

Source: pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod), daemon/util/daemonset_util.go.
"""

from typing import NamedTuple

from pynetes.controllers import podstate
from pynetes.kinds.pods.node_terms import may_run
from pynetes.kinds.pods.tolerations import tolerated
from pynetes.meta.objects import Object, name_of

_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_NETWORK_UNAVAILABLE = ("node.kubernetes.io/network-unavailable", "NoSchedule")


class Verdict(NamedTuple):
    """Of one node: whether a pod is to be started there, and whether one that runs there may stay."""

    should_run: bool
    may_stay: bool


class Placement:
    """Answers for each node whether a DaemonSet's pods belong there."""

    def __init__(self, daemon_set: Object) -> None:
        self._spec = tolerant(daemon_set["spec"]["template"]["spec"])
        self._only = self._spec.get("nodeName", "")
        self._anywhere = not self._spec.get("nodeSelector") and not self._spec.get("affinity")

    def verdict(self, node: Object) -> Verdict:
        """``node`` needs its name, labels and taints only."""
        if self._only and self._only != name_of(node):
            return Verdict(False, False)
        if not self._anywhere and not may_run(node, self._spec):
            return Verdict(False, False)
        taints = node["spec"].get("taints")
        if not taints:
            return Verdict(True, True)
        refused = [t["effect"] for t in taints if not tolerated(self._spec["tolerations"], t)]
        stays = "NoExecute" not in refused
        return Verdict(stays and "NoSchedule" not in refused, stays)


def tolerant(spec: Object) -> Object:
    """The pod spec with the tolerations that every daemon pod has."""
    wanted = [*_TOLERATED, _NETWORK_UNAVAILABLE] if spec.get("hostNetwork") else _TOLERATED
    tolerations: list[Object] = list(spec.get("tolerations") or ())
    for key, effect in wanted:
        forever = {"key": key, "operator": "Exists", "effect": effect}
        others = [t for t in tolerations if not _differs_in_time_only(t, forever)]
        if len(others) == len(tolerations):
            tolerations.append(forever)
        else:
            tolerations = [t if t in others else forever for t in tolerations]
    return {**spec, "tolerations": tolerations}


def _differs_in_time_only(a: Object, b: Object) -> bool:
    return all((a.get(name) or "") == (b.get(name) or "") for name in ("key", "operator", "effect", "value"))


def pinned(spec: Object, node: str) -> Object:
    """The pod spec with required node affinity to one node, in place of the template's own required terms."""
    affinity = spec.get("affinity") or {}
    of_nodes = affinity.get("nodeAffinity") or {}
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    of_nodes = {**of_nodes, "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {**spec, "affinity": {**affinity, "nodeAffinity": of_nodes}}


def target_of(pod: Object) -> str:
    """The node that the pod is on or is pinned to; ``""`` when it is pinned to none."""
    if node := podstate.node_of(pod):
        return node
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for want in term.get("matchFields") or ():
            if want.get("key") == "metadata.name" and want.get("operator") == "In":
                values: list[str] = want.get("values") or []
                return values[0] if len(values) == 1 else ""
    return ""
