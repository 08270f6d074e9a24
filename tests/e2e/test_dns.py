"""Names in pods: of Services, of pods behind them, and what is no name; through the Service kube-dns on both nodes."""

import json

import pytest

from tests.e2e.conftest import BUSYBOX_IMAGE, eventually

pytestmark = [pytest.mark.root, pytest.mark.kubectl]


def pod(name: str, node: str, **spec: object) -> str:
    container = {"name": "c", "image": BUSYBOX_IMAGE, "command": ["sleep", "3600"]}
    spec = {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    metadata = {"name": name, "labels": {"app": "db"}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


@pytest.fixture
def pods(cluster, namespace):
    """Pods a on node-1 and b on node-2, both behind the headless Service ``db``."""
    spec = {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"name": "sql", "port": 5432}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": spec}
    cluster.kubectl("create", "-f", "-", input=json.dumps(service))
    for name, node in (("a", "node-1"), ("b", "node-2")):
        cluster.kubectl("create", "-f", "-", input=pod(name, node, hostname=f"{name}-host", subdomain="db"))
    cluster.kubectl("wait", "pod/a", "pod/b", "--for=condition=Ready", "--timeout=30s")
    return {name: cluster.get("pod", name)["status"]["podIP"] for name in "ab"}


def lookup(cluster, pod_name: str, name: str, *options: str) -> str:
    return cluster.kubectl("exec", pod_name, "--", "nslookup", *options, name, check=False)


@pytest.mark.parametrize("asking", ["a", "b"])
def test_services_and_pods_are_found_by_name_from_every_node(cluster, namespace, pods, asking):
    eventually(lambda: "10.96.0.1" in lookup(cluster, asking, "kubernetes.default.svc.cluster.local"))
    both = lookup(cluster, asking, f"db.{namespace}.svc.cluster.local")
    assert pods["a"] in both and pods["b"] in both
    assert pods["b"] in lookup(cluster, asking, f"b-host.db.{namespace}.svc.cluster.local")
    pointing = lookup(cluster, asking, f"_sql._tcp.db.{namespace}.svc.cluster.local", "-type=srv")
    assert f"0 50 5432 a-host.db.{namespace}.svc.cluster.local" in pointing
    assert f"name = b-host.db.{namespace}.svc.cluster.local" in lookup(cluster, asking, pods["b"])


def test_short_names_are_found_by_the_search_list(cluster, namespace, pods):
    """libc's own look-up, as programs do it."""
    found = cluster.kubectl("exec", "a", "--", "ping", "-c", "1", "-W", "5", "b-host.db")
    assert f"({pods['b']})" in found


def test_what_does_not_exist_is_denied(cluster, namespace, pods):
    assert "NXDOMAIN" in lookup(cluster, "a", f"none.{namespace}.svc.cluster.local")
