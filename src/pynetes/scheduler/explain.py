"""Why each node was refused, in upstream's words. Pure.

Source: pkg/scheduler/framework/types.go (FitError).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

NO_NODES = "no nodes available to schedule pods"
PREEMPTION_IS_NO_HELP = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NEVER_PREEMPTS = "not eligible due to preemptionPolicy=Never."
VICTIMS_GOING = "not eligible due to a terminating pod on the nominated node."
NO_CLAIMS = "no new claims to deallocate"

PLUGIN_OF: Mapping[str, str] = {
    "node(s) were unschedulable": "NodeUnschedulable",
    "node(s) had untolerated taint(s)": "TaintToleration",
    "node(s) didn't match Pod's node affinity/selector": "NodeAffinity",
    "node(s) didn't satisfy plugin(s) [NodeAffinity]": "NodeAffinity",
    "node(s) didn't have free ports for the requested pod ports": "NodePorts",
    "node(s) didn't match pod topology spread constraints": "PodTopologySpread",
    "node(s) didn't match pod topology spread constraints (missing required label)": "PodTopologySpread",
    "node(s) didn't match pod affinity rules": "InterPodAffinity",
    "node(s) didn't match pod anti-affinity rules": "InterPodAffinity",
    "node(s) didn't satisfy existing pods anti-affinity rules": "InterPodAffinity",
}


@dataclass(slots=True)
class Refusals:
    """The reasons by node: those that removing pods might cure, and those that it cannot."""

    nodes: int
    curable: dict[str, tuple[str, ...]] = field(default_factory=dict)
    final: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent: str = ""
    """The reason of every node that is in neither (nodes that a demand ruled out before the filters)."""

    @property
    def plugins(self) -> set[str]:
        """The plugins that refused: a change that they care about is worth another try."""
        reasons = [reason for node in (*self.curable.values(), *self.final.values()) for reason in node]
        return {PLUGIN_OF.get(reason, "NodeResourcesFit") for reason in [*reasons, self.absent] if reason}

    def histogram(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for reasons in (*self.curable.values(), *self.final.values()):
            counts.update(reasons)
        missing = self.nodes - len(self.curable) - len(self.final)
        if missing and self.absent:
            counts[self.absent] += missing
        return counts


def message(refusals: Refusals, after: Iterable[str] = ()) -> str:
    """``0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).`` and what was tried then."""
    if refusals.nodes == 0:
        return NO_NODES
    text = f"0/{refusals.nodes} nodes are available:"
    listed = sorted(f"{count} {reason}" for reason, count in refusals.histogram().items())
    if listed:
        text += f" {', '.join(listed)}."
    tried = ", ".join(after)
    return f"{text} {tried}" if tried else text


def preemption_message(nodes: int, reasons: Mapping[str, tuple[str, ...]]) -> str:
    """Why preemption found nothing. ``reasons``: of the nodes that were tried; it could not help on the others."""
    tried = Refusals(nodes, final=dict(reasons), absent=PREEMPTION_IS_NO_HELP)
    return f"preemption: {message(tried)}"
