"""JSON values into messages, byte for byte as Go writes them: one closure a message type, compiled on first use.

Go writes fields that are no pointers also when they are zero, so here too: other readers of proto2 tell a zero from
nothing. Objects are in the form that a round trip through their type leaves (``Decoder.canonical``).
Source: gogo/protobuf's generated ``MarshalToSizedBuffer``, apimachinery ``time_proto.go``, ``quantity_proto.go``.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from struct import pack
from typing import Any

import orjson

from pynetes.meta.protobuf.messages import API, EXTENSIONS, EXTRA_VALUES, META, Field, messages, wire_of
from pynetes.meta.times import parse_time

Write = Callable[[Any], bytes]

_BYTES = tuple(bytes([n]) for n in range(128))


@cache
def writer(type_name: str) -> Write:
    """Of a JSON value the message's bytes, without tag and length. Raises: KeyError for a type that is no message."""
    return _SPECIAL.get(type_name) or _struct(type_name)


@cache
def _struct(type_name: str) -> Write:
    fields = messages()[type_name]
    plan: list[tuple[str, Write, bytes]] = []

    def write(obj: Any) -> bytes:
        if not plan:
            # only now: types refer to themselves
            plan.extend((field.name, _field(field), _absent(field)) for field in fields)
        parts = []
        get = obj.get
        for name, one, absent in plan:
            value = get(name) if name else obj
            if value is not None:
                parts.append(one(value))
            elif absent:
                parts.append(absent)
        return b"".join(parts)

    return write


def varint(value: int) -> bytes:
    """Negative ones in two's complement of 64 bits."""
    if 0 <= value < 128:
        return _BYTES[value]
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 127:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sized(tag: bytes, data: bytes) -> bytes:
    """The bytes after their tag and length."""
    size = len(data)
    return tag + _BYTES[size] + data if size < 128 else tag + varint(size) + data


def _tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


# -- fields


def _field(field: Field) -> Write:
    """With tags; of an empty list or map nothing."""
    tag, one = _tag(field.number, wire_of(field)), _value(field.of)
    if field.kind == "map":
        return _map(tag, field.of)
    if field.kind == "repeated":
        return _repeated(tag, one, wire_of(field) == 2)
    if wire_of(field) != 2:
        return lambda value: tag + one(value)
    return _string(tag) if field.of == "string" else lambda value: sized(tag, one(value))


def _string(tag: bytes) -> Write:
    def write(value: str) -> bytes:
        data = value.encode()
        size = len(data)
        return tag + _BYTES[size] + data if size < 128 else tag + varint(size) + data

    return write


def _repeated(tag: bytes, one: Write, with_size: bool) -> Write:
    if with_size:
        return lambda values: b"".join([sized(tag, one(value)) for value in values])
    return lambda values: b"".join([tag + one(value) for value in values])


def _map(tag: bytes, of: str) -> Write:
    """Pairs in the order of their keys' bytes."""
    one = _value(of)
    key_tag = b"\n"

    def write(values: Mapping[str, Any]) -> bytes:
        pairs = sorted((key.encode(), value) for key, value in values.items()) if len(values) > 1 else None
        if pairs is None:
            pairs = [(key.encode(), value) for key, value in values.items()]
        found = []
        for key, value in pairs:
            item = sized(b"\x12", one(value)) if value is not None else b""
            found.append(sized(tag, sized(key_tag, key) + item))
        return b"".join(found)

    return write


def _absent(field: Field) -> bytes:
    """What Go writes of a field that is not there."""
    if field.pointer or field.kind or field.of == "bytes" or not field.name or field.of in _NULLABLE:
        return b""
    zero = _ZEROS.get(field.of)
    if zero is None:
        zero = _empty(field.of)
    tag = _tag(field.number, wire_of(field))
    return sized(tag, zero) if wire_of(field) == 2 else tag + zero


_ZEROS: Mapping[str, bytes] = {
    "string": b"",
    "bool": b"\x00",
    "int32": b"\x00",
    "int64": b"\x00",
    "double": b"\x00" * 8,
    f"{META}Time": b"",
    f"{META}MicroTime": b"",
}


def _empty(type_name: str) -> bytes:
    """A struct of which nothing is set."""
    if type_name in _EMPTY_JSON:
        return b""
    return writer(type_name)(_NOTHING.get(type_name, {}))


# -- values


def _value(of: str) -> Write:
    return _SCALARS.get(of) or writer(of)


def _bool(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


_SCALARS: Mapping[str, Write] = {
    "string": str.encode,
    "bytes": b64decode,
    "bool": _bool,
    "int32": varint,
    "int64": varint,
    "double": lambda value: pack("<d", value),
}


# -- types that JSON shows otherwise


@lru_cache(4096)
def _time(text: str) -> bytes:
    return _timestamp(int(parse_time(f"{text[:19]}Z")), 0)


def _micro_time(text: str) -> bytes:
    micros = int(text[20:-1].ljust(6, "0")[:6]) if text[19:20] == "." else 0
    return _timestamp(int(parse_time(f"{text[:19]}Z")), micros * 1000)


def _timestamp(seconds: int, nanos: int) -> bytes:
    return b"\x08" + varint(seconds) + b"\x10" + varint(nanos)


def _int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + sized(b"\x1a", value.encode())
    return b"\x08\x00\x10" + varint(value) + b"\x1a\x00"


def _quantity(value: Any) -> bytes:
    return sized(b"\n", str(value).encode())


def _json(value: Any) -> bytes:
    return sized(b"\n", orjson.dumps(value))


def _items(values: Any) -> bytes:
    return b"".join([sized(b"\n", value.encode()) for value in values])


def _schema_or(name: str, value: Any) -> bytes:
    """A schema, or what may stand in its place: a bool, several schemas, texts."""
    of_bool = name.endswith("Bool")
    if isinstance(value, bool):
        return b"\x08\x01" if value else b"\x08\x00"
    if isinstance(value, list):
        schemas = not name.endswith("StringArray")
        one = writer(f"{EXTENSIONS}JSONSchemaProps") if schemas else str.encode
        return b"".join([sized(b"\x12", one(item)) for item in value])
    schema = writer(f"{EXTENSIONS}JSONSchemaProps")(value)
    return b"\x08\x01" + sized(b"\x12", schema) if of_bool else sized(b"\n", schema)


_EMPTY_JSON = frozenset((f"{META}FieldsV1", f"{API}runtime.RawExtension", f"{EXTENSIONS}JSON"))
_NULLABLE = frozenset((f"{META}Verbs", *EXTRA_VALUES))
_NOTHING: Mapping[str, Any] = {f"{API}api.resource.Quantity": "0", f"{API}util.intstr.IntOrString": 0}
_SPECIAL: Mapping[str, Write] = {
    f"{META}Time": _time,
    f"{META}MicroTime": _micro_time,
    f"{API}api.resource.Quantity": _quantity,
    f"{API}util.intstr.IntOrString": _int_or_string,
    **dict.fromkeys(_EMPTY_JSON, _json),
    **dict.fromkeys(_NULLABLE, _items),
    **{
        n: partial(_schema_or, n)
        for n in (f"{EXTENSIONS}JSONSchemaPropsOr{x}" for x in ("Bool", "Array", "StringArray"))
    },
}
