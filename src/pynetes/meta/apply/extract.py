"""The fields that an applied configuration mentions: what its manager owns.

Source: structured-merge-diff ``typed/tofieldset.go``, ``fieldpath/set.go`` (``EnsureNamedFieldsAreMembers``).
"""

from collections.abc import Mapping
from typing import Any

from pynetes.meta.apply.compare import by_element
from pynetes.meta.apply.fields import EMPTY, LEAF, SELF, Fields
from pynetes.meta.apply.schema import ListType, MapType, Type


def fields_of(of: Type, value: Any) -> Fields:
    """Every leaf and every item that a value mentions. A struct on the way is not owned itself."""
    node = _mentioned(of, value)
    return EMPTY if node is None else node


def _mentioned(of: Type, value: Any) -> Fields | None:
    """Below an element; None: nothing, not even itself."""
    if isinstance(value, dict) and of.map is not None:
        return LEAF if of.map.atomic else _in_map(of.map, value)
    if isinstance(value, list) and of.list is not None:
        return LEAF if of.list.atomic else _in_list(of.list, value)
    if value is None and not of.scalar:
        container: Any = of.map or of.list
        return LEAF if container is not None and container.atomic else None
    return LEAF


def _in_map(of: MapType, value: Mapping[str, Any]) -> Fields | None:
    out: dict[str, Any] = {}
    for name in sorted(value):
        item, inner = value[name], of.type_of(name)
        node = None if inner is None else _mentioned(inner, item)
        if item is None or item == {} or name not in of.fields:
            node = _itself_and(node)
        if node is not None:
            out[f"f:{name}"] = node
    return out or None


def _in_list(of: ListType, value: list[Any]) -> Fields | None:
    out: dict[str, Any] = {}
    for element, items in by_element(of, value):
        out[element] = _itself_and(_mentioned(of.of, items[0]) if len(items) == 1 else None)
    return out or None


def _itself_and(node: Fields | None) -> Fields:
    if not node:
        return LEAF
    return node if SELF in node else {SELF: LEAF, **node}


def with_named_fields(of: Type | None, fields: Fields) -> Fields:
    """The set, and every declared field that something is owned below of."""
    out: dict[str, Any] = {}
    for element, inner in fields.items():
        if not inner:
            out[element] = inner
            continue
        declared, below = _step(of, element)
        node = with_named_fields(below, inner)
        out[element] = _itself_and(node) if declared else node
    return out


def _step(of: Type | None, element: str) -> tuple[bool, Type | None]:
    """Whether an element is a declared field, and the type below it."""
    if of is None:
        return False, None
    if element.startswith("f:") and of.map is not None:
        return element[2:] in of.map.fields, of.map.type_of(element[2:])
    if element.startswith("k:") and of.list is not None:
        return False, of.list.of
    return False, None
