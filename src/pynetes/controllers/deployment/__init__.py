"""Rolls a Deployment's pod template out over ReplicaSets, one a template, and keeps their history.

Watches: Deployments, ReplicaSets, Pods (deletions, for Recreate).
Owns: the ReplicaSets that name the Deployment as their controller and match its selector; its status, and its
    annotation ``deployment.kubernetes.io/revision``.
Guarantees: never more than ``replicas + maxSurge`` pods wanted, never fewer than ``replicas - maxUnavailable``
    available because of a rollout; scaling during a rollout is shared in proportion; ReplicaSets without pods beyond
    ``revisionHistoryLimit`` are deleted, oldest revision first.
Differs: the label ``pod-template-hash`` is FNV-1a over the template's JSON, not over Go's print of it: the same length
    and alphabet, stable, another value. A ReplicaSet that upstream made is recognised by its template, not by its hash.
    A pass writes the status once, where upstream writes it twice and meets its own conflict.

Source: pkg/controller/deployment/{sync,rolling,recreate,progress}.go and util/deployment_util.go.
"""

from pynetes.controllers.deployment.controller import CONTROLLER

__all__ = ["CONTROLLER"]
