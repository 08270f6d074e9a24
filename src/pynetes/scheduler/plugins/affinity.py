"""Node selectors and node affinity.

Source: pkg/scheduler/framework/plugins/nodeaffinity; component-helpers ``nodeaffinity/nodeaffinity.go``.
"""

from collections.abc import Iterable, Sequence

from pynetes.kinds.pods.node_terms import required_terms, term_matches
from pynetes.meta.objects import Object

MISMATCH = "node(s) didn't match Pod's node affinity/selector"
CONFLICT = "pod affinity terms conflict"
OTHER_NODES = "node(s) didn't satisfy plugin(s) [NodeAffinity]"


def preferred_terms(spec: Object) -> Sequence[Object]:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return [term for term in preferred if term.get("weight")]


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
