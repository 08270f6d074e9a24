"""JSON Patch: RFC 6902 by the examples of its appendix, and at random against a patch made from two documents."""

from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta.patch import PatchError, json
from pynetes.meta.patch.json import MAX_OPERATIONS, apply

NAMES = st.sampled_from(["a", "b", "c/d", "e~f"])
VALUES = st.recursive(
    st.one_of(st.integers(0, 3), st.sampled_from("xy")),
    lambda inner: st.one_of(st.dictionaries(NAMES, inner, max_size=3), st.lists(inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)


def steps(old: Any, new: Any, path: str = "") -> list[dict[str, Any]]:
    """A patch that makes the one document the other; not the shortest."""
    if isinstance(old, dict) and isinstance(new, dict):
        out = []
        for name in sorted(old.keys() | new.keys()):
            at = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            if name not in new:
                out.append({"op": "remove", "path": at})
            elif name not in old:
                out.append({"op": "add", "path": at, "value": new[name]})
            else:
                out += steps(old[name], new[name], at)
        return out
    if isinstance(old, list) and isinstance(new, list):
        common = min(len(old), len(new))
        out = [step for i in range(common) for step in steps(old[i], new[i], f"{path}/{i}")]
        out += [{"op": "remove", "path": f"{path}/{i}"} for i in range(len(old) - 1, common - 1, -1)]
        return out + [{"op": "add", "path": f"{path}/-", "value": value} for value in new[common:]]
    return [] if old == new else [{"op": "replace", "path": path, "value": new}]


@given(OBJECTS, OBJECTS)
def test_a_patch_made_from_two_documents_makes_the_one_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = repr(old)
    assert apply(old, steps(old, new)) == new
    assert repr(old) == before


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        (
            {"foo": ["bar", "baz"]},
            [{"op": "add", "path": "/foo/1", "value": "qux"}],
            {"foo": ["bar", "qux", "baz"]},
        ),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
        (
            {"baz": "qux", "foo": "bar"},
            [{"op": "replace", "path": "/baz", "value": "boo"}],
            {"baz": "boo", "foo": "bar"},
        ),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        (
            {"foo": ["all", "grass", "cows", "eat"]},
            [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
            {"foo": ["all", "cows", "eat", "grass"]},
        ),
        (
            {"baz": "qux", "foo": ["a", 2, "c"]},
            [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
            {"baz": "qux", "foo": ["a", 2, "c"]},
        ),
        (
            {"/": 9, "~1": 10},
            [{"op": "test", "path": "/~01", "value": 10}],
            {"/": 9, "~1": 10},
        ),
        (
            {"foo": ["bar"]},
            [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
            {"foo": ["bar", ["abc", "def"]]},
        ),
    ],
)
def test_the_examples_of_the_appendix_come_out(document: Any, patch: Any, result: Any) -> None:
    assert apply(document, patch) == result


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "test", "path": "/baz", "value": "bar"}],
        [{"op": "add", "path": "/baz/bat", "value": "qux"}],
        [{"op": "remove", "path": "/none"}],
        [{"op": "add", "path": "/list/7", "value": 1}],
        [{"op": "add", "path": "/list/x", "value": 1}],
        [{"op": "odd", "path": "/foo"}],
        [{"op": "add", "value": 1}],
        [{"path": "/foo"}],
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(patch: Any) -> None:
    document = {"foo": "bar", "baz": "qux", "list": [1]}
    with pytest.raises(PatchError) as caught:
        apply(document, patch)
    assert caught.value.status["code"] == 422
    assert document == {"foo": "bar", "baz": "qux", "list": [1]}


def test_copies_of_copies_end_where_upstream_ends_them() -> None:
    """``--json-patch-max-copy-bytes``: three megabytes in all (apiserver ``JSONPatchMaxCopyBytes``)."""
    doubling = [{"op": "copy", "from": "/data", "path": f"/data/x{i}"} for i in range(60)]
    with pytest.raises(PatchError) as error:
        apply({"data": {"a": "b" * 100}}, doubling)
    assert error.value.detail == (
        "Unable to complete the copy, the accumulated size increase of copy is 3735374, exceeding the limit 3145728"
    )


def test_the_order_of_a_large_map_is_made_once_and_not_at_every_step() -> None:
    document = {"data": {f"k{i}": "v" for i in range(20_000)}}
    patch = [{"op": "add", "path": f"/data/n{i}", "value": "v"} for i in range(MAX_OPERATIONS)]
    with mock.patch.object(json, "sorted_map", wraps=json.sorted_map) as sorting:
        result = apply(document, patch)
    assert sorting.call_count == 2
    assert list(result["data"]) == sorted(result["data"])
