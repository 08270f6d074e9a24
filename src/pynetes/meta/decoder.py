"""The typed decoder: JSON values into objects of built-in types, as Go's structs take them in and write them out.

Two passes per type, compiled on first use from the Go types. The fast one changes a well-formed value in place: null
and what is left out when empty are dropped, quantities and times take canonical form. Whatever it does not expect (an
unknown field, a wrong type, a bad quantity) sends the value through the careful one, which walks with the path in hand
and finds upstream's words.
Source: sigs.k8s.io/json ``decode.go`` (case-sensitive, strict), Go ``encoding/json``, apimachinery's own decoders.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.quantity import FORMAT_WRONG, QuantityError, canonical_milli_quantity, canonical_quantity
from pynetes.meta.schema import go_types
from pynetes.meta.times import TimeError, canonical_micro_time, canonical_time

UNKNOWN_LIMIT = 100
_INT_BITS = {"int8": 7, "int16": 15, "int32": 31, "int64": 63, "int": 63}
_UINT_BITS = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "uint": 64}
_API = "io.k8s.apimachinery.pkg."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_TIME, _MICRO_TIME = f"{_API}apis.meta.v1.Time", f"{_API}apis.meta.v1.MicroTime"
_QUANTITY, _INT_OR_STRING = f"{_API}api.resource.Quantity", f"{_API}util.intstr.IntOrString"
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BASE64_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


class DecodeError(ValueError):
    """The value does not fit the type: ``message`` is in Go's words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(slots=True)
class Decoded:
    """``unknown``: upstream's strict texts (``unknown field "spec.foo"``), in the order of the value."""

    object: Object
    unknown: list[str] = field(default_factory=list)


class _Odd(Exception):
    """The fast pass met something that it does not expect."""


_Pass = Callable[[Any], Any]


class Decoder:
    """For one type, by its name in the schema data (``io.k8s.api.core.v1.Pod``)."""

    __slots__ = ("_canonical", "_fast", "_held", "_row", "type_name")

    def __init__(self, type_name: str) -> None:
        """Raises: KeyError for a type that is not built in."""
        self.type_name = type_name
        self._row = go_types().names[type_name]
        self._fast = _fast(self._row)
        self._canonical = _canonical(self._row)
        self._held = _canonical(self._row, False)

    def decode(self, value: Any, kind_label: str = "", raw: bytes = b"") -> Decoded:
        """The value as an object of the type. Takes the value over: it is changed in place.

        ``raw``, if given, is the JSON that the value was read from: numbers in error texts are as they were written.
        ``kind_label`` (``ConfigMap``): errors begin ``ConfigMap in version "v1" cannot be handled as a ConfigMap: ``.
        Raises: DecodeError.
        """
        try:
            return Decoded(self._fast(value))
        except _Odd:
            pass
        try:
            return self._carefully(value, raw)
        except DecodeError as error:
            if kind_label:
                raise DecodeError(cannot_be_handled(value, kind_label, error.message)) from None
            raise

    def _carefully(self, value: Any, raw: bytes) -> Decoded:
        if raw:
            try:
                value = json.loads(raw, parse_int=_Written.of_int, parse_float=_Written.of_float)
            except ValueError:
                pass
        careful = _Careful()
        obj = careful.value(self._row, value)
        if careful.error:
            raise DecodeError(careful.error)
        if obj is None or obj is _NOTHING:
            obj = {}
        return Decoded(obj, careful.unknown)

    def canonical(self, obj: Object) -> Object:
        """What Go writes of such a struct: empty fields dropped or written, as the type says. Changed in place."""
        done: Object = self._canonical(obj)
        return done

    def held(self, obj: Object) -> Object:
        """As ``canonical``, but lists and maps that are empty and not null stay so: a struct that was decoded of a body
        tells them apart, what was stored does not.
        """
        done: Object = self._held(obj)
        return done


@cache
def decoder(type_name: str) -> Decoder:
    """The decoder of a type, compiled on first use. Raises: KeyError."""
    return Decoder(type_name)


def cannot_be_handled(value: Any, kind: str, why: str) -> str:
    """Upstream's wrapping of a decoding error, for a body that had a kind."""
    said = value if isinstance(value, dict) else {}
    version = str(said.get("apiVersion") or "v1").rpartition("/")[2]
    return f"{said.get('kind') or kind} in version {quoted(version)} cannot be handled as a {kind}: {why}"


# The fast pass. A field's rule is (expected type of the JSON value, function or None, may it be empty).

_ANY = object()
_Rule = tuple[Any, _Pass | None, bool]


@cache
def _fast(row: int) -> _Pass:
    kind, _, *rest = go_types().table[row]
    if kind == "struct":
        return _fast_struct(row)
    if kind == "ptr":
        return _fast(rest[0])
    if kind in ("slice", "map"):
        return _fast_container(kind, row, rest[0])
    if kind == "custom":
        return _fast_custom(rest[0])
    return _FAST_SCALARS[kind]


def _fast_struct(row: int) -> _Pass:
    rules: dict[str, _Rule] = {}
    compiled = False

    def struct(value: Any) -> Any:
        nonlocal compiled
        if not compiled:
            rules.update(_rules(row))
            compiled = True
        if type(value) is not dict:
            raise _Odd
        drop = None
        for name, item in value.items():
            rule = rules.get(name)
            if rule is None:
                raise _Odd
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
                raise _Odd
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
    change: _Pass | None
    for name, flags, inner, *_ in table[row][3]:
        pointer = table[inner][0] == "ptr"
        at = table[inner][2] if pointer else inner
        kind = table[at][0]
        keeps = pointer or not flags & 1 or kind in ("struct", "custom", "slice", "map")
        if kind in ("string", "bool"):
            wanted, change = (str if kind == "string" else bool), None
        elif kind in ("struct", "map"):
            wanted, change = dict, _fast(at)
        elif kind == "slice":
            wanted, change = list, _fast(at)
        elif kind == "bytes":
            wanted, change = str, _base64
        elif kind in _INT_BITS or kind in _UINT_BITS:
            wanted, change = int, _FAST_SCALARS[kind]
        elif kind == "custom" and table[at][2] in (_TIME, _MICRO_TIME, _QUANTITY):
            # a number for a quantity is rare enough for the careful pass
            wanted, change = str, _fast(at)
        else:
            wanted, change = _ANY, _fast(at)
        rules[name] = (wanted, change, keeps)
    return rules


def _fast_container(kind: str, row: int, inner: int) -> _Pass:
    table = go_types().table
    element = table[inner][0]
    if element == "string":
        return _strings if kind == "slice" else _string_map
    if table[row][1] == "v1.ResourceList" and element == "custom":
        return partial(_changed_map, _milli_quantity)
    change: _Pass | None = None

    def container(value: Any) -> Any:
        nonlocal change
        if change is None:
            change = _fast(inner)
        return _changed_list(change, value) if kind == "slice" else _changed_map(change, value)

    return container


def _strings(value: Any) -> Any:
    if type(value) is not list:
        raise _Odd
    for item in value:
        if type(item) is not str:
            raise _Odd
    return value


def _string_map(value: Any) -> Any:
    if type(value) is not dict:
        raise _Odd
    for item in value.values():
        if type(item) is not str:
            raise _Odd
    return value


def _changed_list(change: _Pass, value: Any) -> Any:
    if type(value) is not list:
        raise _Odd
    for index, item in enumerate(value):
        changed = change(item)
        if changed is not item:
            value[index] = changed
    return value


def _changed_map(change: _Pass, value: Any) -> Any:
    if type(value) is not dict:
        raise _Odd
    for key, item in value.items():
        changed = change(item)
        if changed is not item:
            value[key] = changed
    return value


def _as_it_is(value: Any) -> Any:
    return value


def _fast_string(value: Any) -> Any:
    if type(value) is not str:
        raise _Odd
    return value


def _fast_bool(value: Any) -> Any:
    if type(value) is not bool:
        raise _Odd
    return value


def _fast_int(low: int, high: int) -> _Pass:
    def integer(value: Any) -> Any:
        if type(value) is not int or not low <= value <= high:
            raise _Odd
        return value

    return integer


def _fast_float(value: Any) -> Any:
    if type(value) is int:
        return value
    if type(value) is not float:
        raise _Odd
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _base64(value: Any) -> Any:
    """As Go writes the bytes again: no line breaks, no stray bits in the last character."""
    if type(value) is not str or not _BASE64.fullmatch(value):
        raise _Odd
    return b64encode(b64decode(value)).decode() if value.endswith("=") else value


_FAST_SCALARS: Mapping[str, _Pass] = {
    "string": _fast_string,
    "bool": _fast_bool,
    "bytes": _base64,
    "float64": _fast_float,
    "float32": _fast_float,
    "interface": _as_it_is,
    **{kind: _fast_int(-(1 << bits), (1 << bits) - 1) for kind, bits in _INT_BITS.items()},
    **{kind: _fast_int(0, (1 << bits) - 1) for kind, bits in _UINT_BITS.items()},
}


def _fast_custom(type_name: str) -> _Pass:
    if type_name.startswith(f"{_EXTENSIONS}JSONSchemaPropsOr"):
        return partial(_schema_or, type_name)
    return _FAST_CUSTOM.get(type_name, _anything)


def _anything(value: Any) -> Any:
    if value is None:
        raise _Odd
    return value


def _milli_quantity(value: Any) -> Any:
    if type(value) is not str:
        raise _Odd
    try:
        return canonical_milli_quantity(value)
    except QuantityError:
        raise _Odd from None


def _quantity(value: Any) -> Any:
    if type(value) is not str:
        raise _Odd
    try:
        return canonical_quantity(value)
    except QuantityError:
        raise _Odd from None


def _time(value: Any) -> Any:
    if type(value) is not str:
        raise _Odd
    try:
        return canonical_time(value)
    except TimeError:
        raise _Odd from None


def _micro_time(value: Any) -> Any:
    if type(value) is not str:
        raise _Odd
    try:
        return canonical_micro_time(value)
    except TimeError:
        raise _Odd from None


def _int_or_string(value: Any) -> Any:
    if type(value) is str or (type(value) is int and -(1 << 31) <= value < 1 << 31):
        return value
    raise _Odd


_FAST_CUSTOM: Mapping[str, _Pass] = {
    _TIME: _time,
    _MICRO_TIME: _micro_time,
    _QUANTITY: _quantity,
    _INT_OR_STRING: _int_or_string,
}


def _schema_or(type_name: str, value: Any) -> Any:
    """A schema, or a bool, or an array: within, upstream's decoder is not strict, so the careful pass does it."""
    if type(value) is bool and type_name.endswith("OrBool"):
        return value
    if type(value) is dict:
        return _fast(go_types().names[f"{_EXTENSIONS}JSONSchemaProps"])(value)
    raise _Odd


# The careful pass.

_NOTHING = object()


class _Written:
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


class _Careful:
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
        return _NOTHING

    def mismatch(self, what: str, go_type: str) -> str:
        if self.stack:
            path = ".".join(self.stack)
            return f"json: cannot unmarshal {what} into Go struct field {self.struct}.{path} of type {go_type}"
        return f"json: cannot unmarshal {what} into Go value of type {go_type}"

    def value(self, row: int, value: Any) -> Any:
        """The value as that type, ``_NOTHING`` when it does not fit. None (null) is the caller's to handle."""
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
                if done is not _NOTHING and not (flags & 1 and _is_empty(inner, done)):
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
            done = _NOTHING if item is None else self.value(inner, item)
            out.append(_zero(inner) if done is _NOTHING else done)
            self.strict.pop()
        return out

    def map(self, go_type: str, inner: int, value: Any) -> Any:
        if not isinstance(value, dict):
            return self.wrong(_called(value), go_type)
        out = {}
        for key, item in value.items():
            self.strict.append(f".{key}" if self.strict else key)
            done = _NOTHING if item is None else self.value(inner, item)
            if done is not _NOTHING and go_type == "v1.ResourceList":
                done = canonical_milli_quantity(done)
            out[key] = _zero(inner) if done is _NOTHING else done
            self.strict.pop()
        return out

    def bytes(self, go_type: str, value: Any) -> Any:
        if not isinstance(value, str):
            return self.wrong(_called(value), go_type)
        wrong_at = _illegal_base64(value)
        if wrong_at is not None:
            if not self.error:
                self.error = f"illegal base64 data at input byte {wrong_at}"
            return _NOTHING
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
            return _fast_float(_plain(value))
        low, high = (-(1 << _INT_BITS[kind]), 1 << _INT_BITS[kind]) if kind in _INT_BITS else (0, 1 << _UINT_BITS[kind])
        if not isinstance(value, int) or not low <= value < high:
            return self.wrong(f"number {_text_of(value)}", go_type)
        return int(value)

    def custom(self, type_name: str, value: Any) -> Any:
        """Types that decode themselves: their errors end the walk at once."""
        if type_name in (_TIME, _MICRO_TIME):
            if not isinstance(value, str):
                raise DecodeError(self.mismatch(_called(value), "string"))
            try:
                return canonical_time(value) if type_name == _TIME else canonical_micro_time(value)
            except TimeError as error:
                raise DecodeError(str(error)) from None
        if type_name == _QUANTITY:
            return self.quantity(value)
        if type_name == _INT_OR_STRING:
            if isinstance(value, str):
                return value
            inner = _Careful()
            done = inner.scalar("int32", "int32", value)
            if inner.error:
                what = f"number {_text_of(value)}" if _called(value) == "number" else _called(value)
                raise DecodeError(self.mismatch(what, "int32"))
            return done
        if type_name.startswith(f"{_EXTENSIONS}JSONSchemaPropsOr"):
            return self.schema_or(type_name, value)
        return _plain(value)

    def quantity(self, value: Any) -> str:
        if isinstance(value, bool | dict | list):
            raise DecodeError(FORMAT_WRONG)
        try:
            return canonical_quantity((value if isinstance(value, str) else _text_of(value)).strip())
        except QuantityError as error:
            raise DecodeError(str(error)) from None

    def schema_or(self, type_name: str, value: Any) -> Any:
        schema = go_types().names[f"{_EXTENSIONS}JSONSchemaProps"]
        if type_name.endswith("OrBool") and not isinstance(value, dict | bool):
            raise DecodeError("boolean or JSON schema expected")
        if isinstance(value, bool):
            return value if type_name.endswith("OrBool") else _NOTHING
        was_strict, self.is_strict = self.is_strict, False
        try:
            if isinstance(value, dict):
                done = self.value(schema, value)
            elif isinstance(value, list):
                done = [item if type_name.endswith("StringArray") else self.value(schema, item) for item in value]
            else:
                done = _NOTHING
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


def _zero(row: int) -> Any:
    """The zero value of a type, as it is written."""
    kind, _, *rest = go_types().table[row]
    if kind == "struct":
        return {}
    if kind == "custom":
        return {_QUANTITY: "0", _INT_OR_STRING: 0}.get(rest[0])
    if kind in ("ptr", "slice", "map", "interface"):
        return None
    return {"string": "", "bool": False, "bytes": ""}.get(kind, 0)


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
            return at
        if character == "=":
            if quantum < 2:
                return at
            padded, quantum = (1, 2) if quantum == 2 else (2, 4)
            continue
        if character not in _BASE64_ALPHABET:
            return at
        quantum = quantum % 4 + 1
    if quantum % 4 == 0:
        return None
    return len(text) if padded else len(text) - quantum


# What Go writes.


@cache
def _canonical(row: int, empty_is_null: bool = True) -> _Pass:
    kind, _, *rest = go_types().table[row]
    if kind == "struct":
        return _canonical_struct(row, empty_is_null)
    if kind == "ptr":
        return _canonical(rest[0], empty_is_null)
    if kind in ("slice", "map") and _has_structs(rest[0]):
        return partial(_canonical_list if kind == "slice" else _canonical_map, _canonical(rest[0], empty_is_null))
    if kind == "custom" and rest[0].startswith(f"{_EXTENSIONS}JSONSchemaPropsOr"):
        return _canonical_schema_or
    return _as_it_is


def _has_structs(row: int) -> bool:
    kind, _, *rest = go_types().table[row]
    if kind in ("ptr", "slice", "map"):
        return _has_structs(rest[0])
    return kind == "struct" or (kind == "custom" and str(rest[0]).startswith(f"{_EXTENSIONS}JSONSchemaPropsOr"))


def _canonical_list(inner: _Pass, value: Any) -> Any:
    for item in value:
        if item is not None:
            inner(item)
    return value


def _canonical_map(inner: _Pass, value: Any) -> Any:
    for item in value.values():
        if item is not None:
            inner(item)
    return value


def _canonical_schema_or(value: Any) -> Any:
    schema = _canonical(go_types().names[f"{_EXTENSIONS}JSONSchemaProps"])
    if isinstance(value, dict):
        return schema(value)
    return _canonical_list(schema, value) if isinstance(value, list) and value and isinstance(value[0], dict) else value


def _canonical_struct(row: int, empty_is_null: bool) -> _Pass:
    # by name: (function for what holds structs, what to do with an empty value: keep, drop, or write null)
    rules: dict[str, tuple[_Pass | None, str]] = {}
    always: list[tuple[str, _Pass | None, Any]] = []
    compiled = False

    def struct(value: Any) -> Any:
        nonlocal compiled
        if not compiled:
            _compile_canonical(row, empty_is_null, rules, always)
            compiled = True
        drop = None
        for name, item in value.items():
            rule = rules.get(name)
            if rule is None:
                continue
            inner, when_empty = rule
            if inner is not None and item is not None:
                inner(item)
            if not item and (item is None or when_empty != "keep"):
                if when_empty == "null":
                    value[name] = None
                elif drop is None:
                    drop = [name]
                else:
                    drop.append(name)
        if drop is not None:
            for name in drop:
                del value[name]
        for name, make, zero in always:
            if name not in value:
                value[name] = zero if make is None else make({})
        return value

    return struct


def _compile_canonical(
    row: int,
    empty_is_null: bool,
    rules: dict[str, tuple[_Pass | None, str]],
    always: list[tuple[str, _Pass | None, Any]],
) -> None:
    table = go_types().table
    for name, flags, inner, *_ in table[row][3]:
        kind, *_ = table[inner]
        omitted = bool(flags & 1) or bool(flags & 2)
        change = _canonical(inner, empty_is_null) if _has_structs(inner) else None
        if kind in ("ptr", "struct", "custom", "interface"):
            when_empty = "keep"
        elif omitted:
            when_empty = "drop"
        else:
            when_empty = "null" if kind in ("slice", "map") and empty_is_null else "keep"
        rules[name] = (change, when_empty)
        if kind == "struct" and not flags & 2:
            always.append((name, _canonical(inner, empty_is_null), None))
        elif not flags & 2 and (kind == "custom" or not flags & 1):
            # omitempty leaves out no struct, and most types that encode themselves are structs
            always.append((name, None, None if kind == "bytes" else _zero(inner)))
