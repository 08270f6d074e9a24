import json
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynetes.meta import protobuf
from pynetes.meta.body import BodyError, parse
from pynetes.meta.decoder import decoder
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.negotiation import PROTOBUF
from pynetes.meta.objects import Object
from pynetes.meta.protobuf.messages import messages
from pynetes.meta.protobuf.reading import read_message
from pynetes.meta.protobuf.writing import writer
from pynetes.meta.schema import go_types, type_name_of
from tests.meta.made_objects import objects

# made by upstream's own serializer
POD = (
    "azhzAAoJCgJ2MRIDUG9kEuIBCiEKAXASABoAIgAqADIAOABCCAiAwq/wBRAAWgYKAWESAWISpwEKEAoBdhILEgkKABIFCgMxR2kSawoBYxIBaSoAMgoKABAAGFAiACoA"
    "OhEKAUUSABoKGggKAwoBbRIBa0IPCg0KA2NwdRIGCgQ1MDBtUiEKFRITCgEvEgoIARAAGgRodHRwGgAiABAAGAAgAygAMABqAHIAgAEAiAEAkAEAogEAGgAyAEIASgBS"
    "AFgAYABoAIIBAIoBAJoBAMIBAMgB+///////////ARoTCgAaACIAKgAyAEoAWgByAIgBABoAIgA="
)
SECRET = "azhzAAoMCgJ2MRIGU2VjcmV0EiEKEQoBcxIAGgAiACoAMgA4AEIAEgoKAWsSBXZhbHVlGgAaACIA"
LEASE = "azhzAAofChZjb29yZGluYXRpb24uazhzLmlvL3YxEgVMZWFzZRIiChEKAWwSABoAIgAqADIAOABCABINIgsIgMKv8AUQgJTvOhoAIgA="
CONTAINER = {
    "name": "c",
    "image": "i",
    "ports": [{"containerPort": 80}],
    "env": [{"name": "E", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}],
    "resources": {"limits": {"cpu": "500m"}},
    "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 3},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            POD,
            {
                "kind": "Pod",
                "apiVersion": "v1",
                "metadata": {"name": "p", "creationTimestamp": "2020-01-01T00:00:00Z", "labels": {"a": "b"}},
                "spec": {
                    "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}],
                    "containers": [CONTAINER],
                    "priority": -5,
                },
                "status": {},
            },
        ),
        (SECRET, {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "data": {"k": "dmFsdWU="}}),
        (
            LEASE,
            {
                "kind": "Lease",
                "apiVersion": "coordination.k8s.io/v1",
                "metadata": {"name": "l"},
                "spec": {"renewTime": "2020-01-01T00:00:00.123456Z"},
            },
        ),
    ],
)
def test_what_upstream_encodes_is_read_as_its_json_says(text: str, expected: Object) -> None:
    value, duplicates = parse(b64decode(text), PROTOBUF)
    group, _, version = expected["apiVersion"].rpartition("/")
    name = type_name_of(group, version, expected["kind"])
    assert name is not None
    decoded = decoder(name).decode(value)
    assert (decoded.unknown, duplicates) == ([], [])
    assert decoder(name).canonical(decoded.object) == expected


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
        (b64decode(POD)[:-7], "unexpected EOF"),
        (
            b"k8s\x00\x0a\x07\x0a\x01v\x12\x02Ab",
            'no kind "Ab" is registered for version "v" in scheme "pkg/runtime/scheme.go:111"',
        ),
    ],
)
def test_what_is_no_message_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(BodyError) as error:
        parse(body, PROTOBUF)
    assert error.value.message == why


# answers of an upstream API server, and what its own serializer makes of objects
RECORDED = [json.loads(line) for line in (Path(__file__).parent / "testdata/protobuf.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: str(case["object"]["kind"]))
def test_what_is_written_is_upstreams_byte_for_byte(case: Object) -> None:
    assert protobuf.encode(case["object"]) == b64decode(case["wire"])


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: str(case["object"]["kind"]))
def test_what_upstream_writes_is_read_as_its_json(case: Object) -> None:
    value, expected = protobuf.decode(b64decode(case["wire"])), case["object"]
    assert _canonical(value) == _canonical(expected)


def _canonical(obj: Object) -> Object:
    obj = json.loads(json.dumps(obj))
    said = [obj.pop(key, None) for key in ("kind", "apiVersion")]
    name = protobuf.type_of(said[1] or "", said[0])
    assert name is not None
    return {"said": said, **decoder(name).canonical(decoder(name).decode(obj).object)}


STRUCTS = sorted(
    n for n in messages() if n in go_types().names and go_types().table[go_types().names[n]][0] == "struct"
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_object_of_any_type_comes_back_as_it_went(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(STRUCTS))
    made = json.loads(json.dumps(data.draw(objects(name))))
    obj = decoder(name).canonical(decoder(name).decode(made).object)
    read = read_message(name, writer(name)(obj))
    assert decoder(name).canonical(decoder(name).decode(read).object) == obj


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(RECORDED), st.data())
def test_damaged_bytes_are_an_object_or_an_error_in_go_words(case: Object, data: st.DataObject) -> None:
    body = bytearray(b64decode(case["wire"]))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(4, len(body))) :]
    try:
        assert "kind" in protobuf.decode(bytes(body))
    except protobuf.ProtobufError:
        pass


@given(st.sampled_from(STRUCTS), st.binary(max_size=60))
def test_arbitrary_bytes_are_a_message_or_an_error(name: str, data: bytes) -> None:
    try:
        assert isinstance(read_message(name, data), dict)
    except protobuf.ProtobufError:
        pass


def test_messages_nested_without_end_are_refused() -> None:
    schema = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    data = b""
    for _ in range(3000):
        data = protobuf.writing.sized(protobuf.writing.varint(28 << 3 | 2), data)
    with pytest.raises(protobuf.ProtobufError):
        read_message(schema, data)


NAMESPACE = b"k8s\0\n\x0f\n\x02v1\x12\x09Namespace"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"\x03\n\x7fa", "unexpected EOF"),
        (b"\x02\x08\x01", "proto: wrong wireType = 0 for field ObjectMeta"),
        (b"\x02\x1f\x01", "proto: wrong wireType = 7 for field Status"),
        (b"\x02\x0b\x01", "proto: wrong wireType = 3 for field ObjectMeta"),
        (b"\x02\x03\x01", "proto: Namespace: illegal tag 0 (wire type 3)"),
        (b"\x02\x02\x00", "proto: Namespace: illegal tag 0 (wire type 2)"),
        (b"\x0b\n" + b"\xff" * 9 + b"\x01", "proto: negative length found during unmarshaling"),
        (b"\x0c\x38" + b"\xff" * 11, "proto: integer overflow"),
    ],
)
def test_a_message_that_cannot_be_read_is_told_of_in_upstreams_words(message: bytes, why: str) -> None:
    with pytest.raises(BodyError) as error:
        parse(NAMESPACE + b"\x12" + message, PROTOBUF)
    assert (error.value.message, error.value.said) == (why, ("v1", "Namespace"))


@pytest.mark.parametrize(
    ("body", "why"), [(b"", "empty data"), (b"k8s\0", "empty body"), (b"k8s\0\n\x7f", "unexpected EOF")]
)
def test_an_envelope_that_cannot_be_read_says_no_kind(body: bytes, why: str) -> None:
    with pytest.raises(BodyError) as error:
        parse(body, PROTOBUF)
    assert (error.value.message, error.value.said) == (why, None)


def test_an_envelope_without_a_kind_holds_what_is_expected() -> None:
    body = b"k8s\0\x12\x07\n\x05\n\x03abc"
    value, _ = parse(body, PROTOBUF, default=GroupVersionKind("", "v1", "Namespace"))
    assert value == {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "abc"}}


def test_unknown_fields_and_groups_are_passed_over() -> None:
    unknown = (
        b"\xf8\x3f\x05" + b"\xf9\x3f" + b"8" * 8 + b"\xfd\x3f4444" + b"\xfb\x3f\x08\x01\xfc\x3f" + b"\xfa\x3f\x01x"
    )
    name = "io.k8s.api.core.v1.LocalObjectReference"
    assert read_message(name, unknown + b"\n\x01a" + unknown) == {"name": "a"}


def test_packed_and_single_integers_are_one_list() -> None:
    name = "io.k8s.api.core.v1.PodSecurityContext"
    assert read_message(name, b"\x20\x01\x22\x02\x02\x03\x20\x04") == {"supplementalGroups": [1, 2, 3, 4]}


def test_a_watch_event_is_a_frame_of_a_bare_message() -> None:
    # as a kube-apiserver sends it
    obj = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}}
    frame = protobuf.event("BOOKMARK", protobuf.encode(obj))
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    inner = protobuf.encode(obj)
    assert frame[4:] == b"\n\x08BOOKMARK\x12" + bytes([len(inner) + 2]) + b"\n" + bytes([len(inner)]) + inner
