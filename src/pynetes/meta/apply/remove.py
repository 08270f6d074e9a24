"""A value without some of its fields and items.

Source: structured-merge-diff ``typed/remove.go``.
"""

from collections.abc import Mapping
from typing import Any

from pynetes.meta.apply.fields import Fields, below, owns
from pynetes.meta.apply.schema import ListType, MapType, Type


def remove(of: Type, value: Any, fields: Fields) -> Any:
    """What is left, None for nothing. A list or map that is one whole goes as soon as something below it is named."""
    if isinstance(value, dict) and of.map is not None:
        return _from_map(of.map, value, fields)
    if isinstance(value, list) and of.list is not None:
        return _from_list(of.list, value, fields)
    return value if of.scalar else None


def _from_map(of: MapType, value: Mapping[str, Any], fields: Fields) -> Any:
    if of.atomic or not value:
        return None
    out = {}
    for name, item in value.items():
        element = f"f:{name}"
        if element in fields:
            if owns(fields, element):
                continue
            inner = of.type_of(name)
            item = item if inner is None else remove(inner, item, below(fields, element))
        out[name] = item
    return out or None


def _from_list(of: ListType, value: list[Any], fields: Fields) -> Any:
    if of.atomic or not value:
        return None
    out = []
    for item in value:
        element = of.element(item)
        if element in fields:
            if owns(fields, element):
                continue
            item = remove(of.of, item, below(fields, element))
        out.append(item)
    return out or None
