"""Sets of fields that were written under an older schema: what has become one whole since then is owned as such.

Lists and maps that have ceased to be one whole need nothing: they are treated as if they had never been one.
Source: structured-merge-diff ``typed/reconcile_schema.go``.
"""

from collections.abc import Callable
from typing import Any

from pynetes.meta.apply.fields import LEAF, SELF, Fields
from pynetes.meta.apply.schema import MapType, Type

Settle = Callable[[Fields], Fields]
"""From what is owned below an element, which is something, to what is owned of it; the same object for no change."""


def settle_of(of: Type) -> Settle:
    if of.settle is None:
        of.settle = _compiled(of)
    return of.settle


def _compiled(of: Type) -> Settle:
    if of.map is not None:
        if of.map.deduced:
            return _as_it_is
        return _whole if of.map.atomic else _map(of.map)
    if of.scalar or of.list is None:
        return _as_it_is
    if of.list.atomic:
        return _whole
    items = of.list.of
    return _walk(lambda element: items)


def _as_it_is(node: Fields) -> Fields:
    return node


def _whole(node: Fields) -> Fields:
    return LEAF


def _map(of: MapType) -> Settle:
    return _walk(lambda element: of.type_of(element[2:]) if element.startswith("f:") else of.element)


def _walk(type_below: Callable[[str], Type | None]) -> Settle:
    below: dict[str, Settle] = {}

    def settle_below(element: str) -> Settle:
        of = None if element == SELF else type_below(element)
        found = _as_it_is if of is None else settle_of(of)
        if len(below) < _MOST_KNOWN:
            below[element] = found
        return found

    def settle(node: Fields) -> Fields:
        changed: dict[str, Any] | None = None
        for element, inner in node.items():
            if not inner:
                continue
            settled = (below.get(element) or settle_below(element))(inner)
            if settled is not inner:
                changed = dict(node) if changed is None else changed
                changed[element] = settled
        return node if changed is None else changed

    return settle


_MOST_KNOWN = 256
