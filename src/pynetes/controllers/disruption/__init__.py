"""Counts what disruption budgets allow, by which evictions are refused; takes back marks of evictions that never came.

Watches: PodDisruptionBudgets, Pods, ReplicaSets, Deployments, StatefulSets, ReplicationControllers.
Owns: the status of budgets; the condition DisruptionTarget of pods that nobody deleted.
Guarantees: a share or a maximum is of what the pods' controllers ask for, found by their scale; a pod that was evicted
    counts as gone for two minutes, until it is; when the count fails nothing is allowed, and the status says why.
Caveats: pods that nobody controls make shares and maxima wrong, which an event says.

Source: pkg/controller/disruption/disruption.go; tasks/run-application/configure-pdb.
"""

from pynetes.controllers.disruption.controller import CONTROLLER

__all__ = ["CONTROLLER"]
