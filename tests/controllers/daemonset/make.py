"""Daemon sets, nodes and pods to decide on."""

from pynetes.controllers.daemonset.controller import new_pod
from pynetes.controllers.daemonset.observed import observe

NOW = 1_767_225_600.0
LATER = "2025-12-31T23:00:00Z"


def daemon_set(strategy="RollingUpdate", template=None, min_ready=0, **rolling):
    labels = {"app": "agent"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        "updateStrategy": {"type": strategy},
        "revisionHistoryLimit": 10,
    }
    spec["template"]["spec"] |= template or {}
    if strategy == "RollingUpdate":
        spec["updateStrategy"]["rollingUpdate"] = {"maxUnavailable": 1, "maxSurge": 0, **rolling}
    if min_ready:
        spec["minReadySeconds"] = min_ready
    metadata = {"name": "agent", "namespace": "default", "uid": "u1", "generation": 1}
    return {"metadata": metadata, "spec": spec}


def node(name, *taints, **labels):
    spec = {"taints": [{"key": key, "effect": effect} for key, effect in taints]} if taints else {}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def nodes(*names):
    return {name: node(name) for name in names}


def pod(owner, on, hash="new", name=None, ready=True, phase="Running", bound=True, deleted=False, created="00"):
    made = new_pod(owner, hash, on)
    made["metadata"] |= {
        "name": name or f"agent-{on}-{hash}",
        "uid": f"uid-{on}-{hash}-{name}",
        "creationTimestamp": f"2025-12-31T{created}:00:00Z",
    }
    if deleted:
        made["metadata"]["deletionTimestamp"] = "2025-12-31T23:59:00Z"
    if bound:
        made["spec"]["nodeName"] = on
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": LATER}
    made["status"] = {"phase": phase, "conditions": [condition]}
    return made


def look(owner, known, pods, hash="new", **more):
    return observe(owner, hash, known, pods, NOW, **more)


def names(pods):
    return [found["metadata"]["name"] for found in pods]
