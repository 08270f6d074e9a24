"""Messages into JSON values: one closure a message type, compiled when it is first met.

Zeros that Go cannot tell from nothing are left out, as most of what Go clients send are such zeros; what comes out goes
through the typed decoder like any JSON. A field given twice counts as given last.
Source: gogo/protobuf's generated ``Unmarshal``, apimachinery ``time_proto.go``, ``quantity_proto.go``.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from struct import unpack_from
from typing import Any

import orjson

from pynetes.meta.objects import Object
from pynetes.meta.protobuf.messages import (
    API,
    EXTENSIONS,
    EXTRA_VALUES,
    META,
    VARINTS,
    Field,
    ProtobufError,
    messages,
    wire_of,
)
from pynetes.meta.times import rfc3339

Read = Callable[[bytes, int, int], Any]
"""Of ``data[at:end]``, a message's bytes, its JSON value."""

_Step = Callable[[bytes, int, int, Object], int]
"""One field, whose value begins at ``at``, into the object; where the next begins."""

_END = "unexpected EOF"
_YEAR_ONE, _YEAR_TEN_THOUSAND = -62135596800, 253402300800


def read_message(type_name: str, data: bytes) -> Object:
    """One message of a struct type, without an envelope. Raises: ProtobufError."""
    try:
        found: Object = reader(type_name)(data, 0, len(data))
    except IndexError:
        raise ProtobufError(_END) from None
    except RecursionError:
        raise ProtobufError("proto: nested too deep") from None
    return found


@cache
def reader(type_name: str) -> Read:
    """Raises: KeyError for a type that is no message."""
    return _SPECIAL.get(type_name) or _struct(type_name)


@cache
def _struct(type_name: str) -> Read:
    """The message field by field, as it is on the wire."""
    fields = messages()[type_name]
    steps: dict[int, _Step] = {}

    def read(data: bytes, at: int, end: int) -> Object:
        out: Object = {}
        if not steps:
            # only now: types refer to themselves
            steps.update(step for field in fields for step in _steps(field))
        while at < end:
            tag = data[at]
            at += 1
            if tag > 127:
                tag, at = varint(data, at - 1)
            step = steps.get(tag)
            at = step(data, at, end, out) if step is not None else _skip(type_name, tag, data, at, end)
        if at > end:
            raise ProtobufError(_END)
        return out

    return read


def read_envelope(data: bytes, at: int) -> tuple[str, str, bytes]:
    """The apiVersion, the kind and the message of a ``runtime.Unknown``. Raises: ProtobufError."""
    said: Object = {}
    raw, name, end = b"", f"{API}runtime.Unknown", len(data)
    try:
        while at < end:
            tag, at = varint(data, at)
            if tag not in (10, 18):
                at = _skip(name, tag, data, at, end) if tag not in (26, 34) else _span(data, at, end)[1]
                continue
            at, stop = _span(data, at, end)
            if tag == 10:
                said = reader(f"{API}runtime.TypeMeta")(data, at, stop)
            else:
                raw = data[at:stop]
            at = stop
    except IndexError:
        raise ProtobufError(_END) from None
    return said.get("apiVersion", ""), said.get("kind", ""), raw


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The integer, of 64 bits without sign, and what is after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
        if shift > 63:
            raise ProtobufError("proto: integer overflow")


def _span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the bytes whose length stands at ``at`` begin and end."""
    size = data[at]
    at += 1
    if size > 127:
        size, at = varint(data, at - 1)
        if size >> 63:
            raise ProtobufError("proto: negative length found during unmarshaling")
    if at + size > end:
        raise ProtobufError(_END)
    return at, at + size


def _skip(type_name: str, tag: int, data: bytes, at: int, end: int) -> int:
    """Over a field that is not known. Raises: ProtobufError also for a known one of another wire type."""
    number, wire = tag >> 3, tag & 7
    if wire == 4:
        raise ProtobufError(f"proto: {_short(type_name)}: wiretype end group for non-group")
    if not number:
        raise ProtobufError(f"proto: {_short(type_name)}: illegal tag 0 (wire type {wire})")
    for field in messages().get(type_name, ()):
        if field.number == number:
            raise ProtobufError(f"proto: wrong wireType = {wire} for field {field.go_name}")
    depth = 0
    while True:
        if wire == 3:
            depth += 1
        elif wire == 4:
            if not depth:
                raise ProtobufError("proto: unexpected end of group")
            depth -= 1
        else:
            at = _over(wire, data, at, end)
        if not depth:
            return at
        tag, at = varint(data, at)
        wire = tag & 7


def _over(wire: int, data: bytes, at: int, end: int) -> int:
    if wire == 0:
        return varint(data, at)[1]
    if wire == 2:
        return _span(data, at, end)[1]
    if wire in (1, 5):
        return at + (8 if wire == 1 else 4)
    raise ProtobufError(f"proto: illegal wireType {wire}")


def _short(type_name: str) -> str:
    return type_name.rpartition(".")[2]


# -- fields


def _steps(field: Field) -> list[tuple[int, _Step]]:
    """The steps of a field by tag; integers of a list may come packed."""
    tag = field.number << 3 | wire_of(field)
    if field.kind == "map":
        return [(tag, _map(field))]
    if field.kind == "repeated":
        if field.of in VARINTS:
            return [(tag, _repeated_varint(field)), (field.number << 3 | 2, _packed(field))]
        return [(tag, _repeated(field))]
    if field.of in VARINTS:
        return [(tag, _varint_step(field))]
    if field.of == "double":
        return [(tag, _double_step(field))]
    return [(tag, _inline(field) if not field.name else _bytes_step(field))]


def _bytes_step(field: Field) -> _Step:
    """Strings, bytes and messages."""
    name, convert = field.name, _of_bytes(field.of)
    keep_empty = field.pointer or field.of != "string"

    def step(data: bytes, at: int, end: int, out: Object) -> int:
        size = data[at]
        at += 1
        if size > 127:
            at, stop = _span(data, at - 1, end)
        else:
            stop = at + size
            if stop > end:
                raise ProtobufError(_END)
        if at < stop or keep_empty:
            value = convert(data, at, stop)
            if value is not None:
                out[name] = value
        return stop

    return step


def _inline(field: Field) -> _Step:
    read = reader(field.of)

    def step(data: bytes, at: int, end: int, out: Object) -> int:
        at, stop = _span(data, at, end)
        out.update(read(data, at, stop))
        return stop

    return step


def _varint_step(field: Field) -> _Step:
    name, convert, pointer = field.name, _OF_VARINT[field.of], field.pointer

    def step(data: bytes, at: int, end: int, out: Object) -> int:
        value = data[at]
        at += 1
        if value > 127:
            value, at = varint(data, at - 1)
        if value or pointer:
            out[name] = convert(value)
        return at

    return step


def _double_step(field: Field) -> _Step:
    name = field.name

    def step(data: bytes, at: int, end: int, out: Object) -> int:
        out[name] = _double(data, at, end)
        return at + 8

    return step


def _repeated(field: Field) -> _Step:
    name, convert = field.name, _of_bytes(field.of)

    def step(data: bytes, at: int, end: int, out: Object) -> int:
        at, stop = _span(data, at, end)
        items = out.get(name)
        if items is None:
            items = out[name] = []
        items.append(convert(data, at, stop))
        return stop

    return step


def _repeated_varint(field: Field) -> _Step:
    name, convert = field.name, _OF_VARINT[field.of]

    def step(data: bytes, at: int, end: int, out: Object) -> int:
        value, at = varint(data, at)
        out.setdefault(name, []).append(convert(value))
        return at

    return step


def _packed(field: Field) -> _Step:
    one = _repeated_varint(field)

    def step(data: bytes, at: int, end: int, out: Object) -> int:
        at, stop = _span(data, at, end)
        while at < stop:
            at = one(data, at, stop, out)
        return at

    return step


def _map(field: Field) -> _Step:
    """From strings; each pair is a message of a key and a value."""
    name, convert = field.name, _of_bytes(field.of)

    def step(data: bytes, at: int, end: int, out: Object) -> int:
        at, stop = _span(data, at, end)
        key, value_at, value_end = "", stop, stop
        while at < stop:
            tag, at = varint(data, at)
            if tag == 10:
                at, till = _span(data, at, stop)
                key, at = str(data[at:till], "utf-8", "replace"), till
            elif tag == 18:
                value_at, value_end = _span(data, at, stop)
                at = value_end
            else:
                at = _skip("", tag, data, at, stop)
        value = convert(data, value_at, value_end)
        found = out.get(name)
        if found is None:
            found = out[name] = {}
        found[key] = value
        return stop

    return step


# -- values


def _of_bytes(of: str) -> Read:
    if of == "string":
        return _text
    return _base64 if of == "bytes" else reader(of)


def _text(data: bytes, at: int, end: int) -> str:
    return str(data[at:end], "utf-8", "replace")


def _base64(data: bytes, at: int, end: int) -> str:
    return b64encode(data[at:end]).decode()


def _double(data: bytes, at: int, end: int) -> float:
    if at + 8 > end:
        raise ProtobufError(_END)
    value: float = unpack_from("<d", data, at)[0]
    return value


def _int64(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _int32(value: int) -> int:
    value &= 0xFFFF_FFFF
    return value - (1 << 32) if value >> 31 else value


_OF_VARINT: Mapping[str, Callable[[int], int | bool]] = {"bool": bool, "int64": _int64, "int32": _int32}


# -- types that JSON shows otherwise


def _time(data: bytes, at: int, end: int) -> str | None:
    return _time_text(data[at:end]) if at < end else None


@lru_cache(4096)
def _time_text(data: bytes) -> str | None:
    seconds, _ = _timestamp(data)
    return None if seconds == _YEAR_ONE else _written(seconds)


def _micro_time(data: bytes, at: int, end: int) -> str | None:
    if at == end:
        return None
    seconds, nanos = _timestamp(data[at:end])
    carried, micros = divmod(int(nanos / 1000), 1_000_000)
    if not nanos and seconds == _YEAR_ONE:
        return None
    return f"{_written(seconds + carried)[:-1]}.{micros:06d}Z"


def _timestamp(data: bytes) -> tuple[int, int]:
    said = _struct(f"{META}Timestamp")(data, 0, len(data))
    return said.get("seconds", 0), said.get("nanos", 0)


def _written(seconds: int) -> str:
    if not _YEAR_ONE <= seconds < _YEAR_TEN_THOUSAND:
        raise ProtobufError("Time.MarshalJSON: year outside of range [0,9999]")
    return rfc3339(seconds)


def _int_or_string(data: bytes, at: int, end: int) -> int | str:
    said = _struct(f"{API}util.intstr.IntOrString")(data, at, end)
    found: int | str = said.get("strVal", "") if said.get("type") else said.get("intVal", 0)
    return found


def _quantity(data: bytes, at: int, end: int) -> str:
    found: str = _struct(f"{API}api.resource.Quantity")(data, at, end).get("string", "")
    return found or "0"


def _json(name: str, data: bytes, at: int, end: int) -> Any:
    """Types that hold JSON text as bytes; its name differs by case."""
    raw = b""
    while at < end:
        tag, at = varint(data, at)
        if tag == 10:
            at, stop = _span(data, at, end)
            raw, at = data[at:stop], stop
        else:
            at = _skip(name, tag, data, at, end)
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ProtobufError(f"the raw bytes of an extension are no JSON: {error}") from None


def _items(name: str, data: bytes, at: int, end: int) -> list[str]:
    found: list[str] = _struct(name)(data, at, end).get("items", [])
    return found


def _schema_or(name: str, data: bytes, at: int, end: int) -> Any:
    """A schema, or what may stand in its place: a bool, several schemas, texts."""
    said = _struct(name)(data, at, end)
    for field in ("jSONSchemas", "property", "schema"):
        if field in said:
            return said[field]
    return said.get("allows", False) if name.endswith("Bool") else None


_SPECIAL: Mapping[str, Read] = {
    f"{META}Time": _time,
    f"{META}MicroTime": _micro_time,
    f"{API}api.resource.Quantity": _quantity,
    f"{API}util.intstr.IntOrString": _int_or_string,
    **{n: partial(_json, n) for n in (f"{META}FieldsV1", f"{API}runtime.RawExtension", f"{EXTENSIONS}JSON")},
    **{n: partial(_items, n) for n in (f"{META}Verbs", *EXTRA_VALUES)},
    **{
        n: partial(_schema_or, n)
        for n in (f"{EXTENSIONS}JSONSchemaPropsOr{x}" for x in ("Bool", "Array", "StringArray"))
    },
}
