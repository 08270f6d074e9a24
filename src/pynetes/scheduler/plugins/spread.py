"""PodTopologySpread: pods of a kind spread evenly over zones, nodes or whatever a label names.

A pod that names no constraints is spread, softly, among its siblings: the pods of its services and its controller.

Source: pkg/scheduler/framework/plugins/podtopologyspread/{filtering,scoring,common}.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import orjson
from numpy.typing import NDArray

from pynetes.meta import selectors
from pynetes.meta.objects import Object
from pynetes.meta.selectors import LabelSelector
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import PodInfo
from pynetes.scheduler.terms import merged

MISMATCH = "node(s) didn't match pod topology spread constraints"
NO_LABEL = f"{MISMATCH} (missing required label)"
_HOSTNAME = "kubernetes.io/hostname"
_DEFAULTS = ((_HOSTNAME, 3), ("topology.kubernetes.io/zone", 5))
"""What siblings are spread over, and by how much they may differ at no cost."""

Masks = list[tuple[str, bool, NDArray[np.bool_]]]


@dataclass(frozen=True, slots=True)
class Constraint:
    topology_key: str
    max_skew: int
    min_domains: int
    hard: bool
    heeds_affinity: bool
    heeds_taints: bool
    selector: LabelSelector
    key: bytes
    is_default: bool = False
    """Then a node without the label is judged by the other constraints, instead of left out."""


def constraints_of(pod: PodInfo) -> list[Constraint]:
    named = pod.spec.get("topologySpreadConstraints")
    if named or pod.siblings is None:
        return [_constraint(pod, found) for found in named or ()]
    siblings = selectors.from_object(pod.siblings)
    key = _key(pod, pod.siblings)
    return [Constraint(label, skew, 1, False, True, False, siblings, key, True) for label, skew in _DEFAULTS]


def _constraint(pod: PodInfo, found: Object) -> Constraint:
    selector = merged(found.get("labelSelector"), found, pod.labels)
    return Constraint(
        topology_key=found["topologyKey"],
        max_skew=found.get("maxSkew", 1),
        min_domains=found.get("minDomains") or 1,
        hard=found.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule",
        heeds_affinity=found.get("nodeAffinityPolicy", "Honor") == "Honor",
        heeds_taints=found.get("nodeTaintsPolicy", "Ignore") == "Honor",
        selector=selectors.from_object(selector),
        key=_key(pod, selector),
    )


def _key(pod: PodInfo, selector: Object | None) -> bytes:
    return orjson.dumps([pod.namespace, selector], option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Nodes:
    """Which nodes a constraint counts: by the pod's node affinity and by its tolerations."""

    matching: NDArray[np.bool_]
    tolerated: NDArray[np.bool_]


def filters(table: NodeTable, pod: PodInfo, constraints: Sequence[Constraint], nodes: Nodes) -> Masks:
    """A node without a label, and a node whose domain would have too many pods."""
    hard = [c for c in constraints if c.hard]
    masks: Masks = []
    for constraint in hard:
        ids = table.topology(constraint.topology_key)
        eligible = _eligible(table, hard, constraint, nodes)
        counts, present = _by_domain(table, pod, constraint, eligible)
        domains = int(np.count_nonzero(present))
        least = int(counts[present].min()) if domains >= constraint.min_domains and domains else 0
        itself = int(constraint.selector.matches(pod.labels))
        fits = counts[np.maximum(ids, 0)] + itself - least <= constraint.max_skew if len(counts) else ids >= 0
        masks.append((NO_LABEL, False, ids >= 0))
        masks.append((MISMATCH, True, fits))
    return masks


def score(
    table: NodeTable, pod: PodInfo, constraints: Sequence[Constraint], nodes: Nodes, feasible: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """0 to 100: the fewer of the kind in a node's domains, the better."""
    soft = [c for c in constraints if not c.hard]
    total = np.zeros(len(table.nodes), np.float64)
    labelled = np.ones(len(table.nodes), np.bool_)
    for constraint in soft:
        labelled &= constraint.is_default | (table.topology(constraint.topology_key) >= 0)
    scored = feasible & labelled
    for constraint in soft:
        ids = table.topology(constraint.topology_key)
        if constraint.topology_key == _HOSTNAME:
            found, size = _crowd(table, pod, constraint), int(np.count_nonzero(scored))
        else:
            counts, _ = _by_domain(table, pod, constraint, _eligible(table, soft, constraint, nodes))
            size = int(np.count_nonzero(np.bincount(ids[scored] + 1)))
            found = counts[np.maximum(ids, 0)] if len(counts) else np.zeros_like(ids)
        cost = found * log(size + 2) + (constraint.max_skew - 1)
        total += np.where(ids >= 0, cost, 0) if constraint.is_default else cost
    rounded = np.floor(total + 0.5).astype(np.int64)
    if not scored.any():
        return np.zeros_like(rounded)
    lowest, highest = int(rounded[scored].min()), int(rounded[scored].max())
    if highest == 0:
        return np.where(scored, 100, 0)
    return np.where(scored, 100 * (highest + lowest - rounded) // highest, 0)


def _eligible(
    table: NodeTable, together: Sequence[Constraint], constraint: Constraint, nodes: Nodes
) -> NDArray[np.bool_]:
    eligible = table.valid.copy()
    for other in (constraint,) if constraint.is_default else together:
        eligible &= table.topology(other.topology_key) >= 0
    if constraint.heeds_affinity:
        eligible &= nodes.matching
    if constraint.heeds_taints:
        eligible &= nodes.tolerated
    return eligible


def _by_domain(
    table: NodeTable, pod: PodInfo, constraint: Constraint, eligible: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pods of the kind by domain, and which domains there are."""
    ids = table.topology(constraint.topology_key)
    size = int(ids.max()) + 1 if len(ids) else 0
    crowd = _crowd(table, pod, constraint)
    counts = np.bincount(ids[eligible], weights=crowd[eligible], minlength=size).astype(np.int64)
    return counts, np.bincount(ids[eligible], minlength=size) > 0


def _crowd(table: NodeTable, pod: PodInfo, constraint: Constraint) -> NDArray[np.int64]:
    namespace, selector = pod.namespace, constraint.selector
    return table.crowd(
        ("spread", constraint.key),
        lambda other: other.namespace == namespace and not other.deleted and selector.matches(other.labels),
    )
