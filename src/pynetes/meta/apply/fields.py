"""Sets of fields, in the form of ``fieldsV1``: nested maps from path elements to what is owned below them.

``{"f:data": {".": {}, "f:k": {}}}`` owns ``.data`` itself and ``.data.k``; without the ``.`` only the latter. ``{}``
is the empty set at the root and, below it, an element that is owned with nothing below it: ``{}`` and ``{".": {}}`` say
the same, and only the former is written. The elements of each level are in their order (``elements.order``). Sets are
values: no function changes one, and results share parts with their arguments.

Source: structured-merge-diff ``fieldpath/set.go``, ``fieldpath/serialize.go``.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pynetes.meta.apply import elements

Fields = Mapping[str, Any]
"""A set of fields. Read-only."""
Path = tuple[str, ...]
"""Path elements from the root downwards."""

SELF = "."
LEAF: Fields = {}
EMPTY: Fields = {}
_OWNED: Fields = {SELF: LEAF}


def of_paths(*paths: Path) -> Fields:
    root: dict[str, Any] = {}
    for path in paths:
        node = root
        for element in path[:-1]:
            inner = node.get(element)
            inner = node[element] = {} if inner is None else dict(inner or _OWNED)
            node = inner
        inner = node.get(path[-1])
        node[path[-1]] = LEAF if not inner else {SELF: LEAF, **inner}
    return ordered(root)


def paths(fields: Fields) -> Iterator[Path]:
    """Every field that is owned: those of one level before those below it."""
    return _paths(fields, ())


def _paths(node: Fields, at: Path) -> Iterator[Path]:
    for element, inner in node.items():
        if element != SELF and (not inner or SELF in inner):
            yield (*at, element)
    for element, inner in node.items():
        if inner:
            yield from _paths(inner, (*at, element))


def has(fields: Fields, path: Path) -> bool:
    node: Fields | None = fields
    for element in path:
        node = (node or LEAF).get(element)
        if node is None:
            return False
    return bool(path) and node is not None and (not node or SELF in node)


def below(fields: Fields, element: str) -> Fields:
    """The set of what is owned below one element."""
    node = fields.get(element)
    if not node:
        return EMPTY
    return {name: inner for name, inner in node.items() if name != SELF} if SELF in node else node


def owns(fields: Fields, element: str) -> bool:
    """Whether the element itself is owned."""
    node = fields.get(element)
    return node is not None and (not node or SELF in node)


def union(left: Fields, right: Fields) -> Fields:
    if not left:
        return right
    if not right:
        return left
    return _union(left, right)


def _union(left: Fields, right: Fields) -> Fields:
    out = dict(left)
    for element, theirs in right.items():
        mine = left.get(element)
        if mine is None:
            out[element] = theirs
        elif mine is not theirs and mine != theirs and element != SELF:
            out[element] = _union(mine or _OWNED, theirs or _OWNED)
    return out if len(out) == len(left) else _in_order(out)


def _in_order(node: dict[str, Any]) -> dict[str, Any]:
    return {element: node[element] for element in sorted(node, key=elements.order)}


def intersection(left: Fields, right: Fields) -> Fields:
    out = {}
    for element, mine in left.items():
        theirs = right.get(element)
        if theirs is None:
            continue
        if mine is theirs or mine == theirs:
            out[element] = mine
            continue
        if common := intersection(mine or _OWNED, theirs or _OWNED):
            out[element] = _written(common)
    return out


def difference(left: Fields, right: Fields) -> Fields:
    """What is owned in ``left`` and not in ``right``. What is below an element of ``right`` stays."""
    out = {}
    for element, mine in left.items():
        theirs = right.get(element)
        if theirs is None:
            out[element] = mine
        elif element != SELF and (rest := difference(mine or _OWNED, theirs or _OWNED)):
            out[element] = _written(rest)
    return out


def recursive_difference(left: Fields, right: Fields) -> Fields:
    """As ``difference``, but what is below an element of ``right`` goes with it."""
    out = {}
    for element, mine in left.items():
        theirs = right.get(element)
        if theirs is None:
            out[element] = mine
        elif theirs and SELF not in theirs and (rest := recursive_difference(mine or _OWNED, theirs)):
            out[element] = _written(rest)
    return out


def _written(node: Fields) -> Fields:
    """``{".": {}}`` as ``{}``."""
    return LEAF if len(node) == 1 and SELF in node else node


def ordered(fields: Fields) -> Fields:
    """A set of elements in any order."""
    out = {}
    for element in sorted(fields, key=elements.order) if len(fields) > 1 else fields:
        inner = fields[element]
        out[element] = ordered(inner) if inner else inner
    return out


def read(value: Any) -> Fields:
    """A set from JSON that somebody else wrote: every element in its one text, what is not known left out.

    Raises: elements.ElementError.
    """
    children, _ = _read(value)
    return ordered(children)


def _read(value: Any) -> tuple[dict[str, Any], bool]:
    """What is owned below, and whether ``.`` is among it."""
    if value is not None and not isinstance(value, dict):
        raise elements.ElementError(f"no set of fields: {value}")
    node: dict[str, Any] = {}
    owned = False
    for text, inner in (value or {}).items():
        if text == SELF:
            owned = True
            continue
        element = elements.normal(text)
        if element is None:
            continue
        children, itself = _read(inner)
        if not children:
            children, itself = {}, True
        found = {SELF: LEAF, **children} if itself and children else children
        node[element] = _union(node[element] or _OWNED, found or _OWNED) if element in node else found
    return node, owned


Filter = Callable[[Fields], Fields]
"""Leaves out of a set what somebody else decides on."""


def without(excluded: Fields) -> Filter:
    """Leaves out some fields, and what is below them."""
    return lambda fields: recursive_difference(fields, excluded)
