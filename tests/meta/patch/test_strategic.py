"""Strategic merge patch, at random: a patch made from two documents makes the one the other.

What single patches do is held by recorded answers (tests/kinds/recorded/patch-*.yaml).
"""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta.patch import PatchError
from pynetes.meta.patch.strategic import apply

POD = "io.k8s.api.core.v1.Pod"
KEYED = {"containers": "name", "volumes": "name", "env": "name", "ports": "containerPort", "imagePullSecrets": "name"}
"""Lists of the documents here that are merged by a key. Others are replaced."""
NAMES = st.sampled_from("abcd")
ENV = st.builds(lambda name, value: {"name": name, "value": value}, NAMES, st.sampled_from("12"))
PORTS = st.builds(lambda port, name: {"containerPort": port, "name": name}, st.integers(1, 4), st.sampled_from("xy"))


def unique(items: st.SearchStrategy[Any], key: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=1, max_size=3, unique_by=lambda item: item[key])


CONTAINERS = st.fixed_dictionaries(
    {"name": NAMES, "image": st.sampled_from(["i", "j"])},
    optional={"env": unique(ENV, "name"), "ports": unique(PORTS, "containerPort"), "args": st.lists(NAMES, max_size=2)},
)
SPECS = st.fixed_dictionaries(
    {"containers": unique(CONTAINERS, "name")},
    optional={
        "nodeSelector": st.dictionaries(NAMES, NAMES, max_size=2),
        "volumes": unique(st.builds(lambda name: {"name": name, "emptyDir": {}}, NAMES), "name"),
        "imagePullSecrets": unique(st.builds(lambda name: {"name": name}, NAMES), "name"),
        "hostNetwork": st.booleans(),
        "tolerations": st.lists(st.builds(lambda key: {"key": key}, NAMES), max_size=2),
    },
)
FINALIZERS = st.lists(st.sampled_from(["a/b", "c/d", "e/f"]), unique=True, min_size=1)
PODS = st.builds(lambda spec, names: {"metadata": {"finalizers": names}, "spec": spec}, SPECS, FINALIZERS)


def patch_between(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What ``kubectl apply`` would send, made the simple way: every difference, and the order of every merged list."""
    patch: dict[str, Any] = {}
    for name in old.keys() | new.keys():
        if name not in new:
            patch[name] = None
        elif name not in old:
            patch[name] = copy.deepcopy(new[name])
        elif isinstance(new[name], dict):
            patch[name] = patch_between(old[name], new[name])
        elif name == "finalizers":
            patch[f"$deleteFromPrimitiveList/{name}"] = [value for value in old[name] if value not in new[name]]
            patch[name] = [value for value in new[name] if value not in old[name]]
            patch[f"$setElementOrder/{name}"] = new[name]
        elif key := KEYED.get(name):
            patch[name] = _items_between(old[name], new[name], key)
            patch[f"$setElementOrder/{name}"] = [{key: item[key]} for item in new[name]]
        elif old[name] != new[name]:
            patch[name] = copy.deepcopy(new[name])
    return patch


def _items_between(old: list[Any], new: list[Any], key: str) -> list[Any]:
    before = {item[key]: item for item in old}
    after = {item[key]: item for item in new}
    items = []
    for value, item in after.items():
        items.append({key: value, **patch_between(before[value], item)} if value in before else copy.deepcopy(item))
    return items + [{"$patch": "delete", key: value} for value in before if value not in after]


@given(PODS, PODS)
def test_a_patch_made_from_two_pods_makes_the_one_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    assert apply(old, patch_between(old, new), POD) == new
    assert old == before


@given(PODS)
def test_an_empty_patch_changes_nothing(pod: dict[str, Any]) -> None:
    assert apply(pod, {}, POD) == pod


@given(PODS, PODS)
def test_a_patch_applied_twice_is_applied_once(old: dict[str, Any], new: dict[str, Any]) -> None:
    patch = patch_between(old, new)
    once = apply(old, patch, POD)
    assert apply(once, patch, POD) == once


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({"spec": {"containers": [{"image": "x"}]}}, 500),
        ({"spec": {"containers": [{"$patch": "odd", "name": "c"}]}}, 500),
        ([], 400),
    ],
)
def test_a_patch_that_cannot_be_merged_is_refused(patch: Any, code: int) -> None:
    with pytest.raises(PatchError) as caught:
        apply({"spec": {"containers": [{"name": "c"}]}}, patch, POD)
    assert caught.value.status["code"] == code
