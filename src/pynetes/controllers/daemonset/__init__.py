"""Keeps one pod of a DaemonSet's template on every node that it is meant for, and rolls a new template out over them.

Watches: DaemonSets, ControllerRevisions, Pods, Nodes.
Owns: the pods and revisions that name the DaemonSet as their controller and match its selector; its status.
Guarantees: pods are pinned to their node by node affinity and bound by the scheduler; a node that pods may no longer
    run on loses them, one that only got a NoSchedule taint keeps them; a failed or succeeded pod is deleted and made
    anew, a failed one after 1, 2, 4 ... 900 s; a rollout takes away at most ``maxUnavailable`` available pods at a
    time or, surging, adds at most ``maxSurge`` new pods beside old ones that are available; at most 250 pods are
    created and 250 deleted in one pass.
Caveats: while earlier creates and deletes have not been seen only the status is written.

Source: pkg/controller/daemon/{daemon_controller,update}.go, daemon/util/daemonset_util.go.
"""

from pynetes.controllers.daemonset.controller import CONTROLLER

__all__ = ["CONTROLLER"]
