from dataclasses import replace

import orjson

from pynetes.kinds import builtin, resource_for
from pynetes.meta import openapi
from pynetes.meta.resource import Version
from pynetes.meta.structural.compiled import Structural


def document(name: str) -> dict:
    made = openapi.document_v3(name)
    assert made is not None
    found: dict = orjson.loads(made)
    return found


def test_the_index_names_a_document_for_every_group_version() -> None:
    listed = orjson.loads(openapi.index_v3())["paths"]
    for resource in builtin():
        for version in resource.versions:
            assert (
                openapi.group_version_path(
                    f"/apis/{resource.group}/{version.name}/x" if resource.group else "/api/v1/x"
                )
                in listed
            )
    assert listed["apis/apps/v1"]["serverRelativeURL"].startswith("/openapi/v3/apis/apps/v1?hash=")


def test_a_document_refers_only_to_what_it_holds() -> None:
    for name in orjson.loads(openapi.index_v3())["paths"]:
        made = document(name)
        assert openapi._refs(made) <= set(made["components"]["schemas"]), name


def test_kubectl_finds_dry_run_and_field_validation_by_the_kind_of_a_patch() -> None:
    patch = document("apis/apps/v1")["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert {"dryRun", "fieldValidation"} <= {parameter["name"] for parameter in patch["parameters"]}


def test_a_reference_with_a_default_is_wrapped() -> None:
    metadata = document("api/v1")["components"]["schemas"]["io.k8s.api.core.v1.Pod"]["properties"]["metadata"]
    assert metadata == {
        "allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}],
        "default": {},
    }


def test_custom_resources_bring_their_schemas_and_paths() -> None:
    deployments = resource_for("apps", "deployments")
    assert deployments is not None
    schema = {"type": "object", "properties": {"spec": {"type": "object"}}}
    version = Version("v1", "", structural=Structural(schema))
    custom = replace(deployments, group="a.b", plural="foos", kind="Foo", versions=(version,))
    made = orjson.loads(openapi.custom_document_v3([custom], {"foos": schema}, "a.b", "v1"))
    assert "/apis/a.b/v1/namespaces/{namespace}/foos/{name}" in made["paths"]
    assert made["components"]["schemas"]["b.a.v1.Foo"]["properties"]["spec"] == {"type": "object"}
    assert openapi._refs(made) <= set(made["components"]["schemas"])
    assert "apis/a.b/v1" in orjson.loads(openapi.index_v3([custom]))["paths"]


def test_version_two_has_definitions_without_defaults() -> None:
    made = orjson.loads(openapi.document_v2())
    pod = made["definitions"]["io.k8s.api.core.v1.Pod"]
    assert pod["properties"]["spec"] == {"$ref": "#/definitions/io.k8s.api.core.v1.PodSpec"}
    assert openapi._refs(made) <= set(made["definitions"])
