"""Puts the defaults of a schema into an object, in place.

Source: apiextensions-apiserver ``pkg/apiserver/schema/defaulting/algorithm.go``.
"""

import copy
from collections.abc import Mapping
from typing import Any

from pynetes.meta.schema import Schema


def default(value: Any, schema: Schema | None) -> None:
    """Absent fields, and nulls that may not be null, take the default; then what is there is looked into."""
    if not schema:
        return
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for key, inner in properties.items():
            given = inner.get("default")
            if given is not None and (key not in value or (value[key] is None and not inner.get("nullable"))):
                value[key] = copy.deepcopy(given)
        others = schema.get("additionalProperties")
        for key in value:
            if key in properties:
                default(value[key], properties[key])
            elif isinstance(others, Mapping):
                if value[key] is None and not others.get("nullable"):
                    value[key] = copy.deepcopy(others.get("default"))
                default(value[key], others)
    elif isinstance(value, list):
        items = schema.get("items") or {}
        for i, item in enumerate(value):
            if item is None and items and not items.get("nullable"):
                value[i] = copy.deepcopy(items.get("default"))
            default(value[i], items)


def has_defaults(schema: Schema | None) -> bool:
    """Whether ``default`` may ever do anything."""
    if not schema:
        return False
    others = schema.get("additionalProperties")
    inner = [*(schema.get("properties") or {}).values(), schema.get("items"), others]
    return schema.get("default") is not None or any(has_defaults(s) for s in inner if isinstance(s, Mapping))
