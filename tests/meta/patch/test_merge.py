"""JSON Merge Patch: RFC 7386, its rules and the examples of its appendix."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta.patch import PatchError, merge

NAMES = st.sampled_from("abc")
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(0, 3), st.lists(st.integers(0, 3), max_size=2)),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)


def twin(target: Any, patch: Any) -> Any:
    """Section 2 of the RFC, line by line."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = twin(target.get(name), value)
    return target


@given(OBJECTS, OBJECTS)
def test_a_patch_does_what_the_rfc_says(document: dict[str, Any], patch: dict[str, Any]) -> None:
    before = repr(document)
    assert merge.apply(document, patch) == twin(document, patch)
    assert repr(document) == before


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_appendix_come_out(document: Any, patch: Any, result: Any) -> None:
    assert merge.apply(document, patch) == result


@pytest.mark.parametrize("patch", [[], "x", 5, True, None])
def test_a_patch_that_is_no_object_is_a_bad_request(patch: Any) -> None:
    with pytest.raises(PatchError) as caught:
        merge.apply({}, patch)
    assert caught.value.status["code"] == 400
