"""Objects of built-in types from protobuf, as Go clients send them and upstream stores them, into JSON values.

What comes out goes through the typed decoder like any JSON. Source: apimachinery
``pkg/runtime/serializer/protobuf/protobuf.go`` (the envelope), the ``generated.proto`` files.
Differs: answers are not given in protobuf yet.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from struct import unpack
from typing import Any

import orjson

from pynetes.meta.objects import Object
from pynetes.meta.schema import data_file, type_name_of
from pynetes.meta.times import rfc3339, rfc3339_micro

MAGIC = b"k8s\x00"
_API = "io.k8s.apimachinery.pkg."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_SCALARS = frozenset(("string", "bool", "int32", "int64", "double", "bytes"))


class ProtobufError(ValueError):
    """Bytes that are no message of the type."""


def decode(body: bytes) -> Object:
    """The object in an envelope, with its apiVersion and kind. Raises: ProtobufError."""
    if not body.startswith(MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    api_version, kind, raw = "", "", b""
    for number, value in _fields(body[len(MAGIC) :]):
        if number == 1 and isinstance(value, bytes):
            said = {n: v for n, v in _fields(value) if isinstance(v, bytes)}
            api_version, kind = (_text(said.get(n, b"")) for n in (1, 2))
        elif number == 2 and isinstance(value, bytes):
            raw = value
    group, _, version = api_version.rpartition("/")
    name = type_name_of(group, version, kind)
    if name is None or name not in _messages():
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    return {"kind": kind, "apiVersion": api_version, **decode_message(name, raw)}


def decode_message(type_name: str, data: bytes) -> Object:
    """One message of a struct type, without an envelope. Raises: ProtobufError."""
    known = _messages()[type_name]
    out: Object = {}
    for number, value in _fields(data):
        found = known.get(number)
        if found is None:
            continue
        name, kind, of = found
        if kind == "map":
            key, item = _pair(of, value)
            out.setdefault(name, {})[key] = item
        elif kind == "repeated":
            out.setdefault(name, []).extend(_repeated(of, value))
        elif name:
            done = _value(of, value)
            if done is not None:
                out[name] = done
        elif isinstance(value, bytes):
            out.update(decode_message(of, value))
    return out


_Field = tuple[str, str, str]


@cache
def _messages() -> Mapping[str, Mapping[int, _Field]]:
    """By type name and number: JSON name, "" | "repeated" | "map", type of the value."""
    raw = orjson.loads(data_file("protobuf.json"))
    return {
        name: {int(number): (field, *_kind(type)) for number, (field, type) in fields.items()}
        for name, fields in raw.items()
    }


def _kind(type: str) -> tuple[str, str]:
    if type.startswith("map<"):
        return "map", type[:-1].partition(",")[2].strip()
    kind, _, of = type.rpartition(" ")
    return kind, of


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number and its value: an integer for varints, bytes for everything else."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ProtobufError(f"proto: illegal wireType {wire}")
        if at + size > end:
            raise ProtobufError("unexpected EOF")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ProtobufError("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
        if shift > 63:
            raise ProtobufError("proto: integer overflow")


def _pair(of: str, value: int | bytes) -> tuple[str, Any]:
    entry = dict(_fields(value)) if isinstance(value, bytes) else {}
    key = entry.get(1, b"")
    item = entry.get(2, 0 if of in ("bool", "int32", "int64") else b"")
    return _text(key) if isinstance(key, bytes) else str(key), _value(of, item)


def _repeated(of: str, value: int | bytes) -> list[Any]:
    """One element, or many integers packed."""
    if of in ("int32", "int64", "bool") and isinstance(value, bytes):
        items, at = [], 0
        while at < len(value):
            item, at = _varint(value, at)
            items.append(_value(of, item))
        return items
    return [_value(of, value)]


def _value(of: str, value: int | bytes) -> Any:
    if of in ("string", "bytes", "double"):
        if not isinstance(value, bytes):
            raise ProtobufError(f"proto: wrong wireType = 0 for a {of}")
        if of == "string":
            return _text(value)
        return b64encode(value).decode() if of == "bytes" else unpack("<d", value)[0]
    if of in _SCALARS:
        if not isinstance(value, int):
            raise ProtobufError(f"proto: wrong wireType = 2 for a {of}")
        if of == "bool":
            return value != 0
        return _signed(value, 64) if of == "int64" else _signed(value & 0xFFFF_FFFF, 32)
    if not isinstance(value, bytes):
        raise ProtobufError("proto: wrong wireType = 0 for a message")
    special = _SPECIAL.get(of)
    return special(value) if special is not None else decode_message(of, value)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _time(data: bytes) -> str | None:
    return rfc3339(_seconds(data)[0]) if data else None


def _micro_time(data: bytes) -> str | None:
    if not data:
        return None
    seconds, nanos = _seconds(data)
    return f"{rfc3339_micro(seconds)[:-7]}{nanos // 1000:06d}Z"


def _seconds(data: bytes) -> tuple[int, int]:
    parts = {number: value for number, value in _fields(data) if isinstance(value, int)}
    return _signed(parts.get(1, 0), 64), _signed(parts.get(2, 0) & 0xFFFF_FFFF, 32)


def _int_or_string(data: bytes) -> int | str:
    parts = dict(_fields(data))
    if parts.get(1):
        text = parts.get(3, b"")
        return _text(text) if isinstance(text, bytes) else ""
    number = parts.get(2, 0)
    return _signed(number & 0xFFFF_FFFF, 32) if isinstance(number, int) else 0


def _quantity(data: bytes) -> str:
    text = dict(_fields(data)).get(1, b"")
    return (_text(text) if isinstance(text, bytes) else "") or "0"


def _raw_json(data: bytes) -> Any:
    """Types that hold JSON text as bytes."""
    raw = dict(_fields(data)).get(1, b"")
    if not isinstance(raw, bytes) or not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ProtobufError(f"the raw bytes of an extension are no JSON: {error}") from None


def _items(data: bytes) -> list[str]:
    return [_text(value) for number, value in _fields(data) if number == 1 and isinstance(value, bytes)]


def _schema_or(data: bytes) -> Any:
    """A schema, or a bool in its place."""
    allows: Any = False
    for _, value in _fields(data):
        if isinstance(value, bytes):
            return decode_message(f"{_EXTENSIONS}JSONSchemaProps", value)
        allows = value != 0
    return allows


def _schema_or_array(data: bytes) -> Any:
    name = f"{_EXTENSIONS}JSONSchemaProps"
    schemas = [(number, decode_message(name, value)) for number, value in _fields(data) if isinstance(value, bytes)]
    listed = [schema for number, schema in schemas if number == 2]
    return listed or (schemas[0][1] if schemas else None)


def _schema_or_texts(data: bytes) -> Any:
    parts = [(number, value) for number, value in _fields(data) if isinstance(value, bytes)]
    texts = [_text(value) for number, value in parts if number == 2]
    return texts or (decode_message(f"{_EXTENSIONS}JSONSchemaProps", parts[0][1]) if parts else None)


_SPECIAL: Mapping[str, Callable[[bytes], Any]] = {
    f"{_API}apis.meta.v1.Time": _time,
    f"{_API}apis.meta.v1.MicroTime": _micro_time,
    f"{_API}apis.meta.v1.FieldsV1": _raw_json,
    f"{_API}apis.meta.v1.Verbs": _items,
    f"{_API}runtime.RawExtension": _raw_json,
    f"{_API}api.resource.Quantity": _quantity,
    f"{_API}util.intstr.IntOrString": _int_or_string,
    f"{_EXTENSIONS}JSON": _raw_json,
    f"{_EXTENSIONS}JSONSchemaPropsOrBool": _schema_or,
    f"{_EXTENSIONS}JSONSchemaPropsOrArray": _schema_or_array,
    f"{_EXTENSIONS}JSONSchemaPropsOrStringArray": _schema_or_texts,
    **{f"io.k8s.api.{group}.v1.ExtraValue": _items for group in ("authentication", "authorization", "certificates")},
}
