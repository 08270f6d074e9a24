"""Taints and tolerations: which taints a pod puts up with.

Source: core/v1 ``toleration.go``; component-helpers ``scheduling/corev1/helpers.go``.
"""

from collections.abc import Iterable

from pynetes.meta.objects import Object


def tolerates(toleration: Object, taint: Object) -> bool:
    if (effect := toleration.get("effect")) and effect != taint.get("effect"):
        return False
    if (key := toleration.get("key")) and key != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and (toleration.get("value") or "") == (taint.get("value") or "")


def tolerated(tolerations: Iterable[Object], taint: Object) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations)


def matching(tolerations: Iterable[Object], taints: Iterable[Object]) -> list[Object] | None:
    """For each taint the first toleration of it; None when one taint is not tolerated."""
    listed = list(tolerations)
    found = [next((t for t in listed if tolerates(t, taint)), None) for taint in taints]
    return None if None in found else [t for t in found if t is not None]
