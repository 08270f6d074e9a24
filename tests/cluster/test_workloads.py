"""Workload controllers in a whole cluster, in virtual time: real API, scheduler, simulated kubelets."""

import itertools
import json

import pytest

from pynetes.client.kinds import (
    CONTROLLER_REVISIONS,
    CRON_JOBS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    STATEFUL_SETS,
)
from pynetes.client.types import Kind
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339
from pynetes.testing import Cluster

SIMULATE = "pynetes.dev/simulate"


def template(image="example.com/web:1", **spec):
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}], **spec}}


def workload(**spec):
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template(), **spec}
    return {"metadata": {"name": "web"}, "spec": spec}


def images(cluster):
    return sorted(pod["spec"]["containers"][0]["image"][-1] for pod in cluster.list(PODS, "default"))


def nodes_of(cluster):
    return sorted(pod["spec"].get("nodeName", "") for pod in cluster.list(PODS, "default"))


def test_a_daemon_set_runs_everywhere_rolls_out_and_goes_back():
    with Cluster(nodes=3, virtual_time=True, https=False) as cluster:
        cluster.create(DAEMON_SETS, workload(), "default")
        cluster.advance(10)
        assert nodes_of(cluster) == ["node-1", "node-2", "node-3"]
        status = cluster.get(DAEMON_SETS, "web", "default")["status"]
        assert (status["numberAvailable"], status["updatedNumberScheduled"], status["observedGeneration"]) == (3, 3, 1)
        cluster.patch(DAEMON_SETS, "web", {"spec": {"template": template("example.com/web:2")}}, "default")
        cluster.advance(240)
        assert images(cluster) == ["2", "2", "2"]
        revisions = {r["revision"]: r for r in cluster.list(CONTROLLER_REVISIONS, "default")}
        assert sorted(revisions) == [1, 2]
        cluster.patch(DAEMON_SETS, "web", revisions[1]["data"] | {}, "default")
        cluster.advance(240)
        assert images(cluster) == ["1", "1", "1"]
        assert sorted(r["revision"] for r in cluster.list(CONTROLLER_REVISIONS, "default")) == [2, 3]


def test_a_cordoned_node_keeps_and_gets_daemon_pods():
    with Cluster(nodes=2, virtual_time=True, https=False) as cluster:
        cluster.patch(NODES, "node-1", {"spec": {"unschedulable": True}})
        cluster.advance(5)
        cluster.create(DAEMON_SETS, workload(), "default")
        cluster.advance(10)
        assert nodes_of(cluster) == ["node-1", "node-2"]


def test_a_deleted_daemon_set_takes_its_pods_and_revisions_along():
    with Cluster(nodes=2, virtual_time=True, https=False) as cluster:
        cluster.create(DAEMON_SETS, workload(), "default")
        cluster.advance(10)
        cluster.delete(DAEMON_SETS, "web", "default")
        cluster.advance(60)
        assert cluster.list(PODS, "default") == cluster.list(CONTROLLER_REVISIONS, "default") == []


def test_a_stateful_set_comes_up_in_order_rolls_out_backwards_and_scales_down():
    with Cluster(nodes=2, virtual_time=True, https=False) as cluster:
        cluster.create(STATEFUL_SETS, workload(replicas=3, serviceName="web"), "default")
        cluster.advance(30)
        pods = cluster.list(PODS, "default")
        born = {pod["metadata"]["name"]: pod["status"]["startTime"] for pod in pods}
        assert list(born) == sorted(born, key=born.__getitem__) == ["web-0", "web-1", "web-2"]
        status = cluster.get(STATEFUL_SETS, "web", "default")["status"]
        assert (status["availableReplicas"], status["currentReplicas"], status["updatedReplicas"]) == (3, 3, 3)
        patch = {
            "spec": {"template": template("example.com/web:2"), "updateStrategy": {"rollingUpdate": {"partition": 1}}}
        }
        cluster.patch(STATEFUL_SETS, "web", patch, "default")
        cluster.advance(240)
        assert images(cluster) == ["1", "2", "2"]
        status = cluster.get(STATEFUL_SETS, "web", "default")["status"]
        assert (status["currentReplicas"], status["updatedReplicas"]) == (1, 2)
        cluster.patch(STATEFUL_SETS, "web", {"spec": {"replicas": 1}}, "default")
        cluster.advance(120)
        assert [pod["metadata"]["name"] for pod in cluster.list(PODS, "default")] == ["web-0"]


def test_a_stateful_sets_claims_outlive_it_unless_its_policy_says_otherwise():
    claims = [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ]
    with Cluster(nodes=1, virtual_time=True, https=False) as cluster:
        wanted = workload(replicas=2, serviceName="web", podManagementPolicy="Parallel", volumeClaimTemplates=claims)
        cluster.create(STATEFUL_SETS, wanted, "default")
        cluster.advance(10)
        owners = [
            claim["metadata"].get("ownerReferences") for claim in cluster.list(PERSISTENT_VOLUME_CLAIMS, "default")
        ]
        assert owners == [None, None]
        policy = {"whenDeleted": "Delete", "whenScaled": "Retain"}
        cluster.patch(STATEFUL_SETS, "web", {"spec": {"persistentVolumeClaimRetentionPolicy": policy}}, "default")
        cluster.advance(10)
        owners = [claim["metadata"]["ownerReferences"] for claim in cluster.list(PERSISTENT_VOLUME_CLAIMS, "default")]
        assert [[owner["kind"] for owner in each] for each in owners] == [["StatefulSet"], ["StatefulSet"]]


def job(script, **spec):
    """A Job whose containers behave by a script."""
    annotations = {SIMULATE: json.dumps({"containers": {"c": script}})}
    pods = {"containers": [{"name": "c", "image": "example.com/task:1"}], "restartPolicy": "Never"}
    return {
        "metadata": {"name": "task"},
        "spec": {"template": {"metadata": {"annotations": annotations}, "spec": pods}, **spec},
    }


def test_a_job_completes_when_its_pods_have():
    with Cluster(nodes=2, virtual_time=True, https=False) as cluster:
        cluster.create(JOBS, job({"run": "5s"}, parallelism=2, completions=3, completionMode="Indexed"), "default")
        cluster.advance(20)
        status = cluster.get(JOBS, "task", "default")["status"]
        assert (status["succeeded"], status["completedIndexes"]) == (3, "0-2")
        assert [condition["type"] for condition in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
        assert {pod["status"]["phase"] for pod in cluster.list(PODS, "default")} == {"Succeeded"}


def test_a_job_that_fails_retries_after_ten_twenty_and_forty_seconds_and_gives_up():
    """concepts/workloads/controllers/job: "Pod backoff failure policy": 10s, 20s, 40s."""
    with Cluster(nodes=1, virtual_time=True, https=False) as cluster:
        cluster.create(JOBS, job({"run": "1s", "exitCode": 1}, backoffLimit=3), "default")
        for seconds, pods in ((9, 1), (6, 2), (30, 3), (50, 4)):
            cluster.advance(seconds)
            assert len(cluster.list(PODS, "default")) == pods
        cluster.advance(10)
        status = cluster.get(JOBS, "task", "default")["status"]
        assert status["failed"] == 4
        assert [condition["reason"] for condition in status["conditions"]] == ["BackoffLimitExceeded"] * 2


def test_a_job_that_is_suspended_and_resumed_begins_anew():
    with Cluster(nodes=1, virtual_time=True, https=False) as cluster:
        cluster.create(JOBS, job({"run": "30s"}), "default")
        cluster.advance(10)
        cluster.patch(JOBS, "task", {"spec": {"suspend": True}}, "default")
        cluster.advance(60)
        assert cluster.list(PODS, "default") == []
        cluster.patch(JOBS, "task", {"spec": {"suspend": False}}, "default")
        cluster.advance(40)
        status = cluster.get(JOBS, "task", "default")["status"]
        assert status["succeeded"] == 1 and "failed" not in status


def test_a_cron_job_runs_every_hour_and_keeps_its_last_three_jobs():
    with Cluster(nodes=1, virtual_time=True, https=False) as cluster:
        template = job({"run": "5s"})["spec"]
        nightly = {"metadata": {"name": "hourly"}, "spec": {"schedule": "0 * * * *", "jobTemplate": {"spec": template}}}
        cluster.create(CRON_JOBS, nightly, "default")
        cluster.advance(6 * 3600)
        jobs = cluster.list(JOBS, "default")
        assert [job["status"]["succeeded"] for job in jobs] == [1, 1, 1]
        moments = sorted(int(job["metadata"]["name"].rpartition("-")[2]) for job in jobs)
        assert [b - a for a, b in itertools.pairwise(moments)] == [60, 60]
        status = cluster.get(CRON_JOBS, "hourly", "default")["status"]
        assert "active" not in status and status["lastSuccessfulTime"] > status["lastScheduleTime"]
        assert len(cluster.list(PODS, "default")) == 3


def test_a_budget_lets_evictions_through_one_at_a_time():
    with Cluster(nodes=2, virtual_time=True, https=False) as cluster:
        slow = template()
        slow["metadata"]["annotations"] = {SIMULATE: json.dumps({"containers": {"c": {"startDelay": "5s"}}})}
        cluster.create(DEPLOYMENTS, workload(replicas=3, template=slow), "default")
        budget = {
            "metadata": {"name": "web"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 1},
        }
        cluster.create(POD_DISRUPTION_BUDGETS, budget, "default")
        cluster.advance(10)
        status = cluster.get(POD_DISRUPTION_BUDGETS, "web", "default")["status"]
        assert (status["expectedPods"], status["currentHealthy"], status["disruptionsAllowed"]) == (3, 3, 1)
        first, second, _ = (pod["metadata"]["name"] for pod in cluster.list(PODS, "default"))
        evict(cluster, first)
        with pytest.raises(StatusError) as refused:
            evict(cluster, second)
        assert refused.value.code == 429
        cluster.advance(60)
        evict(cluster, second)


def evict(cluster, name):
    eviction = {"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": name}}
    cluster.run(cluster.cluster.client.create(PODS, eviction, "default", "eviction"))


POD_METRICS = Kind("metrics.k8s.io/v1beta1", "pods", "PodMetrics")


def serve_metrics(cluster):
    """A definition in place of a metrics server: what is measured is written down."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    names = {"plural": "pods", "singular": "podmetrics", "kind": "PodMetrics", "listKind": "PodMetricsList"}
    spec = {"group": "metrics.k8s.io", "scope": "Namespaced", "names": names, "versions": [version]}
    approved = {"api-approved.kubernetes.io": "unapproved, for a test"}
    metadata = {"name": "pods.metrics.k8s.io", "annotations": approved}
    cluster.create(CUSTOM_RESOURCE_DEFINITIONS, {"metadata": metadata, "spec": spec})
    cluster.advance(10)


def measure(cluster, cpu):
    for pod in cluster.list(PODS, "default"):
        name, labels = pod["metadata"]["name"], pod["metadata"]["labels"]
        usage = [{"name": "c", "usage": {"cpu": cpu}}]
        now = rfc3339(cluster.clock.now())
        measured = {"metadata": {"name": name, "labels": labels}, "timestamp": now, "window": "10s"}
        try:
            cluster.create(POD_METRICS, {**measured, "containers": usage}, "default")
        except StatusError:
            cluster.patch(POD_METRICS, name, {"timestamp": now, "containers": usage}, "default")


def autoscaler(kind, **spec):
    target = {"apiVersion": "apps/v1", "kind": kind, "name": "web"}
    usage = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    spec = {
        "scaleTargetRef": target,
        "maxReplicas": 8,
        "metrics": [{"type": "Resource", "resource": usage}],
        **spec,
    }
    return {"metadata": {"name": "web"}, "spec": spec}


def test_an_autoscaler_follows_the_load_up_and_down():
    with Cluster(nodes=2, virtual_time=True, https=False) as cluster:
        serve_metrics(cluster)
        pods = template()
        pods["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
        cluster.create(DEPLOYMENTS, workload(replicas=2, template=pods), "default")
        cluster.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler("Deployment"), "default")
        cluster.advance(20)
        status = cluster.get(HORIZONTAL_POD_AUTOSCALERS, "web", "default")["status"]
        assert {c["type"]: c["reason"] for c in status["conditions"]} == {
            "AbleToScale": "SucceededGetScale",
            "ScalingActive": "FailedGetResourceMetric",
        }
        measure(cluster, "90m")
        cluster.advance(15)
        assert len(nodes_of(cluster)) == 4
        measure(cluster, "90m")
        cluster.advance(30)
        measure(cluster, "90m")
        cluster.advance(30)
        assert len(nodes_of(cluster)) == 8
        measure(cluster, "10m")
        cluster.advance(240)
        assert len(nodes_of(cluster)) == 8
        cluster.advance(120)
        assert len(nodes_of(cluster)) == 2
        status = cluster.get(HORIZONTAL_POD_AUTOSCALERS, "web", "default")["status"]
        assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 2)


def test_an_autoscaler_keeps_its_bounds_without_metrics():
    with Cluster(nodes=1, virtual_time=True, https=False) as cluster:
        cluster.create(STATEFUL_SETS, workload(replicas=1, serviceName="web"), "default")
        cluster.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler("StatefulSet", minReplicas=3), "default")
        cluster.advance(40)
        assert len(nodes_of(cluster)) == 3
