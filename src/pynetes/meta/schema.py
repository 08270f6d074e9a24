"""The built-in types as data: OpenAPI schemas (``types.json``) and Go types (``go-types.json``), read on first use.

A schema is the OpenAPI v3 one without descriptions; ``$ref`` holds the bare name of another type. The Go types say what
OpenAPI cannot: which fields are pointers, which are left out when empty, and what each type is called in error texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

_DATA = Path(__file__).parent.parent / "kinds" / "data"

Schema = Mapping[str, Any]
"""An OpenAPI schema of types.json. Shared: read-only."""


@dataclass(frozen=True, slots=True)
class GoTypes:
    """``table``: rows ``[kind, Go's name, ...]``, referring to one another by index; ``names``: the row of a type name.

    Rows: ``["struct", go, type name, [[field, flags, row], ...]]`` with flags 1 omitempty, 2 omitzero;
    ``["ptr"|"slice"|"map", go, row of what it holds]``; ``["bytes", go]``; ``["custom", go, type name, ...]`` for types
    that decode themselves; otherwise ``[kind, go]`` with kind string, bool, int32, int64, float64 ...
    """

    table: Sequence[Sequence[Any]]
    names: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ListMerge:
    """How a strategic merge patch treats a list: ``key`` is the merge key, ``""`` for a list of scalars."""

    key: str
    strategies: frozenset[str]


def data_file(name: str) -> bytes:
    """The content of one of the shipped data files."""
    return (_DATA / name).read_bytes()


@cache
def types() -> Mapping[str, Schema]:
    """Every OpenAPI schema by type name."""
    loaded: Mapping[str, Schema] = orjson.loads(data_file("types.json"))
    return loaded


@cache
def go_types() -> GoTypes:
    raw = orjson.loads(data_file("go-types.json"))
    return GoTypes(raw["table"], raw["names"])


def type_data(type_name: str) -> Schema:
    """The schema of a type (``io.k8s.api.core.v1.Pod``). Raises: KeyError."""
    return types()[type_name]


def field_schema(type_name: str, path: Sequence[str]) -> Schema | None:
    """The schema at a path of field names, through lists and maps (a map takes one element of the path for its key).

    None: the path leads to nothing that is known. What carries list and merge attributes is the field's own schema.
    """
    schema: Schema | None = types().get(type_name)
    for name in path:
        schema = _child(schema, name)
        if schema is None:
            return None
    return schema


def _child(schema: Schema | None, name: str) -> Schema | None:
    schema = resolved(schema)
    while schema is not None and "items" in schema:
        schema = resolved(schema["items"])
    if schema is None:
        return None
    found: Schema | None = schema.get("properties", {}).get(name)
    if found is None and isinstance(schema.get("additionalProperties"), Mapping):
        found = schema["additionalProperties"]
    return found


def resolved(schema: Schema | None) -> Schema | None:
    """Follow a ``$ref``."""
    while schema is not None and "$ref" in schema:
        schema = types().get(schema["$ref"])
    return schema


def list_merge(type_name: str, path: Sequence[str]) -> ListMerge | None:
    """The strategic merge attributes of the list or struct at a path; None when it has none (it is replaced)."""
    schema = field_schema(type_name, path)
    if schema is None or "x-kubernetes-patch-strategy" not in schema:
        return None
    strategies = frozenset(schema["x-kubernetes-patch-strategy"].split(","))
    return ListMerge(schema.get("x-kubernetes-patch-merge-key", ""), strategies)


def merge_key(type_name: str, path: Sequence[str]) -> str | None:
    """The merge key of the list at a path; ``""``: a merged list of scalars; None: the list is replaced."""
    found = list_merge(type_name, path)
    return found.key if found is not None and "merge" in found.strategies else None


@cache
def type_name_of(group: str, version: str, kind: str) -> str | None:
    """The type name of a group-version-kind."""
    return _by_gvk().get((group, version, kind))


@cache
def _by_gvk() -> Mapping[tuple[str, str, str], str]:
    found = {}
    for name, schema in types().items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            found[gvk["group"], gvk["version"], gvk["kind"]] = name
    return found
