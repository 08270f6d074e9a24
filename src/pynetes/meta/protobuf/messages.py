"""The messages of the built-in types: which number, kind and type each field has on the wire.

Source: the ``generated.proto`` files, by way of ``protobuf.json``; the Go types say which fields are pointers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import orjson

from pynetes.meta.schema import data_file

API = "io.k8s.apimachinery.pkg."
META = f"{API}apis.meta.v1."
EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
EXTRA_VALUES = tuple(
    f"io.k8s.api.{group}.v1.ExtraValue" for group in ("authentication", "authorization", "certificates")
)
VARINTS = frozenset(("bool", "int32", "int64"))


class ProtobufError(ValueError):
    """Bytes that are no message of the type, in the words of Go's generated code.

    ``said``: the apiVersion and kind that the envelope names; None when it could not be read itself.
    """

    said: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """``name`` is the JSON name, "": the fields of the message stand in the outer object itself. ``kind``: "",
    "repeated" or "map" (from strings); ``of``: the type of a value; ``pointer``: zero is not the same as absent."""

    number: int
    name: str
    kind: str
    of: str
    pointer: bool

    @property
    def go_name(self) -> str:
        """About what Go calls it, for error texts."""
        if self.name == "metadata":
            return "ListMeta" if self.of.endswith("ListMeta") else "ObjectMeta"
        return self.name[:1].upper() + self.name[1:] if self.name else self.of.rpartition(".")[2]


@cache
def messages() -> Mapping[str, tuple[Field, ...]]:
    """By type name, the fields in the order of their numbers."""
    raw = orjson.loads(data_file("protobuf.json"))
    return {
        name: tuple(sorted((_field(int(n), *field) for n, field in fields.items()), key=lambda f: f.number))
        for name, fields in raw.items()
    }


def _field(number: int, name: str, type: str) -> Field:
    pointer = type.startswith("?")
    type = type.removeprefix("?")
    if type.startswith("map<"):
        return Field(number, name, "map", type[:-1].partition(",")[2].strip(), pointer)
    kind, _, of = type.rpartition(" ")
    return Field(number, name, kind, of, pointer)


_WIRES = {"double": 1, **dict.fromkeys(VARINTS, 0)}


def wire_of(field: Field) -> int:
    """The wire type: 0 varint, 1 eight bytes, 2 bytes with their length."""
    return 2 if field.kind == "map" else _WIRES.get(field.of, 2)
