"""Paths to fields of custom resources, in the dot notation that definitions use: ``.spec.replicas``.

Source: apiextensions-apiserver ``pkg/apis/apiextensions/validation`` (``validateSimpleJSONPath``),
``pkg/apiserver/schema/cel/validation.go`` (``ValidFieldPath``).
"""

from typing import Any

from pynetes.meta.gotext import plain
from pynetes.meta.schema import Schema

_GO_TYPES: dict[type, str] = {
    str: "string",
    bool: "bool",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
    type(None): "<nil>",
}


def problem(text: str) -> str:
    """Why the text is no simple path; empty: it is one."""
    if not text:
        return "must not be empty"
    return "" if text[0] == "." else "must be a simple json path starting with ."


def schema_at(text: str, schema: Schema | None) -> tuple[Schema | None, str]:
    """The schema of the field that a path leads to, or why it leads nowhere."""
    if not text.startswith("."):
        return None, f"expected [ or . but got: {text}"
    for name in text[1:].split("."):
        found = ((schema or {}).get("properties") or {}).get(name)
        if found is None:
            return None, "does not refer to a valid field" if name else "unexpected end of JSON path"
        schema = found
    return schema, ""


def keys(text: str) -> list[str]:
    """The names on the way."""
    return text.removeprefix(".").split(".")


def value_at(text: str, obj: Any) -> Any:
    """What stands at the path; None: nothing does."""
    for name in keys(text):
        if not isinstance(obj, dict):
            return None
        obj = obj.get(name)
    return obj


def integer_at(text: str, obj: Any) -> tuple[int, str]:
    """The whole number at the path, 0 where there is none; or why what stands there is no such number."""
    found, why = _of_type(text, obj, int, "int64")
    return found or 0, why


def text_at(text: str, obj: Any) -> tuple[str, str]:
    """As ``integer_at``, of a text."""
    found, why = _of_type(text, obj, str, "string")
    return found or "", why


def _of_type(text: str, obj: Any, wanted: type, called: str) -> tuple[Any, str]:
    for name in keys(text):
        if obj is None:
            return None, ""
        if not isinstance(obj, dict):
            return None, _mismatch(obj, "map[string]interface{}")
        if name not in obj:
            return None, ""
        obj = obj[name]
    return (obj, "") if type(obj) is wanted else (None, _mismatch(obj, called))


def _mismatch(value: Any, wanted: str) -> str:
    return f"{plain(value)} is of the type {_GO_TYPES.get(type(value), 'int64')}, expected {wanted}"


def put(text: str, obj: Any, value: Any) -> None:
    """Set what stands at the path, with the maps on the way."""
    *way, last = text.removeprefix(".").split(".")
    for name in way:
        obj = obj.setdefault(name, {})
    obj[last] = value
