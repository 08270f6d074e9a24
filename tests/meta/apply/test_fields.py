"""Sets of fields, held at random by Python's own sets of paths."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta.apply import fields
from pynetes.meta.apply.elements import ElementError, of_keys, of_value, order, shown
from pynetes.meta.apply.fields import Path

ELEMENTS = ("f:a", "f:b", 'k:{"n":1}', 'k:{"n":12}', 'k:{"n":"x"}', 'v:"x"')
PATHS = st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=4).map(tuple)
SETS = st.sets(PATHS, max_size=8)


def as_paths(found: fields.Fields) -> set[Path]:
    listed = list(fields.paths(found))
    assert len(listed) == len(set(listed))
    return set(listed)


def begins_with_one_of(path: Path, prefixes: set[Path]) -> bool:
    return any(path[:end] in prefixes for end in range(1, len(path) + 1))


@given(SETS, SETS)
def test_sets_of_fields_act_as_sets_of_paths(left: set[Path], right: set[Path]) -> None:
    a, b = fields.of_paths(*left), fields.of_paths(*right)
    assert as_paths(fields.union(a, b)) == left | right
    assert as_paths(fields.intersection(a, b)) == left & right
    assert as_paths(fields.difference(a, b)) == left - right
    apart = {path for path in left if not begins_with_one_of(path, right)}
    assert as_paths(fields.recursive_difference(a, b)) == apart


@given(SETS, PATHS)
def test_a_set_knows_its_members_and_what_is_below_an_element(paths: set[Path], path: Path) -> None:
    found = fields.of_paths(*paths)
    assert fields.has(found, path) == (path in paths)
    assert fields.owns(found, path[0]) == (path[:1] in paths)
    below = {path[1:] for path in paths if path[0] == "f:a" and len(path) > 1}
    assert as_paths(fields.below(found, "f:a")) == below


@given(SETS, SETS)
def test_results_are_written_in_one_way_and_in_order(left: set[Path], right: set[Path]) -> None:
    a, b = fields.of_paths(*left), fields.of_paths(*right)
    for result, paths in (
        (fields.union(a, b), left | right),
        (fields.intersection(a, b), left & right),
        (fields.difference(a, b), left - right),
    ):
        assert repr(result) == repr(fields.of_paths(*paths))


def scrambled(node: Any) -> Any:
    """The same set, written by somebody else: in another order, every owned element with a ``.``."""
    return {name: scrambled(inner) or {".": {}} for name, inner in reversed(node.items())} if node else node


@given(SETS)
def test_what_others_wrote_is_read_in_the_one_way(paths: set[Path]) -> None:
    found = fields.of_paths(*paths)
    assert repr(fields.read(scrambled(found))) == repr(found)


def test_elements_of_other_writers_are_brought_into_one_form() -> None:
    found = fields.read({'k:{ "b" : 1.0, "a":"x" }': {"f:c": None}, "x:future": {}, "v: 5": {}})
    assert found == {'k:{"a":"x","b":1}': {"f:c": {}}, "v:5": {}}


@pytest.mark.parametrize("text", ["f", "name", "k:[]", "k:{", "v:", "i:x"])
def test_texts_that_are_no_elements_are_refused(text: str) -> None:
    with pytest.raises(ElementError):
        fields.read({text: {}})


def test_sets_that_are_no_maps_are_refused() -> None:
    with pytest.raises(ElementError):
        fields.read({"f:a": 5})


def test_elements_are_written_as_upstream_writes_them() -> None:
    assert of_keys({"protocol": "TCP", "containerPort": 80}) == 'k:{"containerPort":80,"protocol":"TCP"}'
    assert of_value("a<b&c") == 'v:"a\\u003cb\\u0026c"'
    assert [of_value(value) for value in (True, 5, 0.5)] == ["v:true", "v:5", "v:0.5"]


def test_messages_show_elements_as_upstream_does() -> None:
    assert shown('k:{"containerPort":80,"protocol":"TCP"}') == '[containerPort=80,protocol="TCP"]'
    assert [shown(text) for text in ("f:a.b/c", 'v:"x\\ny"', "i:3")] == [".a.b/c", '[="x\\ny"]', "[3]"]


def test_elements_are_sorted_fields_first_and_numbers_as_numbers() -> None:
    texts = ['v:"a"', "v:2", "i:10", "i:9", "f:b", ".", 'k:{"p":80}', 'k:{"p":443}', 'k:{"p":"a"}', "f:a", "v:true"]
    assert sorted(texts, key=order) == [
        ".", "f:a", "f:b", 'k:{"p":80}', 'k:{"p":443}', 'k:{"p":"a"}', "v:2", 'v:"a"', "v:true", "i:9", "i:10",
    ]  # fmt: skip
