from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.apiserver.authz.node import node_rules
from pynetes.apiserver.bootstrap import SYSTEM_NAMESPACES, aggregated_rules
from pynetes.apiserver.server import APIServer
from pynetes.apiserver.settings import Settings
from pynetes.store.memory import MemoryStore
from tests.apiserver.writing import MERGE, Writing, run_writing


def test_a_new_cluster_has_its_namespaces_roles_and_the_service_kubernetes() -> None:
    async def main(api: Writing) -> None:
        for name in SYSTEM_NAMESPACES:
            code, namespace = await api.ask("GET", f"/api/v1/namespaces/{name}")
            assert (code, namespace["status"]) == (200, {"phase": "Active"})
        _, service = await api.ask("GET", "/api/v1/namespaces/default/services/kubernetes")
        assert service["spec"]["clusterIP"] == "10.96.0.1"
        code, _ = await api.ask("GET", "/apis/networking.k8s.io/v1/ipaddresses/10.96.0.1")
        assert code == 200
        _, role = await api.ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/view")
        assert role["rules"], "an aggregated role has rules before any controller runs"

    run_writing(main)


def test_what_the_server_makes_it_owns_as_upstreams_parts_do() -> None:
    async def main(api: Writing) -> None:
        async def managers(path: str) -> list[tuple[str, str, str]]:
            _, found = await api.ask("GET", path)
            entries = found["metadata"]["managedFields"]
            return [(entry["manager"], entry["operation"], entry.get("subresource", "")) for entry in entries]

        assert await managers("/api/v1/namespaces/default") == [("kube-apiserver", "Update", "")]
        assert await managers("/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/exempt") == [
            ("api-priority-and-fairness-config-producer-v1", "Update", ""),
        ]
        assert await managers("/apis/networking.k8s.io/v1/servicecidrs/kubernetes") == [
            ("kubernetes-service-cidr-controller", "Apply", "status"),
            ("kube-apiserver", "Update", ""),
        ]

    run_writing(main)


def test_a_second_start_writes_nothing() -> None:
    clock = VirtualClock()

    async def main() -> None:
        store = MemoryStore(clock)
        revisions = []
        for _ in range(2):
            server = APIServer(store, clock)
            await server.start()
            revisions.append(store.revision)
            await server.close()
        assert revisions[0] == revisions[1]
        await store.close()

    run_virtual(main(), clock)


def test_a_start_at_another_address_moves_the_endpoints_of_kubernetes() -> None:
    clock = VirtualClock()

    async def main() -> None:
        store = MemoryStore(clock)
        for address in ("192.0.2.1", "192.0.2.2"):
            server = APIServer(store, clock, Settings(advertise_address=address))
            await server.start()
            found = await store.get(b"/registry/services/endpoints/default/kubernetes")
            assert found is not None
            assert address.encode() in found.value
            await server.close()
        await store.close()

    run_virtual(main(), clock)


def test_aggregation_takes_each_rule_once_in_the_order_of_names() -> None:
    def role(name: str, *verbs: str) -> dict[str, object]:
        return {"metadata": {"name": name, "labels": {"x": "y"}}, "rules": [{"verbs": [v]} for v in verbs]}

    whole = {"metadata": {"name": "w"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}]}}
    found = aggregated_rules(whole, [role("b", "list", "get"), role("a", "get"), whole])
    assert [rule["verbs"] for rule in found] == [["get"], ["list"]]


def test_the_node_rules_are_those_of_the_bootstrap_role() -> None:
    assert any("nodes" in rule.resources for rule in node_rules())


ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"


def test_a_start_mends_roles_and_bindings_that_were_changed_or_deleted() -> None:
    clock = VirtualClock()

    async def main() -> None:
        api = Writing(clock)
        await api.server.start()
        _, before = await api.ask("GET", f"{ROLES}/system:node-proxier")
        emptied = {**before, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]}
        await api.ask("PUT", f"{ROLES}/system:node-proxier", emptied)
        await api.ask("DELETE", f"{ROLES}/system:discovery")
        _, binding = await api.ask("GET", f"{BINDINGS}/system:kube-scheduler")
        await api.ask("DELETE", f"{BINDINGS}/system:kube-scheduler")
        other = {**binding, "roleRef": {**binding["roleRef"], "name": "view"}}
        del other["metadata"]["resourceVersion"], other["metadata"]["uid"]
        _, other = await api.ask("POST", BINDINGS, other)
        await api.server.close()

        again = Writing(clock)
        again.store = api.store
        again.server = APIServer(api.store, clock)
        await again.server.start()
        _, mended = await again.ask("GET", f"{ROLES}/system:node-proxier")
        assert mended["rules"][0] == emptied["rules"][0]
        assert {"verbs": ["list"], "apiGroups": [""], "resources": ["services"]} in mended["rules"]
        assert (await again.ask("GET", f"{ROLES}/system:discovery"))[0] == 200
        _, remade = await again.ask("GET", f"{BINDINGS}/system:kube-scheduler")
        assert remade["roleRef"]["name"] == "system:kube-scheduler"
        assert remade["metadata"]["uid"] != other["metadata"]["uid"]
        await again.server.close()
        await api.store.close()

    run_virtual(main(), clock)


def test_a_running_server_looks_after_its_service_its_namespaces_and_its_flow_objects() -> None:
    async def main(api: Writing) -> None:
        await api.ask("DELETE", "/api/v1/namespaces/default/services/kubernetes")
        await api.ask("DELETE", "/api/v1/namespaces/default/endpoints/kubernetes")
        await api.clock.sleep(11)
        _, service = await api.ask("GET", "/api/v1/namespaces/default/services/kubernetes")
        assert service["spec"]["clusterIP"] == "10.96.0.1"
        assert (await api.ask("GET", "/api/v1/namespaces/default/endpoints/kubernetes"))[0] == 200
        assert (await api.ask("GET", "/apis/networking.k8s.io/v1/ipaddresses/10.96.0.1"))[0] == 200

        await api.ask("DELETE", f"{FLOWS}/probes")
        spec = {"spec": {"matchingPrecedence": 4000}}
        for name, code in (("global-default", 200), ("catch-all", 422)):
            assert (await api.ask("PATCH", f"{FLOWS}/{name}", spec, type=MERGE))[0] == code
        own = {"metadata": {"annotations": {"apf.kubernetes.io/autoupdate-spec": "false"}}, **spec}
        await api.ask("PATCH", f"{FLOWS}/service-accounts", own, type=MERGE)
        revision = api.store.revision
        await api.clock.sleep(61)
        found = {}
        for name in ("probes", "global-default", "catch-all", "service-accounts"):
            found[name] = (await api.ask("GET", f"{FLOWS}/{name}"))[1]["spec"]["matchingPrecedence"]
        assert found == {"probes": 2, "global-default": 9900, "catch-all": 10000, "service-accounts": 4000}
        assert api.store.revision == revision + 2
        await api.clock.sleep(600)
        assert api.store.revision == revision + 2, "what is as it should be is not written"

    run_writing(main)
