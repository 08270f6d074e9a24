"""The fast pass: a well-formed value is changed in place, anything unexpected raises ``Odd``.

A field's rule is (expected type of the JSON value, function or None, may it be empty).
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from pynetes.meta.quantity import QuantityError, canonical_milli_quantity, canonical_quantity
from pynetes.meta.schema import go_types
from pynetes.meta.times import TimeError, canonical_micro_time, canonical_time
from pynetes.meta.typed.gotypes import (
    BASE64,
    EXTENSIONS,
    INT_BITS,
    INT_OR_STRING,
    MICRO_TIME,
    QUANTITY,
    TIME,
    UINT_BITS,
    Pass,
    as_it_is,
    go_float,
)


class Odd(Exception):
    """The fast pass met something that it does not expect."""


_ANY = object()
_Rule = tuple[Any, Pass | None, bool]


@cache
def fast(row: int) -> Pass:
    kind, _, *rest = go_types().table[row]
    if kind == "struct":
        return _fast_struct(row)
    if kind == "ptr":
        return fast(rest[0])
    if kind in ("slice", "map"):
        return _fast_container(kind, row, rest[0])
    if kind == "custom":
        return _fast_custom(rest[0])
    return _FAST_SCALARS[kind]


def _fast_struct(row: int) -> Pass:
    rules: dict[str, _Rule] = {}
    compiled = False

    def struct(value: Any) -> Any:
        nonlocal compiled
        if not compiled:
            rules.update(_rules(row))
            compiled = True
        if type(value) is not dict:
            raise Odd
        drop = None
        for name, item in value.items():
            rule = rules.get(name)
            if rule is None:
                raise Odd
            wanted, change, may_be_empty = rule
            if type(item) is wanted:
                if change is not None:
                    changed = change(item)
                    if changed is not item:
                        value[name] = item = changed
                if item or may_be_empty:
                    continue
            elif item is None:
                pass
            elif wanted is _ANY and change is not None:
                value[name] = change(item)
                continue
            else:
                raise Odd
            if drop is None:
                drop = [name]
            else:
                drop.append(name)
        if drop is not None:
            for name in drop:
                del value[name]
        return value

    return struct


def _rules(row: int) -> dict[str, _Rule]:
    table = go_types().table
    rules: dict[str, _Rule] = {}
    wanted: Any
    change: Pass | None
    for name, flags, inner, *_ in table[row][3]:
        pointer = table[inner][0] == "ptr"
        at = table[inner][2] if pointer else inner
        kind = table[at][0]
        keeps = pointer or not flags & 1 or kind in ("struct", "custom", "slice", "map")
        if kind in ("string", "bool"):
            wanted, change = (str if kind == "string" else bool), None
        elif kind in ("struct", "map"):
            wanted, change = dict, fast(at)
        elif kind == "slice":
            wanted, change = list, fast(at)
        elif kind == "bytes":
            wanted, change = str, _base64
        elif kind in INT_BITS or kind in UINT_BITS:
            wanted, change = int, _FAST_SCALARS[kind]
        elif kind == "custom" and table[at][2] in (TIME, MICRO_TIME, QUANTITY):
            # a number for a quantity is rare enough for the careful pass
            wanted, change = str, fast(at)
        else:
            wanted, change = _ANY, fast(at)
        rules[name] = (wanted, change, keeps)
    return rules


def _fast_container(kind: str, row: int, inner: int) -> Pass:
    table = go_types().table
    element = table[inner][0]
    if element == "string":
        return _strings if kind == "slice" else _string_map
    if table[row][1] == "v1.ResourceList" and element == "custom":
        return partial(_changed_map, _text(canonical_milli_quantity, QuantityError))
    change: Pass | None = None

    def container(value: Any) -> Any:
        nonlocal change
        if change is None:
            change = fast(inner)
        return _changed_list(change, value) if kind == "slice" else _changed_map(change, value)

    return container


def _strings(value: Any) -> Any:
    if type(value) is not list:
        raise Odd
    for item in value:
        if type(item) is not str:
            raise Odd
    return value


def _string_map(value: Any) -> Any:
    if type(value) is not dict:
        raise Odd
    for item in value.values():
        if type(item) is not str:
            raise Odd
    return value


def _changed_list(change: Pass, value: Any) -> Any:
    if type(value) is not list:
        raise Odd
    for index, item in enumerate(value):
        changed = change(item)
        if changed is not item:
            value[index] = changed
    return value


def _changed_map(change: Pass, value: Any) -> Any:
    if type(value) is not dict:
        raise Odd
    for key, item in value.items():
        changed = change(item)
        if changed is not item:
            value[key] = changed
    return value


def _fast_string(value: Any) -> Any:
    if type(value) is not str:
        raise Odd
    return value


def _fast_bool(value: Any) -> Any:
    if type(value) is not bool:
        raise Odd
    return value


def _fast_int(low: int, high: int) -> Pass:
    def integer(value: Any) -> Any:
        if type(value) is not int or not low <= value <= high:
            raise Odd
        return value

    return integer


def _fast_float(value: Any) -> Any:
    if type(value) is not float and type(value) is not int:
        raise Odd
    return go_float(value)


def _base64(value: Any) -> Any:
    """As Go writes the bytes again: no line breaks, no stray bits in the last character."""
    if type(value) is not str or not BASE64.fullmatch(value):
        raise Odd
    return b64encode(b64decode(value)).decode() if value.endswith("=") else value


_FAST_SCALARS: Mapping[str, Pass] = {
    "string": _fast_string,
    "bool": _fast_bool,
    "bytes": _base64,
    "float64": _fast_float,
    "float32": _fast_float,
    "interface": as_it_is,
    **{kind: _fast_int(-(1 << bits), (1 << bits) - 1) for kind, bits in INT_BITS.items()},
    **{kind: _fast_int(0, (1 << bits) - 1) for kind, bits in UINT_BITS.items()},
}


def _fast_custom(type_name: str) -> Pass:
    if type_name.startswith(f"{EXTENSIONS}JSONSchemaPropsOr"):
        return partial(_schema_or, type_name)
    return _FAST_CUSTOM.get(type_name, _anything)


def _anything(value: Any) -> Any:
    if value is None:
        raise Odd
    return value


def _text(canonical: Callable[[str], str], fault: type[ValueError]) -> Pass:
    """A text that has a canonical form."""

    def text(value: Any) -> Any:
        if type(value) is not str:
            raise Odd
        try:
            return canonical(value)
        except fault:
            raise Odd from None

    return text


def _int_or_string(value: Any) -> Any:
    if type(value) is str or (type(value) is int and -(1 << 31) <= value < 1 << 31):
        return value
    raise Odd


_FAST_CUSTOM: Mapping[str, Pass] = {
    TIME: _text(canonical_time, TimeError),
    MICRO_TIME: _text(canonical_micro_time, TimeError),
    QUANTITY: _text(canonical_quantity, QuantityError),
    INT_OR_STRING: _int_or_string,
}


def _schema_or(type_name: str, value: Any) -> Any:
    """A schema, or a bool, or an array: within, upstream's decoder is not strict, so the careful pass does it."""
    if type(value) is bool and type_name.endswith("OrBool"):
        return value
    if type(value) is dict:
        return fast(go_types().names[f"{EXTENSIONS}JSONSchemaProps"])(value)
    raise Odd
