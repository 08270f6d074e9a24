"""Rolls a Deployment's pod template out over ReplicaSets, one a template, and keeps their history.

Watches: Deployments, ReplicaSets, Pods (deletions, for Recreate).
Owns: the ReplicaSets that name the Deployment as their controller and match its selector; its status, and its
    annotation ``deployment.kubernetes.io/revision``.
Guarantees: never more than ``replicas + maxSurge`` pods wanted, never fewer than ``replicas - maxUnavailable``
    available because of a rollout; scaling during a rollout is shared in proportion; ReplicaSets without pods beyond
    ``revisionHistoryLimit`` are deleted, oldest revision first.
Differs: a pass writes the status once, where upstream writes it twice and meets its own conflict.

Source: pkg/controller/deployment/{sync,rolling,recreate,progress}.go and util/deployment_util.go.
"""

from pynetes.controllers.deployment.controller import CONTROLLER

__all__ = ["CONTROLLER"]
