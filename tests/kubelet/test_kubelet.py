"""A whole kubelet with simulated containers, under virtual time, against a small API."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from pynetes.aio.clock import VIRTUAL_EPOCH, VirtualClock, run_virtual
from pynetes.kubelet.kubelet import Kubelet
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.simulated import SimulatedHost
from pynetes.meta.objects import Object
from pynetes.runtime.simulated import ANNOTATION, SimulatedRuntime
from tests.kubelet.api import FakeAPI, container, pod

Body = Callable[["Node"], Awaitable[None]]


class Node:
    """One kubelet and its surroundings."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.api = FakeAPI(clock)
        self.runtime = SimulatedRuntime(clock, ["10.244.1.0/24"])
        self.kubelet = self.new_kubelet()

    def new_kubelet(self) -> Kubelet:
        settings = Settings("n1", addresses=("192.0.2.1",), port=None)
        host = SimulatedHost(self.runtime, self.clock)
        return Kubelet(self.api.client, self.api.informers, self.clock, self.runtime, settings, host)

    def pod(self, name: str) -> Object:
        return self.api.get("pods", name)

    def events(self) -> list[tuple[str, str, int]]:
        found = [o for k, o in self.api.objects.items() if k[0] == "events"]
        return [(e["reason"], e["message"], e.get("count", 1)) for e in found]


def run(body: Body, seed: int = 0) -> Node:
    clock = VirtualClock(seed)

    async def main() -> Node:
        node = Node(clock)
        task = asyncio.get_running_loop().create_task(node.kubelet.run())
        await node.kubelet.ready.wait()
        await body(node)
        await node.kubelet.close()
        await task
        await node.api.informers.close()
        return node

    return run_virtual(main(), clock)


def simulate(**containers: Object) -> dict[str, str]:
    return {ANNOTATION: json.dumps({"containers": containers})}


def test_a_pod_runs_and_reports_itself_ready() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p"))
        await node.api.until(lambda: node.pod("p")["status"]["phase"] == "Running")
        await node.clock.sleep(1)

    node = run(body)
    status = node.pod("p")["status"]
    assert [c["type"] for c in status["conditions"]] == [
        "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled",
    ]  # fmt: skip
    assert {c["status"] for c in status["conditions"]} == {"True"}
    assert status["podIP"] == "10.244.1.2"
    assert status["hostIP"] == "192.0.2.1"
    assert status["containerStatuses"][0]["ready"] is True
    assert [e[:2] for e in node.events() if e[0] not in NODE_EVENTS] == [
        ("Pulled", 'Container image "busybox:1" already present on machine and can be accessed by the pod'),
        ("Created", "Container created"),
        ("Started", "Container started"),
    ]


NODE_EVENTS = {"Starting", "NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeReady"}


def test_a_container_that_exits_is_restarted_at_once_then_after_10_20_40_up_to_300_seconds() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p", annotations=simulate(c={"run": 0, "exitCode": 1})))
        await node.clock.sleep(3600)

    node = run(body)
    starts: list[float] = []
    for seen in node.api.seen:
        for found in seen["status"].get("containerStatuses") or ():
            begun = found["restartCount"]
            if begun == len(starts):
                starts.append(0.0)
    count = node.pod("p")["status"]["containerStatuses"][0]["restartCount"]
    offsets = [0, 0, 10, 30, 70, 150, 310]
    while offsets[-1] + 300 <= 3600:
        offsets.append(offsets[-1] + 300)
    assert count == len(offsets) - 1


def test_two_runs_of_one_seed_write_the_same() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p", annotations=simulate(c={"run": "1s", "exitCode": 1})))
        node.api.put("pods", pod("q", container("a"), container("b"), annotations=simulate(b={"run": "3s"})))
        await node.clock.sleep(600)

    assert run(body, seed=7).api.writes == run(body, seed=7).api.writes


def test_a_deleted_pod_ends_and_is_let_go() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p"))
        await node.api.until(lambda: node.pod("p")["status"]["phase"] == "Running")
        node.api.delete_pod("p")
        await node.api.until(lambda: ("pods", "default", "p") not in node.api.objects)
        await node.clock.sleep(1)
        assert await node.runtime.list_sandboxes() == []

    node = run(body)
    last = node.api.seen[-1]
    assert last["status"]["phase"] == "Succeeded"
    assert ("Killing", "Stopping container c", 1) in node.events()
    assert VIRTUAL_EPOCH < node.clock.now() < VIRTUAL_EPOCH + 60


def test_a_restarted_kubelet_leaves_running_containers_and_counts_alone() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p", annotations=simulate(c={"runs": [{"run": "1s"}, {}]})))
        await node.clock.sleep(60)
        before = [c.id for c in await node.runtime.list_containers()]
        await node.kubelet.close()
        node.kubelet = node.new_kubelet()
        asyncio.get_running_loop().create_task(node.kubelet.run())
        await node.kubelet.ready.wait()
        await node.clock.sleep(60)
        assert [c.id for c in await node.runtime.list_containers()] == before

    node = run(body)
    found = node.pod("p")["status"]["containerStatuses"][0]
    assert (found["restartCount"], found["ready"]) == (1, True)


def test_what_is_left_of_pods_that_are_gone_is_removed_at_the_start() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p"))
        await node.clock.sleep(5)
        await node.kubelet.close()
        node.api.delete_pod("p", 0)
        await node.clock.sleep(5)
        assert len(await node.runtime.list_sandboxes()) == 1
        node.kubelet = node.new_kubelet()
        asyncio.get_running_loop().create_task(node.kubelet.run())
        await node.kubelet.ready.wait()
        assert await node.runtime.list_sandboxes() == []

    run(body)


def test_a_job_succeeds_and_shows_each_step() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p", restartPolicy="Never", annotations=simulate(c={"run": 0})))
        await node.api.until(lambda: node.pod("p")["status"]["phase"] == "Succeeded")

    node = run(body)
    steps = list(dict.fromkeys(step(seen) for seen in node.api.seen))
    assert steps == [("Pending", None), ("Pending", "False"), ("Running", "True"), ("Running", "False"),
                     ("Succeeded", "False")]  # fmt: skip


def test_each_step_is_shown_also_by_a_slow_api() -> None:
    async def body(node: Node) -> None:
        node.api.patch_seconds = 0.7
        node.api.put("pods", pod("p", restartPolicy="Never", annotations=simulate(c={"run": 1})))
        await node.api.until(lambda: node.pod("p")["status"]["phase"] == "Succeeded")

    steps = list(dict.fromkeys(step(seen) for seen in run(body).api.seen))
    assert steps[-3:] == [("Running", "True"), ("Running", "False"), ("Succeeded", "False")]


def step(seen: Object) -> tuple[str, str | None]:
    status = seen["status"]
    ready = [c["status"] for c in status["conditions"] if c["type"] == "Ready"]
    return status["phase"], ready[0] if ready else None


def test_readiness_follows_the_probe_and_says_so() -> None:
    probe = {"exec": {"command": ["x"]}, "periodSeconds": 1, "failureThreshold": 1}

    async def body(node: Node) -> None:
        flips = simulate(c={"readyAfter": "3s", "notReady": [["6s", "9s"]]})
        node.api.put("pods", pod("p", container("c", readinessProbe=probe), annotations=flips))
        await node.clock.sleep(20)

    node = run(body)
    steps: list[tuple[str, str | None]] = []
    for seen in node.api.seen:
        if not steps or steps[-1] != step(seen):
            steps.append(step(seen))
    assert [ready for phase, ready in steps if phase == "Running"] == ["False", "True", "False", "True"]
    assert ("Unhealthy", "Readiness probe failed: simulated") in [e[:2] for e in node.events()]


def test_a_pod_with_an_unsupported_field_fails_by_name() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p", container("c", resources={"claims": [{"name": "x"}]})))
        await node.clock.sleep(1)

    node = run(body)
    status = node.pod("p")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "UnsupportedField")
    assert "spec.containers[0].resources.claims" in status["message"]


def test_a_missing_config_map_is_told_and_waited_for() -> None:
    async def body(node: Node) -> None:
        volume = {"name": "v", "configMap": {"name": "later"}}
        mounts = [{"name": "v", "mountPath": "/v"}]
        node.api.put("pods", pod("p", container("c", volumeMounts=mounts), volumes=[volume]))
        await node.clock.sleep(2)
        assert node.pod("p")["status"]["phase"] == "Pending"
        node.api.put("configmaps", {"metadata": {"name": "later", "namespace": "default"}, "data": {}})
        await node.api.until(lambda: node.pod("p")["status"]["phase"] == "Running")

    message = 'MountVolume.SetUp failed for volume "v" : configmap "later" not found'
    assert ("FailedMount", message) in [e[:2] for e in run(body).events()]
