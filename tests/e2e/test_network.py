"""Pods reach pods and nodes by their own addresses, and Services from everywhere; no address is translated on the way."""

import json

import pytest

from tests.e2e.conftest import IMAGE, eventually

pytestmark = [pytest.mark.root, pytest.mark.kubectl]


def pod(name: str, node: str) -> str:
    spec = {
        "nodeName": node,
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "web", "image": IMAGE, "ports": [{"name": "http", "containerPort": 8080}]}],
    }
    return json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}
    )


@pytest.fixture
def pods(cluster, namespace):
    """Pods a on node-1 and b on node-2; their addresses."""
    for name, node in (("a", "node-1"), ("b", "node-2")):
        cluster.kubectl("create", "-f", "-", input=pod(name, node))
    cluster.kubectl("wait", "pod/a", "pod/b", "--for=condition=Ready", "--timeout=30s")
    return {name: cluster.get("pod", name)["status"]["podIP"] for name in "ab"}


def node_address(cluster, name: str) -> str:
    addresses = cluster.get("node", name)["status"]["addresses"]
    return next(a["address"] for a in addresses if a["type"] == "InternalIP")


def words(answer: str) -> list[str]:
    """The answering host and the address that it saw, without the form in which a two-family socket shows it."""
    return answer.replace("[::ffff:", "").replace("]", "").split()


def from_node(cluster, node: str, *argv: str) -> str:
    netns = cluster.pynetes("status", "--name", "e2e", "--netns", node).stdout.strip()
    return cluster.run("ip", "netns", "exec", netns, *argv).stdout


def test_a_pod_sees_the_other_pods_own_address(cluster, pods):
    answer = cluster.kubectl(
        "exec", "a", "--", "timeout", "5", "wget", "-q", "-O-", f"http://{pods['b']}:8080/cgi-bin/hello"
    )
    assert words(answer) == ["b", pods["a"]]


def test_a_pod_sees_the_nodes_own_address(cluster, pods):
    answer = from_node(cluster, "node-1", "curl", "-sS", "--max-time", "5", f"http://{pods['b']}:8080/cgi-bin/hello")
    assert words(answer) == ["b", node_address(cluster, "node-1")]


def test_a_node_sees_the_pods_own_address(cluster, namespace):
    on_host = json.loads(pod("host", "node-2"))
    on_host["spec"]["hostNetwork"] = True
    on_host["spec"]["containers"][0]["ports"] = []
    cluster.kubectl("create", "-f", "-", input=json.dumps(on_host))
    cluster.kubectl("create", "-f", "-", input=pod("a", "node-1"))
    cluster.kubectl("wait", "pod/a", "pod/host", "--for=condition=Ready", "--timeout=30s")
    address = node_address(cluster, "node-2")
    answer = cluster.kubectl(
        "exec", "a", "--", "timeout", "5", "wget", "-q", "-O-", f"http://{address}:8080/cgi-bin/hello"
    )
    assert words(answer)[1] == cluster.get("pod", "a")["status"]["podIP"]


def test_a_service_answers_from_a_node_and_from_a_pod_on_the_other_node(cluster, pods):
    cluster.kubectl("expose", "pod", "b", "--port=80", "--target-port=http")
    address = cluster.get("service", "b")["spec"]["clusterIP"]
    url = f"http://{address}/cgi-bin/hello"
    netns = cluster.pynetes("status", "--name", "e2e", "--netns", "node-1").stdout.strip()
    eventually(
        lambda: (
            cluster.run("ip", "netns", "exec", netns, "curl", "-sS", "--max-time", "2", url, check=False).returncode
            == 0
        )
    )
    assert from_node(cluster, "node-1", "curl", "-sS", "--max-time", "5", url).split()[0] == "b"
    answer = cluster.kubectl("exec", "a", "--", "timeout", "5", "wget", "-q", "-O-", url)
    assert words(answer) == ["b", pods["a"]]


def test_a_service_without_endpoints_refuses_at_once(cluster, namespace):
    cluster.kubectl("create", "service", "clusterip", "none", "--tcp=80:80")
    address = cluster.get("service", "none")["spec"]["clusterIP"]
    netns = cluster.pynetes("status", "--name", "e2e", "--netns", "node-1").stdout.strip()

    def refused() -> bool:
        words = ("ip", "netns", "exec", netns, "curl", "-sS", "--max-time", "2", f"http://{address}/")
        return cluster.run(*words, check=False).returncode == 7  # curl: failed to connect; 28 would be: timed out

    eventually(refused)


def test_the_api_is_reached_by_its_service_with_the_pods_own_token(cluster, pods):
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert cluster.kubectl("exec", "a", "--", "ls", folder).split() == ["ca.crt", "namespace", "token"]
    cluster.kubectl("exec", "a", "--", "sh", "-c", "nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT -e true")
    token = cluster.kubectl("exec", "a", "--", "cat", f"{folder}/token")
    authority = cluster.home / "pod-ca.crt"
    authority.write_text(cluster.kubectl("exec", "a", "--", "cat", f"{folder}/ca.crt"))
    url = "https://10.96.0.1/apis/authentication.k8s.io/v1/selfsubjectreviews"
    header = ["-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"]
    answer = from_node(
        cluster, "node-1", "curl", "-sS", "--max-time", "5", "--cacert", str(authority), *header, "-d", "{}", url
    )
    user = json.loads(answer)["status"]["userInfo"]
    assert user["username"].startswith("system:serviceaccount:t") and user["username"].endswith(":default")
    assert user["extra"]["authentication.kubernetes.io/pod-name"] == ["a"]
