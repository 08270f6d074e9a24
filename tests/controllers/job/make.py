"""Jobs and their pods to decide on."""

from pynetes.controllers.job.backoff import Failures
from pynetes.controllers.job.plan import see
from pynetes.controllers.job.pods import FINALIZER, new_pod
from pynetes.meta.times import rfc3339

NOW = 1_767_225_600.0


def job(status=None, template=None, **spec):
    spec = {"parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed", **spec}
    if spec["completions"] is None:
        del spec["completions"]
    labels = {"batch.kubernetes.io/controller-uid": "u1"}
    pods = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}], **(template or {})}
    spec |= {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pods}}
    metadata = {"name": "j", "namespace": "default", "uid": "u1", "generation": 1}
    made = {"metadata": metadata, "spec": spec}
    return {**made, "status": status} if status else made


def indexed(completions=3, **spec):
    return job(completions=completions, completionMode="Indexed", **{"parallelism": completions, **spec})


def pod(owner, name="p", phase="Running", index=None, code=None, ended=0.0, deleted=False, free=False, **more):
    """``ended``: seconds ago. ``free``: without the finalizer."""
    made = new_pod(owner, index, None)
    annotations = more.pop("annotations", {})
    made["metadata"] |= {"name": name, "uid": f"uid-{name}", "creationTimestamp": rfc3339(NOW - 3600)}
    if annotations:
        made["metadata"]["annotations"] = {**made["metadata"].get("annotations", {}), **annotations}
    if deleted:
        made["metadata"]["deletionTimestamp"] = rfc3339(NOW - ended)
    if free:
        made["metadata"]["finalizers"].remove(FINALIZER)
    status = {"phase": phase, **more}
    if code is None and phase in ("Succeeded", "Failed"):
        code = int(phase == "Failed")
    if code is not None and "containerStatuses" not in more:
        ended_with = {"exitCode": code, "finishedAt": rfc3339(NOW - ended)}
        status["containerStatuses"] = [{"name": "c", "state": {"terminated": ended_with}}]
    made["spec"] = {**made["spec"], "nodeName": "n1"}
    made["status"] = status
    return made


def look(owner, *pods, freed=(), failures=Failures(), now=NOW, is_current=True):  # noqa: B008 - frozen
    return see(owner, pods, freed, failures, now, is_current=is_current)


def names(pods):
    return [found["metadata"]["name"] for found in pods]
