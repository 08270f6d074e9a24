from typing import Any

from pynetes.apiserver.admission.pod_updates import features_needed
from tests.apiserver.writing import MERGE, STRATEGIC, Writing, run_writing

PODS = "/api/v1/namespaces/n/pods"
PLENTY = {"cpu": "2", "memory": "1Gi"}


async def node(api: Writing, name: str, labels: Any = None, **status: Any) -> None:
    await api.make("/api/v1/nodes", name, metadata={"labels": labels or {}})
    said = {"status": {"allocatable": PLENTY, "capacity": PLENTY, **status}}
    assert (await api.ask("PATCH", f"/api/v1/nodes/{name}/status", said, type=MERGE))[0] == 200


async def resize(api: Writing, name: str, **requests: str) -> Any:
    container = {"name": "c", "resources": {"requests": requests}}
    return await api.ask("PATCH", f"{PODS}/{name}/resize", {"spec": {"containers": [container]}}, type=STRATEGIC)


def sized(**requests: str) -> Any:
    return [{"name": "c", "image": "i", "resources": {"requests": requests}}]


def test_a_resize_beyond_what_the_node_has_at_all_is_refused() -> None:
    async def main(api: Writing) -> None:
        await node(api, "one")
        await api.pod("p", nodeName="one", containers=sized(cpu="1", memory="1Mi"))
        code, refused = await resize(api, "p", cpu="3", memory="2Gi")
        assert (code, refused["message"], refused["details"]["causes"]) == (
            403,
            'pods "p" is forbidden: node didn\'t have enough allocatable resources: '
            "cpu, requested: 3000, allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824",
            [{"reason": "NodeCapacity"}],
        )
        assert (await resize(api, "p", cpu="2", memory="1Gi"))[0] == 200

    run_writing(main)


def test_a_pod_without_a_node_may_ask_for_anything() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p", containers=sized(cpu="1"))
        assert (await resize(api, "p", cpu="1000"))[0] == 200

    run_writing(main)


def test_a_resize_needs_a_node_that_is_there_and_runs_linux() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p", nodeName="gone", containers=sized(cpu="1"))
        assert (await resize(api, "p", cpu="2"))[1]["message"] == 'pods "p" is forbidden: node "gone" not found'
        image = {"spec": {"containers": [{"name": "c", "image": "other"}]}}
        assert (await api.ask("PATCH", f"{PODS}/p", image, type=STRATEGIC))[0] == 200
        await node(api, "win", {"kubernetes.io/os": "windows"})
        await api.pod("q", nodeName="win", containers=sized(cpu="1"))
        _, refused = await resize(api, "q", cpu="2")
        assert refused["message"] == (
            'pods "q" is forbidden: pod resize is only supported on linux nodes, node "win" is "windows"'
        )
        assert refused["details"]["causes"] == [{"reason": "UnsupportedPlatform"}]

    run_writing(main)


def test_an_update_needs_the_features_that_its_node_has_declared() -> None:
    async def main(api: Writing) -> None:
        await node(api, "old")
        await node(api, "new", declaredFeatures=["InPlacePodLevelResourcesVerticalScaling"])
        level = {"resources": {"requests": {"cpu": "1"}}, "containers": sized()}
        await api.pod("p", nodeName="old", **level)
        await api.pod("q", nodeName="new", **level)
        larger = {"spec": {"resources": {"requests": {"cpu": "2"}}}}
        code, refused = await api.ask("PATCH", f"{PODS}/p/resize", larger, type=STRATEGIC)
        assert (code, refused["message"]) == (
            403,
            'pods "p" is forbidden: pod update requires features InPlacePodLevelResourcesVerticalScaling which are not '
            'available on node "old"',
        )
        assert (await api.ask("PATCH", f"{PODS}/q/resize", larger, type=STRATEGIC))[0] == 200

    run_writing(main)


def test_what_needs_a_feature() -> None:
    def pod(cpu: str, **more: Any) -> Any:
        return {"spec": {"initContainers": [{"name": "i", "resources": {"requests": {"cpu": cpu}}, **more}]}}

    assert list(features_needed(pod("2"), pod("1"))) == ["InPlacePodVerticalScalingInitContainers"]
    assert not list(features_needed(pod("1000m"), pod("1")))
    sidecar = {"restartPolicy": "Always"}
    assert not list(features_needed(pod("2", **sidecar), pod("1", **sidecar)))
