"""Paths that are no resources: health, version, discovery, OpenAPI, metrics, and how every answer is dressed."""

import orjson
import yaml

from pynetes.http.types import Request, Response
from tests.apiserver.reading import run_api

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def test_health_checks_have_names_and_can_be_told_in_full():
    async def main(api):
        for path in ("/healthz", "/livez", "/readyz", "/readyz/ping", "/healthz/etcd"):
            answer = await api.ask(path)
            assert (answer.status, answer.body) == (200, b"ok")
        verbose = await api.ask("/readyz?verbose&exclude=etcd&exclude=none")
        text = verbose.body.decode()
        assert "[+]etcd excluded: ok\n" in text
        assert 'cannot be excluded: no matches for "none"\n' in text
        assert text.endswith("readyz check passed\n")
        assert (await api.ask("/readyz/none")).body == b"404 page not found\n"
        api.server.ready = False
        answer = await api.ask("/readyz")
        assert answer.status == 500
        assert b"[-]informer-sync failed: reason withheld\n" in answer.body
        api.server.ready = True

    run_api(main)


def test_the_version_is_one_that_clients_parse():
    async def main(api):
        version = await api.json("/version")
        assert (version["major"], version["minor"]) == ("1", "36")
        assert version["gitVersion"].startswith("v1.36.3")

    run_api(main)


def test_aggregated_discovery_is_fetched_once_and_then_not_modified():
    async def main(api):
        answer = await api.ask("/apis", accept=AGGREGATED)
        assert answer.content_type == AGGREGATED
        etag = dict(answer.headers)["ETag"]
        names = [group["metadata"]["name"] for group in orjson.loads(answer.body)["items"]]
        assert "apps" in names
        again = await api.ask("/apis", accept=AGGREGATED, if_none_match=etag)
        assert (again.status, again.body) == (304, b"")
        api.server.resources.remove("apps", "deployments")
        assert (await api.ask("/apis", accept=AGGREGATED, if_none_match=etag)).status == 200

    run_api(main)


def test_an_openapi_document_that_is_asked_for_by_its_hash_may_be_kept_for_ever():
    async def main(api):
        index = await api.json("/openapi/v3")
        answer = await api.ask(index["paths"]["apis/coordination.k8s.io/v1"]["serverRelativeURL"])
        assert answer.status == 200
        assert dict(answer.headers)["Cache-Control"] == "public, immutable"
        assert "io.k8s.api.coordination.v1.Lease" in orjson.loads(answer.body)["components"]["schemas"]

    run_api(main)


def test_requests_are_counted():
    async def main(api):
        await api.ask("/api/v1/namespaces/default/configmaps/none")
        text = (await api.ask("/metrics")).body.decode()
        assert (
            'apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="configmaps",'
            'scope="resource",subresource="",verb="GET",version="v1"} 1'
        ) in text
        assert 'le="+Inf"' in text

    run_api(main)


def test_pretty_and_yaml_are_forms_of_the_same_answer():
    async def main(api):
        path = "/api/v1/namespaces/default"
        plain = await api.ask(path)
        for answer in (await api.ask(f"{path}?pretty=1"), await api.ask(path, user_agent="curl/8.0")):
            assert answer.body.startswith(b'{\n  "kind": "Namespace"')
            assert orjson.loads(answer.body) == orjson.loads(plain.body)
        assert (await api.ask(f"{path}?pretty=false", user_agent="curl/8.0")).body == plain.body
        answer = await api.ask(path, accept="application/yaml")
        assert answer.content_type == "application/yaml"
        assert yaml.safe_load(answer.body)["kind"] == "Namespace"

    run_api(main)


def test_who_has_no_certificate_is_anonymous_and_is_refused_what_only_users_may():
    async def main(api):
        answer = api.server.handle(Request("GET", "/api/v1/namespaces", "", {}))
        assert isinstance(answer, Response)
        assert answer.status == 403
        assert b'User \\"system:anonymous\\" cannot list resource \\"namespaces\\"' in answer.body

    run_api(main)


def test_a_fault_of_our_own_is_a_500_status_and_not_a_broken_connection(caplog):
    async def main(api):
        def broken(user, info):
            raise RuntimeError("boom")

        api.server.authorizer.authorize = broken
        answer = await api.ask("/api/v1/namespaces")
        assert (answer.status, orjson.loads(answer.body)["reason"]) == (500, "InternalError")
        assert "boom" in caplog.text

    run_api(main)
