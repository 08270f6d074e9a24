"""YAML bodies as sigs.k8s.io/yaml turns them into JSON: Go's scalar rules, first document only, keys sorted.

PyYAML's parser gives the events; it is imported on first use. Source: sigs.k8s.io/yaml ``yaml.go``, go-yaml v2
``resolve.go``, ``decode.go``.
"""

import re
from collections.abc import Iterator
from typing import Any

from pynetes.meta.gotext import syntax

MAX_NODES = 400_000
_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_SPECIAL = frozenset(sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")) | frozenset(
    (".nan", ".NaN", ".NAN")
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_BASED = re.compile(r"([-+]?)0(?:([xX])([0-9a-fA-F]+)|([bB])([01]+)|[oO]?([0-7]+))", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?", re.ASCII)
_TAG = "tag:yaml.org,2002:"
_MAP = "map[interface {}]interface {}"


class YAMLError(ValueError):
    """Why a text is not YAML, in Go's words."""


def loads(body: bytes) -> tuple[Any, list[str]]:
    """The first document as a JSON value, and its duplicate keys (``line 7: key "k" already set in map``).

    Raises: YAMLError.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = body.decode("utf-8", "replace")
    builder = _Builder()
    try:
        value = builder.document(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        raise YAMLError(_message(error)) from None
    except yaml.YAMLError as error:
        raise YAMLError(f"yaml: {error}") from None
    return value, builder.duplicates


def _message(error: Any) -> str:
    line = 0
    if error.problem_mark is not None and error.problem_mark.line:
        line = error.problem_mark.line + (1 if type(error).__name__ == "ScannerError" else 0)
    elif error.context_mark is not None and error.context_mark.line:
        line = error.context_mark.line
    where = f"line {line}: " if line else ""
    return f"yaml: {where}{error.problem or 'unknown problem parsing YAML content'}"


class _Builder:
    """Builds the value from the parser's events."""

    def __init__(self) -> None:
        self.duplicates: list[str] = []
        self.anchors: dict[str, Any] = {}
        self.nodes = 0

    def document(self, events: Iterator[Any]) -> Any:
        for event in events:
            if type(event).__name__ == "DocumentStartEvent":
                return self.node(next(events), events)
        return None

    def node(self, event: Any, events: Iterator[Any]) -> Any:
        self.nodes += 1
        kind = type(event).__name__
        if kind == "AliasEvent":
            if event.anchor not in self.anchors:
                raise YAMLError(f"yaml: unknown anchor '{event.anchor}' referenced")
            return self.copy(self.anchors[event.anchor])
        if kind == "ScalarEvent":
            value = scalar(event.value, event.implicit[0], event.tag)
        elif kind == "SequenceStartEvent":
            value = []
            while type(item := next(events)).__name__ != "SequenceEndEvent":
                value.append(self.node(item, events))
        else:
            value = self.mapping(events)
        if event.anchor:
            self.anchors[event.anchor] = value
        return value

    def mapping(self, events: Iterator[Any]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while type(event := next(events)).__name__ != "MappingEndEvent":
            is_merge = type(event).__name__ == "ScalarEvent" and event.value == "<<" and event.implicit[0]
            key = self.node(event, events)
            value = self.node(next(events), events)
            if is_merge:
                for source in reversed(value if isinstance(value, list) else [value]):
                    if not isinstance(source, dict):
                        raise YAMLError("yaml: map merge requires map or sequence of maps as the value")
                    merged.update(source)
                continue
            name = _key(key, value)
            if name in own:
                self.duplicates.append(f'line {event.start_mark.line + 1}: key "{name}" already set in map')
            own[name] = value
        out = {**merged, **own}
        return {name: out[name] for name in sorted(out)}

    def copy(self, value: Any) -> Any:
        """An alias's value, counted, so that no short text becomes a huge one."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise YAMLError("yaml: document contains excessive aliasing")
        if isinstance(value, dict):
            return {key: self.copy(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.copy(item) for item in value]
        return value


def _key(key: Any, value: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(key)
    if isinstance(key, float):
        return str(int(key)) if key.is_integer() else repr(key)
    if key is not None:
        raise YAMLError(f"yaml: invalid map key: {syntax(key, _MAP)}")
    why = f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {syntax(value, _MAP)}"
    raise YAMLError(f"error converting YAML to JSON: {why}")


def scalar(text: str, plain: bool, tag: str | None) -> Any:
    """A scalar as JSON: what it resolves to when it is written plain, or by its tag. Times stay texts."""
    kind = (tag or "").removeprefix(_TAG)
    if tag in ("!", None, "") and not plain:
        return text
    if kind == "binary":
        import base64

        return base64.b64decode(text).decode("utf-8", "replace")
    if kind == "str" or (tag and not tag.startswith(_TAG)):
        return text
    value = _resolved(text)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _resolved(text: str) -> Any:
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    first = text[0]
    if first not in "+-.0123456789":
        return text
    if text in _SPECIAL:
        raise YAMLError(f"error converting YAML to JSON: json: unsupported value: {text.lstrip('+.')}")
    if first == ".":
        return _float(text) if _FLOAT.fullmatch(text) else text
    if _DATE.fullmatch(text):
        return text
    plain = text.replace("_", "")
    if _DECIMAL.fullmatch(plain):
        value = int(plain)
        return value if -(2**63) <= value < 2**64 else float(value)
    based = _BASED.fullmatch(plain)
    if based is not None:
        sign, _, hexadecimal, _, binary, octal = based.groups()
        number = int(hexadecimal, 16) if hexadecimal else int(binary, 2) if binary else int(octal, 8)
        return -number if sign == "-" else number
    return _float(plain) if _FLOAT.fullmatch(plain) else text


def _float(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value
