"""Pruning, defaults and validation at random, where a simple statement holds for all; and printer columns."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta.resource import Column
from pynetes.meta.structural import printercolumns, rules
from pynetes.meta.structural.compiled import Structural
from pynetes.meta.structural.defaulting import default
from pynetes.meta.structural.pruning import prune
from pynetes.meta.structural.validation import Validator

NAMES = st.sampled_from("abc")
SCALARS = st.one_of(st.integers(0, 3), st.sampled_from("xy"), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.dictionaries(NAMES, inner, max_size=3), st.lists(inner, max_size=3)),
    max_leaves=8,
)
LEAVES = st.one_of(
    st.builds(lambda d: {"type": "integer", **d}, st.fixed_dictionaries({}, optional={"default": st.integers(0, 3)})),
    st.builds(
        lambda d: {"type": "string", **d}, st.fixed_dictionaries({}, optional={"default": st.sampled_from("xy")})
    ),
    st.just({"type": "boolean"}),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda p: {"type": "object", "properties": p}, st.dictionaries(NAMES, inner, max_size=3)),
        st.builds(lambda s: {"type": "object", "additionalProperties": s}, inner),
        st.builds(lambda s: {"type": "array", "items": s}, inner),
        st.just({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
    )


SCHEMAS = st.recursive(LEAVES, objects, max_leaves=8)


def known(value: Any, schema: dict[str, Any] | None) -> Any:
    """The twin: what is left of a value when only what the schema names is copied."""
    if schema and schema.get("x-kubernetes-preserve-unknown-fields"):
        return value
    if isinstance(value, dict):
        out = {}
        for name, inner in value.items():
            found = ((schema or {}).get("properties") or {}).get(name, (schema or {}).get("additionalProperties"))
            if found is not None:
                out[name] = known(inner, found)
        return out
    if isinstance(value, list):
        return [known(item, (schema or {}).get("items")) for item in value]
    return value


@given(VALUES, SCHEMAS)
def test_pruning_leaves_what_the_schema_knows(value: Any, schema: dict[str, Any]) -> None:
    wanted = known(value, schema)
    unknown = prune(value, schema, is_root=False)
    assert value == wanted
    assert prune(value, schema, is_root=False) == []
    assert unknown == sorted(unknown)


@given(VALUES, SCHEMAS)
def test_defaults_are_given_once_and_take_nothing_away(value: Any, schema: dict[str, Any]) -> None:
    before = copy.deepcopy(value)
    default(value, schema)
    again = copy.deepcopy(value)
    default(again, schema)
    assert again == value
    if isinstance(before, dict):
        assert before.keys() <= value.keys()


@given(SCHEMAS)
def test_the_schemas_of_these_tests_are_structural(schema: dict[str, Any]) -> None:
    whole = {"type": "object", "properties": {"spec": schema}}
    assert rules.problems("schema", whole) == []


@given(VALUES, SCHEMAS)
def test_an_unchanged_value_has_no_new_faults(value: Any, schema: dict[str, Any]) -> None:
    """KEP-4008: ratcheting."""
    assert Validator(schema).validate(value, copy.deepcopy(value)) == []


@given(VALUES, SCHEMAS)
def test_a_value_of_another_type_is_always_a_fault(value: Any, schema: dict[str, Any]) -> None:
    types = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}
    faults = Validator(schema).validate(value)
    if "type" in schema and types[type(value)] != schema["type"]:
        assert faults


def test_metadata_is_held_to_its_type() -> None:
    schema = Structural({"type": "object"})
    decoded = schema.decode({"metadata": {"name": "x", "bogus": 1, "labels": {"a": "b"}}, "free": 1})
    assert decoded.object == {"metadata": {"name": "x", "labels": {"a": "b"}}}
    assert decoded.unknown == ['unknown field "free"', 'unknown field "metadata.bogus"']


OBJECT = {
    "spec": {
        "n": 5,
        "text": "x",
        "flag": True,
        "ratio": 0.5,
        "list": [{"name": "a", "v": 1}, {"name": "b", "v": 2}],
        "odd key": "k",
        "since": "2020-01-01T00:00:00Z",
        "none": None,
    }
}


@pytest.mark.parametrize(
    ("type", "path", "shown"),
    [
        ("integer", ".spec.n", 5),
        ("number", ".spec.ratio", 0.5),
        ("boolean", ".spec.flag", True),
        ("string", ".spec.text", "x"),
        ("string", ".spec.n", "5"),
        ("string", ".spec.list", '[{"name":"a","v":1},{"name":"b","v":2}]'),
        ("string", ".spec.list[0].name", "a"),
        ("string", ".spec.list[-1].name", "b"),
        ("string", ".spec.list[*].name", "a"),
        ("integer", '.spec.list[?(@.name=="b")].v', 2),
        ("string", ".spec['odd key']", "k"),
        ("date", ".spec.since", "10s"),
        ("date", ".spec.text", "<invalid>"),
        ("integer", ".spec.text", None),
        ("string", ".spec.absent.deeper", None),
        ("string", ".spec.list[7]", None),
    ],
)
def test_a_cell_shows_what_its_path_leads_to(type: str, path: str, shown: Any) -> None:
    assert printercolumns.cell(Column("C", type, path=path), OBJECT, 1577836810.0) == shown
