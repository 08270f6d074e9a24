"""Stateful sets, their pods and claims to decide on."""

from pynetes.controllers.statefulset.identity import new_claim, new_pod
from pynetes.controllers.statefulset.plan import CreatePod, DeletePod, MakeClaims, Observed, OwnClaim, UpdatePod, plan
from pynetes.controllers.statefulset.revisions import new_revision

NOW = 1_767_225_600.0
SINCE = "2025-12-31T23:00:00Z"


def stateful_set(replicas=3, image="i", parallel=False, partition=0, claims=(), retain=("Retain", "Retain"), **spec):
    labels = {"app": "db"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}}
    spec = {
        "replicas": replicas,
        "serviceName": "db",
        "podManagementPolicy": "Parallel" if parallel else "OrderedReady",
        "selector": {"matchLabels": labels},
        "template": template,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}},
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": retain[0], "whenScaled": retain[1]},
        **spec,
    }
    if claims:
        spec["volumeClaimTemplates"] = [{"metadata": {"name": name}, "spec": {"accessModes": []}} for name in claims]
    metadata = {"name": "db", "namespace": "default", "uid": "u1", "generation": 1}
    return {"metadata": metadata, "spec": spec}


def revision(owner, number=1):
    made = new_revision(owner, number, 0)
    made["metadata"] |= {"uid": f"uid-{number}", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return made


def pod(owner, ordinal, of=None, ready=True, phase="Running", deleted=False):
    """``of``: the revision that it is at; that of its owner's template by default."""
    at = of or revision(owner)
    made = new_pod(owner, at["data"]["spec"]["template"], at["metadata"]["name"], ordinal)
    made["metadata"]["uid"] = f"uid-{ordinal}"
    if deleted:
        made["metadata"]["deletionTimestamp"] = "2025-12-31T23:59:00Z"
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": SINCE}
    made["status"] = {"phase": phase, "conditions": [condition]}
    return made


def pods(owner, *ordinals, **state):
    return [pod(owner, ordinal, **state) for ordinal in ordinals]


def claim(owner, ordinal, name="data", owners=(), **metadata):
    template = next(t for t in owner["spec"]["volumeClaimTemplates"] if t["metadata"]["name"] == name)
    made = new_claim(owner, template, ordinal)
    made["metadata"] |= metadata
    if owners:
        made["metadata"]["ownerReferences"] = list(owners)
    return made


def look(owner, present, current=None, update=None, claims=(), now=NOW):
    known = {found["metadata"]["name"]: found for found in claims}
    update = update or revision(owner)
    return Observed(owner, current or update, update, list(present), known.get, now)


def decide(*args, **more):
    """The plan in words: ``create db-0``."""
    words = []
    for action in plan(look(*args, **more)).actions():
        name = action.pod["metadata"]["name"]
        match action:
            case CreatePod():
                words.append(f"create {name}")
            case UpdatePod():
                words.append(f"update {name}")
            case DeletePod():
                words.append(f"delete {name}")
            case MakeClaims(_, missing, going):
                words += [f"claim {found['metadata']['name']}" for found in missing]
                words += [f"await {found}" for found in going]
            case OwnClaim(_, found, owners, _):
                owned = ",".join(o["name"] for o in owners) if owners is not None else "left"
                words.append(f"own {found['metadata']['name']} by {owned or 'nobody'}")
    return words
