"""Objects in other shapes. Source: kubernetes.io, API concepts: "Receiving resources as Tables"."""

import asyncio

from tests.apiserver.reading import API, run_api
from tests.apiserver.writing import Writing, run_writing

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
WORKLOAD = {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}
WATCH = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"


def test_rows_of_pods_say_that_they_are_done() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p")
        path = "/api/v1/namespaces/n/pods/p"
        _, table = await api.ask("GET", path, headers={"accept": TABLE})
        assert "conditions" not in table["rows"][0]
        change = {"status": {"phase": "Failed"}}
        _, table = await api.ask(
            "PATCH", f"{path}/status", change, type="application/merge-patch+json", headers={"accept": TABLE}
        )
        assert table["rows"][0]["conditions"] == [
            {"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}
        ]

    run_writing(main)


def test_a_scale_has_a_table_of_its_own() -> None:
    async def main(api: Writing) -> None:
        path = "/apis/apps/v1/namespaces/n/deployments"
        await api.make(path, "d", spec={"replicas": 3, **WORKLOAD})
        _, table = await api.ask("GET", f"{path}/d/scale", headers={"accept": TABLE})
        assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
        assert table["rows"][0]["cells"] == ["d", 3, 0, "0s"]

    run_writing(main)


def test_what_has_no_table_takes_the_next_clause_of_accept_or_refuses() -> None:
    async def main(api: Writing) -> None:
        review = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        code, _ = await api.ask("POST", review, {}, headers={"accept": TABLE})
        assert code == 406
        _, answer = await api.ask("POST", review, {}, headers={"accept": f"{TABLE},application/json"})
        assert answer["kind"] == "SelfSubjectReview"

    run_writing(main)


def test_the_generation_of_a_daemon_sets_template_shows_in_the_whole_object_only() -> None:
    async def main(api: Writing) -> None:
        path = "/apis/apps/v1/namespaces/n/daemonsets"
        made = await api.make(path, "d", metadata={"annotations": {"mine": "x"}}, spec=WORKLOAD)
        assert made["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "1"
        _, partial = await api.ask("GET", f"{path}/d", headers={"accept": METADATA})
        _, table = await api.ask("GET", path, headers={"accept": TABLE})
        for metadata in (partial["metadata"], table["rows"][0]["object"]["metadata"]):
            assert metadata["annotations"] == {"mine": "x"}

    run_writing(main)


def test_an_autoscaler_has_the_row_of_its_stored_version_whatever_is_asked() -> None:
    async def main(api: Writing) -> None:
        memory = {"type": "AverageValue", "averageValue": "1Gi"}
        metrics = [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            },
            {"type": "Resource", "resource": {"name": "memory", "target": memory}},
        ]
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
        spec = {"scaleTargetRef": target, "maxReplicas": 3, "metrics": metrics}
        await api.make("/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers", "a", spec=spec)
        for version in ("v1", "v2"):
            path = f"/apis/autoscaling/{version}/namespaces/n/horizontalpodautoscalers/a"
            _, table = await api.ask("GET", path, headers={"accept": TABLE})
            assert table["rows"][0]["cells"][2] == "cpu: <unknown>/70%, memory: <unknown>/1Gi"
            assert "annotations" not in table["rows"][0]["object"]["metadata"]

    run_writing(main)


def test_empty_lists_have_null_where_upstream_does() -> None:
    async def main(api: Writing) -> None:
        for plural, rows in (("limitranges", None), ("pods", [])):
            _, table = await api.ask("GET", f"/api/v1/namespaces/n/{plural}", headers={"accept": TABLE})
            assert table["rows"] == rows
        accept = METADATA.replace("Metadata;", "MetadataList;")
        _, listed = await api.ask("GET", "/api/v1/namespaces/n/pods", headers={"accept": accept})
        assert listed["items"] is None

    run_writing(main)


def test_a_bookmark_in_a_table_is_the_row_of_an_empty_object() -> None:
    async def main(api: API) -> None:
        await api.put("configmaps", "a")
        lines = api.watch(f"/api/v1/namespaces/default/configmaps?{WATCH}", accept=TABLE)
        first, last = lines.events
        assert first["object"]["columnDefinitions"] is not None
        assert (last["type"], last["object"]["columnDefinitions"]) == ("BOOKMARK", None)
        assert last["object"]["rows"] == [
            {
                "cells": ["", 0, "<unknown>"],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": {
                        "resourceVersion": str(api.store.revision),
                        "annotations": {"k8s.io/initial-events-end": "true"},
                    },
                },
            }
        ]

    run_api(main)


def test_every_kind_has_a_row_for_a_bookmark() -> None:
    async def main(api: API) -> None:
        for resource in api.server.resources:
            if "watch" in resource.verbs:
                prefix = f"/apis/{resource.group}" if resource.group else "/api"
                path = f"{prefix}/{resource.versions[0].name}/{resource.plural}"
                last = api.watch(f"{path}?{WATCH}", accept=TABLE).events[-1]
                # addresses have a cell more than columns, as upstream's
                assert len(last["object"]["rows"][0]["cells"]) >= len(resource.versions[0].columns or "??"), path

    run_api(main)


def test_a_bookmark_is_the_zero_of_upstreams_internal_type() -> None:
    async def main(api: API) -> None:
        (bookmark,) = api.watch(f"/apis/apps/v1/deployments?{WATCH}").events
        empty = {"metadata": {}, "spec": {"containers": None}}
        assert bookmark["object"]["spec"] == {"replicas": 0, "selector": None, "template": empty, "strategy": {}}
        (bookmark,) = api.watch(f"/apis/apps/v1/daemonsets?{WATCH}").events
        assert bookmark["object"]["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "0"

    run_api(main)


def test_a_watch_as_a_list_breaks_off() -> None:
    async def main(api: API) -> None:
        accept = METADATA.replace("Metadata;", "MetadataList;")
        lines = api.watch("/api/v1/configmaps?watch=1", accept=accept)
        await asyncio.sleep(0)
        assert (lines.chunks, lines.closed) == ([], True)

    run_api(main)
