"""What a kube-apiserver refuses, this refuses, in the same words: ``testdata/rules``, recorded by scripts/record-rules."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pynetes.kinds import resource_for
from pynetes.meta.decoder import decoder
from pynetes.meta.resource import WriteContext

DATA = Path(__file__).parent / "testdata" / "rules"
LONG = "x" * 300


@cache
def bases() -> dict[str, tuple[bool, Any]]:
    loaded: dict[str, tuple[bool, Any]] = json.loads((DATA / "bases.json").read_text())
    return loaded


def changed(base: Any, path: list[str | int], value: Any) -> Any:
    """A copy of the object with the value there; what is missing on the way is made."""
    obj = owner = copy.deepcopy(base)
    for place, key in enumerate(path[:-1]):
        empty: Any = [] if isinstance(path[place + 1], int) else {}
        if isinstance(owner, list):
            owner += [empty] * (not owner)
        elif owner.get(key) is None:
            owner[key] = empty
        owner = owner[key]
    if isinstance(owner, list) and not owner:
        owner.append(copy.deepcopy(value))
    else:
        owner[path[-1]] = copy.deepcopy(value)
    return obj


def refusals(name: str, obj: Any) -> list[str]:
    """As a create runs: decode, convert, default, prepare, validate."""
    plural, *_, group = name.split(".", 1)[0], name.partition(".")[2].removeprefix("v1.")
    resource = resource_for(group, plural)
    assert resource is not None
    version = resource.version(obj["apiVersion"].rpartition("/")[2])
    assert version is not None
    api_version, namespaced = obj["apiVersion"], resource.namespaced
    obj = decoder(version.type_name).decode(obj).object
    obj |= {"kind": resource.kind, "apiVersion": api_version}
    if resource.convert is not None:
        obj = resource.convert(obj, resource.storage_api_version)
    hooks, context = resource.hooks, WriteContext(now=1_767_225_600.0, user="ada")
    obj["metadata"] |= {"uid": "8ee2f4e5-6d5c-4b3a-9e0a-000000000000", **({"namespace": "rules"} if namespaced else {})}
    if hooks.default is not None:
        hooks.default(obj)
    if hooks.prepare_create is not None:
        hooks.prepare_create(obj, context)
    assert hooks.validate is not None
    return [f"{cause.field}: {cause.message}" for cause in hooks.validate(obj, context)]


def _elsewhere(name: str, line: Any) -> bool:
    """Addresses are the allocator's business; expressions are not compiled yet."""
    return (name, line["set"][0]) == ("services", ["spec", "clusterIP"]) or "compilation failed" in str(line["causes"])


@pytest.mark.parametrize("name", bases())
def test_a_field_is_refused_as_upstream_does(name: str) -> None:
    _, base = bases()[name]
    differing = []
    lines = (DATA / f"{name}.jsonl").read_text().replace("<long>", LONG).splitlines()
    for line in map(json.loads, lines):
        if _elsewhere(name, line):
            continue
        found = refusals(name, changed(base, *line["set"]))
        if sorted(found) != sorted(line["causes"]):
            differing.append((line["set"], found, line["causes"]))
    assert not differing, (len(differing), differing[:5])
