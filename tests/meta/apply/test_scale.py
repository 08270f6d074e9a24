"""The managers of a workload, seen through its scale."""

from typing import Any

from pynetes.meta.apply.scale import REPLICAS, ScaleManagers
from pynetes.meta.objects import Object

PATHS = {"apps/v1": REPLICAS}
REPLICAS_ONLY = {"f:spec": {"f:replicas": {}}}


def entry(name: str, owned: Any, version: str = "apps/v1", operation: str = "Apply", **more: str) -> Object:
    said = {"manager": name, "operation": operation, "apiVersion": version, **more}
    return {**said, "fieldsType": "FieldsV1", "fieldsV1": owned}


def names(entries: list[Object]) -> list[tuple[str, Any]]:
    return [(found["manager"], found["fieldsV1"]) for found in entries]


def test_the_scale_has_the_owners_of_the_replicas_in_its_own_version() -> None:
    held = ScaleManagers(
        [
            entry("a", {"f:spec": {"f:replicas": {}, "f:paused": {}}}),
            entry("b", {"f:spec": {"f:paused": {}}}),
            entry("c", REPLICAS_ONLY, "apps/v9"),
        ],
        "apps/v1",
        PATHS,
    )
    assert held.of_scale() == [entry("a", REPLICAS_ONLY, "autoscaling/v1")]


def test_who_no_longer_has_the_replicas_in_the_scale_loses_them_in_the_workload() -> None:
    held = ScaleManagers(
        [entry("a", {"f:spec": {"f:replicas": {}, "f:paused": {}}}), entry("b", REPLICAS_ONLY)], "apps/v1", PATHS
    )
    scale = [entry("s", REPLICAS_ONLY, "autoscaling/v1", "Update", subresource="scale")]
    after = held.of_workload(scale)
    assert names(after) == [("a", {"f:spec": {"f:paused": {}}}), ("s", REPLICAS_ONLY)]
    assert (after[1]["apiVersion"], after[1]["subresource"]) == ("apps/v1", "scale")


def test_who_keeps_the_replicas_keeps_its_entry() -> None:
    mine = entry("a", {"f:spec": {"f:replicas": {}, "f:paused": {}}}, time="2026-01-01T00:00:00Z")
    held = ScaleManagers([mine], "apps/v1", PATHS)
    assert held.of_workload(held.of_scale()) == [mine]


def test_entries_of_versions_without_a_scale_stay_and_of_unknown_ones_go() -> None:
    entries = [entry("a", REPLICAS_ONLY, "example.com/v1"), entry("b", REPLICAS_ONLY, "example.com/v2")]
    held = ScaleManagers(entries, "apps/v1", {**PATHS, "example.com/v1": None})
    assert held.of_workload([]) == entries[:1]
