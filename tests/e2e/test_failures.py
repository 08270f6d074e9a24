"""kill -9 of any process, and of all: acknowledged writes stay, containers go on, the cluster converges."""

import json
import os
import signal
import threading

import pytest

from pynetes.cluster.config import ClusterDir
from pynetes.cluster.supervisor import read_record
from tests.e2e.conftest import BUSYBOX_IMAGE, eventually

pytestmark = [pytest.mark.root, pytest.mark.kubectl]


class Writer(threading.Thread):
    """Creates config maps without pause and remembers those that were acknowledged."""

    def __init__(self, cluster, namespace: str) -> None:
        super().__init__(daemon=True)
        self.cluster, self.namespace = cluster, namespace
        self.acknowledged: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            name = f"w-{number}"
            number += 1
            done = self.cluster.run("kubectl", "create", "-n", self.namespace, "configmap", name, check=False)
            if done.returncode == 0:
                self.acknowledged.append(name)


def folder(cluster) -> ClusterDir:
    return ClusterDir(cluster.home / "clusters" / "e2e")


def kill(cluster, *names: str) -> None:
    for name in names:
        record = read_record(folder(cluster).run / f"{name}.json")
        assert record is not None, f"{name} does not run"
        os.kill(record.pid, signal.SIGKILL)


def started_at(cluster) -> dict[str, str]:
    pods = cluster.get("pods", "-l", "app=stay")["items"]
    return {p["metadata"]["name"]: p["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] for p in pods}


@pytest.fixture
def running(cluster, namespace):
    """Four pods that must not be restarted, and a writer at work."""
    spec = {
        "containers": [{"name": "c", "image": BUSYBOX_IMAGE, "command": ["sleep", "100000"]}],
        "terminationGracePeriodSeconds": 0,
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "stay"},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "stay"}},
            "template": {"metadata": {"labels": {"app": "stay"}}, "spec": spec},
        },
    }
    cluster.kubectl("create", "-f", "-", input=json.dumps(deployment))
    cluster.kubectl("rollout", "status", "deployment/stay", "--timeout=60s")
    before = started_at(cluster)
    writer = Writer(cluster, namespace)
    writer.start()
    eventually(lambda: len(writer.acknowledged) >= 3)
    yield before, writer
    writer.stop.set()
    writer.join()


def assert_whole(cluster, before, writer) -> None:
    """Every acknowledged write is there, no container was restarted, and new work is done on every node."""
    count = len(writer.acknowledged)
    eventually(lambda: len(writer.acknowledged) >= count + 3, seconds=60)
    writer.stop.set()
    writer.join()
    there = set(cluster.kubectl("get", "configmaps", "-o", "name").split())
    assert {f"configmap/{name}" for name in writer.acknowledged} <= there
    cluster.kubectl("scale", "deployment/stay", "--replicas=6")
    cluster.kubectl("rollout", "status", "deployment/stay", "--timeout=60s")
    after = started_at(cluster)
    assert {name: after.get(name) for name in before} == before
    restarts = [
        p["status"]["containerStatuses"][0]["restartCount"] for p in cluster.get("pods", "-l", "app=stay")["items"]
    ]
    assert restarts == [0] * 6
    eventually(
        lambda: all(
            c["status"] == "True"
            for n in cluster.get("nodes")["items"]
            for c in n["status"]["conditions"]
            if c["type"] == "Ready"
        )
    )


@pytest.mark.parametrize(
    "names", [("server",), ("brain",), ("node-1",), ("server", "brain", "node-1", "node-2")], ids="-".join
)
def test_a_killed_process_comes_back_and_nothing_is_lost(cluster, running, names):
    before, writer = running
    kill(cluster, *names)
    assert_whole(cluster, before, writer)


def test_the_cluster_goes_on_without_its_supervisor_and_the_next_up_adopts_it(cluster, running):
    before, writer = running
    server = read_record(folder(cluster).run / "server.json")
    kill(cluster, "supervisor")
    assert len(cluster.get("pods", "-l", "app=stay")["items"]) == 4
    cluster.pynetes("up", "--name", "e2e")
    assert read_record(folder(cluster).run / "server.json") == server
    assert_whole(cluster, before, writer)


def test_everything_killed_at_once_is_found_again_by_the_next_up(cluster, running):
    before, writer = running
    kill(cluster, "supervisor", "server", "brain", "node-1", "node-2")
    cluster.pynetes("up", "--name", "e2e")
    assert_whole(cluster, before, writer)
