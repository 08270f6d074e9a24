import orjson

from pynetes.meta.encoding import (
    Entry,
    bookmark_object,
    list_body,
    metadata_apart,
    partial_metadata,
    partial_metadata_list,
    pretty,
    stored,
    table,
    table_row,
    yaml,
)
from pynetes.meta.objects import Object
from pynetes.meta.resource import Column

POD = {"apiVersion": "v1", "spec": {"a": 1}, "kind": "Pod", "metadata": {"name": "b", "resourceVersion": "4"}}


def entry(obj: object = POD, revision: int = 17) -> Entry:
    return Entry(b"/registry/pods/a/b", stored(obj), revision)  # type: ignore[arg-type]


def test_stored_bytes_begin_with_kind_apiversion_metadata_and_have_no_revision() -> None:
    assert stored(POD) == b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"b"},"spec":{"a":1}}'
    assert POD["metadata"] == {"name": "b", "resourceVersion": "4"}


def test_the_revision_is_put_in_without_parsing() -> None:
    assert entry().json() == (
        b'{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"17","name":"b"},"spec":{"a":1}}'
    )
    assert entry().list_item() == b'{"metadata":{"resourceVersion":"17","name":"b"},"spec":{"a":1}}'
    assert orjson.loads(entry({"kind": "A", "apiVersion": "v1", "metadata": {}}).json())["metadata"] == {
        "resourceVersion": "17"
    }


def test_an_event_is_a_line_that_is_made_once() -> None:
    one = entry()
    assert one.event("ADDED") is one.event("ADDED")
    assert orjson.loads(one.event("MODIFIED")) == {"type": "MODIFIED", "object": one.object}
    assert one.event("ADDED").endswith(b"}\n")


def test_values_in_another_order_are_encoded_anew() -> None:
    other = Entry(b"k", b'{"apiVersion":"a/v1","kind":"X","metadata":{"name":"n","resourceVersion":"1"},"z":1}\n', 5)
    assert orjson.loads(other.json()) == {
        "kind": "X",
        "apiVersion": "a/v1",
        "metadata": {"name": "n", "resourceVersion": "5"},
        "z": 1,
    }
    assert other.value == b'{"kind":"X","apiVersion":"a/v1","metadata":{"name":"n"},"z":1}'


def test_the_shared_object_is_one_and_a_fresh_one_is_the_callers() -> None:
    one = entry()
    assert one.object is one.object
    mine = one.fresh()
    mine["spec"]["a"] = 2
    assert one.object["spec"] == {"a": 1}
    assert one.object["metadata"]["resourceVersion"] == "17"


def test_a_conversion_is_an_entry_of_its_own_made_once() -> None:
    one = entry()

    def convert(obj: Object, version: str) -> Object:
        return {**obj, "apiVersion": version}

    other = one.converted("v2", convert)
    assert other is one.converted("v2", convert)
    assert other is not one.converted("v2", lambda obj, version: {**obj, "apiVersion": version, "more": 1})
    assert other.revision == 17
    assert other.object["apiVersion"] == "v2"


def test_lists_hold_items_and_their_own_metadata() -> None:
    body = orjson.loads(list_body("PodList", "v1", 9, [entry().list_item()], "next", 3))
    assert body["kind"] == "PodList"
    assert body["metadata"] == {"resourceVersion": "9", "continue": "next", "remainingItemCount": 3}
    assert body["items"][0]["metadata"]["name"] == "b"
    assert orjson.loads(list_body("PodList", "v1", 9, []))["items"] == []


def test_metadata_only_forms() -> None:
    assert orjson.loads(partial_metadata(entry(), "v1beta1")) == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1beta1",
        "metadata": {"name": "b", "resourceVersion": "17"},
    }
    listed = orjson.loads(partial_metadata_list(9, [partial_metadata(entry())]))
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")


def test_tables_have_columns_and_rows() -> None:
    columns = [Column("Name", "string", "name")]
    rows = [table_row(["a"], None), table_row(["b"], partial_metadata(entry()), [{"type": "Completed"}])]
    body = orjson.loads(table(columns, rows, 9))
    assert body["columnDefinitions"] == [
        {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}
    ]
    assert body["rows"][0] == {"cells": ["a"], "object": None}
    assert body["rows"][1]["conditions"] == [{"type": "Completed"}]
    assert orjson.loads(table(None, [], 9))["columnDefinitions"] is None


def test_a_bookmark_may_end_the_initial_events() -> None:
    obj = bookmark_object("Widget", "x.example/v1", "", 9, initial_events_end=True)
    assert obj == {
        "kind": "Widget",
        "apiVersion": "x.example/v1",
        "metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}},
    }


def test_a_bookmark_of_a_built_in_kind_is_the_zero_value_of_its_type() -> None:
    assert bookmark_object("Pod", "v1", "io.k8s.api.core.v1.Pod", 9) == {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "9"},
        "spec": {"containers": None},
        "status": {},
    }


def test_metadata_shown_apart_lacks_what_only_the_whole_object_shows() -> None:
    annotations = {"deprecated.daemonset.template.generation": "1", "mine": "x"}
    hidden = frozenset(("deprecated.daemonset.template.generation",))
    assert metadata_apart({"name": "a", "annotations": annotations}, hidden) == {
        "name": "a",
        "annotations": {"mine": "x"},
    }
    assert metadata_apart({"annotations": dict.fromkeys(hidden, "1")}, hidden) == {}
    assert len(annotations) == 2


def test_yaml_is_written_as_gos_library_writes_it() -> None:
    status = {
        "apiVersion": "v1",
        "code": 400,
        "message": "unable to parse requirement: found 'x', expected: in, notin, =, ==, !=, gt, lt",
        "l": [{"b": "yes", "a": "1"}, []],
        "t": "a\nb\n",
    }
    assert yaml(orjson.dumps(status)).decode() == (
        'apiVersion: v1\ncode: 400\nl:\n- a: "1"\n  b: "yes"\n- []\n'
        "message: 'unable to parse requirement: found ''x'', expected: in, notin, =, ==, !=,\n  gt, lt'\n"
        "t: |\n  a\n  b\n"
    )


def test_pretty_json_is_indented_by_two() -> None:
    assert pretty(b'{"a":{"b":1}}') == b'{\n  "a": {\n    "b": 1\n  }\n}'
