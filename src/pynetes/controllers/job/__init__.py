"""Runs the pods of a Job until enough of them succeeded, or until it failed, and counts each of them once.

Watches: Jobs, Pods.
Owns: the pods that name the Job as their controller and match its selector; the finalizer
    ``batch.kubernetes.io/job-tracking`` on them; the Job's status.
Guarantees: each pod is counted once: its uid is written to ``uncountedTerminatedPods``, then its finalizer goes, then
    the counter is raised; failed pods are replaced after 10, 20, 40 ... 600 s, for the whole Job or for each index; at
    most 500 pods are created or deleted in one pass; what pods do is looked at in batches of a second; a Job is
    finished when no pod of it is left that is not counted or still terminates.
Caveats: a Job whose ``managedBy`` names another controller is left alone, its pods' finalizers too.

Source: pkg/controller/job; KEP-2307 (tracking), KEP-2214 (indexed), KEP-3329 (failure policy), KEP-3850 (per index),
    KEP-3939 (replacement), KEP-3998 (success policy), KEP-2232 (suspend), KEP-4368 (managedBy).
"""

from pynetes.controllers.job.controller import CONTROLLER

__all__ = ["CONTROLLER"]
