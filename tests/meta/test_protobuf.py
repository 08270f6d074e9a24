from base64 import b64decode

import pytest

from pynetes.meta.body import BodyError, parse
from pynetes.meta.decoder import decoder
from pynetes.meta.negotiation import PROTOBUF
from pynetes.meta.objects import Object
from pynetes.meta.schema import type_name_of

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
