"""As whom the parts of a cluster come: nobody but the administrator is a master, and what each asks for it may."""

import base64
from collections import Counter

from pynetes.client.kinds import (
    CERTIFICATE_SIGNING_REQUESTS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    ENDPOINTS,
    JOBS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
    VOLUME_ATTRIBUTES_CLASSES,
)
from pynetes.controllers import CONTROLLERS
from pynetes.controllers.accounts import MANAGERS_OWN, NAMES
from pynetes.pki.certificates import request
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


def test_what_the_smaller_controllers_write_is_within_their_roles():
    with Cluster(nodes=1, virtual_time=True, https=False) as cluster:
        asked = Asked(cluster)
        containers = [{"name": "c", "image": "example.com/job:1"}]
        ends = {"annotations": {"pynetes.dev/simulate": '{"containers":{"c":{"run":"5s"}}}'}}
        template = {"metadata": ends, "spec": {"containers": containers, "restartPolicy": "Never"}}
        cluster.create(
            CRON_JOBS,
            {
                "metadata": {"name": "often"},
                "spec": {
                    "schedule": "* * * * *",
                    "jobTemplate": {"spec": {"ttlSecondsAfterFinished": 20, "template": template}},
                },
            },
            "default",
        )
        old = {"metadata": {"labels": {"app": "old"}}, "spec": {"containers": containers}}
        cluster.create(
            REPLICATION_CONTROLLERS,
            {"metadata": {"name": "old"}, "spec": {"replicas": 1, "selector": {"app": "old"}, "template": old}},
            "default",
        )
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        cluster.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": "data"}, "spec": claim}, "default")
        volume = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/tmp"},
            "storageClassName": "by-hand",
        }
        cluster.create(PERSISTENT_VOLUMES, {"metadata": {"name": "disk"}, "spec": volume})
        gold = {"driverName": "example.com/disk", "parameters": {"iops": "500"}}
        cluster.create(VOLUME_ATTRIBUTES_CLASSES, {"metadata": {"name": "gold"}, **gold})
        account = {"kubernetes.io/service-account.name": "default"}
        cluster.create(
            SECRETS,
            {"metadata": {"name": "token", "annotations": account}, "type": "kubernetes.io/service-account-token"},
            "default",
        )
        csr = {
            "request": base64.b64encode(request("system:node:node-1", ("system:nodes",)).cert_pem).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["client auth", "digital signature"],
        }
        cluster.create(SERVICES, {"metadata": {"name": "by-hand"}, "spec": {"ports": [{"port": 80}]}}, "default")
        subsets = [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]
        cluster.create(ENDPOINTS, {"metadata": {"name": "by-hand"}, "subsets": subsets}, "default")
        cluster.create(CERTIFICATE_SIGNING_REQUESTS, {"metadata": {"name": "node-1"}, "spec": csr})
        cluster.advance(150)
        cluster.delete(CRON_JOBS, "often", "default")
        cluster.delete(REPLICATION_CONTROLLERS, "old", "default")
        cluster.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
        cluster.delete(PERSISTENT_VOLUMES, "disk")
        cluster.delete(VOLUME_ATTRIBUTES_CLASSES, "gold")
        cluster.delete(SERVICE_ACCOUNTS, "default", "default")
        cluster.delete(ENDPOINTS, "by-hand", "default")
        cluster.advance(7200)

        assert asked.refused == []
        assert not cluster.list(CERTIFICATE_SIGNING_REQUESTS)
        for kind in (PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, VOLUME_ATTRIBUTES_CLASSES, SECRETS):
            assert not cluster.list(kind), kind
        writers = {user.removeprefix(ACCOUNT) for user, _, _ in asked.writes}
        assert writers >= {
            "certificate-controller",
            "cronjob-controller",
            "endpointslicemirroring-controller",
            "job-controller",
            "pv-protection-controller",
            "pvc-protection-controller",
            "replication-controller",
            "service-account-controller",
            "system:kube-controller-manager",
            "ttl-after-finished-controller",
            "volumeattributesclass-protection-controller",
        }
