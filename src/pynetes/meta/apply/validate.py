"""Whether a value fits its type, in upstream's words.

Source: structured-merge-diff ``typed/validate.go``, ``typed/helpers.go``.
Differs: where upstream meets the members of a map at random, they are met in the order of their names.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pynetes.meta.apply import elements
from pynetes.meta.apply.schema import BOOLEAN, NUMERIC, STRING, ItemError, ListType, MapType, Type
from pynetes.meta.gotext import plain, syntax


class TypeMismatch(ValueError):
    """The message lists every fault, with its path."""


def check(of: Type, value: Any, *, duplicates: bool = False) -> None:
    """``duplicates``: whether lists may hold the same item twice. Raises: TypeMismatch."""
    faults = list(_faults(of, value, "", duplicates))
    if len(faults) == 1:
        raise TypeMismatch(faults[0])
    if faults:
        raise TypeMismatch("\n  ".join(["errors:", *faults]))


def _faults(of: Type, value: Any, path: str, duplicates: bool) -> Iterator[str]:
    if isinstance(value, dict) and of.map is not None:
        yield from _in_map(of.map, value, path, duplicates)
    elif isinstance(value, list) and of.list is not None:
        yield from _in_list(of.list, value, path, duplicates)
    elif value is not None and (wrong := _wrong(of, value)):
        yield _at(path, wrong)


def _at(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _wrong(of: Type, value: Any) -> str:
    """Why a value of another kind, or a scalar, may not stand here; ``""``: it may."""
    scalar = not isinstance(value, dict | list)
    if of.scalar and scalar:
        return _wrong_scalar(of.scalar, value)
    if of.map is not None:
        return f"expected map, got &{{{plain(value)}}}"
    if of.scalar:
        return _wrong_scalar(of.scalar, value)
    return f"expected list, got &{{{plain(value)}}}"


def _wrong_scalar(kind: str, value: Any) -> str:
    is_bool, is_number = isinstance(value, bool), isinstance(value, int | float)
    if kind == NUMERIC and (is_bool or not is_number):
        return f"expected numeric (int or float), got {_go_type(value)}"
    if kind == STRING and not isinstance(value, str):
        return f"expected string, got &value.valueUnstructured{{Value:{syntax(value)}}}"
    if kind == BOOLEAN and not is_bool:
        return f"expected boolean, got &{{{plain(value)}}}"
    if isinstance(value, dict | list):
        return f"expected any scalar, got &{{{plain(value)}}}"
    return ""


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, dict):
        return "map[string]interface {}"
    return "[]interface {}" if isinstance(value, list) else "string"


def _in_map(of: MapType, value: Mapping[str, Any], path: str, duplicates: bool) -> Iterator[str]:
    for name in sorted(value):
        inner = of.type_of(name)
        if inner is None:
            yield f"{path}.{name}: field not declared in schema"
            return
        yield from _faults(inner, value[name], f"{path}.{name}", duplicates)


def _in_list(of: ListType, value: list[Any], path: str, duplicates: bool) -> Iterator[str]:
    seen = set()
    for index, item in enumerate(value):
        element = f"i:{index}"
        if not of.atomic:
            try:
                element = of.element(item)
            except ItemError as error:
                yield _at(path, f"element {index}: {error}")
                return
            if element in seen and not duplicates:
                yield _at(path, f"duplicate entries for key {elements.shown(element)}")
            seen.add(element)
        yield from _faults(of.of, item, path + elements.shown(element), duplicates)
