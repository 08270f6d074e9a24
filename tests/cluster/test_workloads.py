"""Workload controllers in a whole cluster, in virtual time: real API, scheduler, simulated kubelets."""

from pynetes.client.kinds import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from pynetes.testing import Cluster


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
