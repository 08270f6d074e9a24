"""The careful pass: walks with the path in hand and finds upstream's words for what does not fit.

Source: sigs.k8s.io/json ``decode.go`` (case-sensitive, strict), Go ``encoding/json``, apimachinery's own decoders.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.quantity import FORMAT_WRONG, QuantityError, canonical_milli_quantity, canonical_quantity
from pynetes.meta.schema import go_types
from pynetes.meta.times import TimeError, canonical_micro_time, canonical_time
from pynetes.meta.typed.gotypes import (
    BASE64_ALPHABET,
    EXTENSIONS,
    INT_BITS,
    INT_OR_STRING,
    MICRO_TIME,
    QUANTITY,
    TIME,
    UINT_BITS,
    go_float,
    zero,
)

UNKNOWN_LIMIT = 100


class DecodeError(ValueError):
    """The value does not fit the type: ``message`` is in Go's words.

    ``own``: what a type that decodes itself says, which does not know where it stands; else ``""``.
    """

    def __init__(self, message: str, own: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.own = own


NOTHING = object()


class Written:
    """A number of the JSON text with the text itself."""

    @staticmethod
    def of_int(text: str) -> int:
        return _WrittenInt(text)

    @staticmethod
    def of_float(text: str) -> float:
        return _WrittenFloat(text)


class _WrittenInt(int):
    text: str

    def __new__(cls, text: str) -> "_WrittenInt":
        made = super().__new__(cls, text)
        made.text = text
        return made


class _WrittenFloat(float):
    text: str

    def __new__(cls, text: str) -> "_WrittenFloat":
        made = super().__new__(cls, text)
        made.text = text
        return made


def _text_of(number: float) -> str:
    """A number as it was written, or as Go would write it."""
    text: str | None = getattr(number, "text", None)
    return text if text is not None else json.dumps(number)


def _plain(value: Any) -> Any:
    """The same without the texts of its numbers."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, _WrittenInt):
        return int(value)
    if isinstance(value, _WrittenFloat):
        return float(value)
    return value


def _mismatch(what: str, go_type: str) -> str:
    return f"json: cannot unmarshal {what} into Go value of type {go_type}"


def _called(value: Any) -> str:
    """What Go's errors call a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return "number"


class Careful:
    """One walk: ``error`` is the first type error (the walk goes on, as Go's does), ``unknown`` the strict texts.

    ``stack`` holds the names of the fields, ``struct`` the Go name of the innermost struct; ``strict`` the strict path.
    """

    def __init__(self) -> None:
        self.error = ""
        self.unknown: list[str] = []
        self.stack: list[str] = []
        self.struct = ""
        self.strict: list[str] = []
        self.is_strict = True

    def wrong(self, what: str, go_type: str) -> Any:
        """Keep the first error; the value counts as absent."""
        if not self.error:
            self.error = self.mismatch(what, go_type)
        return NOTHING

    def mismatch(self, what: str, go_type: str) -> str:
        if self.stack:
            path = ".".join(self.stack)
            return f"json: cannot unmarshal {what} into Go struct field {self.struct}.{path} of type {go_type}"
        return _mismatch(what, go_type)

    def value(self, row: int, value: Any) -> Any:
        """The value as that type, ``NOTHING`` when it does not fit. None (null) is the caller's to handle."""
        kind, go_type, *rest = go_types().table[row]
        if kind == "ptr":
            return self.value(rest[0], value)
        if kind == "custom":
            return self.custom(rest[0], value)
        if kind == "struct":
            return self.object(row, go_type, rest[1], value)
        if kind == "slice":
            return self.array(go_type, rest[0], value)
        if kind == "map":
            return self.map(go_type, rest[0], value)
        if kind == "bytes":
            return self.bytes(go_type, value)
        return self.scalar(kind, go_type, value)

    def object(self, row: int, go_type: str, fields: Sequence[Any], value: Any) -> Any:
        if not isinstance(value, dict):
            return self.wrong(_called(value), go_type)
        known = _fields(row)
        outer, depth, strict_depth = self.struct, len(self.stack), len(self.strict)
        out: Object = {}
        for name, item in value.items():
            found = known.get(name)
            if found is None:
                self.note_unknown(name)
                continue
            flags, inner, embedded = found
            self.stack += embedded
            self.stack.append(name)
            self.struct = go_type.rpartition(".")[2]
            self.strict.append(f".{name}" if self.strict else name)
            if item is not None:
                done = self.value(inner, item)
                if done is not NOTHING and not (flags & 1 and _is_empty(inner, done)):
                    out[name] = done
            del self.stack[depth:], self.strict[strict_depth:]
            self.struct = outer
        return out

    def note_unknown(self, name: str) -> None:
        if not self.is_strict or len(self.unknown) >= UNKNOWN_LIMIT:
            return
        path = f"{''.join(self.strict)}.{name}" if self.strict else name
        text = f"unknown field {quoted(path)}"
        if text not in self.unknown:
            self.unknown.append(text)

    def array(self, go_type: str, inner: int, value: Any) -> Any:
        if not isinstance(value, list):
            return self.wrong(_called(value), go_type)
        out = []
        for index, item in enumerate(value):
            self.strict.append(f"[{index}]")
            done = NOTHING if item is None else self.value(inner, item)
            out.append(zero(inner) if done is NOTHING else done)
            self.strict.pop()
        return out

    def map(self, go_type: str, inner: int, value: Any) -> Any:
        if not isinstance(value, dict):
            return self.wrong(_called(value), go_type)
        out = {}
        for key, item in value.items():
            self.strict.append(f".{key}" if self.strict else key)
            done = NOTHING if item is None else self.value(inner, item)
            if done is not NOTHING and go_type == "v1.ResourceList":
                done = canonical_milli_quantity(done)
            out[key] = zero(inner) if done is NOTHING else done
            self.strict.pop()
        return out

    def bytes(self, go_type: str, value: Any) -> Any:
        if not isinstance(value, str):
            return self.wrong(_called(value), go_type)
        wrong_at = _illegal_base64(value)
        if wrong_at is not None:
            if not self.error:
                self.error = f"illegal base64 data at input byte {wrong_at}"
            return NOTHING
        return b64encode(b64decode(value.replace("\r", "").replace("\n", ""))).decode()

    def scalar(self, kind: str, go_type: str, value: Any) -> Any:
        if kind == "interface":
            return _plain(value)
        if kind == "string":
            return value if isinstance(value, str) else self.wrong(_called(value), go_type)
        if kind == "bool":
            return value if isinstance(value, bool) else self.wrong(_called(value), go_type)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self.wrong(_called(value), go_type)
        if kind in ("float64", "float32"):
            return go_float(_plain(value))
        low, high = (-(1 << INT_BITS[kind]), 1 << INT_BITS[kind]) if kind in INT_BITS else (0, 1 << UINT_BITS[kind])
        if not isinstance(value, int) or not low <= value < high:
            return self.wrong(f"number {_text_of(value)}", go_type)
        return int(value)

    def custom(self, type_name: str, value: Any) -> Any:
        """Types that decode themselves: their errors end the walk at once."""
        if type_name in (TIME, MICRO_TIME):
            if not isinstance(value, str):
                raise self.refused(_called(value), "string")
            try:
                return canonical_time(value) if type_name == TIME else canonical_micro_time(value)
            except TimeError as error:
                raise DecodeError(str(error)) from None
        if type_name == QUANTITY:
            return self.quantity(value)
        if type_name == INT_OR_STRING:
            if isinstance(value, str):
                return value
            inner = Careful()
            done = inner.scalar("int32", "int32", value)
            if inner.error:
                what = f"number {_text_of(value)}" if _called(value) == "number" else _called(value)
                raise self.refused(what, "int32")
            return done
        if type_name.startswith(f"{EXTENSIONS}JSONSchemaPropsOr"):
            return self.schema_or(type_name, value)
        return _plain(value)

    def refused(self, what: str, go_type: str) -> DecodeError:
        return DecodeError(self.mismatch(what, go_type), _mismatch(what, go_type))

    def quantity(self, value: Any) -> str:
        if isinstance(value, bool | dict | list):
            raise DecodeError(FORMAT_WRONG)
        try:
            return canonical_quantity((value if isinstance(value, str) else _text_of(value)).strip())
        except QuantityError as error:
            raise DecodeError(str(error)) from None

    def schema_or(self, type_name: str, value: Any) -> Any:
        schema = go_types().names[f"{EXTENSIONS}JSONSchemaProps"]
        if type_name.endswith("OrBool") and not isinstance(value, dict | bool):
            raise DecodeError("boolean or JSON schema expected")
        if isinstance(value, bool):
            return value if type_name.endswith("OrBool") else NOTHING
        was_strict, self.is_strict = self.is_strict, False
        try:
            if isinstance(value, dict):
                done = self.value(schema, value)
            elif isinstance(value, list):
                done = [item if type_name.endswith("StringArray") else self.value(schema, item) for item in value]
            else:
                done = NOTHING
        finally:
            self.is_strict = was_strict
        if self.error:
            raise DecodeError(self.error)
        return done


@cache
def _fields(row: int) -> Mapping[str, tuple[int, int, tuple[str, ...]]]:
    """By JSON name: flags, row, the embedded structs on the way."""
    return {
        name: (flags, inner, tuple(embed[0].split(".")) if embed else ())
        for name, flags, inner, *embed in go_types().table[row][3]
    }


def _is_empty(row: int, value: Any) -> bool:
    """Is this the zero of its type? An empty list or map is none: rules tell it from an absent one."""
    if go_types().table[row][0] in ("ptr", "struct", "custom", "slice", "map"):
        return False
    return not value


def _illegal_base64(text: str) -> int | None:
    """Where Go's decoder stops, None when it does not. Line breaks are passed over."""
    quantum, padded = 0, 0
    for at, character in enumerate(text.encode().decode("latin-1")):
        if character in "\r\n":
            continue
        if padded:
            if padded == 1 and quantum == 2 and character == "=":
                padded, quantum = 2, 4
                continue
            return at - (padded == 1)
        if character == "=":
            if quantum < 2:
                return at
            padded, quantum = (1, 2) if quantum == 2 else (2, 4)
            continue
        if character not in BASE64_ALPHABET:
            return at
        quantum = quantum % 4 + 1
    if quantum % 4 == 0:
        return None
    return len(text) if padded else len(text) - quantum
