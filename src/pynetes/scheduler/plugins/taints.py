"""Taints and tolerations: NodeUnschedulable and TaintToleration.

Source: pkg/scheduler/framework/plugins/{tainttoleration,nodeunschedulable}; core/v1 ``toleration.go``.
"""

from collections.abc import Iterable

from pynetes.meta.objects import Object

UNSCHEDULABLE = "node(s) were unschedulable"
UNTOLERATED = "node(s) had untolerated taint(s)"
CORDONED: Object = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


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


def may_run(node: Object, tolerations: list[Object]) -> bool:
    """Whether every NoSchedule and NoExecute taint of the node is tolerated."""
    return all(
        tolerated(tolerations, taint)
        for taint in node["spec"].get("taints") or ()
        if taint.get("effect") in ("NoSchedule", "NoExecute")
    )


def may_run_cordoned(tolerations: list[Object]) -> bool:
    return tolerated(tolerations, CORDONED)


def unwelcome(node: Object, tolerations: list[Object]) -> int:
    """How many PreferNoSchedule taints of the node are not tolerated."""
    soft = [t for t in tolerations if (t.get("effect") or "PreferNoSchedule") == "PreferNoSchedule"]
    return sum(
        1
        for taint in node["spec"].get("taints") or ()
        if taint.get("effect") == "PreferNoSchedule" and not tolerated(soft, taint)
    )
