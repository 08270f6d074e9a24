"""Stock kubectl and the other workloads: daemon sets, stateful sets, jobs, cron jobs, budgets; on real nodes."""

import json

import pytest

from tests.e2e.conftest import BUSYBOX_IMAGE, eventually

pytestmark = [pytest.mark.root, pytest.mark.kubectl]


def template(*command: str, **spec):
    container = {"name": "c", "image": BUSYBOX_IMAGE, "command": ["sh", "-c", *command]}
    return {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
    }


def manifest(kind, **spec):
    group = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    return json.dumps({"apiVersion": group, "kind": kind, "metadata": {"name": "x"}, "spec": spec})


SELECTOR = {"matchLabels": {"app": "x"}}


@pytest.mark.parametrize(("kind", "more"), [("DaemonSet", {}), ("StatefulSet", {"serviceName": "x", "replicas": 2})])
def test_a_set_rolls_out_goes_back_and_starts_anew(cluster, namespace, kind, more):
    name = f"{kind.lower()}/x"
    body = manifest(kind, selector=SELECTOR, template=template("exec sleep 1000"), **more)
    cluster.kubectl("apply", "-f", "-", input=body)
    cluster.kubectl("rollout", "status", name, "--timeout=60s")
    pods = cluster.get("pods")["items"]
    assert len(pods) == 2
    if kind == "DaemonSet":
        assert {pod["spec"]["nodeName"] for pod in pods} == {"node-1", "node-2"}
    else:
        assert sorted(pod["metadata"]["name"] for pod in pods) == ["x-0", "x-1"]
    cluster.kubectl("set", "env", name, "A=b")
    cluster.kubectl("rollout", "status", name, "--timeout=60s")
    history = cluster.kubectl("rollout", "history", name)
    assert "\n1  " in history and "\n2  " in history
    assert "A:\tb" in cluster.kubectl("rollout", "history", name, "--revision=2")
    cluster.kubectl("rollout", "undo", name)
    cluster.kubectl("rollout", "status", name, "--timeout=60s")
    assert "env" not in cluster.get(name)["spec"]["template"]["spec"]["containers"][0]
    cluster.kubectl("rollout", "restart", name)
    cluster.kubectl("rollout", "status", name, "--timeout=60s")
    cluster.kubectl("delete", name, "--timeout=60s")
    eventually(lambda: cluster.get("pods,controllerrevisions")["items"] == [])


def test_a_job_is_waited_for_and_a_failed_one_says_so(cluster, namespace):
    told = template("echo $JOB_COMPLETION_INDEX", restartPolicy="Never")
    body = manifest("Job", completions=3, parallelism=2, completionMode="Indexed", template=told)
    cluster.kubectl("apply", "-f", "-", input=body)
    cluster.kubectl("wait", "--for=condition=complete", "job/x", "--timeout=60s")
    pods = cluster.get("pods")["items"]
    logs = {cluster.kubectl("logs", pod["metadata"]["name"]).strip() for pod in pods}
    assert logs == {"0", "1", "2"}
    cluster.kubectl("delete", "job/x", "--timeout=60s")
    cluster.kubectl(
        "apply", "-f", "-", input=manifest("Job", backoffLimit=0, template=template("exit 3", restartPolicy="Never"))
    )
    cluster.kubectl("wait", "--for=condition=failed", "job/x", "--timeout=60s")
    assert "BackoffLimitExceeded" in cluster.kubectl("describe", "job/x")


def test_a_job_is_made_from_a_cron_job(cluster, namespace):
    job = {"spec": {"template": template("true", restartPolicy="Never")}}
    cluster.kubectl("apply", "-f", "-", input=manifest("CronJob", schedule="0 0 1 1 *", jobTemplate=job))
    cluster.kubectl("create", "job", "now", "--from=cronjob/x")
    cluster.kubectl("wait", "--for=condition=complete", "job/now", "--timeout=60s")
    eventually(lambda: "lastSuccessfulTime" in cluster.get("cronjob/x").get("status", {}))


def test_a_drain_waits_for_what_a_budget_allows(cluster, namespace):
    body = manifest("Deployment", replicas=3, selector=SELECTOR, template=template("exec sleep 1000"))
    cluster.kubectl("apply", "-f", "-", input=body)
    cluster.kubectl("rollout", "status", "deployment/x", "--timeout=60s")
    cluster.kubectl("create", "poddisruptionbudget", "x", "--selector=app=x", "--min-available=2")
    eventually(lambda: cluster.get("pdb/x")["status"].get("disruptionsAllowed") == 1)
    try:
        # by force, for bare pods of the tests before may still be going
        said = cluster.kubectl("drain", "node-1", "--ignore-daemonsets", "--force", "--timeout=90s")
        assert "node/node-1 drained" in said
        assert {pod["spec"]["nodeName"] for pod in cluster.get("pods")["items"]} == {"node-2"}
    finally:
        cluster.kubectl("uncordon", "node-1")
    cluster.kubectl("patch", "pdb/x", "--type=merge", "-p", '{"spec":{"minAvailable":3}}')
    eventually(lambda: cluster.get("pdb/x")["status"].get("disruptionsAllowed") == 0)
    try:
        said = cluster.kubectl("drain", "node-2", "--ignore-daemonsets", "--force", "--timeout=3s", check=False)
        assert "Cannot evict pod as it would violate the pod's disruption budget" in said
    finally:
        cluster.kubectl("uncordon", "node-2")
