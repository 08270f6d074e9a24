"""Protobuf through the whole server: bodies in, objects, lists, statuses and watches out."""

import asyncio
from typing import Any

import orjson
import pytest

from pynetes.http.types import Request, Stream
from pynetes.meta import protobuf
from pynetes.meta.decoder import decoder
from pynetes.meta.negotiation import PROTOBUF
from tests.apiserver.reading import ADMIN, API, Lines, run_api, settle
from tests.apiserver.writing import CONFIG_MAPS, Writing, run_writing

ASKED = {"accept": PROTOBUF}
METADATA = f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PODS = "/api/v1/namespaces/default/pods"


def frames(chunks: list[bytes]) -> list[tuple[str, Any]]:
    """The types and objects of watch events."""
    data, found = b"".join(chunks), []
    while data:
        size = int.from_bytes(data[:4], "big")
        bare, data = data[4 : 4 + size], data[4 + size :]
        kind = bare[2 : 2 + bare[1]].decode()
        found.append((kind, protobuf.decode(bare[bare.index(protobuf.MAGIC) :])))
    return found


def test_an_object_is_created_read_and_updated_in_protobuf() -> None:
    async def main(api: Writing) -> None:
        sent = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"k": ""}}
        code, body = await api.ask("POST", CONFIG_MAPS, protobuf.encode(sent), type=PROTOBUF, headers=ASKED)
        assert code == 201
        made = protobuf.decode(body)
        _, shown = await api.ask("GET", f"{CONFIG_MAPS}/a")
        assert made == shown
        made["data"]["k"] = "v"
        code, body = await api.ask("PUT", f"{CONFIG_MAPS}/a", protobuf.encode(made), type=PROTOBUF, headers=ASKED)
        assert (code, protobuf.decode(body)["data"]) == (200, {"k": "v"})
        code, body = await api.ask("PUT", f"{CONFIG_MAPS}/a", protobuf.encode(made), type=PROTOBUF, headers=ASKED)
        assert (code, protobuf.decode(body)["reason"]) == (409, "Conflict")

    run_writing(main)


def test_zeros_that_go_sends_for_nothing_are_defaulted() -> None:
    async def main(api: Writing) -> None:
        pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}
        pod["spec"] = {"containers": [{"name": "c", "image": "i"}]}
        code, _ = await api.ask("POST", "/api/v1/namespaces/n/pods", protobuf.encode(pod), type=PROTOBUF)
        assert code == 201
        _, by_wire = await api.ask("GET", "/api/v1/namespaces/n/pods/p")
        pod["metadata"] = {"name": "q"}
        await api.ask("POST", "/api/v1/namespaces/n/pods", pod)
        _, by_json = await api.ask("GET", "/api/v1/namespaces/n/pods/q")
        names = [v["name"] for obj in (by_wire, by_json) for v in obj["spec"]["volumes"]]
        text = orjson.dumps(by_json["spec"]).replace(names[1].encode(), names[0].encode())
        assert orjson.loads(text) == by_wire["spec"]

    run_writing(main)


def test_delete_options_come_in_protobuf() -> None:
    async def main(api: Writing) -> None:
        await api.make(CONFIG_MAPS, "a")
        wrong = {"kind": "DeleteOptions", "apiVersion": "apps/v1", "preconditions": {"uid": "other"}}
        code, answer = await api.ask("DELETE", f"{CONFIG_MAPS}/a", protobuf.encode(wrong), type=PROTOBUF)
        assert (code, answer["reason"]) == (409, "Conflict")
        none = {"kind": "DeleteOptions", "apiVersion": "v1"}
        code, body = await api.ask("DELETE", f"{CONFIG_MAPS}/a", protobuf.encode(none), type=PROTOBUF, headers=ASKED)
        assert (code, protobuf.decode(body)["status"]) == (200, "Success")

    run_writing(main)


def test_reviews_are_answered_in_protobuf() -> None:
    async def main(api: Writing) -> None:
        review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
        review["spec"] = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        code, body = await api.ask("POST", path, protobuf.encode(review), type=PROTOBUF, headers=ASKED)
        assert (code, protobuf.decode(body)["status"]["allowed"]) == (201, True)

    run_writing(main)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b"nonsense",
            "the object provided is unrecognized (must be of type Namespace): provided data does not appear to be a "
            "protobuf message, expected prefix [107 56 115 0] (6e6f6e73656e7365)",
        ),
        (
            b"k8s\0\n\x7f",
            "the object provided is unrecognized (must be of type Namespace): unexpected EOF (6b3873000a7f)",
        ),
        (
            b"k8s\0\n\x0f\n\x02v1\x12\x09Namespace\x12\x02\x08\x01",
            'Namespace in version "v1" cannot be handled as a Namespace: '
            "proto: wrong wireType = 0 for field ObjectMeta",
        ),
        (
            b"k8s\0\n\x0f\n\x02v1\x12\x09Namespexe\x12\x00",
            'Namespexe in version "v1" cannot be handled as a Namespace: no kind "Namespexe" is registered for version '
            '"v1" in scheme "pkg/runtime/scheme.go:111"',
        ),
        (
            b"k8s\0\n\x0b\n\x02v1\x12\x05Event\x12\x00",
            'Event in version "v1" cannot be handled as a Namespace: '
            "converting (v1.Event) to (core.Namespace): unknown conversion",
        ),
    ],
)
def test_a_body_that_is_no_message_is_a_400_in_upstreams_words(body: bytes, message: str) -> None:
    async def main(api: Writing) -> None:
        code, answer = await api.ask("POST", "/api/v1/namespaces", body, type=PROTOBUF)
        assert (code, answer["message"]) == (400, message)

    run_writing(main)


def test_lists_and_their_pages_are_the_messages_of_their_items() -> None:
    async def main(api: API) -> None:
        for name in ("a", "b", "c"):
            await api.put("pods", name, spec={"containers": [{"name": "c"}]})
        for path in (PODS, f"{PODS}?limit=2", f"{PODS}?labelSelector=none%3Dx"):
            shown, answer = await api.json(path), await api.ask(path, accept=PROTOBUF)
            assert answer.content_type == PROTOBUF
            pod, found = decoder("io.k8s.api.core.v1.Pod"), protobuf.decode(answer.body)
            items = [pod.canonical(pod.decode(item).object) for item in found.pop("items", [])]
            assert items == [pod.canonical(pod.decode(item).object) for item in shown.pop("items")]
            assert found == shown
        entry = api.server.cache.of(api.server.resources.get("", "pods")).list()[0]  # type: ignore[arg-type]
        assert protobuf.message_of(entry) is protobuf.message_of(entry)
        assert protobuf.event_of(entry, "ADDED") is protobuf.event_of(entry, "ADDED")

    run_api(main)


def test_metadata_alone_comes_in_protobuf_but_tables_do_not() -> None:
    async def main(api: API) -> None:
        await api.put("pods", "a", metadata={"labels": {"x": "y"}})
        found = protobuf.decode((await api.ask(f"{PODS}/a", accept=METADATA)).body)
        assert found == await api.json(f"{PODS}/a", accept=METADATA.replace(PROTOBUF, "application/json"))
        listed = METADATA.replace("Metadata;", "MetadataList;")
        found = protobuf.decode((await api.ask(PODS, accept=listed)).body)
        assert (found["kind"], found["items"][0]["metadata"]["labels"]) == ("PartialObjectMetadataList", {"x": "y"})
        table = f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1"
        for path in (PODS, f"{PODS}/a", f"{PODS}?watch=1"):
            answer = await api.ask(path, accept=table)
            assert (answer.status, answer.content_type) == (406, "application/json")
            assert orjson.loads(answer.body)["message"] == (
                "only the following media types are accepted: "
                "application/json, application/yaml, application/vnd.kubernetes.protobuf"
            )
        assert (await api.ask(f"{PODS}/a", accept=f"{table},application/json")).content_type == "application/json"

    run_api(main)


def test_errors_and_discovery_are_answered_in_protobuf() -> None:
    async def main(api: API) -> None:
        answer = await api.ask(f"{PODS}/none", accept=PROTOBUF)
        assert (answer.status, answer.content_type) == (404, PROTOBUF)
        assert protobuf.decode(answer.body)["message"] == 'pods "none" not found'
        for path, kind in (
            ("/api", "APIVersions"),
            ("/apis", "APIGroupList"),
            ("/apis/apps", "APIGroup"),
            ("/apis/apps/v1", "APIResourceList"),
        ):
            answer = await api.ask(path, accept=PROTOBUF)
            assert (answer.content_type, protobuf.decode(answer.body)["kind"]) == (PROTOBUF, kind)

    run_api(main)


def watched(api: API, path: str, accept: str = PROTOBUF) -> Lines:
    return api.watch(path, accept=accept)


def test_a_watch_is_a_stream_of_frames() -> None:
    async def main(api: API) -> None:
        await api.put("pods", "a", spec={"nodeName": "x"})
        lines = watched(
            api, f"{PODS}?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        )
        other = watched(api, f"{PODS}?watch=1", METADATA)
        plain = api.watch(f"{PODS}?watch=1")
        await api.put("pods", "b")
        await api.remove("pods", "a")
        await settle()
        first, end, *rest = frames(lines.chunks)
        assert (first[0], first[1]["spec"]["nodeName"]) == ("ADDED", "x")
        assert end[0] == "BOOKMARK"
        assert end[1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert [(type, obj["metadata"]["name"]) for type, obj in rest] == [("ADDED", "b"), ("DELETED", "a")]
        assert [obj["kind"] for _, obj in frames(other.chunks)] == ["PartialObjectMetadata"] * 3
        assert [e["type"] for e in plain.events] == ["ADDED", "ADDED", "DELETED"]
        assert rest[1][1]["metadata"]["resourceVersion"] == plain.events[2]["object"]["metadata"]["resourceVersion"]
        await api.clock.sleep(70)
        await asyncio.sleep(0)
        assert frames(lines.chunks)[-1][0] == "BOOKMARK"

    run_api(main)


def test_a_watch_from_too_long_ago_is_refused_in_a_frame() -> None:
    async def main(api: API) -> None:
        for name in ("a", "b"):
            await api.put("pods", name)
        api.server.cache.forget_past()
        lines = watched(api, f"{PODS}?watch=1&resourceVersion=1")
        ((type, error),) = frames(lines.chunks)
        assert (type, error["kind"], error["code"]) == ("ERROR", "Status", 410)

    run_api(main)


def test_the_head_of_a_watch_names_the_stream() -> None:
    async def main(api: API) -> None:
        for accept, said in ((PROTOBUF, f"{PROTOBUF};stream=watch"), ("application/json", "application/json")):
            answer = api.server.handle(Request("GET", PODS, "watch=1", {"accept": accept}, peer=ADMIN))
            assert isinstance(answer, Stream)
            assert answer.content_type == said

    run_api(main)
