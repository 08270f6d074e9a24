"""The brain beside the real API server, in virtual time: controllers and scheduler, with the store in memory.

The kubelet's part is played by the test: it makes bound pods run, and ends deleted ones.
"""

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.aio.tasks import Tasks
from pynetes.apiserver.server import APIServer
from pynetes.client.client import Client
from pynetes.client.informer import Informers
from pynetes.client.inprocess import InProcess
from pynetes.client.kinds import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from pynetes.controllers import Settings
from pynetes.controllers.manager import run as run_controllers
from pynetes.http.types import PeerCertificate
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339, rfc3339_micro
from pynetes.scheduler import run as run_scheduler
from pynetes.store.memory import MemoryStore


class Cluster:
    def __init__(self, clock):
        self.clock = clock
        self.server = APIServer(MemoryStore(clock), clock)
        self.lost = set()  # nodes whose kubelet is silent
        self.client = self.client_as("admin", "system:masters")

    def client_as(self, user, *groups):
        return Client(InProcess(self.server.handle, PeerCertificate(user, groups)), self.clock)

    async def add_node(self, name, cpu="4"):
        await self.client.create(NODES, {"metadata": {"name": name}})
        node = await self.client.get(NODES, name)
        now = rfc3339(self.clock.now())
        ready = {
            "type": "Ready",
            "status": "True",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
        }
        node["status"] = {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}, "conditions": [ready]}
        await self.client.update(NODES, node, subresource="status")
        lease = {"metadata": {"name": name}, "spec": {"holderIdentity": name, "leaseDurationSeconds": 40}}
        await self.client.create(LEASES, lease, "kube-node-lease")

    async def beat(self):
        """Renews the leases of all nodes for ever."""
        while True:
            for lease in (await self.client.list(LEASES, "kube-node-lease"))[0]:
                if lease["metadata"]["name"] in self.lost:
                    continue
                lease["spec"]["renewTime"] = rfc3339_micro(self.clock.now())
                await self.client.update(LEASES, lease)
            await self.clock.sleep(10)

    async def kubelet(self):
        started = {}
        while True:
            await self.clock.sleep(1)
            for pod in (await self.client.list(PODS))[0]:
                name, namespace, uid = (pod["metadata"][k] for k in ("name", "namespace", "uid"))
                if pod["spec"].get("nodeName") in self.lost:
                    continue
                if "deletionTimestamp" in pod["metadata"]:
                    await self.client.delete(PODS, name, namespace, options={"gracePeriodSeconds": 0})
                elif pod["spec"].get("nodeName") and uid not in started:
                    started[uid] = f"10.244.0.{len(started) + 1}"
                    await self.run(pod, started[uid])

    async def run(self, pod, address):
        now = rfc3339(self.clock.now())
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        status["conditions"] = [c for c in pod["status"].get("conditions", []) if c["type"] == "PodScheduled"] + [ready]
        patch = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        await self.client.patch(
            PODS, pod["metadata"]["name"], patch, pod["metadata"]["namespace"], subresource="status"
        )

    async def names(self, kind, namespace="default"):
        return sorted(item["metadata"]["name"] for item in (await self.client.list(kind, namespace))[0])


def play(script, nodes=2):
    clock = VirtualClock()

    async def main():
        cluster, tasks = Cluster(clock), Tasks()
        await cluster.server.start()
        manager = cluster.client_as("system:kube-controller-manager")
        nobody = InProcess(cluster.server.handle)
        informers = Informers(manager, clock)
        brain = [
            tasks.spawn(run_controllers(manager, informers, clock, Settings(ca_pem="PEM"), nobody), "controllers"),
            tasks.spawn(run_scheduler(cluster.client_as("system:kube-scheduler"), informers, clock), "scheduler"),
            tasks.spawn(cluster.kubelet(), "kubelet"),
            tasks.spawn(cluster.beat(), "leases"),
        ]
        for number in range(nodes):
            await cluster.add_node(f"n{number + 1}")
        try:
            await clock.sleep(1)
            await script(cluster)
            assert informers.mutated() == []
            assert not any(task.done() for task in brain)
        finally:
            await tasks.close()
            await informers.close()
            await cluster.server.close()

    run_virtual(main(), clock)


def deployment(replicas=3, image="nginx", **requests):
    container = {"name": "c", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}
    if requests:
        container["resources"] = {"requests": requests}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"metadata": {"name": "web"}, "spec": spec}


async def is_gone(cluster, kind, name, namespace=""):
    try:
        await cluster.client.get(kind, name, namespace)
    except StatusError as error:
        return error.code == 404
    return False


def test_a_deployment_becomes_a_set_becomes_pods_becomes_bound_and_available():
    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(3), "default")
        await cluster.clock.sleep(10)
        found = await cluster.client.get(DEPLOYMENTS, "web", "default")
        assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
        assert found["status"]["availableReplicas"] == 3
        assert {c["type"]: c["reason"] for c in found["status"]["conditions"]} == {
            "Available": "MinimumReplicasAvailable",
            "Progressing": "NewReplicaSetAvailable",
        }
        pods, _ = await cluster.client.list(PODS, "default")
        assert {pod["spec"]["nodeName"] for pod in pods} == {"n1", "n2"}
        reasons = {event["reason"] for event in (await cluster.client.list(EVENTS, "default"))[0]}
        assert {"ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "RegisteredNode"} <= reasons

    play(script)


def test_a_rollout_replaces_every_pod_and_a_rest_writes_nothing():
    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(3), "default")
        await cluster.clock.sleep(10)
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}}
        await cluster.client.patch(
            DEPLOYMENTS, "web", patch, "default", patch_type="application/strategic-merge-patch+json"
        )
        await cluster.clock.sleep(30)
        pods, _ = await cluster.client.list(PODS, "default")
        assert [pod["spec"]["containers"][0]["image"] for pod in pods] == ["nginx:2"] * 3
        assert len(await cluster.names(REPLICA_SETS)) == 2
        found = await cluster.client.get(DEPLOYMENTS, "web", "default")
        assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
        before = await revisions(cluster)
        await cluster.clock.sleep(20)
        assert await revisions(cluster) == before

    play(script)


async def revisions(cluster):
    kinds = (
        DEPLOYMENTS,
        REPLICA_SETS,
        PODS,
        SERVICES,
        ENDPOINTS,
        ENDPOINT_SLICES,
        NAMESPACES,
        CONFIG_MAPS,
        SERVICE_ACCOUNTS,
    )
    listed = [(await cluster.client.list(kind))[0] for kind in kinds]
    return {(i["kind"], i["metadata"]["name"], i["metadata"]["resourceVersion"]) for items in listed for i in items}


def test_a_deleted_deployment_takes_its_sets_and_pods_along():
    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(2), "default")
        await cluster.clock.sleep(10)
        await cluster.client.delete(DEPLOYMENTS, "web", "default")
        await cluster.clock.sleep(10)
        assert await cluster.names(REPLICA_SETS) == []
        assert await cluster.names(PODS) == []

    play(script)


def test_in_the_foreground_the_deployment_goes_last():
    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(2), "default")
        await cluster.clock.sleep(10)
        await cluster.client.delete(DEPLOYMENTS, "web", "default", options={"propagationPolicy": "Foreground"})
        found = await cluster.client.get(DEPLOYMENTS, "web", "default")
        assert found["metadata"]["finalizers"] == ["foregroundDeletion"]
        await cluster.clock.sleep(15)
        assert await cluster.names(PODS) == []
        assert await is_gone(cluster, DEPLOYMENTS, "web", "default")

    play(script)


def test_orphaned_pods_are_left_and_adopted_by_the_next_set():
    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(2), "default")
        await cluster.clock.sleep(10)
        pods = await cluster.names(PODS)
        await cluster.client.delete(DEPLOYMENTS, "web", "default", options={"propagationPolicy": "Orphan"})
        await cluster.clock.sleep(10)
        assert await is_gone(cluster, DEPLOYMENTS, "web", "default")
        assert await cluster.names(PODS) == pods
        await cluster.client.create(DEPLOYMENTS, deployment(2), "default")
        await cluster.clock.sleep(10)
        assert await cluster.names(PODS) == pods

    play(script)


def test_a_service_finds_its_pods():
    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(2), "default")
        service = {
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        }
        await cluster.client.create(SERVICES, service, "default")
        await cluster.clock.sleep(10)
        [piece] = (await cluster.client.list(ENDPOINT_SLICES, "default", labels="kubernetes.io/service-name=web"))[0]
        assert len(piece["endpoints"]) == 2 and all(e["conditions"]["ready"] for e in piece["endpoints"])
        assert piece["ports"][0]["port"] == 8080
        endpoints = await cluster.client.get(ENDPOINTS, "web", "default")
        assert len(endpoints["subsets"][0]["addresses"]) == 2

    play(script)


def test_a_namespace_has_what_it_needs_and_goes_with_all_that_it_holds():
    async def script(cluster):
        await cluster.client.create(NAMESPACES, {"metadata": {"name": "team"}})
        await cluster.clock.sleep(2)
        assert await cluster.names(SERVICE_ACCOUNTS, "team") == ["default"]
        assert await cluster.names(CONFIG_MAPS, "team") == ["kube-root-ca.crt"]
        await cluster.client.create(DEPLOYMENTS, deployment(2), "team")
        await cluster.client.create(SECRETS, {"metadata": {"name": "s"}}, "team")
        await cluster.clock.sleep(10)
        await cluster.client.delete(NAMESPACES, "team")
        await cluster.clock.sleep(60)
        assert await is_gone(cluster, NAMESPACES, "team")

    play(script)


def test_a_pod_without_room_says_so_and_gets_a_node_that_joins():
    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(2, cpu="3"), "default")
        await cluster.clock.sleep(10)
        pods = (await cluster.client.list(PODS, "default"))[0]
        [waiting] = [pod for pod in pods if "nodeName" not in pod["spec"]]
        condition = next(c for c in waiting["status"]["conditions"] if c["type"] == "PodScheduled")
        assert condition["message"].startswith("0/1 nodes are available: 1 Insufficient cpu.")
        await cluster.add_node("late")
        await cluster.clock.sleep(5)
        pod = await cluster.client.get(PODS, waiting["metadata"]["name"], "default")
        assert pod["spec"]["nodeName"] == "late"

    play(script, nodes=1)


def test_the_pods_of_a_node_that_is_deleted_are_replaced_elsewhere():
    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(4), "default")
        await cluster.clock.sleep(10)
        await cluster.client.delete(NODES, "n1")
        await cluster.clock.sleep(90)
        pods = (await cluster.client.list(PODS, "default"))[0]
        assert [pod["spec"]["nodeName"] for pod in pods] == ["n2"] * 4

    play(script)


def test_the_pods_of_a_node_that_falls_silent_are_evicted_and_replaced():
    """concepts/architecture/nodes: Unknown after 50 s, evicted when the default toleration of 300 s is over."""

    async def script(cluster):
        await cluster.client.create(DEPLOYMENTS, deployment(4), "default")
        await cluster.clock.sleep(10)
        cluster.lost = {"n1"}
        await cluster.clock.sleep(70)
        node = await cluster.client.get(NODES, "n1")
        assert {c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"} == {"Unknown"}
        assert {t["key"] for t in node["spec"]["taints"]} == {"node.kubernetes.io/unreachable"}
        assert len(await cluster.names(PODS)) == 4
        await cluster.clock.sleep(310)
        pods = (await cluster.client.list(PODS, "default"))[0]
        lost = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
        assert {pod["spec"]["nodeName"] for pod in lost} == {"n1"}
        assert [pod["spec"]["nodeName"] for pod in pods if pod not in lost] == ["n2"] * 4
        found = await cluster.client.get(DEPLOYMENTS, "web", "default")
        assert (found["status"]["availableReplicas"], found["status"]["terminatingReplicas"]) == (4, len(lost))

    play(script)


def test_nodes_get_their_ranges_of_addresses():
    async def script(cluster):
        nodes = (await cluster.client.list(NODES))[0]
        assert {node["spec"]["podCIDR"] for node in nodes} == {"10.244.0.0/24", "10.244.1.0/24"}

    play(script)
