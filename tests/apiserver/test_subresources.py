from pynetes.apiserver.subresources.eviction import decremented
from pynetes.meta.status import StatusError
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


def test_a_budget_allows_so_many_and_no_more() -> None:
    budget = {"metadata": {"name": "b"}, "status": {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 2}}
    assert decremented(budget, "p", 0.0)["status"]["disruptedPods"] == {"p": "1970-01-01T00:00:00Z"}
    try:
        decremented(budget, "q", 0.0)
    except StatusError as error:
        assert error.code == 429
        assert error.status["details"]["causes"][0]["message"] == (
            "The disruption budget b needs 2 healthy pods and has 2 currently"
        )
    else:
        raise AssertionError("a second disruption was allowed")


def test_a_log_names_its_container_and_a_pod_without_a_node_has_none() -> None:
    async def main(api: Writing) -> None:
        two = [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]
        await api.make(PODS, "p", spec={"containers": two})
        code, refused = await api.ask("GET", f"{PODS}/p/log")
        assert (code, refused["message"]) == (
            400,
            "a container name must be specified for pod p, choose one of: [a b]",
        )
        assert (await api.ask("GET", f"{PODS}/p/log?container=a"))[0] == 204
        assert (await api.ask("GET", f"{PODS}/p/log?container=a&tailLines=-1"))[0] == 422

    run_writing(main)


def test_what_is_not_built_is_refused() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p", nodeName="one")
        assert (await api.ask("GET", f"{PODS}/p/proxy"))[0] == 501
        code, _ = await api.ask("POST", f"{PODS}/p/exec?command=x", headers={"upgrade": "h2c"})
        assert code == 400

    run_writing(main)


def test_a_review_says_why() -> None:
    async def main(api: Writing) -> None:
        review = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        attributes = {"verb": "create", "group": "apps", "resource": "replicasets", "namespace": "n"}
        who = "system:serviceaccount:kube-system:deployment-controller"
        _, said = await api.ask("POST", review, {"spec": {"user": who, "resourceAttributes": attributes}})
        assert said["status"] == {
            "allowed": True,
            "reason": 'RBAC: allowed by ClusterRoleBinding "system:controller:deployment-controller" of ClusterRole '
            '"system:controller:deployment-controller" to ServiceAccount "deployment-controller/kube-system"',
        }

    run_writing(main)
