from tests.apiserver.writing import MERGE, Writing, run_writing

PODS = "/api/v1/namespaces/n/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/n/deployments"


def test_a_pod_is_bound_once() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p")
        body = {"metadata": {"name": "p", "annotations": {"a": "b"}}, "target": {"kind": "Node", "name": "one"}}
        code, said = await api.ask("POST", f"{PODS}/p/binding", body)
        assert (code, said["status"]) == (201, "Success")
        _, pod = await api.ask("GET", f"{PODS}/p")
        assert (pod["spec"]["nodeName"], pod["metadata"]["annotations"]) == ("one", {"a": "b"})
        assert pod["status"]["conditions"][0]["type"] == "PodScheduled"
        code, refused = await api.ask("POST", f"{PODS}/p/binding", body)
        assert code == 409
        assert refused["message"].endswith('pod p is already assigned to node "one"')

    run_writing(main)


def test_a_scale_changes_the_replicas() -> None:
    async def main(api: Writing) -> None:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
        await api.make(DEPLOYMENTS, "d", spec=spec)
        code, scale = await api.ask("PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 3}}, type=MERGE)
        assert (code, scale["spec"], scale["status"]["selector"]) == (200, {"replicas": 3}, "a=b")
        _, deployment = await api.ask("GET", f"{DEPLOYMENTS}/d")
        assert (deployment["spec"]["replicas"], deployment["metadata"]["generation"]) == (3, 2)

    run_writing(main)


def test_an_eviction_is_a_delete() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p")
        code, refused = await api.ask("POST", f"{PODS}/p/eviction", {"metadata": {"name": "q"}})
        assert (code, refused["message"]) == (400, "name in URL does not match name in Eviction object")
        assert (await api.ask("POST", f"{PODS}/p/eviction", {"metadata": {"name": "p"}}))[0] == 201
        assert (await api.ask("GET", f"{PODS}/p"))[0] == 404

    run_writing(main)
