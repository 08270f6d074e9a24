"""Request bodies: JSON, YAML or protobuf into a value, and upstream's words for what is wrong with them.

Source: apimachinery ``pkg/runtime/serializer/json/json.go``, ``meta.go``; apiserver ``pkg/endpoints/handlers/rest.go``
(``transformDecodeError``, ``summarizeData``).
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import orjson

from pynetes.meta import gojson, goyaml, protobuf
from pynetes.meta.gotext import quoted
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.negotiation import JSON, PROTOBUF, YAML

_SUMMARY = 30
_HEADER = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_KEY = re.compile(rb'"[ \t\r\n]*:')
_NO_KIND = "couldn't get version/kind; json parse error: "


class BodyError(ValueError):
    """A body that cannot be read: ``message`` is upstream's, without what was expected (see ``unrecognized``).

    ``said``: the apiVersion and kind that a protobuf envelope names around a message that cannot be read.
    """

    def __init__(self, message: str, said: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.said = said


def parse(
    body: bytes, content_type: str = JSON, *, strict: bool = True, default: GroupVersionKind | None = None
) -> tuple[Any, list[str]]:
    """The value, and upstream's texts about keys given twice (found only when ``strict``). The last of a key counts.

    ``default``: what a protobuf envelope that does not name its kind holds.

    Raises: BodyError when it is no JSON or YAML, or says no version and kind where an object must.
    """
    if content_type == PROTOBUF:
        try:
            return protobuf.decode(body, default), []
        except protobuf.ProtobufError as error:
            raise BodyError(str(error), error.said) from None
    if content_type == YAML:
        try:
            value, duplicates = goyaml.loads(body)
        except goyaml.YAMLError as error:
            raise BodyError(str(error)) from None
    else:
        try:
            value = loads(body)
        except gojson.JSONError as error:
            raise BodyError(_NO_KIND + str(error)) from None
        duplicates = duplicate_fields(body, value) if strict else []
    _check_header(value)
    return value, duplicates


def loads(body: bytes) -> Any:
    """JSON. Raises: gojson.JSONError in Go's words."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return gojson.loads(body)


def _check_header(value: Any) -> None:
    """Upstream first reads apiVersion and kind alone: that fails on what is no object or gives them other types."""
    if value is None:
        return
    if not isinstance(value, dict):
        raise BodyError(f"{_NO_KIND}json: cannot unmarshal {json_kind(value)} into Go value of type {_HEADER}")
    for name in ("apiVersion", "kind"):
        said = value.get(name)
        if said is not None and not isinstance(said, str):
            text = f"json: cannot unmarshal {json_kind(said)} into Go struct field .{name} of type string"
            raise BodyError(_NO_KIND + text)


def json_kind(value: Any) -> str:
    """What Go's errors call a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list) else "number"


def unrecognized(kind: str, why: str, body: bytes) -> str:
    """The message for a body whose own kind could not be read."""
    return f"the object provided is unrecognized (must be of type {kind}): {why} ({summary(body)})"


def summary(body: bytes) -> str:
    """The beginning of a body for an error text: as it is when it looks like JSON, else in hexadecimal."""
    if not body:
        return "<empty>"
    dots = " ..." if len(body) > _SUMMARY else ""
    head = body[:_SUMMARY]
    return (head.decode("utf-8", "replace") if head.startswith(b"{") else head.hex()) + dots


def strict_error(duplicates: Sequence[str], unknown: Sequence[str]) -> str:
    """The text for ``fieldValidation=Strict``: duplicate keys and unknown fields in one message."""
    lines = [text for text in duplicates if text.startswith("line ")]
    texts = ["yaml: unmarshal errors:\n  " + "\n  ".join(lines)] if lines else []
    texts += [text for text in duplicates if not text.startswith("line ")]
    texts += unknown
    return "strict decoding error: " + ", ".join(texts)


def duplicate_fields(body: bytes, value: Any, root: str = "") -> list[str]:
    """``duplicate field "spec.x"`` for every key that the text gives twice in one object, each once.

    Cheap when there is none: proved by comparing the text with the value written again (equal, or as many keys).
    """
    try:
        again = orjson.dumps(value)
    except TypeError:  # nested more deeply than can be written: where it is kept it will be refused
        again = b""
    if again == body or again == body.strip():
        return []
    if again and b"\\" not in body and len(_KEY.findall(body)) == again.count(b'":'):
        return []
    twice: dict[int, list[str]] = {}

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) != len(items):
            seen: set[str] = set()
            repeated = [key for key, _ in items if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
            twice[id(made)] = list(dict.fromkeys(repeated))
            kept.append(made)
        return made

    kept: list[Any] = []  # so that no id is given twice
    try:
        tree = json.loads(body.decode("utf-8", "replace"), object_pairs_hook=pairs, strict=False)
    except RecursionError:
        return []
    if not twice:
        return []
    found: list[str] = []
    _locate(tree, root, twice, found)
    return found


def _locate(value: Any, path: str, twice: dict[int, list[str]], found: list[str]) -> None:
    if isinstance(value, dict):
        repeated = twice.get(id(value), ())
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            if key in repeated:
                found.append(f"duplicate field {quoted(where)}")
            _locate(item, where, twice, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _locate(item, f"{path}[{index}]", twice, found)
