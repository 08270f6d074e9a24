"""One look at a DaemonSet, its nodes and its pods; and the status that they make.

Source: pkg/controller/daemon/daemon_controller.go (getNodesToDaemonPods, updateDaemonSetStatus).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pynetes.controllers import podstate
from pynetes.controllers.daemonset.placement import Placement, Verdict, target_of
from pynetes.controllers.history import HASH_LABEL
from pynetes.kinds.apps.daemon_set import TEMPLATE_GENERATION
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, annotations_of, labels_of, name_of

GENERATION_LABEL = "pod-template-generation"


@dataclass(frozen=True, slots=True)
class Observed:
    """One look. ``held`` says how long the failed pods of a node must wait, 0 when they need not."""

    daemon_set: Object
    hash: str
    nodes: Sequence[str]
    verdicts: Mapping[str, Verdict]
    pods: Mapping[str, Sequence[Object]]
    """By node, oldest first; those that have ended and are being deleted are left out."""
    now: float
    held: Callable[[str], float]
    generation: str | None
    """The generation of old, by which pods older than revisions are told apart."""

    @property
    def min_ready_seconds(self) -> int:
        found: int = self.daemon_set["spec"].get("minReadySeconds", 0)
        return found

    @property
    def wanted(self) -> int:
        """Nodes that should run a pod."""
        return sum(1 for verdict in self.verdicts.values() if verdict.should_run)

    def is_available(self, pod: Object) -> bool:
        return lifecycle.is_available(pod, self.min_ready_seconds, self.now)

    def is_updated(self, pod: Object) -> bool:
        labels = labels_of(pod)
        return labels.get(HASH_LABEL) == self.hash or (
            self.generation is not None and labels.get(GENERATION_LABEL) == self.generation
        )


def observe(
    daemon_set: Object,
    hash: str,
    nodes: Mapping[str, Object],
    pods: Iterable[Object],
    now: float,
    held: Callable[[str], float] = lambda node: 0.0,
) -> Observed:
    placement = Placement(daemon_set)
    verdicts = {name: placement.verdict(node) for name, node in nodes.items()}
    generation = template_generation(daemon_set)
    return Observed(daemon_set, hash, tuple(nodes), verdicts, _by_node(pods), now, held, generation)


def _by_node(pods: Iterable[Object]) -> Mapping[str, Sequence[Object]]:
    found: dict[str, list[Object]] = {}
    for pod in pods:
        if lifecycle.is_terminal(pod) and podstate.is_deleted(pod):
            continue
        if node := target_of(pod):
            found.setdefault(node, []).append(pod)
    for on_node in found.values():
        if len(on_node) > 1:
            on_node.sort(key=lambda p: (not podstate.node_of(p), p["metadata"]["creationTimestamp"], name_of(p)))
    return found


def status(seen: Observed, *, processed: bool) -> Object:
    """The status that these pods make. ``processed``: the present generation was acted on."""
    daemon_set = seen.daemon_set
    wanted = current = misplaced = ready = updated = available = 0
    for node in seen.nodes:
        pods = seen.pods.get(node)
        if not seen.verdicts[node].should_run:
            misplaced += bool(pods)
            continue
        wanted += 1
        if not pods:
            continue
        current += 1
        oldest = pods[0]
        if lifecycle.is_ready(oldest):
            ready += 1
            available += seen.is_available(oldest)
        updated += seen.is_updated(oldest)
    before = daemon_set.get("status") or {}
    result: Object = {field: before[field] for field in ("collisionCount", "conditions") if field in before}
    result |= {
        "currentNumberScheduled": current,
        "numberMisscheduled": misplaced,
        "desiredNumberScheduled": wanted,
        "numberReady": ready,
    }
    generation = daemon_set["metadata"].get("generation", 0) if processed else before.get("observedGeneration", 0)
    optional = {
        "observedGeneration": generation,
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberUnavailable": wanted - available,
    }
    return result | {field: count for field, count in optional.items() if count}


def strategy(daemon_set: Object) -> str:
    found: str = (daemon_set["spec"].get("updateStrategy") or {}).get("type", "")
    return found


def template_generation(daemon_set: Object) -> str | None:
    text = annotations_of(daemon_set).get(TEMPLATE_GENERATION, "")
    return text if text.removeprefix("-").isdecimal() else None
