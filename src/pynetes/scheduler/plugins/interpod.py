"""InterPodAffinity: near to some pods, apart from others, as the pod itself and the pods placed before it ask.

Source: pkg/scheduler/framework/plugins/interpodaffinity/{filtering,scoring}.go.
"""

import numpy as np
from numpy.typing import NDArray

from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import PodInfo
from pynetes.scheduler.terms import Demand, Term

NOT_NEAR = "node(s) didn't match pod affinity rules"
NOT_APART = "node(s) didn't match pod anti-affinity rules"
UNWELCOME = "node(s) didn't satisfy existing pods anti-affinity rules"

Masks = list[tuple[str, bool, NDArray[np.bool_]]]
"""Reason, whether removing pods could help, and where the filter holds."""


def concerns(table: NodeTable, pod: PodInfo) -> bool:
    """Whether anyone asks for anything: the pod, or pods placed before that mean it."""
    return bool(pod.terms) or any(_means(table, term, pod) for term, _ in table.terms.values())


def filters(table: NodeTable, pod: PodInfo) -> Masks:
    """In upstream's order; empty when nobody demands anything."""
    masks: Masks = []
    near = [term for term in pod.terms if term.demand is Demand.NEAR]
    if near:
        masks.append((NOT_NEAR, False, _near(table, pod, near)))
    apart = [term for term in pod.terms if term.demand is Demand.APART]
    if apart:
        blocked = np.zeros(len(table.nodes), np.bool_)
        for term in apart:
            blocked |= _domains(table, term.topology_key, meant(table, term)) > 0
        masks.append((NOT_APART, True, ~blocked))
    against = [c for t, c in table.terms.values() if t.demand is Demand.APART and _means(table, t, pod)]
    if against:
        blocked = np.zeros(len(table.nodes), np.bool_)
        for term, counts in table.terms.values():
            if term.demand is Demand.APART and _means(table, term, pod):
                blocked |= _domains(table, term.topology_key, counts) > 0
        masks.append((UNWELCOME, True, ~blocked))
    return masks


def score(table: NodeTable, pod: PodInfo, feasible: NDArray[np.bool_]) -> NDArray[np.int64]:
    """0 to 100: what everybody would like, scaled between the worst and the best of the feasible nodes."""
    total = np.zeros(len(table.nodes), np.int64)
    for term in pod.terms:
        if term.demand in (Demand.LIKES, Demand.DISLIKES):
            sign = 1 if term.demand is Demand.LIKES else -1
            total += sign * term.weight * _domains(table, term.topology_key, meant(table, term))
    for term, counts in table.terms.values():
        if term.demand is not Demand.APART and _means(table, term, pod):
            sign = -1 if term.demand is Demand.DISLIKES else 1
            total += sign * term.weight * _domains(table, term.topology_key, counts)
    if not feasible.any():
        return total
    lowest, highest = int(total[feasible].min()), int(total[feasible].max())
    if highest == lowest:
        return np.zeros_like(total)
    return (100.0 * ((total - lowest) / (highest - lowest))).astype(np.int64)


def meant(table: NodeTable, term: Term) -> NDArray[np.int64]:
    """How many pods of each node the term is about."""
    return table.crowd(
        ("term", term.pods_key), lambda other: term.means(other.namespace, other.labels, table.namespaces)
    )


def _near(table: NodeTable, pod: PodInfo, terms: list[Term]) -> NDArray[np.bool_]:
    """Every term is about pods that match all of them; the first of a series that means itself may go anywhere."""
    labelled = np.ones(len(table.nodes), np.bool_)
    for term in terms:
        labelled &= table.topology(term.topology_key) >= 0
    key = ("terms", b"\n\n".join(term.pods_key for term in terms))
    all_of_them = table.crowd(
        key, lambda other: all(t.means(other.namespace, other.labels, table.namespaces) for t in terms)
    )
    counts = [np.where(table.topology(t.topology_key) >= 0, all_of_them, 0) for t in terms]
    if not any((c > 0).any() for c in counts) and all(_means(table, term, pod) for term in terms):
        return labelled
    for term in terms:
        labelled &= _domains(table, term.topology_key, all_of_them) > 0
    return labelled


def _means(table: NodeTable, term: Term, pod: PodInfo) -> bool:
    return term.means(pod.namespace, pod.labels, table.namespaces)


def _domains(table: NodeTable, key: str, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each node the sum of the counts of all nodes of its domain; 0 for a node that is in none."""
    ids = table.topology(key)
    inside = (ids >= 0) & table.valid
    if not inside.any():
        return np.zeros(len(ids), np.int64)
    sums = np.bincount(ids[inside], weights=counts[inside], minlength=int(ids.max()) + 1).astype(np.int64)
    return np.where(inside, sums[np.maximum(ids, 0)], 0)
