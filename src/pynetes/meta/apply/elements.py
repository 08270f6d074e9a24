"""Path elements as text, as FieldsV1 writes them: ``f:name``, ``k:{"name":"c"}``, ``v:"finalizer"``, ``i:3``.

Two elements are equal when their texts are, for there is one text only: keys sorted, strings escaped as upstream does.
Source: structured-merge-diff ``fieldpath/element.go``, ``fieldpath/serialize-pe.go``.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import orjson

from pynetes.meta.gotext import go_float, json_text, quoted

_Answer = TypeVar("_Answer")
_KEPT = 16384
_LONGEST_KEPT = 256


def _remembered(function: Callable[[str], _Answer]) -> Callable[[str], _Answer]:
    """Answers are kept for texts of a usual length."""
    kept = lru_cache(_KEPT)(function)

    def answer(text: str) -> _Answer:
        return kept(text) if len(text) <= _LONGEST_KEPT else function(text)

    return answer


class ElementError(ValueError):
    """A text that is no path element."""


def of_field(name: str) -> str:
    return f"f:{name}"


def of_keys(keys: Mapping[str, Any]) -> str:
    """The item of a list whose keys have these values."""
    return f"k:{{{','.join(f'{_text(name)}:{_text(keys[name])}' for name in sorted(keys))}}}"


def of_value(value: Any) -> str:
    """The item of a set."""
    return f"v:{_text(value)}"


def _text(value: Any) -> str:
    if type(value) is str:
        return _string(value)
    return go_float(value) if isinstance(value, float) else json_text(value)


_string = _remembered(json_text)


@_remembered
def normal(text: str) -> str | None:
    """The one text of an element that somebody else wrote; None for a kind of element that is not known.

    Raises: ElementError.
    """
    kind, content = text[:2], text[2:]
    if len(text) < 2:
        raise ElementError("key must be 2 characters long:")
    if kind[1] != ":":
        raise ElementError(f"missing colon: {text}")
    if kind == "f:":
        return text
    try:
        if kind == "v:":
            return of_value(_scalar(orjson.loads(content)))
        if kind == "k:":
            keys = orjson.loads(content)
            if not isinstance(keys, dict):
                raise ElementError(f"no keys: {text}")
            return of_keys({name: _scalar(value) for name, value in keys.items()})
        if kind == "i:":
            return f"i:{int(content)}"
    except ValueError as error:
        raise ElementError(str(error)) from None
    return None


def _scalar(value: Any) -> Any:
    """A number that is whole is an integer: elements are compared by value."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@_remembered
def shown(text: str) -> str:
    """As messages write it after a path: ``.name``, ``[name="c"]``, ``[="finalizer"]``, ``[3]``."""
    kind, content = text[:2], text[2:]
    if kind == "f:":
        return f".{content}"
    if kind == "k:":
        keys = orjson.loads(content)
        return f"[{','.join(f'{name}={_shown_value(keys[name])}' for name in keys)}]"
    return f"[={_shown_value(orjson.loads(content))}]" if kind == "v:" else f"[{content}]"


def _shown_value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "".join(f"{key}={_shown_value(value[key])}" for key in sorted(value))
    if isinstance(value, list):
        return f"[{','.join(map(_shown_value, value))}]"
    return _text(value)


_KINDS = {".": 0, "f": 1, "k": 2, "v": 3, "i": 4}


@_remembered
def order(text: str) -> tuple[Any, ...]:
    """What the elements of one set are sorted by."""
    kind, content = text[0], text[2:]
    if kind in (".", "f"):
        return _KINDS[kind], content
    if kind == "i":
        return _KINDS[kind], int(content)
    value = orjson.loads(content)
    if kind == "k":
        return _KINDS[kind], tuple((name, *_value_order(item)) for name, item in value.items())
    return (_KINDS[kind], *_value_order(value))


def _value_order(value: Any) -> tuple[Any, ...]:
    """Numbers before texts before booleans before lists, maps and null."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, value
    if isinstance(value, list):
        return 3, _text(value)
    return (4 if isinstance(value, dict) else 5), _text(value)
