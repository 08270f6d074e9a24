"""What the walks share of Go's types: their table's words, special types, zero values."""

import re
from collections.abc import Callable
from typing import Any

from pynetes.meta.schema import go_types

Pass = Callable[[Any], Any]
"""One type's part of a walk: a value in, the value as it shall be out."""

INT_BITS = {"int8": 7, "int16": 15, "int32": 31, "int64": 63, "int": 63}
UINT_BITS = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "uint": 64}
_API = "io.k8s.apimachinery.pkg."
EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
TIME, MICRO_TIME = f"{_API}apis.meta.v1.Time", f"{_API}apis.meta.v1.MicroTime"
QUANTITY, INT_OR_STRING = f"{_API}api.resource.Quantity", f"{_API}util.intstr.IntOrString"
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
BASE64_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def zero(row: int) -> Any:
    """The zero value of a type, as it is written."""
    kind, _, *rest = go_types().table[row]
    if kind == "struct":
        return {}
    if kind == "custom":
        return {QUANTITY: "0", INT_OR_STRING: 0}.get(rest[0])
    if kind in ("ptr", "slice", "map", "interface"):
        return None
    return {"string": "", "bool": False, "bytes": ""}.get(kind, 0)


def as_it_is(value: Any) -> Any:
    return value


def go_float(value: float) -> float:
    """As Go writes it: a whole number without a point."""
    if type(value) is int:
        return value
    return int(value) if value.is_integer() and abs(value) < 1e21 else value
