"""Autoscalers, scales and pods to decide on."""

from pynetes.controllers.horizontalpodautoscaler.limits import Memory
from pynetes.controllers.horizontalpodautoscaler.metrics import Answer
from pynetes.controllers.horizontalpodautoscaler.observed import Sample
from pynetes.controllers.horizontalpodautoscaler.plan import Seen, plan
from pynetes.controllers.horizontalpodautoscaler.replicas import Observation, Tolerances
from pynetes.controllers.settings import Settings
from pynetes.meta.times import rfc3339

NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z"""
SETTINGS = Settings()
HALF = {"type": "Utilization", "averageUtilization": 50}
PERCENT = {"type": "Percent", "value": 100, "periodSeconds": 15}
PODS_4 = {"type": "Pods", "value": 4, "periodSeconds": 15}


def resource(name="cpu", target=HALF):
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def external(target, **metric):
    return {"type": "External", "external": {"metric": {"name": "queue", **metric}, "target": target}}


def autoscaler(*metrics, status=None, target=None, **spec):
    target = target or {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 10, "metrics": list(metrics), **spec}
    made = {"metadata": {"name": "h", "namespace": "default", "uid": "u"}, "spec": spec}
    return {**made, "status": status} if status else made


def behavior(up=None, down=None):
    """With the defaults of the API."""
    usual = {"selectPolicy": "Max", "stabilizationWindowSeconds": 0, "policies": [PERCENT, PODS_4]}
    return {
        "scaleUp": {**usual, **(up or {})},
        "scaleDown": {"selectPolicy": "Max", "policies": [PERCENT], **(down or {})},
    }


def scale(replicas, present=None, selector="app=web"):
    status = {"replicas": replicas if present is None else present, "selector": selector}
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": {"replicas": replicas}, "status": status}


def pod(name, cpu="100m", *, ready=True, phase="Running", started=NOON - 3600, since=None, **metadata):
    requests = {"cpu": cpu, "memory": "100Mi"} if cpu else {}
    container = {"name": "c", "resources": {"requests": requests}}
    since = started if since is None else since
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": rfc3339(since)}
    return {
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}, **metadata},
        "spec": {"containers": [container]},
        "status": {"phase": phase, "startTime": rfc3339(started), "conditions": [condition]},
    }


def pods(number, **more):
    return [pod(f"p{i}", **more) for i in range(number)]


def samples(number, value, at=NOON, window=60.0):
    return {f"p{i}": Sample(value, at, window) for i in range(number)}


def observation(found, wanted=None, present=None, tolerance=0.1):
    wanted = len(found) if wanted is None else wanted
    present = wanted if present is None else present
    return Observation(found, wanted, present, Tolerances(tolerance, tolerance), NOON, SETTINGS)


def decide(subject, replicas, *answers, found=None, memory=None, now=NOON, selector="app=web", rivals=("default/h",)):
    """What follows from these answers to the autoscaler's metrics."""
    seen = Seen(pods(replicas) if found is None else found, rivals, answers)
    return plan(subject, scale(replicas, selector=selector), seen, memory or Memory(), now, SETTINGS)


def used(number, value):
    return Answer(samples=samples(number, value))


def conditions(status):
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}


def said(made):
    return [(report.type, report.reason, report.message) for report in made.reports]
