from pynetes.apiserver.authz.rbac import compile_rule
from pynetes.apiserver.requestinfo import RequestInfo
from tests.apiserver.writing import CONFIG_MAPS, Writing, run_writing

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = f"{RBAC}/namespaces/n/roles"
BINDINGS = f"{RBAC}/namespaces/n/rolebindings"


def asked(verb: str, resource: str, subresource: str = "", name: str = "", group: str = "") -> RequestInfo:
    return RequestInfo(
        verb, "", is_resource=True, group=group, resource=resource, subresource=subresource, name=name, namespace="n"
    )


def test_a_rule_matches_resources_subresources_and_names() -> None:
    rule = compile_rule({"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "*/scale"], "resourceNames": ["a"]})
    assert rule.allows(asked("get", "pods", name="a"))
    assert not rule.allows(asked("get", "pods", name="b"))
    assert not rule.allows(asked("get", "pods"))
    assert not rule.allows(asked("get", "pods", "log", "a"))
    assert rule.allows(asked("get", "deployments", "scale", "a"))
    assert not rule.allows(asked("list", "pods", name="a"))
    assert not rule.allows(asked("get", "pods", name="a", group="apps"))


def test_a_rule_of_urls_matches_by_prefix() -> None:
    rule = compile_rule({"verbs": ["get"], "nonResourceURLs": ["/logs/*", "/metrics"]})
    assert rule.allows(RequestInfo("get", "/logs/x"))
    assert rule.allows(RequestInfo("get", "/metrics"))
    assert not rule.allows(RequestInfo("get", "/metrics/x"))
    assert not rule.allows(asked("get", "pods"))


async def bind(api: Writing, user: str, *rules: object) -> None:
    await api.make(ROLES, user, rules=list(rules))
    subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "Role", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    await api.make(BINDINGS, user, roleRef=reference, subjects=[subject])


def test_a_decision_changes_with_the_roles() -> None:
    async def main(api: Writing) -> None:
        assert (await api.ask("GET", CONFIG_MAPS, user="bob"))[0] == 403
        await bind(api, "bob", {"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]})
        assert (await api.ask("GET", CONFIG_MAPS, user="bob"))[0] == 200
        await api.ask("DELETE", f"{BINDINGS}/bob")
        assert (await api.ask("GET", CONFIG_MAPS, user="bob"))[0] == 403

    run_writing(main)


def test_a_repeated_question_is_not_computed_again() -> None:
    async def main(api: Writing) -> None:
        authorizer = api.server.authorizer
        await api.ask("GET", CONFIG_MAPS, user="bob")
        computed: list[str] = []
        verdict = authorizer.rbac.verdict
        authorizer.rbac.verdict = lambda user, info: (computed.append(user.name), verdict(user, info))[1]  # type: ignore[method-assign]
        await api.make(CONFIG_MAPS, "other")  # no role: what was decided stays decided
        await api.ask("GET", CONFIG_MAPS, user="bob")
        assert "bob" not in computed

    run_writing(main)


def test_a_binding_to_a_role_that_is_not_there_is_told() -> None:
    async def main(api: Writing) -> None:
        subject = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
        reference = {"kind": "ClusterRole", "name": "gone", "apiGroup": "rbac.authorization.k8s.io"}
        await api.make(BINDINGS, "b", roleRef=reference, subjects=[subject])
        _, refused = await api.ask("GET", CONFIG_MAPS, user="bob")
        assert refused["message"].endswith(
            ' in the namespace "n": RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'
        )

    run_writing(main)


def test_nobody_grants_what_they_do_not_hold() -> None:
    async def main(api: Writing) -> None:
        may_write = {"verbs": ["create"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]}
        await bind(api, "bob", may_write, {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]})
        mine = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]}
        code, _ = await api.ask("POST", ROLES, {"metadata": {"name": "a"}, "rules": [mine]}, user="bob")
        assert code == 201
        more = {"verbs": ["get", "delete"], "apiGroups": [""], "resources": ["configmaps"]}
        code, refused = await api.ask("POST", ROLES, {"metadata": {"name": "b"}, "rules": [more]}, user="bob")
        assert code == 403
        assert refused["message"].endswith(
            'not currently held:\n{APIGroups:[""], Resources:["configmaps"], Verbs:["delete"]}'
        )

    run_writing(main)


def test_a_kubelet_reads_what_its_pods_name_and_nothing_else() -> None:
    async def main(api: Writing) -> None:
        secrets = "/api/v1/namespaces/n/secrets"
        await api.make(secrets, "mine")
        await api.make(secrets, "other")
        await api.pod("p", nodeName="one", volumes=[{"name": "v", "secret": {"secretName": "mine"}}])
        kubelet = {"user": "system:node:one", "groups": ("system:nodes",)}
        assert (await api.ask("GET", f"{secrets}/mine", **kubelet))[0] == 200  # type: ignore[arg-type]
        code, refused = await api.ask("GET", f"{secrets}/other", **kubelet)  # type: ignore[arg-type]
        assert code == 403
        assert refused["message"].endswith(": no relationship found between node 'one' and this object")
        pods = "/api/v1/pods?fieldSelector=spec.nodeName%3D"
        assert (await api.ask("GET", pods + "one", **kubelet))[0] == 200  # type: ignore[arg-type]
        assert (await api.ask("GET", pods + "two", **kubelet))[0] == 403  # type: ignore[arg-type]

    run_writing(main)
