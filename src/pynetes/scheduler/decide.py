"""Decides on which node a pod runs: all filters and scores at once, over the columns of the node table.

What was worked out for one pod is kept for all with the same rules; after a placement only the rows that changed are
looked at again. So a pod of a Deployment costs a handful of operations on small arrays and one maximum.

Differs: every node is looked at, where upstream samples some of the nodes of a cluster above 100.

Source: pkg/scheduler/schedule_one.go; the order of filters and the weights are those of the default profile.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from pynetes.kinds.pods.node_terms import may_run, required_terms, term_matches
from pynetes.meta.objects import Object, labels_of
from pynetes.scheduler import hostports
from pynetes.scheduler.explain import Refusals
from pynetes.scheduler.nodes import NodeTable, image_sizes
from pynetes.scheduler.plugins import affinity, images, interpod, resources, spread, taints
from pynetes.scheduler.pods import PodInfo
from pynetes.scheduler.settings import WEIGHTS

Rows = NDArray[np.int64] | slice
_ALL = slice(None)
_SIGNATURES = 512


class Chance(Protocol):
    """A clock's ``random``, as much of it as is used."""

    def randrange(self, stop: int, /) -> int: ...


@dataclass(slots=True)
class Decision:
    """Either a node, or why there is none."""

    node: str = ""
    refusals: Refusals | None = None
    refused: str = ""
    """A refusal of the pod itself, whatever the nodes."""


@dataclass(slots=True)
class _Worked:
    """What is known for pods with the same rules: the score of each node by itself, and with what depends on others.

    It is -1 where the pod cannot run.
    """

    terms: "_Terms"
    alone: NDArray[np.int64]
    total: NDArray[np.int64]
    epoch: int
    position: int


class Decider:
    """Reads the table; places nothing itself."""

    def __init__(self, table: NodeTable, chance: Chance, weights: Mapping[str, int] = WEIGHTS) -> None:
        self._table = table
        self._chance = chance
        self._weights = weights
        self._worked: OrderedDict[tuple[bytes, bytes], _Worked] = OrderedDict()

    def decide(self, pod: PodInfo) -> Decision:
        if pod.refused_fields:
            return Decision(refused=refusal_of(pod))
        total = self._total(pod)
        best = int(total.max()) if len(total) else -1
        if best < 0:
            return Decision(refusals=self.refusals(pod))
        candidates = np.flatnonzero(total == best)
        choice = candidates[0] if len(candidates) == 1 else candidates[self._chance.randrange(len(candidates))]
        return Decision(node=self._table.names[choice])

    def fits(self, pod: PodInfo, node: str) -> bool:
        """Whether the pod may run on one node as the table is now. Nothing of it is kept."""
        row = self._table.rows.get(node)
        if row is None:
            return False
        return bool(_Terms(self._table, pod, self._weights).feasible(np.array([row]))[0])

    def refusals(self, pod: PodInfo) -> Refusals:
        """The reasons of every node. Upstream's order of filters; a node's first refusal is its only one."""
        return Explainer(self._table, pod, _Terms(self._table, pod, self._weights).social_filters()).refusals()

    def _total(self, pod: PodInfo) -> NDArray[np.int64]:
        table, rules = self._table, pod.rules
        worked = self._worked.get(rules)
        if worked is None or worked.epoch != table.epoch:
            terms = _Terms(table, pod, self._weights)
            alone = terms.alone(_ALL)
            worked = _Worked(terms, alone, terms.together(alone), table.epoch, table.position)
            self._worked[rules] = worked
            if len(self._worked) > _SIGNATURES:
                self._worked.popitem(last=False)
            return worked.total
        self._worked.move_to_end(rules)
        if worked.position != table.position:
            rows = np.array(table.changed_since(worked.position), np.int64)
            worked.alone[rows] = worked.terms.alone(rows)
            worked.total = worked.terms.together(worked.alone)
            worked.position = table.position
        return worked.total


def refusal_of(pod: PodInfo) -> str:
    fields = ", ".join(pod.refused_fields)
    return f"pynetes cannot honour {fields} yet: the pod is not scheduled rather than placed without it"


class _Terms:
    """The filters and scores of pods with the same rules, for any rows. Good for one epoch of the table."""

    def __init__(self, table: NodeTable, pod: PodInfo, weights: Mapping[str, int]) -> None:
        self.table, self.pod, self.weights = table, pod, weights
        tolerations: list[Object] = pod.spec.get("tolerations") or []
        key = orjson.dumps(tolerations)
        self.tolerated = table.column(("taints", key), lambda n: taints.may_run(n, tolerations), np.bool_)
        self.unwelcome = table.column(("soft", key), lambda n: taints.unwelcome(n, tolerations), np.int64)
        self.matching = _affinity_columns(table, pod)
        self.confined = affinity.only_nodes(pod.spec)
        self.preferred = _preferred_column(table, pod)
        self.images = self._image_scores()
        self.cordoned_is_fine = taints.may_run_cordoned(tolerations)
        self.constraints = spread.constraints_of(pod)
        self.sociable = interpod.concerns(table, pod)
        self.always_relative = self.preferred is not None or bool(self.constraints) or self.sociable

    @property
    def relative(self) -> bool:
        """Whether what is said of one node depends on others."""
        return self.always_relative or bool(self.unwelcome.any())

    def social_filters(self) -> interpod.Masks:
        """The filters that look at pods of other nodes, in upstream's order; over all rows."""
        masks: interpod.Masks = []
        if any(constraint.hard for constraint in self.constraints):
            masks += spread.filters(self.table, self.pod, self.constraints, self._spread_nodes())
        if self.sociable:
            masks += interpod.filters(self.table, self.pod)
        return masks

    def _spread_nodes(self) -> spread.Nodes:
        matching = np.ones(len(self.table.nodes), np.bool_)
        for column in self.matching:
            matching &= column
        if self.confined is not None:
            matching &= np.isin(np.arange(len(matching)), self._confined_rows())
        cordoned = np.zeros_like(matching) if self.cordoned_is_fine else self.table.unschedulable
        return spread.Nodes(matching, self.tolerated & ~cordoned)

    def feasible(self, rows: Rows) -> NDArray[np.bool_]:
        ok = self._fits(rows)
        for _, _, mask in self.social_filters():
            ok &= mask[rows]
        return ok

    def _fits(self, rows: Rows) -> NDArray[np.bool_]:
        """By the filters that look at the node alone."""
        table, pod = self.table, self.pod
        ok: NDArray[np.bool_] = table.valid[rows] & self.tolerated[rows] & (table.pods[rows] < table.allowed_pods[rows])
        if not self.cordoned_is_fine:
            ok &= ~table.unschedulable[rows]
        for column in self.matching:
            ok &= column[rows]
        if self.confined is not None:
            ok &= np.isin(_indices(table, rows), self._confined_rows())
        for name, count in pod.requests.items():
            if count > 0:
                index = table.resource(name)
                ok &= count <= table.allocatable[index, rows] - table.requested[index, rows]
        if pod.ports and (taken := table.ports.conflicts(pod.ports)):
            ok &= ~np.isin(_indices(table, rows), list(taken))
        return ok

    def alone(self, rows: Rows) -> NDArray[np.int64]:
        """By the filters and scores that look at the node alone; -1 where it does not fit."""
        ok = self._fits(rows)
        table, pod, weights = self.table, self.pod, self.weights
        cpu, memory = table.allocatable[0, rows], table.allocatable[1, rows]
        score = weights["NodeResourcesFit"] * resources.least_allocated(
            cpu, memory, table.counted[0, rows] + pod.nonzero_cpu, table.counted[1, rows] + pod.nonzero_memory
        )
        if pod.requests.get("cpu") or pod.requests.get("memory"):
            used = table.requested
            score += weights["NodeResourcesBalancedAllocation"] * resources.balanced(
                cpu, memory, used[0, rows], used[1, rows], pod.requests.get("cpu", 0), pod.requests.get("memory", 0)
            )
        if self.images is not None:
            score += weights["ImageLocality"] * self.images[rows]
        return np.where(ok, score, -1)

    def together(self, alone: NDArray[np.int64]) -> NDArray[np.int64]:
        """With the filters and scores that compare nodes. The same array when there are none."""
        if not self.relative:
            return alone
        table, pod, weights = self.table, self.pod, self.weights
        ok = alone >= 0
        for _, _, mask in self.social_filters():
            ok &= mask
        score = alone + weights["TaintToleration"] * _normalised(self.unwelcome, ok, reverse=True)
        if self.preferred is not None:
            score += weights["NodeAffinity"] * _normalised(self.preferred, ok, reverse=False)
        if any(not constraint.hard for constraint in self.constraints):
            nodes = self._spread_nodes()
            score += weights["PodTopologySpread"] * spread.score(table, pod, self.constraints, nodes, ok)
        if self.sociable:
            score += weights["InterPodAffinity"] * interpod.score(table, pod, ok)
        return np.where(ok, score, -1)

    def _confined_rows(self) -> list[int]:
        table, terms = self.table, required_terms(self.pod.spec) or ()
        rows = (table.rows[name] for name in self.confined or () if name in table.rows)
        return [row for row in rows if any(term_matches(table.node(row), term) for term in terms)]

    def _image_scores(self) -> NDArray[np.int64] | None:
        """Worked out once an epoch: a node's images, and the number of nodes, change the epoch."""
        table = self.table
        summed: NDArray[np.int64] | None = None
        for image in self.pod.images:
            sizes = table.column(("image", image), _size_of(image), np.int64)
            if sizes.any():
                found = images.spread(np.where(table.valid, sizes, 0), len(table))
                summed = found if summed is None else summed + found
        return None if summed is None else images.score(summed, len(self.pod.images))


def _size_of(image: str) -> Callable[[Object], int]:
    return lambda node: image_sizes(node).get(image, 0)


def _indices(table: NodeTable, rows: Rows) -> NDArray[np.int64]:
    return np.arange(len(table.nodes)) if isinstance(rows, slice) else rows


def _normalised(scores: NDArray[np.int64], among: NDArray[np.bool_], reverse: bool) -> NDArray[np.int64]:
    """Scaled to 0..100 by the highest among the nodes that can take the pod."""
    highest = int(scores[among].max()) if among.any() else 0
    if highest == 0:
        return np.full_like(scores, 100) if reverse else np.zeros_like(scores)
    scaled = 100 * scores // highest
    return 100 - scaled if reverse else scaled


def _affinity_columns(table: NodeTable, pod: PodInfo) -> list[NDArray[np.bool_]]:
    """Where nodeSelector and required node affinity hold: all of these columns must."""
    columns: list[NDArray[Any]] = []
    for key, value in (pod.spec.get("nodeSelector") or {}).items():
        columns.append(table.column(("label", key, value), _has_label(key, value), np.bool_))
    terms = required_terms(pod.spec)
    if terms is not None and affinity.only_nodes(pod.spec) is None:
        wanted = ("affinity", orjson.dumps(terms))
        columns.append(table.column(wanted, lambda n: any(term_matches(n, term) for term in terms), np.bool_))
    return columns


def _has_label(key: str, value: str) -> Callable[[Object], bool]:
    return lambda node: labels_of(node).get(key) == value


def _preferred_column(table: NodeTable, pod: PodInfo) -> NDArray[np.int64] | None:
    terms = affinity.preferred_terms(pod.spec)
    if not terms:
        return None
    key = ("preferred", orjson.dumps(terms))
    return table.column(key, lambda n: affinity.preference(n, terms), np.int64)


class Explainer:
    """Works out the reasons node by node, in upstream's order; for pods that found no node."""

    def __init__(self, table: NodeTable, pod: PodInfo, social: interpod.Masks) -> None:
        self._table, self._pod, self._social = table, pod, social
        self._tolerations: list[Object] = pod.spec.get("tolerations") or []
        self._taken = table.ports.conflicts(pod.ports) if pod.ports else set()

    def refusals(self) -> Refusals:
        table = self._table
        refusals = Refusals(len(table))
        names = affinity.only_nodes(self._pod.spec)
        if names is not None:
            refusals.absent = affinity.OTHER_NODES
        for name, row in table.rows.items():
            if names is not None and name not in names:
                continue
            if (final := self._final(row)) is not None:
                refusals.final[name] = (final,)
            elif row in self._taken:
                refusals.curable[name] = (hostports.TAKEN,)
            else:
                self._resources(name, row, refusals)
        return refusals

    def _final(self, row: int) -> str | None:
        table, node = self._table, self._table.node(row)
        if table.unschedulable[row] and not taints.may_run_cordoned(self._tolerations):
            return taints.UNSCHEDULABLE
        if not taints.may_run(node, self._tolerations):
            return taints.UNTOLERATED
        if not may_run(node, self._pod.spec):
            return affinity.MISMATCH
        return None

    def _resources(self, name: str, row: int, refusals: Refusals) -> None:
        table, reasons, final = self._table, [], False
        if table.pods[row] + 1 > table.allowed_pods[row]:
            reasons.append(resources.TOO_MANY_PODS)
        for resource in sorted(self._pod.requests, key=lambda r: (table.resource(r) > 2, table.resource(r))):
            count, index = self._pod.requests[resource], table.resource(resource)
            if count > 0 and count > table.allocatable[index, row] - table.requested[index, row]:
                reasons.append(resources.insufficient(resource))
                final = final or bool(count > table.allocatable[index, row])
        if reasons:
            (refusals.final if final else refusals.curable)[name] = tuple(reasons)
            return
        for reason, curable, mask in self._social:
            if not mask[row]:
                (refusals.curable if curable else refusals.final)[name] = (reason,)
                return
