"""Node selectors and node affinity.

Source: pkg/scheduler/framework/plugins/nodeaffinity; component-helpers ``nodeaffinity/nodeaffinity.go``.
"""

from collections.abc import Iterable, Sequence

from pynetes.kinds.pods.node_terms import term_matches
from pynetes.meta.objects import Object, labels_of

MISMATCH = "node(s) didn't match Pod's node affinity/selector"
CONFLICT = "pod affinity terms conflict"
OTHER_NODES = "node(s) didn't satisfy plugin(s) [NodeAffinity]"


def required_terms(spec: Object) -> Sequence[Object] | None:
    """The node selector terms of which one must match; None when there is no such demand."""
    required = _node_affinity(spec).get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return None
    terms: Sequence[Object] = required.get("nodeSelectorTerms") or ()
    return terms


def preferred_terms(spec: Object) -> Sequence[Object]:
    preferred = _node_affinity(spec).get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return [term for term in preferred if term.get("weight")]


def _node_affinity(spec: Object) -> Object:
    affinity: Object = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    return affinity


def may_run(node: Object, spec: Object) -> bool:
    """Whether the node has every label of ``nodeSelector`` and matches a required term, if there are any."""
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    terms = required_terms(spec)
    return terms is None or any(term_matches(node, term) for term in terms)


def preference(node: Object, terms: Iterable[Object]) -> int:
    """The summed weight of the preferred terms that match."""
    return sum(int(term["weight"]) for term in terms if term_matches(node, term.get("preference") or {}))


def only_nodes(spec: Object) -> set[str] | None:
    """The node names to which the required terms confine the pod; None when any node may do."""
    terms = required_terms(spec)
    if not terms:
        return None
    names: set[str] = set()
    for term in terms:
        confined: set[str] | None = None
        for requirement in term.get("matchFields") or ():
            if requirement.get("key") == "metadata.name" and requirement.get("operator") == "In":
                values = set(requirement.get("values") or ())
                confined = values if confined is None else confined & values
        if confined is None:
            return None
        names |= confined
    return names
