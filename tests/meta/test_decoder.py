import copy

import orjson
import pytest

from pynetes.kinds import builtin
from pynetes.meta.decoder import DecodeError, decoder
from pynetes.meta.objects import Object

CORE = "io.k8s.api.core.v1."
APPS = "io.k8s.api.apps.v1."


def why(type_name: str, body: str) -> str:
    with pytest.raises(DecodeError) as error:
        decoder(type_name).decode(orjson.loads(body), raw=body.encode())
    return error.value.message


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("ConfigMap", '{"data":{"k":1}}', "number into Go struct field ConfigMap.data of type string"),
        ("ConfigMap", '{"data":{"k":{}}}', "object into Go struct field ConfigMap.data of type string"),
        ("ConfigMap", '{"data":"x"}', "string into Go struct field ConfigMap.data of type map[string]string"),
        ("ConfigMap", '{"metadata":[]}', "array into Go struct field ConfigMap.metadata of type v1.ObjectMeta"),
        ("ConfigMap", '{"metadata":{"name":1}}', "number into Go struct field ObjectMeta.metadata.name of type string"),
        ("ConfigMap", "[]", "array into Go value of type v1.ConfigMap"),
        (
            "Pod",
            '{"spec":{"containers":{}}}',
            "object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        ("Pod", '{"spec":{"hostNetwork":"x"}}', "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        (
            "Service",
            '{"spec":{"ports":[{"port":80.0}]}}',
            "number 80.0 into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            "Service",
            '{"spec":{"ports":[{"targetPort":true}]}}',
            "bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
        ),
        (
            "Node",
            '{"spec":{"taints":[{"effect":true}]}}',
            "bool into Go struct field Taint.spec.taints.effect of type v1.TaintEffect",
        ),
        ("Event", '{"firstTimestamp":5}', "number into Go struct field Event.firstTimestamp of type string"),
        (
            "Pod",
            '{"spec":{"volumes":[{"hostPath":5}]}}',
            "number into Go struct field Volume.spec.volumes.VolumeSource.hostPath of type v1.HostPathVolumeSource",
        ),
        (
            "Pod",
            '{"spec":{"priority":1e3}}',
            "number 1e3 into Go struct field PodSpec.spec.priority of type int32",
        ),
    ],
)
def test_a_wrong_type_is_told_in_gos_words(kind: str, body: str, message: str) -> None:
    assert why(CORE + kind, body) == f"json: cannot unmarshal {message}"


def test_numbers_that_do_not_fit_are_told_with_their_text() -> None:
    text = "json: cannot unmarshal number 99999999999 into Go struct field DeploymentSpec.spec.replicas of type int32"
    assert why(f"{APPS}Deployment", '{"spec":{"replicas":99999999999}}') == text
    huge = '{"spec":{"replicas":99999999999999999999999}}'
    assert "number 99999999999999999999999 into" in why(f"{APPS}Deployment", huge)


def test_the_first_type_error_counts_but_a_bad_time_or_quantity_ends_the_walk() -> None:
    body = '{"metadata":{"name":5},"spec":{"containers":[{"resources":{"limits":{"cpu":"1x"}}}]}}'
    assert why(f"{CORE}Pod", body).startswith("quantities must match")
    assert why(f"{CORE}ConfigMap", '{"metadata":{"name":5},"data":5}').endswith(
        "ObjectMeta.metadata.name of type string"
    )


def test_the_kind_label_makes_the_message_of_a_bad_request() -> None:
    with pytest.raises(DecodeError) as error:
        decoder(f"{CORE}ConfigMap").decode({"apiVersion": "v1", "kind": "ConfigMap", "data": 1}, "ConfigMap")
    assert error.value.message.startswith('ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot')


@pytest.mark.parametrize(
    ("text", "at"), [("x", 0), ("YQ=", 3), ("YQ", 0), ("Y Q=", 1), ("YQ==x", 4), ("YQ=x", 2), ("YWI=\n", None)]
)
def test_base64_is_checked_as_go_checks_it(text: str, at: int | None) -> None:
    value = {"data": {"k": text}}
    if at is None:
        assert decoder(f"{CORE}Secret").decode(value).object["data"]["k"] == text.strip()
    else:
        with pytest.raises(DecodeError) as error:
            decoder(f"{CORE}Secret").decode(value)
        assert error.value.message == f"illegal base64 data at input byte {at}"


def test_unknown_fields_are_collected_in_the_order_of_the_text_and_dropped() -> None:
    body = {
        "metadata": {"name": "a", "labelz": {}},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "imagee": "x"}]}}, "replicass": 1},
        "Spec": {},
    }
    decoded = decoder(f"{APPS}Deployment").decode(body)
    assert decoded.unknown == [
        'unknown field "metadata.labelz"',
        'unknown field "spec.template.spec.containers[0].imagee"',
        'unknown field "spec.replicass"',
        'unknown field "Spec"',
    ]
    assert decoded.object["spec"]["template"]["spec"]["containers"] == [{"name": "c"}]


def test_the_fields_of_a_schema_within_a_schema_are_not_strict() -> None:
    name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    assert decoder(name).decode({"type": "array", "items": {"type": "string", "nope": 1}}).unknown == []
    assert decoder(name).decode({"properties": {"a": {"nope": 1}}}).unknown == ['unknown field "properties.a.nope"']
    with pytest.raises(DecodeError, match="boolean or JSON schema expected"):
        decoder(name).decode({"additionalProperties": "x"})


def test_null_is_dropped_and_in_a_map_becomes_the_empty_value() -> None:
    decoded = decoder(f"{CORE}ConfigMap").decode({"metadata": {"name": None}, "data": {"a": None}})
    assert decoded.object == {"metadata": {}, "data": {"a": ""}}


def test_both_passes_come_to_the_same() -> None:
    pod = {
        "metadata": {"name": "p", "labels": {}, "creationTimestamp": "2020-01-01T01:00:00+01:00"},
        "spec": {
            "nodeName": "",
            "priority": 0,
            "securityContext": {},
            "containers": [
                {"name": "c", "args": [], "resources": {"limits": {"cpu": "0.5", "memory": "1024Ki"}}, "tty": False}
            ],
        },
    }
    fast = decoder(f"{CORE}Pod").decode(copy.deepcopy(pod))
    careful = decoder(f"{CORE}Pod").decode({**copy.deepcopy(pod), "nope": 1})
    assert fast.object == careful.object
    assert fast.object == {
        "metadata": {"name": "p", "labels": {}, "creationTimestamp": "2020-01-01T00:00:00Z"},
        "spec": {
            "priority": 0,
            "securityContext": {},
            "containers": [{"name": "c", "args": [], "resources": {"limits": {"cpu": "500m", "memory": "1Mi"}}}],
        },
    }


@pytest.mark.parametrize(
    ("type_name", "obj", "written"),
    [
        (
            f"{APPS}Deployment",
            {},
            {
                "metadata": {},
                "spec": {"selector": None, "template": {"metadata": {}, "spec": {"containers": None}}, "strategy": {}},
                "status": {},
            },
        ),
        (
            "io.k8s.api.rbac.v1.Role",
            {"metadata": {"name": "a"}, "rules": []},
            {"metadata": {"name": "a"}, "rules": None},
        ),
        (
            f"{CORE}Service",
            {"spec": {"ports": [{"port": 1, "protocol": ""}]}},
            {"metadata": {}, "spec": {"ports": [{"port": 1, "targetPort": 0}]}, "status": {"loadBalancer": {}}},
        ),
        (f"{CORE}ResourceFieldSelector", {"resource": "limits.cpu"}, {"resource": "limits.cpu", "divisor": "0"}),
        (f"{CORE}EnvVar", {"name": "a", "value": ""}, {"name": "a"}),
        (f"{CORE}HTTPGetAction", {"port": "http"}, {"port": "http"}),
        (
            f"{CORE}Event",
            {"metadata": {}},
            {
                "metadata": {},
                "involvedObject": {},
                "source": {},
                "firstTimestamp": None,
                "lastTimestamp": None,
                "eventTime": None,
                "reportingComponent": "",
                "reportingInstance": "",
            },
        ),
    ],
)
def test_what_is_empty_is_left_out_or_written_as_the_type_says(type_name: str, obj: Object, written: Object) -> None:
    assert decoder(type_name).canonical(obj) == written


@pytest.mark.parametrize("resource", builtin(), ids=lambda r: f"{r.plural}.{r.group}")
def test_canonical_objects_of_every_kind_are_decoded_to_themselves(resource: object) -> None:
    for version in resource.versions:  # type: ignore[attr-defined]
        found = decoder(version.type_name)
        written = found.canonical({"kind": "K", "apiVersion": "v1", "metadata": {"name": "a"}})
        again = found.canonical(found.decode(copy.deepcopy(written)).object)
        assert again == written
