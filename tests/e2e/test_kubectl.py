"""Stock kubectl finds everything as it knows it: the tour of the issue, on real containers."""

import json
import os
import pty
import subprocess
import time

import pytest

from tests.e2e.conftest import BUSYBOX_IMAGE, IMAGE, eventually

pytestmark = [pytest.mark.root, pytest.mark.kubectl]

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {
                        "name": "web",
                        "image": IMAGE,
                        "ports": [{"containerPort": 8080}],
                        "readinessProbe": {"httpGet": {"path": "/cgi-bin/hello", "port": 8080}, "periodSeconds": 1},
                    }
                ],
            },
        },
    },
}


def test_a_deployment_lives_its_whole_life(cluster, namespace):
    manifest = json.dumps(WEB)
    assert cluster.kubectl("apply", "-f", "-", input=manifest) == "deployment.apps/web created\n"
    assert "successfully rolled out" in cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert cluster.kubectl("apply", "-f", "-", input=manifest) == "deployment.apps/web unchanged\n"

    changed = json.loads(manifest)
    changed["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "b"}]
    difference = cluster.kubectl("diff", "-f", "-", input=json.dumps(changed), check=False)
    assert "+        - name: A" in difference or "+          value: b" in difference
    assert cluster.kubectl("apply", "-f", "-", input=json.dumps(changed)) == "deployment.apps/web configured\n"
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    history = cluster.kubectl("rollout", "history", "deployment/web")
    assert "1  " in history and "2  " in history
    cluster.kubectl("rollout", "undo", "deployment/web")
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    container = cluster.get("deployment", "web")["spec"]["template"]["spec"]["containers"][0]
    assert "env" not in container
    cluster.kubectl("rollout", "restart", "deployment/web")
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")

    assert cluster.kubectl("scale", "deployment/web", "--replicas=5") == "deployment.apps/web scaled\n"
    cluster.kubectl("wait", "deployment/web", "--for=jsonpath={.status.readyReplicas}=5", "--timeout=60s")
    wide = cluster.kubectl("get", "pods", "-o", "wide").splitlines()
    assert wide[0].split() == [
        "NAME",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
        "IP",
        "NODE",
        "NOMINATED",
        "NODE",
        "READINESS",
        "GATES",
    ]
    assert {line.split()[6] for line in wide[1:]} >= {"node-1", "node-2"}

    described = cluster.kubectl("describe", "deployment", "web")
    assert "StrategyType:           RollingUpdate" in described
    assert "NewReplicaSetAvailable" in described
    assert "Scaled up replica set" in described
    assert cluster.kubectl("delete", "deployment", "web").startswith('deployment.apps "web" deleted')
    eventually(lambda: not cluster.get("pods", "-l", "app=web")["items"])
    assert cluster.get("replicasets")["items"] == []


def test_labels_patches_edits_and_expressions(cluster, namespace):
    cluster.kubectl("create", "configmap", "c", "--from-literal=k=v")
    assert cluster.kubectl("label", "configmap", "c", "tier=web") == "configmap/c labeled\n"
    cluster.kubectl("annotate", "configmap", "c", "note=here")
    assert cluster.kubectl("get", "configmap", "c", "-o", "jsonpath={.metadata.labels.tier}/{.data.k}") == "web/v"
    assert cluster.kubectl("patch", "configmap", "c", "-p", '{"data":{"k":"w"}}') == "configmap/c patched\n"
    cluster.kubectl("patch", "configmap", "c", "--type=json", "-p", '[{"op":"add","path":"/data/n","value":"1"}]')
    editor = {**cluster.env, "KUBE_EDITOR": "sed -i s/k:.w/k:\\ x/"}
    done = subprocess.run(["kubectl", "edit", "configmap", "c"], env=editor, capture_output=True, text=True, timeout=60)
    assert done.stdout == "configmap/c edited\n", done.stderr
    assert cluster.get("configmap", "c")["data"] == {"k": "x", "n": "1"}
    yaml = cluster.kubectl("get", "configmap", "c", "-o", "yaml")
    assert "kind: ConfigMap" in yaml and "k: x" in yaml
    assert cluster.kubectl("get", "configmap", "-l", "tier=web", "-o", "name") == "configmap/c\n"
    assert 'configmaps "none" not found' in cluster.kubectl("get", "configmap", "none", check=False)


def test_run_logs_exec_wait_and_expose(cluster, namespace):
    cluster.kubectl(
        "run",
        "box",
        f"--image={BUSYBOX_IMAGE}",
        "--restart=Never",
        "--command",
        "--",
        "sh",
        "-c",
        "echo first; echo second >&2; exec sleep 1000",
    )
    cluster.kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=30s")
    assert cluster.kubectl("logs", "box").splitlines() == ["first", "second"]
    assert cluster.kubectl("logs", "box", "--tail=1") == "second\n"
    assert cluster.kubectl("exec", "box", "--", "echo", "hello") == "hello\n"
    failed = cluster.run("kubectl", "exec", "box", "--", "sh", "-c", "echo oops >&2; exit 3", check=False)
    assert failed.returncode == 3 and "oops" in failed.stderr
    assert cluster.kubectl("exec", "-i", "box", "--", "cat", input="through\n") == "through\n"
    cluster.kubectl("expose", "pod", "box", "--port=80", "--target-port=8080", "--labels=x=y")
    assert cluster.get("service", "box")["spec"]["ports"][0]["targetPort"] == 8080
    events = cluster.kubectl("events", "--for", "pod/box")
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        assert reason in events
    described = cluster.kubectl("describe", "pod", "box")
    assert "Ready:          True" in described


def test_logs_follow_until_the_container_ends(cluster, namespace):
    cluster.kubectl(
        "run",
        "ticker",
        f"--image={BUSYBOX_IMAGE}",
        "--restart=Never",
        "--command",
        "--",
        "sh",
        "-c",
        "for i in 1 2 3; do echo $i; sleep 0.3; done",
    )
    eventually(lambda: cluster.get("pod", "ticker")["status"]["phase"] in ("Running", "Succeeded"))
    assert cluster.kubectl("logs", "-f", "ticker", timeout=30).split() == ["1", "2", "3"]
    eventually(lambda: cluster.get("pod", "ticker")["status"]["phase"] == "Succeeded")


def test_exec_with_a_terminal_has_its_size_and_echoes(cluster, namespace):
    cluster.kubectl("run", "term", f"--image={BUSYBOX_IMAGE}", "--restart=Never", "--command", "--", "sleep", "1000")
    cluster.kubectl("wait", "pod/term", "--for=condition=Ready", "--timeout=30s")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("kubectl", ["kubectl", "exec", "-it", "term", "--", "sh"], cluster.env)
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 41, 123, 0, 0))
    seen = b""

    def read_until(text: bytes) -> None:
        nonlocal seen
        deadline = time.monotonic() + 20
        while text not in seen:
            assert time.monotonic() < deadline, seen
            seen += os.read(terminal, 4096)

    read_until(b"# ")
    time.sleep(0.5)  # the size travels beside the text
    os.write(terminal, b"stty size; tty\n")
    read_until(b"41 123")
    read_until(b"/dev/pts/")
    os.write(terminal, b"exit 5\n")
    try:
        while data := os.read(terminal, 4096):
            seen += data
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 5, seen
    os.close(terminal)


def test_what_the_api_is_and_who_i_am(cluster):
    resources = cluster.kubectl("api-resources")
    for line in ("deployments", "pods", "endpointslices", "leases"):
        assert line in resources
    assert cluster.kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    no = cluster.run("kubectl", "auth", "can-i", "create", "pods", "--as=nobody", check=False)
    assert no.stdout.strip() == "no"
    assert "system:masters" in cluster.kubectl("auth", "whoami")
    assert "KIND:       Deployment" in cluster.kubectl("explain", "deployment")
    assert json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]["minor"].startswith("36")


def test_mistakes_get_upstreams_answers_and_lose_nothing(cluster, namespace):
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": 1}}
    assert "cannot unmarshal number" in cluster.kubectl(
        "create", "--validate=false", "-f", "-", input=json.dumps(wrong), check=False
    )
    unknown = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "daat": {"k": "v"}}
    assert 'unknown field "daat"' in cluster.kubectl("create", "-f", "-", input=json.dumps(unknown), check=False)
    bad = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    assert "spec.containers: Required value" in cluster.kubectl("create", "-f", "-", input=json.dumps(bad), check=False)
    assert "unable to parse requirement" in cluster.kubectl("get", "pods", "-l", "a in", check=False)
    assert "error: error parsing" in cluster.kubectl("create", "-f", "-", input="a: [", check=False)
    assert cluster.get("configmaps", "--field-selector=metadata.name=c")["items"] == []
