"""Keeps as many pods of a template as a ReplicationController asks for: what ReplicaSets came from, and do alike.

Watches: ReplicationControllers, Pods.
Owns: the pods that name the ReplicationController as their controller and match its selector; its status.
Guarantees: those of ``replicaset``. The selector is a plain map, and the status does not tell of pods that terminate.

Source: pkg/controller/replication/replication_controller.go.
"""

from pynetes.client.kinds import REPLICATION_CONTROLLERS
from pynetes.controllers.replicaset import Flavour, ReplicaSets, plan
from pynetes.controllers.types import Context, Controller
from pynetes.meta.selectors import from_labels

FLAVOUR = Flavour(REPLICATION_CONTROLLERS, lambda rc: from_labels(rc["spec"].get("selector")), False)


class ReplicationControllers(ReplicaSets):
    """The acting half."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, FLAVOUR)


CONTROLLER = Controller("replicationcontroller-controller", ReplicationControllers, "replication-controller")

__all__ = ["CONTROLLER", "plan"]
