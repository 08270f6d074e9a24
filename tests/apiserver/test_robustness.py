"""Whatever is asked: an answer in form, never a fault of the server, and nothing stored by what was refused."""

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.apiserver.server import APIServer
from pynetes.http.types import PeerCertificate, Request, Response, Stream, Takeover
from pynetes.store.memory import MemoryStore

ADMIN = PeerCertificate("admin", ("system:masters",))
WORDS = st.sampled_from(
    [
        "api",
        "apis",
        "v1",
        "v9",
        "apps",
        "batch",
        "namespaces",
        "n",
        "pods",
        "services",
        "configmaps",
        "secrets",
        "deployments",
        "status",
        "scale",
        "log",
        "exec",
        "proxy",
        "watch",
        "token",
        "binding",
        "eviction",
        "finalize",
        "x",
        "..",
        "%00",
        "healthz",
        "version",
        "openapi",
        "v2",
        "v3",
        "default",
        "nodes",
        "metrics",
    ]
) | st.text(max_size=4)
ANY_PATHS = st.lists(WORDS, max_size=8).map(lambda parts: "/" + "/".join(parts))
KNOWN_PATHS = st.sampled_from(
    (
        "/api/v1/namespaces/n/configmaps",
        "/api/v1/namespaces/n/configmaps/a",
        "/api/v1/namespaces/n/pods",
        "/api/v1/namespaces/n/services",
        "/apis/apps/v1/namespaces/n/deployments",
        "/apis/batch/v1/namespaces/n/cronjobs/a/status",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/a",
        "/api/v1/namespaces/n/serviceaccounts/default/token",
    )
)
NAMES = st.sampled_from(
    [
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "force",
        "limit",
        "continue",
        "resourceVersion",
        "resourceVersionMatch",
        "timeoutSeconds",
        "pretty",
        "labelSelector",
        "fieldSelector",
        "gracePeriodSeconds",
        "propagationPolicy",
        "includeObject",
        "orphanDependents",
    ]
)
VALUES = st.sampled_from(
    ("", "0", "1", "-1", "All", "true", "a=b", "a in (", "Exact", "99999999999999999999")
) | st.text(st.characters(exclude_characters="&#"), max_size=6)
QUERIES = st.lists(st.tuples(NAMES, VALUES), max_size=3).map(lambda pairs: "&".join(f"{n}={v}" for n, v in pairs))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(("a", "", "v1", "Pod", "1Gi", "x y")) | st.text(st.characters(codec="utf-8"), max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metadata", "spec", "status", "data", "name", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "containers", "image", "ports", "type", "selector", "template", "replicas", "rules", "kind", "apiVersion", "op", "path", "value", "resourceVersion", "uid", "generateName"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
NAMED = st.dictionaries(st.sampled_from(("spec", "data", "status", "rules", "roleRef", "type")), JSON, max_size=3)
BODIES = (
    NAMED.map(lambda rest: orjson.dumps({**rest, "metadata": {"name": "a"}}))
    | st.binary(max_size=40)
    | JSON.map(orjson.dumps)
    | st.binary(max_size=40).map(b"k8s\0".__add__)
)
TYPES = st.just("application/json") | st.sampled_from(
    [
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
        "application/merge-patch+json",
        "text/plain",
        "application/json-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
        ";",
    ]
)
ACCEPTS = st.just("application/json") | st.sampled_from(
    (
        "",
        "*/*",
        "application/json",
        "application/yaml",
        "text/html",
        ";;q=x",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
    )
)
REQUESTS = st.builds(
    lambda method, path, query, body, type, accept: Request(
        method, path, query, {"content-type": type, "accept": accept}, body, ADMIN
    ),
    st.sampled_from(("GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW")),
    KNOWN_PATHS | ANY_PATHS,
    QUERIES,
    BODIES,
    TYPES,
    ACCEPTS,
)
SEQUENCES = st.lists(REQUESTS, min_size=1, max_size=12)


async def _stored(store: MemoryStore) -> Any:
    return [(pair.key, pair.value, pair.mod_revision) for pair in (await store.range(b"\0", b"\xff")).items]


def _check_form(request: Request, answer: Response) -> None:
    text = answer.body.decode("utf-8", "replace")
    assert "Traceback" not in text
    unclassified = ("unable to determine kind and namespace", "strconv.", "resourceVersion should not be set")
    if answer.status == 500:
        assert any(known in text for known in unclassified), (request, text)
    if answer.status >= 400 and answer.body.startswith(b"{"):
        body = orjson.loads(answer.body)
        assert body["kind"] == "Status" and body["code"] == answer.status, (request, text)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(SEQUENCES)
def test_no_request_brings_the_server_down_and_refused_ones_store_nothing(requests: list[Request]) -> None:
    clock = VirtualClock()

    async def main() -> None:
        store = MemoryStore(clock)
        server = APIServer(store, clock)
        await server.start()
        try:
            made = Request("POST", "/api/v1/namespaces", "", {}, b'{"metadata":{"name":"n"}}', ADMIN)
            await _answer(server, made)
            for request in requests:
                before = await _stored(store)
                answer = await _answer(server, request)
                if isinstance(answer, Response):
                    _check_form(request, answer)
                    if answer.status >= 400:
                        assert await _stored(store) == before, request
        finally:
            await server.close()
            await store.close()

    run_virtual(main(), clock)


async def _answer(server: APIServer, request: Request) -> Response | Stream | Takeover:
    answer = server.handle(request)
    if isinstance(answer, Response | Stream | Takeover):
        return answer
    return await answer
