"""Cron jobs and their jobs to decide on."""

from pynetes.controllers.cronjob.plan import new_job
from pynetes.meta.times import rfc3339

NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z, a Thursday."""


def cron_job(schedule="*/10 * * * *", created=NOON - 3600, status=None, **spec):
    pods = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": pods}}}
    spec = {
        "schedule": schedule,
        "concurrencyPolicy": "Allow",
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": template,
        **spec,
    }
    metadata = {"name": "c", "namespace": "default", "uid": "u1", "creationTimestamp": rfc3339(created)}
    made = {"metadata": metadata, "spec": spec}
    return {**made, "status": status} if status else made


def job(owner, name, ended="", at=NOON, begun=NOON - 600):
    """``ended``: Complete or Failed, at a moment; else it runs."""
    made = new_job(owner, int(at), "UTC")
    made["metadata"] |= {"name": name, "uid": f"uid-{name}", "resourceVersion": "7"}
    made["status"] = {"startTime": rfc3339(begun)}
    if ended:
        made["status"]["conditions"] = [{"type": ended, "status": "True"}]
        made["status"]["completionTime"] = rfc3339(at)
    return made


def ref(name):
    return {"kind": "Job", "apiVersion": "batch/v1", "namespace": "default", "name": name, "uid": f"uid-{name}"}
