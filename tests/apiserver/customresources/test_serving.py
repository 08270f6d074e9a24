"""Custom resources through a whole server: from their definition to their end."""

import asyncio
from typing import Any

from tests.apiserver.writing import Writing, run_writing

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BITS = "/apis/example.com/v1/namespaces/n/bits"
APPLY = "application/apply-patch+yaml"


def definition(plural: str = "bits", kind: str = "Bit", **version: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}}}
    names = {"plural": plural, "kind": kind}
    v1 = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    return {
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [v1]},
    }


async def settled() -> None:
    """Let the server's own tasks do what a write led to."""
    for _ in range(50):
        await asyncio.sleep(0)


async def define(api: Writing, body: dict[str, Any]) -> None:
    code, made = await api.ask("POST", DEFINITIONS, body)
    assert code == 201, made
    await settled()


def bit(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Bit", "metadata": {"name": name}, "spec": spec}


def conditions(definition: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in definition["status"]["conditions"]}


def test_a_definition_is_established_and_its_objects_are_served() -> None:
    async def main(api: Writing) -> None:
        assert (await api.ask("GET", BITS))[0] == 404
        await define(api, definition())
        _, stored = await api.ask("GET", f"{DEFINITIONS}/bits.example.com")
        assert conditions(stored) == {
            "NamesAccepted": ("True", "NoConflicts"),
            "Established": ("True", "InitialNamesAccepted"),
        }
        assert stored["status"]["acceptedNames"] == {
            "plural": "bits",
            "singular": "bit",
            "kind": "Bit",
            "listKind": "BitList",
        }
        assert (await api.ask("POST", BITS, bit("a", n=1)))[0] == 201
        code, listed = await api.ask("GET", BITS)
        assert (code, listed["kind"], [o["metadata"]["name"] for o in listed["items"]]) == (200, "BitList", ["a"])
        assert listed["items"][0]["kind"] == "Bit"
        _, resources = await api.ask("GET", "/apis/example.com/v1")
        assert [r["name"] for r in resources["resources"]] == ["bits"]

    run_writing(main)


def test_a_name_that_another_definition_has_is_not_accepted_until_it_is_free() -> None:
    async def main(api: Writing) -> None:
        await define(api, definition())
        await define(api, definition("others", "Bit"))
        _, second = await api.ask("GET", f"{DEFINITIONS}/others.example.com")
        assert conditions(second)["Established"] == ("False", "NotAccepted")
        assert conditions(second)["NamesAccepted"][0] == "False"
        assert (await api.ask("GET", "/apis/example.com/v1/namespaces/n/others"))[0] == 404
        await api.ask("DELETE", f"{DEFINITIONS}/bits.example.com")
        await settled()
        _, second = await api.ask("GET", f"{DEFINITIONS}/others.example.com")
        assert conditions(second)["Established"] == ("True", "InitialNamesAccepted")

    run_writing(main)


def test_a_deleted_definition_takes_its_objects_with_it() -> None:
    async def main(api: Writing) -> None:
        await define(api, definition())
        assert (await api.ask("POST", BITS, bit("a", n=1)))[0] == 201
        held = bit("b", n=1)
        held["metadata"]["finalizers"] = ["example.com/hold"]
        assert (await api.ask("POST", BITS, held))[0] == 201
        code, marked = await api.ask("DELETE", f"{DEFINITIONS}/bits.example.com")
        assert code == 200
        assert marked["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
        await settled()
        _, ending = await api.ask("GET", f"{DEFINITIONS}/bits.example.com")
        assert conditions(ending)["Terminating"] == ("True", "InstanceDeletionInProgress")
        assert (await api.ask("GET", f"{BITS}/a"))[0] == 404
        code, refused = await api.ask("POST", BITS, bit("c", n=1))
        assert (code, refused["message"]) == (
            403,
            'bits.example.com "c" is forbidden: create not allowed while custom resource definition is terminating',
        )
        await api.ask("PATCH", f"{BITS}/b", {"metadata": {"finalizers": None}}, type="application/merge-patch+json")
        await api.clock.sleep(1.5)
        assert (await api.ask("GET", f"{DEFINITIONS}/bits.example.com"))[0] == 404
        assert (await api.ask("GET", BITS))[0] == 404
        assert not [key for key in api.store._current if b"example.com/bits" in key]

    run_writing(main)


def test_a_default_that_is_given_later_shows_in_what_was_stored_before() -> None:
    """Documentation, "Extend the Kubernetes API with CustomResourceDefinitions", Defaulting: "Defaults applied when
    reading data from etcd are not automatically written back to etcd."
    """

    async def main(api: Writing) -> None:
        await define(api, definition())
        assert (await api.ask("POST", BITS, bit("a")))[0] == 201
        changed = definition()
        properties = changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        properties["spec"]["properties"]["n"]["default"] = 7
        patch = {"spec": {"versions": changed["spec"]["versions"]}}
        place = f"{DEFINITIONS}/bits.example.com"
        assert (await api.ask("PATCH", place, patch, type="application/merge-patch+json"))[0] == 200
        await settled()
        _, read = await api.ask("GET", f"{BITS}/a")
        assert read["spec"] == {"n": 7}
        _, listed = await api.ask("GET", BITS)
        assert listed["items"][0]["spec"] == {"n": 7}
        stored = next(pair.value for key, pair in api.store._current.items() if key.endswith(b"/bits/n/a"))
        assert b'"n":7' not in stored

    run_writing(main)


def test_what_is_immutable_in_an_established_definition_stays() -> None:
    async def main(api: Writing) -> None:
        await define(api, definition())
        place = f"{DEFINITIONS}/bits.example.com"
        for patch, field in (({"scope": "Cluster"}, "spec.scope"), ({"names": {"kind": "Bat"}}, "spec.names.kind")):
            code, refused = await api.ask("PATCH", place, {"spec": patch}, type="application/merge-patch+json")
            assert code == 422
            assert [cause["field"] for cause in refused["details"]["causes"]] == [field]

    run_writing(main)


def test_an_unchanged_fault_does_not_hinder_a_change_elsewhere() -> None:
    """KEP-4008: "unchanged fields that fail validation are not errors in an update"."""

    async def main(api: Writing) -> None:
        await define(api, definition())
        assert (await api.ask("POST", BITS, bit("a", n=3)))[0] == 201
        changed = definition()["spec"]["versions"]
        changed[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"] = {
            "n": {"type": "integer", "minimum": 5},
            "m": {"type": "string"},
        }
        place = f"{DEFINITIONS}/bits.example.com"
        await api.ask("PATCH", place, {"spec": {"versions": changed}}, type="application/merge-patch+json")
        await settled()
        merge = "application/merge-patch+json"
        assert (await api.ask("PATCH", f"{BITS}/a", {"spec": {"m": "x"}}, type=merge))[0] == 200
        assert (await api.ask("PATCH", f"{BITS}/a", {"spec": {"n": 4}}, type=merge))[0] == 422
        assert (await api.ask("PATCH", f"{BITS}/a", {"spec": {"n": 6}}, type=merge))[0] == 200

    run_writing(main)


def test_a_table_shows_the_columns_that_the_definition_names() -> None:
    async def main(api: Writing) -> None:
        columns = [{"name": "N", "type": "integer", "jsonPath": ".spec.n"}]
        await define(api, definition(additionalPrinterColumns=columns))
        await api.ask("POST", BITS, bit("a", n=4))
        accept = {"accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
        _, table = await api.ask("GET", f"{BITS}?includeObject=None", headers=accept)
        assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "N"]
        assert [row["cells"] for row in table["rows"]] == [["a", 4]]

    run_writing(main)


def test_the_openapi_document_of_its_group_tells_the_schema() -> None:
    async def main(api: Writing) -> None:
        await define(api, definition())
        _, index = await api.ask("GET", "/openapi/v3")
        assert "apis/example.com/v1" in index["paths"]
        _, document = await api.ask("GET", "/openapi/v3/apis/example.com/v1")
        schema = document["components"]["schemas"]["com.example.v1.Bit"]
        assert schema["properties"]["spec"]["properties"]["n"] == {"type": "integer"}

    run_writing(main)


def test_a_restarted_server_serves_what_was_established() -> None:
    from pynetes.apiserver.server import APIServer

    async def main(api: Writing) -> None:
        await define(api, definition())
        await api.ask("POST", BITS, bit("a", n=1))
        await api.server.close()
        api.server = APIServer(api.store, api.clock)
        await api.server.start()
        code, read = await api.ask("GET", f"{BITS}/a")
        assert (code, read["spec"]) == (200, {"n": 1})

    run_writing(main)


def test_validation_rules_and_webhooks_are_refused_for_they_would_not_be_kept() -> None:
    async def main(api: Writing) -> None:
        body = definition()
        schema = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["x-kubernetes-validations"] = [{"rule": "true"}]
        code, refused = await api.ask("POST", DEFINITIONS, body)
        assert code == 422
        assert "not supported by this server yet" in refused["message"]

    run_writing(main)


def managed(obj: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """What each manager owns, by (name, subresource)."""
    return {(e["manager"], e.get("subresource", "")): e["fieldsV1"] for e in obj["metadata"].get("managedFields", ())}


def test_writers_own_the_fields_of_custom_resources_as_their_schema_says() -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "n": {"type": "integer", "default": 3},
                    "parts": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["id"],
                        "items": {
                            "type": "object",
                            "required": ["id"],
                            "properties": {"id": {"type": "string"}, "size": {"type": "integer"}},
                        },
                    },
                    "replicas": {"type": "integer"},
                },
            },
            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
        },
    }
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}

    async def main(api: Writing) -> None:
        version = {"schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}, "scale": scale}}
        await define(api, definition(**version))
        one = {**bit("a", parts=[{"id": "x", "size": 1}], replicas=2), "status": {"phase": "Early"}}
        code, made = await api.ask("PATCH", f"{BITS}/a?fieldManager=one", one, type=APPLY)
        assert (code, made["spec"]["n"], "status" in made) == (201, 3, False)
        assert managed(made) == {
            ("one", ""): {
                "f:spec": {"f:parts": {'k:{"id":"x"}': {".": {}, "f:id": {}, "f:size": {}}}, "f:replicas": {}}
            }
        }
        code, both = await api.ask("PATCH", f"{BITS}/a?fieldManager=two", bit("a", parts=[{"id": "y"}]), type=APPLY)
        assert (code, [part["id"] for part in both["spec"]["parts"]]) == (200, ["x", "y"])
        change = bit("a", parts=[{"id": "x", "size": 7}])
        code, refused = await api.ask("PATCH", f"{BITS}/a?fieldManager=two", change, type=APPLY)
        assert (code, refused["details"]["causes"][0]["field"]) == (409, '.spec.parts[id="x"].size')
        state = {**bit("a"), "status": {"phase": "Up"}}
        code, up = await api.ask("PATCH", f"{BITS}/a/status?fieldManager=two", state, type=APPLY)
        assert (code, managed(up)["two", "status"]) == (200, {"f:status": {"f:phase": {}}})
        amount = {"spec": {"replicas": 5}}
        code, _ = await api.ask(
            "PATCH", f"{BITS}/a/scale?fieldManager=scaler", amount, type="application/merge-patch+json"
        )
        assert code == 200
        _, scaled = await api.ask("GET", f"{BITS}/a")
        assert (scaled["spec"]["replicas"], managed(scaled)["scaler", "scale"]) == (5, {"f:spec": {"f:replicas": {}}})
        unknown = bit("a", nothing=1)
        code, refused = await api.ask("PATCH", f"{BITS}/a?fieldManager=one", unknown, type=APPLY)
        assert (code, "field not declared in schema" in refused["message"]) == (500, True)

    run_writing(main)


def test_what_is_nested_more_deeply_than_can_be_kept_is_refused_and_more_deeply_than_is_kept_is_dropped() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    async def main(api: Writing) -> None:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        await define(api, definition(schema={"openAPIV3Schema": schema}))
        head = b'{"apiVersion":"example.com/v1","kind":"Bit","metadata":{"name":"a"},"spec":'
        for levels, expected in ((100, 201), (300, 400), (1000, 400), (5000, 400)):
            code, answer = await api.ask("POST", BITS, head + nested(levels) + b"}")
            assert code == expected, answer
        unknown = b'{"metadata":{"name":"a"},"unknown":' + nested(900) + b"}"
        code, made = await api.ask("POST", "/api/v1/namespaces/n/configmaps", unknown)
        assert (code, "unknown" in made) == (201, False)

    run_writing(main)


def test_empty_metadata_is_dropped_and_so_does_not_reset_who_owns_what() -> None:
    async def main(api: Writing) -> None:
        await define(api, definition())
        body = bit("a", n=1)
        body["metadata"] |= {"labels": {}, "ownerReferences": [], "finalizers": []}
        _, made = await api.ask("POST", BITS, body)
        assert not {"labels", "ownerReferences", "finalizers"} & made["metadata"].keys()
        owners = {("unknown", ""): {"f:spec": {".": {}, "f:n": {}}}}
        assert managed(made) == owners
        made["metadata"]["managedFields"] = []
        _, after = await api.ask("PUT", f"{BITS}/a", made)
        assert managed(after) == owners
        made["metadata"]["managedFields"] = [{}]
        _, after = await api.ask("PUT", f"{BITS}/a", made)
        assert managed(after) == {}

    run_writing(main)


def test_a_status_with_a_spec_that_does_not_fit_ends_the_tracking() -> None:
    async def main(api: Writing) -> None:
        await define(api, definition(subresources={"status": {}}))
        _, made = await api.ask("POST", BITS, bit("a", n=1))
        code, after = await api.ask("PUT", f"{BITS}/a/status", {**made, "spec": {"n": "x"}})
        assert (code, after["spec"], managed(after)) == (200, {"n": 1}, {})

    run_writing(main)


def test_a_scale_may_be_given_first_but_not_applied() -> None:
    scale = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n", "labelSelectorPath": ".status.pods"}
    scaled = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 3}}

    async def main(api: Writing) -> None:
        everything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        await define(api, definition(subresources={"status": {}, "scale": scale}, schema=everything))
        await api.ask("POST", BITS, bit("a"))
        code, refused = await api.ask("GET", f"{BITS}/a/scale")
        assert (code, refused["details"]["causes"][0]["message"]) == (
            500,
            'the spec replicas field ".spec.n" does not exist',
        )
        code, refused = await api.ask("PATCH", f"{BITS}/a/scale", {}, type="application/merge-patch+json")
        assert (code, refused["message"]) == (400, 'the spec replicas field ".spec.n" cannot be empty')
        path = f"{BITS}/a/scale?fieldManager=m"
        code, refused = await api.ask("PATCH", path, scaled, type=APPLY)
        assert code == 500 and refused["message"].startswith("failed to create manager for existing fields: ")
        scaled["metadata"]["namespace"] = "n"
        code, after = await api.ask("PUT", path, scaled)
        assert (code, after["spec"]) == (200, {"replicas": 3})
        await api.ask("POST", BITS, bit("b", n=2))
        path, scaled["metadata"] = f"{BITS}/b/scale?fieldManager=m&force=true", {"name": "b"}
        code, refused = await api.ask("PATCH", path, scaled, type=APPLY)
        assert code == 500 and refused["message"].startswith("failed to convert new object (/b; autoscaling/v1, Kind=")
        assert (await api.ask("PATCH", path, {**scaled, "spec": {"replicas": 2}}, type=APPLY))[0] == 200
        for wrong in ({"pods": 5}, {"n": None}):
            change = [{"op": "add", "path": "/status", "value": wrong}]
            code, refused = await api.ask("PATCH", f"{BITS}/a/status", change, type="application/json-patch+json")
            assert (code, "accessor error" in refused["message"]) == (422, True)

    run_writing(main)
