"""The terms of pod affinity and anti-affinity: which pods they mean, and how much they weigh.

Source: kube-scheduler ``framework/types.go`` (AffinityTerm); core/v1 PodAffinityTerm.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

import orjson

from pynetes.meta import selectors
from pynetes.meta.objects import Object, labels_of, namespace_of
from pynetes.meta.selectors import LabelSelector


class Demand(Enum):
    """What a term asks for."""

    NEAR = "required affinity"
    APART = "required anti-affinity"
    LIKES = "preferred affinity"
    DISLIKES = "preferred anti-affinity"


@dataclass(frozen=True, slots=True)
class Term:
    """One term. ``key`` is equal for terms that mean the same."""

    demand: Demand
    topology_key: str
    namespaces: frozenset[str]
    namespace_selector: LabelSelector | None
    selector: LabelSelector
    weight: int
    key: bytes

    @property
    def pods_key(self) -> bytes:
        """Equal for terms that mean the same pods, whatever they ask for."""
        return self.key.partition(b"\n")[2]

    def means(self, namespace: str, labels: Mapping[str, str], namespaces: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether the term is about a pod of this namespace with these labels."""
        if namespace not in self.namespaces:
            chosen = self.namespace_selector
            if chosen is None or not chosen.matches(namespaces.get(namespace, {})):
                return False
        return self.selector.matches(labels)


_PLACES = (
    ("podAffinity", "requiredDuringSchedulingIgnoredDuringExecution", Demand.NEAR),
    ("podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", Demand.APART),
    ("podAffinity", "preferredDuringSchedulingIgnoredDuringExecution", Demand.LIKES),
    ("podAntiAffinity", "preferredDuringSchedulingIgnoredDuringExecution", Demand.DISLIKES),
)


def terms_of(pod: Object) -> Iterable[Term]:
    affinity = pod["spec"].get("affinity") or {}
    for kind, strength, demand in _PLACES:
        for entry in (affinity.get(kind) or {}).get(strength) or ():
            soft = demand in (Demand.LIKES, Demand.DISLIKES)
            yield _term(pod, demand, entry["podAffinityTerm"] if soft else entry, entry["weight"] if soft else 1)


def _term(pod: Object, demand: Demand, term: Object, weight: int) -> Term:
    namespaces = frozenset(term.get("namespaces") or ())
    chosen = term.get("namespaceSelector")
    if not namespaces and chosen is None:
        namespaces = frozenset({namespace_of(pod)})
    selector = merged(term.get("labelSelector"), term, labels_of(pod))
    about = orjson.dumps([sorted(namespaces), chosen, selector], option=orjson.OPT_SORT_KEYS)
    head = f"{demand.name} {weight} {term['topologyKey']}\n".encode()
    return Term(
        demand,
        term["topologyKey"],
        namespaces,
        selectors.from_object(chosen) if chosen is not None else None,
        selectors.from_object(selector),
        weight,
        head + about,
    )


def merged(selector: Object | None, source: Object, labels: Mapping[str, str]) -> Object | None:
    """The selector with what ``matchLabelKeys`` and ``mismatchLabelKeys`` add from the pod's own labels."""
    if selector is None:
        return None
    expressions = list(selector.get("matchExpressions") or ())
    for name, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
        for key in source.get(name) or ():
            expression = {"key": key, "operator": operator, "values": [labels.get(key)]}
            if key in labels and expression not in expressions:
                expressions.append(expression)
    return {**selector, "matchExpressions": expressions} if expressions else selector
