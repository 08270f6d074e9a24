"""Tells kubelets how long they may use what they have read of secrets and config maps: longer, the larger the cluster.

Watches: Nodes.
Owns: the annotation ``node.alpha.kubernetes.io/ttl`` of nodes, in seconds.
Guarantees: all nodes say the same, by the number of nodes; a number near a boundary does not make it go to and fro.

Source: pkg/controller/ttl/ttl_controller.go.
"""

from pynetes.client.informer import Change
from pynetes.client.kinds import NODES
from pynetes.controllers.actions import Action, Patch, apply
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object, annotations_of, name_of

ANNOTATION = "node.alpha.kubernetes.io/ttl"
STEPS = ((0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, 2**31, 300))
"""From how many nodes to how many, and the seconds; each begins before the one below it ends."""


def step(present: int, nodes: int) -> int:
    """The index into ``STEPS`` for so many nodes, coming from ``present``."""
    while nodes > STEPS[present][1]:
        present += 1
    while nodes < STEPS[present][0]:
        present -= 1
    return present


def plan(node: Object, seconds: int) -> list[Action]:
    if annotations_of(node).get(ANNOTATION) == str(seconds):
        return []
    return [Patch(NODES, "", name_of(node), {"metadata": {"annotations": {ANNOTATION: str(seconds)}}})]


class Lifetimes:
    """The acting half; keys are nodes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._step = 0
        self._nodes = context.informers.get(NODES)
        self._nodes.add_handler(self._changed)

    async def reconcile(self, key: str) -> float | None:
        node = self._nodes.get(key)
        if node is not None:
            await apply(self._context, plan(node, STEPS[self._step][2]))
        return None

    def _changed(self, change: Change) -> None:
        before, self._step = self._step, step(self._step, len(self._nodes))
        for key in self._nodes.keys() if before != self._step else [change.key]:
            self._context.queue.add(key)


CONTROLLER = Controller("ttl-controller", Lifetimes)
