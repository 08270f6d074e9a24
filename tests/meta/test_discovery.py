from dataclasses import replace

from pynetes.kinds import builtin, resource_for
from pynetes.meta.discovery import (
    aggregated,
    api_group,
    api_group_list,
    api_resource_list,
    api_versions,
    groups,
    version_priority,
)
from pynetes.meta.resource import Version


def test_versions_are_ordered_by_stage_then_number() -> None:
    names = ["v1alpha1", "foo", "v1", "v2beta1", "v10", "v2", "v1beta2"]
    assert sorted(names, key=version_priority, reverse=True) == [
        "v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo",
    ]  # fmt: skip


def test_a_group_names_its_versions_the_preferred_first() -> None:
    assert api_group(builtin(), "autoscaling") == {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": "autoscaling",
        "versions": [
            {"groupVersion": "autoscaling/v2", "version": "v2"},
            {"groupVersion": "autoscaling/v1", "version": "v1"},
        ],
        "preferredVersion": {"groupVersion": "autoscaling/v2", "version": "v2"},
    }
    assert api_group(builtin(), "unknown") is None


def test_the_core_group_is_no_group_of_apis() -> None:
    named = [group["name"] for group in api_group_list(builtin())["groups"]]
    assert "" not in named
    assert named[0] == "apiregistration.k8s.io"
    assert api_versions("10.0.0.1:6443")["versions"] == ["v1"]


def test_resources_are_listed_with_their_subresources_and_upstreams_storage_hashes() -> None:
    listed = api_resource_list(builtin(), "apps", "v1")
    assert listed is not None
    rows = {row["name"]: row for row in listed["resources"]}
    assert rows["controllerrevisions"]["storageVersionHash"] == "85nkx63pcBU="
    assert rows["daemonsets"]["storageVersionHash"] == "dd7pWHUlMKQ="
    assert rows["deployments/scale"] == {
        "name": "deployments/scale",
        "singularName": "",
        "namespaced": True,
        "group": "autoscaling",
        "version": "v1",
        "kind": "Scale",
        "verbs": ["get", "patch", "update"],
    }
    assert api_resource_list(builtin(), "apps", "v9") is None


def test_custom_resources_join_the_documents() -> None:
    deployments = resource_for("apps", "deployments")
    assert deployments is not None
    custom = replace(
        deployments, group="a.b", plural="foos", kind="Foo", versions=(Version("v1beta1", ""), Version("v1", ""))
    )
    assert groups([custom]) == {"a.b": ["v1", "v1beta1"]}
    item = aggregated([custom], core=False)["items"][0]
    assert [version["version"] for version in item["versions"]] == ["v1", "v1beta1"]
    assert item["versions"][0]["resources"][0]["responseKind"] == {"group": "a.b", "version": "v1", "kind": "Foo"}
