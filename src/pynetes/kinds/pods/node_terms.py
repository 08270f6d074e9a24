"""Which nodes a pod may run on: one rule for the scheduler that picks, the kubelet that checks and daemon sets.

Source: component-helpers ``scheduling/corev1/nodeaffinity``.
"""

from collections.abc import Sequence

from pynetes.meta.objects import Object, labels_of, name_of


def may_run(node: Object, spec: Object) -> bool:
    """Whether the node has every label of ``nodeSelector`` and matches a required term, if there are any."""
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    terms = required_terms(spec)
    return terms is None or any(term_matches(node, term) for term in terms)


def required_terms(spec: Object) -> Sequence[Object] | None:
    """The node selector terms of which one must match; None when there is no such demand."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return None
    terms: Sequence[Object] = required.get("nodeSelectorTerms") or ()
    return terms


def term_matches(node: Object, term: Object) -> bool:
    """All expressions and fields of one term; an empty term matches nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels = labels_of(node)
    names = {"metadata.name": name_of(node)}
    return all(_holds(labels, e) for e in expressions) and all(_holds(names, f) for f in fields)


def _holds(values: dict[str, str], requirement: Object) -> bool:
    key, operator = requirement.get("key", ""), requirement.get("operator")
    wanted: Sequence[str] = requirement.get("values") or ()
    present = key in values
    if operator == "In":
        return present and values[key] in wanted
    if operator == "NotIn":
        return not present or values[key] not in wanted
    if operator == "Exists":
        return present
    if operator == "DoesNotExist":
        return not present
    if operator in ("Gt", "Lt") and present and len(wanted) == 1:
        try:
            value, bound = int(values[key]), int(wanted[0])
        except ValueError:
            return False
        return value > bound if operator == "Gt" else value < bound
    return False
