"""Admission webhooks, asked over TLS by a whole server."""

import base64
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import pytest

from pynetes.aio.clock import RealClock
from pynetes.apiserver.admission.webhooks.calls import Unreachable, place
from pynetes.http.server import Server
from pynetes.http.tls import server_context
from pynetes.http.types import Request, Response
from pynetes.pki.certificates import Authority
from tests.apiserver.writing import CONFIG_MAPS, JSON, MERGE, Writing, run_writing

KINDS = "/apis/admissionregistration.k8s.io/v1"
MUTATING, VALIDATING = f"{KINDS}/mutatingwebhookconfigurations", f"{KINDS}/validatingwebhookconfigurations"
AUTHORITY = Authority.make("hooks", now=RealClock().now())
PAIR = AUTHORITY.issue("hook", (), ("127.0.0.1",), ("server",), now=RealClock().now())
Answer = Callable[[dict[str, Any]], dict[str, Any]]
ALL_WRITES = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE", "DELETE"],
    "resources": ["configmaps"],
}


class Hooks:
    """An HTTPS server of webhooks: ``answers`` by path, from the request of a review to its response."""

    def __init__(self, api: Writing) -> None:
        self.api = api
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.url = ""

    async def handle(self, request: Request) -> Response:
        review = orjson.loads(request.body)
        self.asked.append((request.path.strip("/"), review["request"]))
        answer = self.answers[request.path.strip("/")](review["request"])
        response = {"uid": review["request"]["uid"], **answer}
        return Response(200, orjson.dumps({**review, "request": None, "response": response}))

    async def install(self, kind: str, name: str, answer: Answer, **webhook: Any) -> None:
        self.answers[name] = answer
        client = {"url": f"{self.url}/{name}", "caBundle": base64.b64encode(AUTHORITY.cert_pem).decode()}
        whole = {
            "name": f"{name}.hooks.test",
            "clientConfig": client,
            "rules": [ALL_WRITES],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **webhook,
        }
        await self.api.make(kind, name, webhooks=[whole])


def run_hooks(main: Callable[[Writing, Hooks], Coroutine[Any, Any, None]]) -> None:
    async def whole(api: Writing) -> None:
        hooks = Hooks(api)
        server = Server(hooks.handle, RealClock(), ssl=server_context(PAIR.cert_pem, PAIR.key_pem))
        hooks.url = f"https://127.0.0.1:{await server.listen('127.0.0.1', 0)}"
        try:
            await main(api, hooks)
        finally:
            await server.close()

    run_writing(whole)


def allowed(request: dict[str, Any]) -> dict[str, Any]:
    return {"allowed": True}


def adding(path: str, value: Any) -> Answer:
    """Allows, with a patch."""
    patch = base64.b64encode(orjson.dumps([{"op": "add", "path": path, "value": value}])).decode()
    return lambda request: {"allowed": True, "patch": patch, "patchType": "JSONPatch"}


def test_a_webhook_is_told_of_a_write_and_by_whom() -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        await hooks.install(VALIDATING, "v", allowed)
        await api.make(CONFIG_MAPS, "a", data={"k": "v"})
        await api.ask("PATCH", f"{CONFIG_MAPS}/a?dryRun=All", {"data": {"k": "w"}}, type=MERGE)
        await api.ask("DELETE", f"{CONFIG_MAPS}/a")
        (_, create), (_, update), (_, delete) = hooks.asked
        assert create["kind"] == create["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
        assert create["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
        assert (create["name"], create["namespace"], create["operation"]) == ("a", "n", "CREATE")
        assert create["userInfo"]["username"] == "admin" and "system:masters" in create["userInfo"]["groups"]
        assert (create["object"]["data"], create["oldObject"], create["dryRun"]) == ({"k": "v"}, None, False)
        assert create["options"] == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}
        assert (update["object"]["data"], update["oldObject"]["data"]) == ({"k": "w"}, {"k": "v"})
        assert (update["dryRun"], update["options"]["kind"], update["options"]["dryRun"]) == (
            True,
            "PatchOptions",
            ["All"],
        )
        assert (delete["operation"], delete["object"], delete["oldObject"]["data"]) == ("DELETE", None, {"k": "v"})

    run_hooks(main)


def test_a_refusal_says_who_refused_with_the_webhooks_own_code_and_words() -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        said = {"code": 409, "message": "not today", "reason": "Conflict"}
        await hooks.install(
            VALIDATING, "v", lambda request: {"allowed": False, "status": said, "warnings": ["careful"]}
        )
        code, refused = await api.ask("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert (code, refused["reason"], refused["status"]) == (409, "Conflict", "Failure")
        assert refused["message"] == 'admission webhook "v.hooks.test" denied the request: not today'
        assert api.warnings == ['299 - "careful"']
        assert (await api.ask("GET", f"{CONFIG_MAPS}/a"))[0] == 404
        hooks.answers["v"] = lambda request: {"allowed": False}
        code, refused = await api.ask("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert (code, refused["message"].partition("denied")[2]) == (400, " the request without explanation")

    run_hooks(main)


def test_mutating_webhooks_change_what_is_stored_and_see_what_those_before_did() -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        await hooks.install(MUTATING, "first", adding("/metadata/labels", {"one": "1"}))
        await hooks.install(MUTATING, "second", adding("/data", {"two": "2"}))
        made = await api.make(CONFIG_MAPS, "a")
        assert (made["metadata"]["labels"], made["data"]) == ({"one": "1"}, {"two": "2"})
        assert [(name, r["object"]["metadata"].get("labels")) for name, r in hooks.asked] == [
            ("first", None),
            ("second", {"one": "1"}),
        ]

    run_hooks(main)


def test_who_wants_to_see_later_changes_is_asked_once_more() -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        await hooks.install(MUTATING, "a-again", allowed, reinvocationPolicy="IfNeeded")
        await hooks.install(MUTATING, "b-never", allowed)
        await hooks.install(MUTATING, "c-changes", adding("/data", {"k": "v"}))
        await api.make(CONFIG_MAPS, "a")
        assert [name for name, _ in hooks.asked] == ["a-again", "b-never", "c-changes", "a-again"]
        assert hooks.asked[-1][1]["object"]["data"] == {"k": "v"}

    run_hooks(main)


def test_a_patch_that_does_not_fit_is_an_error_and_stores_nothing() -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        await hooks.install(MUTATING, "m", adding("/data/k", 7))
        code, refused = await api.ask("POST", CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
        assert (code, refused["reason"]) == (500, "InternalError")
        assert (await api.ask("GET", f"{CONFIG_MAPS}/a"))[0] == 404

    run_hooks(main)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"uid": "other", "allowed": True}, 'expected response.uid="'),
        ({"allowed": True, "patch": "W10="}, "webhook returned response.patch but not response.patchType"),
        ({"allowed": True, "patchType": "JSONPatch"}, "webhook returned response.patchType but not response.patch"),
        ({"allowed": True, "patch": "W10=", "patchType": "Odd"}, 'unsupported patch type "Odd"'),
    ],
)
def test_an_answer_that_is_none_fails_closed(answer: dict[str, Any], why: str) -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        await hooks.install(MUTATING, "m", lambda request: answer)
        code, refused = await api.ask("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert code == 500
        assert 'failed calling webhook "m.hooks.test": received invalid webhook response: ' in refused["message"]
        assert why in refused["message"]

    run_hooks(main)


def test_a_webhook_that_fails_stops_the_write_unless_its_failures_are_ignored() -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        closed = {"clientConfig": {"url": "https://127.0.0.1:1/x"}}
        await hooks.install(VALIDATING, "open", allowed, **closed, failurePolicy="Ignore")
        await api.make(CONFIG_MAPS, "a")
        await hooks.install(VALIDATING, "shut", allowed, **closed)
        code, refused = await api.ask("POST", CONFIG_MAPS, {"metadata": {"name": "b"}})
        assert (code, refused["message"]) == (
            500,
            'Internal error occurred: failed calling webhook "shut.hooks.test": failed to call webhook: Post '
            '"https://127.0.0.1:1/x?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
        )

    run_hooks(main)


def test_a_server_that_the_bundle_does_not_vouch_for_is_not_told() -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        await hooks.install(VALIDATING, "v", allowed)
        other = base64.b64encode(Authority.make("others", now=RealClock().now()).cert_pem).decode()
        change = [{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": other}]
        assert (await api.ask("PATCH", f"{VALIDATING}/v", change, type=JSON))[0] == 200
        code, refused = await api.ask("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
        why = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        assert (code, refused["message"].rpartition('timeout=10s": ')[2], hooks.asked) == (500, why, [])

    run_hooks(main)


def test_rules_and_selectors_choose_and_configurations_are_never_asked_about() -> None:
    async def main(api: Writing, hooks: Hooks) -> None:
        pods = {**ALL_WRITES, "resources": ["pods"]}
        labelled = {"objectSelector": {"matchLabels": {"watched": "yes"}}}
        elsewhere = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}
        everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
        await hooks.install(VALIDATING, "pods", allowed, rules=[pods])
        await hooks.install(VALIDATING, "labelled", allowed, **labelled)
        await hooks.install(VALIDATING, "elsewhere", allowed, **elsewhere)
        await api.make(CONFIG_MAPS, "a")
        assert hooks.asked == []
        await api.make(CONFIG_MAPS, "b", metadata={"labels": {"watched": "yes"}})
        assert [name for name, _ in hooks.asked] == ["labelled"]
        await hooks.install(VALIDATING, "all", lambda request: {"allowed": False}, rules=[everything])
        assert (await api.ask("POST", CONFIG_MAPS, {"metadata": {"name": "c"}}))[0] == 400
        assert (await api.ask("DELETE", f"{VALIDATING}/all"))[0] == 200
        await api.make(CONFIG_MAPS, "c")

    run_hooks(main)


def test_a_rule_for_another_version_is_met_and_sees_that_version() -> None:
    scalers = "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers"
    rule = {"apiGroups": ["autoscaling"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["*"]}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}

    async def main(api: Writing, hooks: Hooks) -> None:
        await hooks.install(MUTATING, "old", adding("/spec/maxReplicas", 7), rules=[rule])
        await hooks.install(VALIDATING, "exact", allowed, rules=[rule], matchPolicy="Exact")
        made = await api.make(scalers, "a", spec={"scaleTargetRef": target, "maxReplicas": 2})
        ((name, asked),) = hooks.asked
        assert (name, asked["kind"]["version"], asked["requestKind"]["version"]) == ("old", "v1", "v2")
        assert asked["object"]["apiVersion"] == "autoscaling/v1"
        assert (made["apiVersion"], made["spec"]["maxReplicas"]) == ("autoscaling/v2", 7)

    run_hooks(main)


SERVICE = {"metadata": {"name": "s"}, "spec": {"ports": [{"name": "web", "port": 443}]}}
SLICE = {
    "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
    "ports": [{"name": "other", "port": 1}, {"name": "web", "port": 8443}],
    "endpoints": [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": False}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": True}},
    ],
}


def service_place(port: int = 443, services: Any = (SERVICE,), slices: Any = (SLICE,)) -> Any:
    config = {"service": {"namespace": "n", "name": "s", "path": "/p", "port": port}}
    found = {"services": services, "endpointslices": slices}
    return place(config, lambda group, plural, namespace: list(found[plural]), lambda count: count - 1)


def test_a_service_is_reached_by_its_ready_endpoints_under_its_own_name() -> None:
    found = service_place()
    assert (found.host, found.port, found.server_name) == ("10.0.0.2", 8443, "s.n.svc")
    assert found.url == "https://s.n.svc:443/p"
    with pytest.raises(Unreachable, match='service "s" not found'):
        service_place(services=())
    with pytest.raises(Unreachable, match='no service port 8 found for service "s"'):
        service_place(port=8)
    with pytest.raises(Unreachable, match='no endpoints available for service "s"'):
        service_place(slices=())
