"""Comparing, validating, merging and removing: the cases that objects at random do not reach."""

from typing import Any

import pytest

from pynetes.meta.apply import fields
from pynetes.meta.apply.compare import compare, is_loose, same
from pynetes.meta.apply.extract import fields_of, with_named_fields
from pynetes.meta.apply.merge import merge
from pynetes.meta.apply.remove import remove
from pynetes.meta.apply.schema import builtin, of_schema, tracked
from pynetes.meta.apply.settle import settle_of
from pynetes.meta.apply.validate import TypeMismatch, check
from tests.meta.apply.widgets import SCHEMA, TYPE, widget

CONFIG_MAP = builtin("io.k8s.api.core.v1.ConfigMap")
POD = builtin("io.k8s.api.core.v1.Pod")


def changed(old: Any, new: Any) -> tuple[Any, Any, Any]:
    found = compare(tracked(TYPE), widget(old), widget(new))
    return found.removed, found.modified, found.added


def in_spec(node: Any) -> Any:
    return {"f:spec": node}


# -- comparing


def test_a_container_that_appears_is_owned_with_all_that_is_in_it() -> None:
    _, _, added = changed({}, {"inner": {"a": "x"}, "items": [{"name": "a"}]})
    item = {".": {}, 'k:{"name":"a"}': {".": {}, "f:name": {}}}
    assert added == in_spec({"f:inner": {".": {}, "f:a": {}}, "f:items": item})


def test_what_is_added_to_a_container_does_not_take_the_container() -> None:
    _, _, added = changed({"inner": {"b": "x"}}, {"inner": {"a": "x", "b": "x"}})
    assert added == in_spec({"f:inner": {"f:a": {}}})


def test_null_and_empty_are_different_leaves() -> None:
    assert changed({"finalizers": None}, {"finalizers": []}) == ({}, in_spec({"f:finalizers": {}}), {})
    assert changed({"finalizers": None}, {"finalizers": ["a"]}) == ({}, {}, in_spec({"f:finalizers": {'v:"a"': {}}}))


def test_items_that_a_list_holds_twice_are_one_whole() -> None:
    one, two = [{"name": "a", "size": 1}], [{"name": "a", "size": 1}, {"name": "a", "size": 2}]
    whole, all_of_it = {'k:{"name":"a"}': {}}, {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:size": {}}}
    assert changed({"items": one}, {"items": two}) == (in_spec({"f:items": all_of_it}), {}, in_spec({"f:items": whole}))
    assert changed({"items": two}, {"items": one}) == (in_spec({"f:items": whole}), {}, in_spec({"f:items": all_of_it}))
    assert changed({"items": two}, {"items": two[::-1]}) == ({}, in_spec({"f:items": whole}), {})
    assert changed({"items": two}, {"items": two}) == ({}, {}, {})


def test_what_may_be_anything_is_compared_by_its_kind() -> None:
    of = of_schema({"type": "object", "properties": {"a": {}}})

    def difference(old: Any, new: Any) -> Any:
        found = compare(of, {"a": old}, {"a": new})
        return found.removed, found.modified, found.added

    assert difference(1, True) == ({}, {"f:a": {}}, {})
    assert difference(1, 1.0) == ({}, {}, {})
    assert difference({"x": 1}, 5) == ({"f:a": {"f:x": {}}}, {"f:a": {}}, {})
    assert difference(5, {"x": 1}) == ({}, {"f:a": {}}, {"f:a": {"f:x": {}}})
    assert difference({"x": {"y": 1}}, {"x": {"y": True}}) == ({}, {"f:a": {"f:x": {"f:y": {}}}}, {})
    assert difference([1], [True]) == ({}, {"f:a": {}}, {})


def test_equal_parts_of_pods_are_not_looked_into() -> None:
    """Only where JSON of any type may stand, equality as Python has it is not enough."""
    assert not is_loose(POD)
    assert is_loose(builtin("io.k8s.api.apps.v1.ControllerRevision"))


def test_json_is_equal_by_kind_and_value() -> None:
    assert same({"a": [1, "x", None]}, {"a": [1.0, "x", None]})
    for left, right in ((1, True), (0, False), (None, 0), ({}, None), ([1], [True]), ({"a": 1}, {"b": 1})):
        assert not same(left, right)


# -- validating


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"data": {"k": 5}}, ".data.k: expected string, got &value.valueUnstructured{Value:5}"),
        (
            {"data": {"k": {"a": [1, "b", None, 1.5, True]}}},
            '.data.k: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":[]interface {}{1, '
            '"b", interface {}(nil), 1.5, true}}}',
        ),
        ({"data": [1, "a"]}, ".data: expected map, got &{[1 a]}"),
        ({"data": "x"}, ".data: expected map, got &{x}"),
        ({"immutable": "yes"}, ".immutable: expected boolean, got &{yes}"),
        ({"metadata": {"finalizers": {"a": 1}}}, ".metadata.finalizers: expected list, got &{map[a:1]}"),
        ({"metadata": {"generation": "1"}}, ".metadata.generation: expected numeric (int or float), got string"),
        ({"metadata": {"generation": True}}, ".metadata.generation: expected numeric (int or float), got bool"),
        ({"metadata": {"creationTimestamp": {}}}, ".metadata.creationTimestamp: expected any scalar, got &{map[]}"),
        ({"foo": 1}, ".foo: field not declared in schema"),
        (
            {"metadata": {"finalizers": ["a", "a"]}},
            '.metadata.finalizers: duplicate entries for key [="a"]',
        ),
        (
            {"metadata": {"finalizers": [None]}},
            ".metadata.finalizers: element 0: associative list without keys has an element that's an explicit null",
        ),
        (
            {"metadata": {"generation": "a"}, "data": {"k": 1}},
            "errors:\n  .data.k: expected string, got &value.valueUnstructured{Value:1}\n"
            "  .metadata.generation: expected numeric (int or float), got string",
        ),
    ],
)
def test_what_does_not_fit_is_told_in_upstreams_words(data: Any, why: str) -> None:
    with pytest.raises(TypeMismatch) as error:
        check(CONFIG_MAP, data)
    assert str(error.value) == why


def test_items_of_atomic_lists_are_told_by_their_number() -> None:
    with pytest.raises(TypeMismatch) as error:
        check(POD, {"spec": {"containers": [{"name": "c", "args": ["a", 5]}]}})
    assert str(error.value).startswith('.spec.containers[name="c"].args[1]: expected string')


def test_null_fits_everywhere_and_duplicates_where_they_are_allowed() -> None:
    check(CONFIG_MAP, {"data": None, "metadata": {"finalizers": None, "generation": None}})
    check(CONFIG_MAP, {"metadata": {"finalizers": ["a", "a"]}}, duplicates=True)


def test_numbers_and_texts_fit_where_either_may_stand() -> None:
    check(builtin("io.k8s.api.core.v1.Service"), {"spec": {"ports": [{"port": 80, "targetPort": "http"}]}})
    check(POD, {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]}})


# -- merging


def merged(live: Any, applied: Any) -> Any:
    return merge(TYPE, widget(live), widget(applied))["spec"]


def names(items: list[Any]) -> list[str]:
    return [item["name"] if isinstance(item, dict) else item for item in items]


def ordered(live: str, applied: str) -> str:
    return "".join(merged({"finalizers": list(live)}, {"finalizers": list(applied)})["finalizers"])


@pytest.mark.parametrize(
    ("live", "applied", "result"),
    [
        ("abc", "abc", "abc"),
        ("abc", "cba", "cba"),
        ("abc", "b", "abc"),
        ("abc", "d", "abcd"),
        ("abc", "da", "dabc"),
        ("abc", "cd", "abcd"),
        ("axbyc", "cba", "xycba"),
        ("", "ba", "ba"),
        ("ab", "", "ab"),
    ],
)
def test_items_stand_as_the_applied_list_has_them_between_those_that_only_the_live_list_has(
    live: str, applied: str, result: str
) -> None:
    assert ordered(live, applied) == result


def test_atomic_values_are_replaced_and_others_merged() -> None:
    live = {"selector": {"a": "x"}, "args": ["x"], "inner": {"a": "x", "b": "x"}, "items": [{"name": "a", "size": 1}]}
    applied = {"selector": {"b": "y"}, "args": [], "inner": {"a": "y"}, "items": [{"name": "a", "tags": ["t"]}]}
    assert merged(live, applied) == {
        "selector": {"b": "y"},
        "args": [],
        "inner": {"a": "y", "b": "x"},
        "items": [{"name": "a", "size": 1, "tags": ["t"]}],
    }


def test_null_removes_nothing_that_has_members() -> None:
    assert merged({"inner": {"a": "x"}, "count": 1}, {"inner": None, "count": None}) == {
        "inner": {"a": "x"},
        "count": None,
    }


def test_an_item_that_the_live_list_holds_twice_is_replaced_by_the_applied_one() -> None:
    live = {"items": [{"name": "a", "size": 1}, {"name": "b"}, {"name": "a", "size": 2}]}
    assert merged(live, {"items": [{"name": "a", "tags": ["t"]}]})["items"] == [
        {"name": "a", "tags": ["t"]},
        {"name": "b"},
    ]
    assert merged(live, {"items": [{"name": "b"}]})["items"] == live["items"]


# -- removing, settling, naming


def test_removing_takes_named_items_and_empties_what_has_nothing_left() -> None:
    value = widget({"inner": {"a": "x"}, "items": [{"name": "a", "size": 1}, {"name": "b"}], "args": ["x"]})
    gone = fields.of_paths(
        ("f:spec", "f:inner", "f:a"),
        ("f:spec", "f:items", 'k:{"name":"b"}'),
        ("f:spec", "f:items", 'k:{"name":"a"}', "f:size"),
    )
    assert remove(TYPE, value, gone)["spec"] == {"inner": None, "items": [{"name": "a"}], "args": ["x"]}


def test_what_has_become_one_whole_is_owned_as_such() -> None:
    whole = {**SCHEMA["properties"]["spec"]["properties"]["inner"], "x-kubernetes-map-type": "atomic"}
    today = of_schema({"type": "object", "properties": {"inner": whole, "args": {"type": "array", "items": {}}}})
    owned = fields.of_paths(("f:inner", "f:a"), ("f:args", 'v:"x"'), ("f:gone", "f:a"))
    assert settle_of(today)(owned) == {"f:inner": {}, "f:args": {}, "f:gone": {"f:a": {}}}


def test_fields_of_structs_on_the_way_are_named_and_keys_of_maps_are_not() -> None:
    owned = fields.of_paths(("f:metadata", "f:labels", "f:a"), ("f:spec", "f:items", 'k:{"name":"a"}', "f:size"))
    named = {"/".join(path) for path in fields.paths(with_named_fields(TYPE, owned))}
    assert named == {
        "f:metadata",
        "f:metadata/f:labels",
        "f:metadata/f:labels/f:a",
        "f:spec",
        "f:spec/f:items",
        'f:spec/f:items/k:{"name":"a"}/f:size',
    }


def test_an_applied_empty_map_is_owned_and_an_empty_list_is_not() -> None:
    owned = fields_of(TYPE, widget({"inner": {}, "items": [], "args": [], "count": None}))
    assert owned["f:spec"] == {"f:args": {}, "f:count": {}, "f:inner": {}}
