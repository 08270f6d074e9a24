"""Makes room for a pod by ending pods of lower priority: which node, which victims.

The table is changed while a node is tried and is as before afterwards.

Differs: PodDisruptionBudgets are not weighed when victims are chosen; the eviction of a victim is a plain deletion, as
upstream's is.

Source: pkg/scheduler/framework/preemption and plugins/defaultpreemption.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pynetes.meta.objects import Object
from pynetes.meta.times import parse_time
from pynetes.scheduler.decide import Chance
from pynetes.scheduler.explain import NO_VICTIMS, Refusals
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import PodInfo

REASON = "PreemptionByScheduler"
MOST_CANDIDATES = 100

Fits = Callable[[PodInfo, str], bool]
"""Whether a pod may run on a node as the table now is."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that would take the pod once these pods are gone; the most important of them first."""

    node: str
    victims: tuple[PodInfo, ...]


def find(
    table: NodeTable, pod: PodInfo, refusals: Refusals, fits: Fits, chance: Chance
) -> tuple[Candidate | None, dict[str, tuple[str, ...]]]:
    """The best candidate, or why each node that was tried is none."""
    reasons: dict[str, tuple[str, ...]] = {}
    found: list[Candidate] = []
    names = list(refusals.curable)
    offset = chance.randrange(len(names)) if names else 0
    wanted = max(MOST_CANDIDATES, len(names) // 10)
    for name in names[offset:] + names[:offset]:
        victims = _victims(table, pod, name, fits)
        if victims is None:
            reasons[name] = (NO_VICTIMS,)
        elif not victims:
            reasons[name] = refusals.curable[name]
        else:
            found.append(Candidate(name, victims))
            if len(found) >= wanted:
                break
    return (min(found, key=_badness) if found else None), reasons


def _victims(table: NodeTable, pod: PodInfo, node: str, fits: Fits) -> tuple[PodInfo, ...] | None:
    """Those who must go; empty when even all of them would not do, None when nobody may go."""
    lower = [other for other in table.on_node.get(node, {}).values() if other.priority < pod.priority]
    if not lower:
        return None
    for other in lower:
        table.remove_pod(other, node)
    absent = sorted(lower, key=_importance)
    victims: list[PodInfo] = []
    try:
        if not fits(pod, node):
            return ()
        # as many as possible are spared, the most important first
        for other in list(absent):
            table.add_pod(other, node)
            if fits(pod, node):
                absent.remove(other)
            else:
                table.remove_pod(other, node)
                victims.append(other)
        return tuple(victims)
    finally:
        for other in absent:
            table.add_pod(other, node)


def _importance(pod: PodInfo) -> tuple[int, float]:
    """Sorts the most important first: by priority, then by who has run longer."""
    return -pod.priority, _started(pod)


def _started(pod: PodInfo) -> float:
    text = (pod.object.get("status") or {}).get("startTime")
    return parse_time(text) if text else float("inf")


def _badness(candidate: Candidate) -> tuple[int, int, int, float]:
    """Sorts the best candidate first: the least important victims, the lowest sum, the fewest, the youngest."""
    priorities = [victim.priority for victim in candidate.victims]
    highest = max(priorities)
    oldest = min(_started(v) for v in candidate.victims if v.priority == highest)
    return highest, sum(p + 2**31 for p in priorities), len(priorities), -oldest


def is_being_preempted(pod: Object) -> bool:
    """Whether a pod was told to go to make room."""
    if "deletionTimestamp" not in pod["metadata"]:
        return False
    conditions: Sequence[Object] = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "DisruptionTarget" and c.get("reason") == REASON for c in conditions)
