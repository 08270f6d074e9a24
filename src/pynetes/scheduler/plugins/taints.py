"""Taints and tolerations: NodeUnschedulable and TaintToleration.

Source: pkg/scheduler/framework/plugins/{tainttoleration,nodeunschedulable}.
"""

from pynetes.kinds.pods.tolerations import tolerated
from pynetes.meta.objects import Object

UNSCHEDULABLE = "node(s) were unschedulable"
UNTOLERATED = "node(s) had untolerated taint(s)"
CORDONED: Object = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


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
