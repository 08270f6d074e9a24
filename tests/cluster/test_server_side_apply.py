"""Server-side apply by stock kubectl, beside the controllers that write to the same objects."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from pynetes.testing import Cluster

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: hello, ports: [{containerPort: 80}]}]
"""


class Kubectl:
    def __init__(self, kubeconfig: str) -> None:
        self._kubeconfig = kubeconfig

    def __call__(self, *argv: str, input: str = "", fails: bool = False) -> str:
        command = ["kubectl", "--kubeconfig", self._kubeconfig, *argv]
        done = subprocess.run(command, input=input, capture_output=True, text=True, timeout=60)
        assert (done.returncode != 0) == fails, done
        return done.stdout + done.stderr if fails else done.stdout

    def managers(self, *what: str) -> dict[tuple[str, str], Any]:
        """What each manager owns, by its name and operation."""
        meta = json.loads(self("get", *what, "-o", "json", "--show-managed-fields"))["metadata"]
        return {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in meta["managedFields"]}


@pytest.fixture
def kubectl() -> Iterator[Kubectl]:
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl")
    with Cluster() as cluster:
        yield Kubectl(str(cluster.kubeconfig))


def test_kubectl_applies_diffs_and_meets_conflicts(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    assert kubectl(*apply, input=DEPLOYMENT) == "deployment.apps/web serverside-applied\n"
    scaled = DEPLOYMENT.replace("replicas: 1", "replicas: 2")
    shown = kubectl("diff", "--server-side", "-f", "-", input=scaled, fails=True)
    assert "-  replicas: 1\n+  replicas: 2\n" in shown
    kubectl("scale", "deployment", "web", "--replicas=3")
    refused = kubectl(*apply, input=scaled, fails=True)
    conflict = 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
    assert f"Apply failed with 1 conflict: {conflict}" in refused
    kubectl(*apply, "--force-conflicts", input=scaled)
    kubectl("wait", "deployment/web", "--for=condition=Progressing", "--timeout=30s")
    owned = kubectl.managers("deployment", "web")
    assert owned["kubectl", "Apply"]["f:spec"]["f:replicas"] == {}
    assert "f:status" in owned["kube-controller-manager", "Update"]


def test_kubectl_takes_over_what_it_applied_on_the_client(kubectl: Kubectl) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: v, l: w}\n"
    kubectl("apply", "-f", "-", input=text)
    assert set(kubectl.managers("configmap", "c")) == {("kubectl-client-side-apply", "Update")}
    kubectl("apply", "--server-side", "-f", "-", input=text.replace("l: w", "l: x"))
    owned = kubectl.managers("configmap", "c")
    assert owned["kubectl", "Apply"]["f:data"] == {"f:k": {}, "f:l": {}}
    assert ("kubectl-client-side-apply", "Update") not in owned
    assert "l: x" in kubectl("apply", "view-last-applied", "configmap", "c")


def test_kubectl_names_itself_by_what_it_does(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "c", "--from-literal=k=v", "--field-manager=me")
    kubectl("label", "configmap", "c", "a=b")
    kubectl("annotate", "configmap", "c", "a=b")
    kubectl("patch", "configmap", "c", "-p", '{"data":{"k":"w"}}')
    names = {name for name, _ in kubectl.managers("configmap", "c")}
    assert names == {"me", "kubectl-label", "kubectl-annotate", "kubectl-patch"}
    assert "managedFields" not in kubectl("get", "configmap", "c", "-o", "yaml")
