"""GET of objects and collections. Source: kubernetes.io, API concepts: "Resource versions", "Retrieving large results
sets in chunks"."""

import base64
import gzip

import orjson
import pytest

from tests.apiserver.reading import API, run_api

MAPS = "/api/v1/namespaces/default/configmaps"


def names(body):
    """Of what the test made, without what every cluster has."""
    found = (item["metadata"]["name"] for item in body["items"])
    return [name for name in found if not name.startswith("kube-")]


async def three(api: API) -> int:
    for name in "abc":
        revision = await api.put("configmaps", name, metadata={"labels": {"n": name}}, data={"k": "v"})
    return revision


def test_a_get_answers_the_object_with_its_revision_and_no_waiting():
    async def main(api):
        revision = await api.put("configmaps", "a", data={"k": "v"})
        answer = await api.ask(f"{MAPS}/a")
        body = orjson.loads(answer.body)
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert body["metadata"]["resourceVersion"] == str(revision)
        assert body["data"] == {"k": "v"}
        headers = dict(answer.headers)
        assert headers["Cache-Control"] == "no-cache, private"
        assert headers["Audit-Id"]

    run_api(main)


def test_what_is_not_there_is_a_404_status():
    async def main(api):
        answer = await api.ask(f"{MAPS}/none")
        assert answer.status == 404
        assert orjson.loads(answer.body)["message"] == 'configmaps "none" not found'

    run_api(main)


def test_a_list_is_in_key_order_and_its_items_have_no_kind():
    async def main(api):
        for name in "cab":
            await api.put("configmaps", name)
        await api.put("configmaps", "z", "other")
        body = await api.json(MAPS)
        assert (body["kind"], body["apiVersion"], names(body)) == ("ConfigMapList", "v1", ["a", "b", "c"])
        assert not any("kind" in item for item in body["items"])
        assert names(await api.json("/api/v1/configmaps")) == ["a", "b", "c", "z"]

    run_api(main)


def test_a_kept_list_shows_the_present_revision_and_every_change_in_its_scope_and_no_other():
    async def main(api):
        await three(api)
        first = await api.json(MAPS)
        revision = await api.put("secrets", "s")
        again = await api.json(MAPS)
        assert again["metadata"]["resourceVersion"] == str(revision)
        assert again["items"] == first["items"]
        await api.put("configmaps", "b", data={"k": "w"})
        assert (await api.json(MAPS))["items"][1]["data"] == {"k": "w"}
        await api.remove("configmaps", "b")
        assert names(await api.json(MAPS)) == ["a", "c"]
        assert names(await api.json("/api/v1/configmaps")) == ["a", "c"]

    run_api(main)


def test_a_long_list_is_compressed_for_who_accepts_it_and_stays_right_when_the_revision_moves():
    async def main(api):
        for i in range(100):
            await api.put("configmaps", f"m{i:03}", data={"k": "v" * 2000})
        for _ in range(2):
            revision = await api.put("secrets", "s")
            answer = await api.ask(MAPS, accept_encoding="gzip")
            assert dict(answer.headers)["Content-Encoding"] == "gzip"
            body = orjson.loads(gzip.decompress(answer.body))
            assert body["metadata"]["resourceVersion"] == str(revision)
            assert len(body["items"]) == 100
            assert len(answer.body) < 20_000
        assert "Content-Encoding" not in dict((await api.ask(MAPS)).headers)

    run_api(main)


def test_pages_end_and_are_of_the_revision_of_the_first():
    async def main(api):
        revision = await three(api)
        first = await api.json(f"{MAPS}?limit=2")
        assert names(first) == ["a", "b"]
        assert first["metadata"]["remainingItemCount"] == 1
        token = orjson.loads(base64.urlsafe_b64decode(first["metadata"]["continue"] + "=="))
        assert token == {"v": "meta.k8s.io/v1", "rv": revision, "start": "b\0"}
        await api.remove("configmaps", "c")
        await api.put("configmaps", "d")
        second = await api.json(f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
        assert names(second) == ["c"]
        assert second["metadata"] == {"resourceVersion": str(revision)}

    run_api(main)


def test_an_expired_token_is_410_with_one_that_goes_on_inconsistently():
    async def main(api):
        await three(api)
        token = (await api.json(f"{MAPS}?limit=2"))["metadata"]["continue"]
        await api.put("configmaps", "d")
        await api.put("configmaps", "e")
        await api.store.compact(api.store.revision)
        answer = await api.ask(f"{MAPS}?limit=2&continue={token}")
        gone = orjson.loads(answer.body)
        assert (answer.status, gone["reason"]) == (410, "Expired")
        assert gone["message"].startswith("The provided continue parameter is too old to display a consistent list")
        rest = await api.json(f"{MAPS}?continue={gone['metadata']['continue']}")
        assert names(rest) == ["c", "d", "e"]

    run_api(main)


def test_exact_reads_the_past_and_a_compacted_one_is_too_old():
    async def main(api):
        revision = await three(api)
        await api.put("configmaps", "d")
        await api.remove("configmaps", "a")
        exact = await api.json(f"{MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact")
        assert names(exact) == ["a", "b", "c"]
        assert exact["metadata"]["resourceVersion"] == str(revision)
        legacy = await api.json(f"{MAPS}?resourceVersion={revision}&limit=2")
        assert names(legacy) == ["a", "b"]
        await api.store.compact(api.store.revision)
        answer = await api.ask(f"{MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact")
        assert orjson.loads(answer.body)["message"] == "The resourceVersion for the provided list is too old."

    run_api(main)


def test_a_list_of_the_future_waits_three_seconds_and_no_longer():
    async def main(api):
        now = api.store.revision
        begun = api.clock.monotonic()
        answer = await api.ask(f"{MAPS}?resourceVersion={now + 100}")
        assert api.clock.monotonic() - begun == 3.0
        body = orjson.loads(answer.body)
        assert answer.status == 504
        assert body["message"] == f"Timeout: Too large resource version: {now + 100}, current: {now}"
        assert body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
        assert dict(answer.headers)["Retry-After"] == "1"

        async def later():
            await api.clock.sleep(1)
            await api.put("configmaps", "new")

        task = api.server.tasks.spawn(later(), "later")
        assert names(await api.json(f"{MAPS}?resourceVersion={now + 1}")) == ["new"]
        await task

    run_api(main)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("labelSelector=n%3Da", ["a"]),
        ("labelSelector=n+in+(a,c)", ["a", "c"]),
        ("labelSelector=!n", []),
        ("fieldSelector=metadata.name%3Db", ["b"]),
        ("fieldSelector=metadata.name!%3Db", ["a", "c"]),
        ("fieldSelector=metadata.namespace%3Dother", []),
        ("labelSelector=n&fieldSelector=metadata.name!%3Db", ["a", "c"]),
        ("resourceVersion=0&limit=1", ["a", "b", "c"]),
    ],
)
def test_selectors_select(query, expected):
    async def main(api):
        await three(api)
        assert names(await api.json(f"{MAPS}?{query}")) == expected

    run_api(main)


def test_fields_of_pods_select_across_namespaces():
    async def main(api):
        await api.put("pods", "a", spec={"nodeName": "n1"}, status={"phase": "Running"})
        await api.put("pods", "b", "other", spec={"nodeName": "n2"}, status={"phase": "Running"})
        assert names(await api.json("/api/v1/pods?fieldSelector=spec.nodeName%3Dn2")) == ["b"]
        await api.put("pods", "b", "other", spec={"nodeName": "n1"}, status={"phase": "Running"})
        assert names(await api.json("/api/v1/pods?fieldSelector=spec.nodeName%3Dn2")) == []
        assert names(await api.json("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1")) == ["a", "b"]

    run_api(main)


def test_metadata_only_and_tables_are_projections_of_the_same_list():
    async def main(api):
        await three(api)
        form = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        body = await api.json(MAPS, accept=form)
        assert (body["kind"], names(body)) == ("PartialObjectMetadataList", ["a", "b", "c"])
        assert set(body["items"][0]) == {"kind", "apiVersion", "metadata"}
        table = await api.json(MAPS, accept="application/json;as=Table;g=meta.k8s.io;v=v1")
        assert [row["cells"][0] for row in table["rows"]] == ["a", "b", "c"]
        assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
        answer = await api.ask(f"{MAPS}/a", accept=form)
        assert answer.status == 406
        assert b"the requested object is not a list (*core.ConfigMap)" in answer.body

    run_api(main)


def test_events_are_listed_in_both_of_their_shapes():
    async def main(api):
        await api.put("events", "e", involvedObject={"name": "p"}, message="m", reason="r")
        core = await api.json("/api/v1/namespaces/default/events/e")
        new = await api.json("/apis/events.k8s.io/v1/namespaces/default/events/e")
        assert (core["apiVersion"], core["message"]) == ("v1", "m")
        assert (new["apiVersion"], new["note"], new["regarding"]) == ("events.k8s.io/v1", "m", {"name": "p"})

    run_api(main)


def test_a_parameter_that_is_known_and_not_implemented_is_refused_clearly():
    async def main(api):
        answer = await api.ask(f"{MAPS}?shardSelector=x")
        assert answer.status == 501
        assert b"shardSelector is not implemented yet" in answer.body
        assert (await api.ask(f"{MAPS}?somethingUnknown=x")).status == 200

    run_api(main)
