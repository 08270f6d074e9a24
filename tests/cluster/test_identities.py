"""As whom the parts of a cluster come: nobody but the administrator is a master, and what each asks for it may."""

from collections import Counter

from pynetes.client.kinds import (
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    RESOURCE_QUOTAS,
    SERVICES,
    STATEFUL_SETS,
)
from pynetes.controllers import CONTROLLERS
from pynetes.controllers.accounts import MANAGERS_OWN, NAMES
from pynetes.testing import Cluster

MASTERS = "system:masters"
ACCOUNT = "system:serviceaccount:kube-system:"


class Asked:
    """Every request that was authorized from now on: who, what, and whether they might."""

    def __init__(self, cluster):
        self.users = {}
        self.writes = Counter()
        self.refused = []
        authorizer = cluster.cluster.api.authorizer
        self._authorize = authorizer.authorize
        authorizer.authorize = self

    def __call__(self, user, info):
        decision = self._authorize(user, info)
        self.users[user.name] = user.groups
        if info.verb not in ("get", "list", "watch"):
            self.writes[user.name, info.verb, f"{info.resource}/{info.subresource}".rstrip("/")] += 1
        if not decision.allowed:
            self.refused.append((user.name, info.verb, info.resource, info.subresource, info.name))
        return decision

    def writers_of(self, resource):
        return {user for user, _, written in self.writes if written == resource}


def workload(name, labels, **spec):
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "example.com/web:1"}]},
    }
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template, **spec}}


def test_every_controller_has_an_account_that_upstream_knows():
    assert {controller.name for controller in CONTROLLERS} <= set(NAMES) | MANAGERS_OWN


def test_each_part_acts_as_itself_and_is_never_refused():
    with Cluster(nodes=2, virtual_time=True, https=False) as cluster:
        asked = Asked(cluster)
        cluster.create(RESOURCE_QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "20"}}}, "default")
        cluster.create(DEPLOYMENTS, workload("web", {"app": "web"}, replicas=3), "default")
        cluster.create(DAEMON_SETS, workload("each", {"app": "each"}), "default")
        cluster.create(STATEFUL_SETS, workload("one", {"app": "one"}, replicas=2, serviceName="one"), "default")
        job = {"containers": [{"name": "c", "image": "example.com/job:1"}], "restartPolicy": "Never"}
        ends = {"annotations": {"pynetes.dev/simulate": '{"containers":{"c":{"run":"5s"}}}'}}
        cluster.create(
            JOBS, {"metadata": {"name": "once"}, "spec": {"template": {"metadata": ends, "spec": job}}}, "default"
        )
        ports = [{"port": 80}]
        cluster.create(
            SERVICES, {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports}}, "default"
        )
        cluster.advance(60)
        changed = {"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}}
        cluster.patch(DEPLOYMENTS, "web", changed, "default")
        cluster.patch(DAEMON_SETS, "each", changed, "default")
        cluster.patch(STATEFUL_SETS, "one", changed, "default")
        cluster.advance(120)
        taint = {"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}}
        cluster.patch(NODES, "node-2", taint)
        cluster.advance(120)
        cluster.create(NAMESPACES, {"metadata": {"name": "team"}})
        cluster.create(DEPLOYMENTS, workload("web", {"app": "web"}), "team")
        cluster.advance(30)
        cluster.delete(NAMESPACES, "team")
        cluster.delete(DEPLOYMENTS, "web", "default")
        cluster.delete(STATEFUL_SETS, "one", "default")
        cluster.delete(JOBS, "once", "default")
        cluster.advance(120)
        assert not cluster.list(PODS, "default", labels="app=web")

        assert asked.refused == []
        masters = {user for user, groups in asked.users.items() if MASTERS in groups}
        assert masters == {"kubernetes-admin", "system:apiserver"}
        assert asked.writers_of("replicasets") - {ACCOUNT + "generic-garbage-collector"} == {
            ACCOUNT + "deployment-controller",
            ACCOUNT + "namespace-controller",
        }
        assert asked.writers_of("resourcequotas/status") == {ACCOUNT + "resourcequota-controller", "system:apiserver"}
        assert asked.writers_of("endpointslices") >= {ACCOUNT + "endpointslice-controller"}
        assert asked.writers_of("namespaces/finalize") == {ACCOUNT + "namespace-controller"}
        assert asked.writers_of("pods/binding") == {"system:kube-scheduler"}
        assert {"system:node:node-1", "system:node:node-2"} <= asked.writers_of("pods/status")
        assert asked.writers_of("leases") == {"system:node:node-1", "system:node:node-2"}
