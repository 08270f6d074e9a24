"""The cluster for tests: real API, controllers, scheduler and nodes in this process; its time is the test's; no traces."""

import os
import shutil
import subprocess
import threading

import pytest

from pynetes.client.kinds import DEPLOYMENTS, NODES, PODS, RESOURCE_QUOTAS
from pynetes.meta.status import StatusError
from pynetes.testing import Cluster


def deployment(replicas: int = 3) -> dict:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "example.com/web:1"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"metadata": {"name": "web"}, "spec": spec}


def test_a_deployment_becomes_running_pods_on_the_nodes():
    with Cluster(nodes=2, virtual_time=True) as cluster:
        cluster.create(DEPLOYMENTS, deployment(), "default")
        cluster.wait(lambda: cluster.get(DEPLOYMENTS, "web", "default")["status"].get("availableReplicas") == 3)
        pods = cluster.list(PODS, "default", labels="app=web")
        assert {pod["status"]["phase"] for pod in pods} == {"Running"}
        assert {pod["spec"]["nodeName"] for pod in pods} == {"node-1", "node-2"}
        assert len({pod["status"]["podIP"] for pod in pods}) == 3


def test_virtual_time_moves_only_when_the_test_moves_it():
    with Cluster(virtual_time=True) as cluster:
        before = cluster.clock.now()
        for _ in range(20):
            cluster.get(NODES, "node-1")
        assert cluster.clock.now() == before
        cluster.advance(3600)
        assert cluster.clock.now() == before + 3600
        ready = next(c for c in cluster.get(NODES, "node-1")["status"]["conditions"] if c["type"] == "Ready")
        assert ready["status"] == "True"  # its lease was renewed for an hour


def test_stock_kubectl_talks_to_it():
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl")
    with Cluster() as cluster:
        cluster.create(DEPLOYMENTS, deployment(1), "default")
        cluster.wait(lambda: cluster.get(DEPLOYMENTS, "web", "default")["status"].get("availableReplicas") == 1)
        kubectl = ["kubectl", "--kubeconfig", str(cluster.kubeconfig)]
        rows = subprocess.run([*kubectl, "get", "pods"], capture_output=True, text=True, check=True).stdout.splitlines()
        assert rows[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        assert rows[1].split()[1:4] == ["1/1", "Running", "0"]


def test_an_error_is_the_apis_own_status():
    with Cluster(nodes=0, virtual_time=True, https=False) as cluster:
        with pytest.raises(StatusError) as error:
            cluster.get(PODS, "none", "default")
        assert error.value.status["details"] == {"name": "none", "kind": "pods"}


def test_nothing_is_left_behind():
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    with Cluster(virtual_time=True) as cluster:
        folder = cluster.kubeconfig.parent
        assert folder.exists()
    assert not folder.exists()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) <= files + 1


def test_a_cluster_that_cannot_start_says_why(monkeypatch):
    async def refuse(self):
        raise OSError("no space left on device")

    monkeypatch.setattr("pynetes.apiserver.server.APIServer.start", refuse)
    with pytest.raises(OSError, match="no space left"), Cluster(virtual_time=True):
        pass


def test_a_quota_holds_a_deployment_back_until_it_is_raised():
    with Cluster(nodes=1, virtual_time=True, https=False) as cluster:
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}
        cluster.create(RESOURCE_QUOTAS, quota, "default")
        cluster.wait(lambda: cluster.get(RESOURCE_QUOTAS, "q", "default")["status"].get("used") == {"pods": "0"})
        cluster.create(DEPLOYMENTS, deployment(4), "default")
        cluster.advance(60)
        assert len(cluster.list(PODS, "default")) == 2
        status = cluster.get(DEPLOYMENTS, "web", "default")["status"]
        failure = next(c for c in status["conditions"] if c["type"] == "ReplicaFailure")
        assert failure["reason"] == "FailedCreate"
        assert "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2" in failure["message"]
        cluster.patch(RESOURCE_QUOTAS, "q", {"spec": {"hard": {"pods": "4"}}}, "default")
        cluster.advance(600)  # the replica set tries again with back-off
        assert len(cluster.list(PODS, "default")) == 4
        assert cluster.get(RESOURCE_QUOTAS, "q", "default")["status"]["used"] == {"pods": "4"}
        cluster.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 1}}, "default")
        cluster.advance(60)
        assert cluster.get(RESOURCE_QUOTAS, "q", "default")["status"]["used"] == {"pods": "1"}
