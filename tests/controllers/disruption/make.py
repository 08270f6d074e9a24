"""Budgets and pods to decide on."""

from pynetes.meta.times import rfc3339

NOW = 1_767_225_600.0
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "rs", "controller": True}


def budget(status=None, **spec):
    spec = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    made = {"metadata": {"name": "b", "namespace": "default", "generation": 1}, "spec": spec}
    return {**made, "status": status} if status else made


def pod(name, ready=True, owner=OWNER, deleted=False, **status):
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {"app": "web"}}
    if owner:
        metadata["ownerReferences"] = [owner]
    if deleted:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": rfc3339(NOW)}
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Running", "conditions": [condition], **status}}


def pods(count, **more):
    return [pod(f"p{number}", **more) for number in range(count)]
