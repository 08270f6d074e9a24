"""Keeps the pods of a StatefulSet: each with a name, a place in the order and claims of its own; updates them in turn.

Watches: StatefulSets, Pods, PersistentVolumeClaims, ControllerRevisions.
Owns: the pods named ``NAME-ORDINAL`` that name the set as their controller and match its selector; its revisions; its
    status; the owner references by which the retention policy deletes claims.
Guarantees: ordered sets create, delete and update one pod at a time, a pod only when all before it are available;
    parallel ones create and delete at once and update alike; a pod that ended is deleted and made anew under its
    name; what lies below the partition keeps the revision before; claims are made before their pod and never deleted.
Caveats: a claim that is being deleted holds its pod up until it is gone.
Differs: a pass whose creates and deletes have not been seen yet does nothing, where upstream asks again and is refused.

Source: pkg/controller/statefulset/{stateful_set,stateful_set_control,stateful_pod_control,stateful_set_utils}.go.
"""

from pynetes.controllers.statefulset.controller import CONTROLLER

__all__ = ["CONTROLLER"]
