"""Takes out of an object what its schema does not know, and says what that was.

Source: apiextensions-apiserver ``pkg/apiserver/schema/pruning``; for nulls ``schema/defaulting/prune.go``.
"""

from collections.abc import Mapping
from typing import Any

from pynetes.meta.schema import Schema

META_FIELDS = frozenset(("apiVersion", "kind", "metadata"))
_PRESERVE, _EMBEDDED = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"


def prune(obj: Any, schema: Schema | None, *, is_root: bool = True) -> list[str]:
    """Prune in place; the paths of what was taken out, sorted. ``is_root``: type and metadata stay as they are."""
    found: list[str] = []
    _prune(obj, schema, is_root or _is_embedded(schema), "", found)
    return sorted(found)


def _is_embedded(schema: Schema | None) -> bool:
    return bool(schema and schema.get(_EMBEDDED))


def _prune(value: Any, schema: Schema | None, embedded: bool, at: str, found: list[str]) -> None:
    preserve = bool(schema and schema.get(_PRESERVE))
    if isinstance(value, dict):
        properties, others = _members(schema)
        for key in list(value):
            path = f"{at}.{key}" if at else key
            if embedded and key in META_FIELDS:
                continue
            if key in properties:
                inner = properties[key]
                _prune(value[key], inner, _is_embedded(inner), path, found)
            elif others is not None:
                _prune(value[key], others, _is_embedded(others), path, found)
            elif not preserve:
                if at or key not in META_FIELDS:
                    found.append(path)
                del value[key]
    elif isinstance(value, list):
        items = schema.get("items") if schema else None
        for i, item in enumerate(value):
            if preserve:
                _keep(item, items, f"{at}[{i}]", found)
            else:
                _prune(item, items, _is_embedded(items), f"{at}[{i}]", found)


def _keep(value: Any, schema: Schema | None, at: str, found: list[str]) -> None:
    """An item of a list whose unknown fields stay: only what its own schema names is looked into."""
    if schema is not None:
        _prune(value, {**schema, _PRESERVE: True}, _is_embedded(schema), at, found)


def _members(schema: Schema | None) -> tuple[Mapping[str, Schema], Schema | None]:
    """The properties, and the schema of all other members; None: there are no others."""
    if not schema:
        return {}, None
    others = schema.get("additionalProperties")
    if others is True:
        others = {_PRESERVE: True}
    return schema.get("properties") or {}, others if isinstance(others, Mapping) else None


def drop_nulls(value: Any, schema: Schema | None) -> None:
    """Take out, in place, nulls that the schema neither allows nor has a default for."""
    if not schema:
        return
    if isinstance(value, dict):
        properties, others = _members(schema)
        for key in list(value):
            inner = properties.get(key, others)
            if inner is None:
                continue
            if value[key] is None and not inner.get("nullable") and inner.get("default") is None:
                if inner.get("type"):
                    del value[key]
            else:
                drop_nulls(value[key], inner)
    elif isinstance(value, list):
        for item in value:
            drop_nulls(item, schema.get("items"))
