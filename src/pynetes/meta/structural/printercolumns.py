"""The cells of a custom resource's Table: what a column's JSONPath leads to, as its type wants it shown.

Source: apiextensions-apiserver ``pkg/registry/customresource/tableconvertor``; client-go ``util/jsonpath`` for the
paths (fields, indexes, ``[*]``, ``['name']`` and filters by equality; what is missing shows as nothing).
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from pynetes.meta.gotext import go_float, json_text
from pynetes.meta.objects import Object
from pynetes.meta.resource import Column
from pynetes.meta.times import TimeError, human_duration, parse_time

_Step = Callable[[Any], list[Any]]
_TOKEN = re.compile(
    r"""\.?(?:
        (?P<name>[^.\[\]]+)
      | \[(?P<index>-?\d+)\]
      | \[(?P<all>\*)\]
      | \[['"](?P<quoted>[^'"]*)['"]\]
      | \[\?\(@(?P<left>(?:\.[\w-]+)+)\s*==\s*(?P<right>"[^"]*"|'[^']*'|[\w.-]+)\s*\)\]
    )""",
    re.X,
)


def cell(column: Column, obj: Object, now: float) -> Any:
    """The first value, as the column's type shows it; None: there is none, or it is of another type."""
    found = _find(column.path, obj)
    if not found:
        return None
    value = found[0]
    match column.type:
        case "integer":
            return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        case "number":
            return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return _age(value, now)
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return go_float(value)
    return "" if value is None else json_text(value)


def _age(value: Any, now: float) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return human_duration(now - parse_time(value))
    except (TimeError, ValueError):
        return "<invalid>"


def _find(path: str, obj: Any) -> list[Any]:
    values = [obj]
    for step in _steps(path):
        values = [found for value in values for found in step(value)]
    return values


@lru_cache(1024)
def _steps(path: str) -> Sequence[_Step]:
    steps: list[_Step] = []
    at = 0
    while at < len(path) and path != ".":
        token = _TOKEN.match(path, at)
        if token is None:
            return [lambda value: []]
        at = token.end()
        steps.append(_step(token))
    return steps


def _step(token: "re.Match[str]") -> _Step:
    name = token["name"] if token["name"] is not None else token["quoted"]
    if name is not None:
        name = name.replace("\\", "")
        return lambda value: [value[name]] if isinstance(value, dict) and name in value else []
    if token["index"] is not None:
        index = int(token["index"])
        return lambda value: [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []
    if token["all"] is not None:
        return _all
    left, right = token["left"], token["right"].strip("\"'")
    return lambda value: [item for item in _all(value) if any(_text(one) == right for one in _find(left, item))]


def _all(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
