"""In-place resize: granted when there is room, actuated without a restart, told as KEP-1287 says."""

import copy

from pynetes.kubelet import resize
from pynetes.meta.objects import Object
from pynetes.runtime.types import Resources
from tests.kubelet.api import container, pod
from tests.kubelet.test_kubelet import Node, run


def sized(cpu: str, memory: str = "32Mi", **more: object) -> Object:
    amounts = {"cpu": cpu, "memory": memory}
    return container("c", resources={"limits": amounts, "requests": dict(amounts)}, **more)


def ask(node: Node, name: str, cpu: str, memory: str = "32Mi") -> None:
    """What a patch of the resize subresource leaves in the API."""
    changed = copy.deepcopy(node.pod(name))
    changed["spec"]["containers"][0]["resources"] = sized(cpu, memory)["resources"]
    changed["metadata"]["generation"] += 1
    node.api.put("pods", changed)


def told(node: Node, reason: str) -> list[str]:
    return [message for why, message, _ in node.events() if why == reason]


async def limits(node: Node, name: str) -> tuple[str, Resources]:
    (found,) = [c for c in await node.runtime.list_containers() if c.config.labels["io.kubernetes.pod.name"] == name]
    return found.id, found.config.resources


def test_a_resize_changes_the_limits_of_the_running_container() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p", sized("100m")))
        await node.clock.sleep(1)
        before, _ = await limits(node, "p")
        ask(node, "p", "200m")
        await node.clock.sleep(1)
        after, resources = await limits(node, "p")
        assert (after, resources.cpu_quota) == (before, 20_000)
        status = node.pod("p")["status"]
        assert status["allocatedResources"] == {"cpu": "200m", "memory": "32Mi"}
        assert status["resources"] == status["containerStatuses"][0]["resources"]
        assert status["containerStatuses"][0]["resources"]["limits"]["cpu"] == "200m"
        assert status["containerStatuses"][0]["restartCount"] == 0
        assert next(c["type"] for c in status["conditions"]) == "PodReadyToStartContainers"
        amounts = '{"cpu":"200m","memory":"32Mi"}'
        summary = (
            f'{{"containers":[{{"name":"c","resources":{{"limits":{amounts},"requests":{amounts}}}}}],"generation":2}}'
        )
        assert told(node, "ResizeStarted") == [f"Pod resize started: {summary}"]
        assert told(node, "ResizeCompleted") == [f"Pod resize completed: {summary}"]

    run(body)


def test_a_container_whose_policy_says_so_is_restarted_with_its_new_size() -> None:
    async def body(node: Node) -> None:
        policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
        node.api.put("pods", pod("p", sized("100m", resizePolicy=policy)))
        await node.clock.sleep(1)
        ask(node, "p", "200m")
        await node.clock.sleep(3)
        status = node.pod("p")["status"]["containerStatuses"][0]
        assert status["restartCount"] == 1
        assert status["resources"]["limits"]["cpu"] == "200m"
        assert told(node, "Killing") == ["Container c resize requires restart"]
        assert len(told(node, "ResizeCompleted")) == 1

    run(body)


def test_a_resize_waits_until_the_node_has_room() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("big", sized("31")))
        node.api.put("pods", pod("p", sized("100m")))
        await node.clock.sleep(1)
        ask(node, "p", "2")
        await node.clock.sleep(1)
        condition = node.pod("p")["status"]["conditions"][0]
        message = "Node didn't have enough resource: cpu, requested: 2000, used: 31000, capacity: 32000"
        assert (condition["type"], condition["reason"]) == ("PodResizePending", "Deferred")
        assert (condition["message"], condition["observedGeneration"]) == (message, 2)
        assert node.pod("p")["status"]["allocatedResources"]["cpu"] == "100m"
        assert told(node, "ResizeDeferred")[0].startswith('Pod resize OutOfcpu: {"containers":')
        gone = copy.deepcopy(node.pod("big"))
        gone["metadata"].update(deletionTimestamp="2026-01-01T00:00:02Z", deletionGracePeriodSeconds=1)
        node.api.put("pods", gone)
        await node.clock.sleep(5)
        status = node.pod("p")["status"]
        assert status["allocatedResources"]["cpu"] == "2"
        assert status["conditions"][0]["type"] == "PodReadyToStartContainers"
        assert (await limits(node, "p"))[1].cpu_quota == 200_000

    run(body)


def test_a_restarted_kubelet_goes_on_with_what_was_allocated() -> None:
    known = pod("p", sized("2"))
    known["status"] = {
        "containerStatuses": [
            {
                "name": "c",
                "allocatedResources": {"cpu": "100m", "memory": "32Mi"},
                "resources": {"limits": {"cpu": "100m", "memory": "32Mi"}},
            }
        ]
    }
    assert resize.recovered(known)["c"]["limits"] == {"cpu": "100m", "memory": "32Mi"}
    del known["status"]
    assert resize.recovered(known)["c"]["limits"]["cpu"] == "2"


def test_memory_limits_do_not_go_below_what_is_used() -> None:
    assert resize.too_small({"c": 10}, {"c": 16}, 0) == ""
    text = 'cannot decrease memory limits: attempting to set container "c" memory limit (16) below current usage (20)'
    assert resize.too_small({"c": 20}, {"c": 16}, 0) == text
    both = "cannot decrease memory limits: [attempting to set pod memory limit (16) below current usage (20), "
    assert resize.too_small({"c": 20}, {"c": 16}, 16).startswith(both)
