"""The typed decoder: JSON values into objects of built-in types, as Go's structs take them in and write them out.

Two passes per type, compiled on first use from the Go types. The fast one changes a well-formed value in place: null
and what is left out when empty are dropped, quantities and times take canonical form. Whatever it does not expect (an
unknown field, a wrong type, a bad quantity) sends the value through the careful one, which walks with the path in hand
and finds upstream's words.
Source: sigs.k8s.io/json ``decode.go`` (case-sensitive, strict), Go ``encoding/json``, apimachinery's own decoders.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.schema import go_types
from pynetes.meta.typed.canonical import canonical
from pynetes.meta.typed.careful import NOTHING, Careful, DecodeError, Written
from pynetes.meta.typed.fast import Odd, fast

__all__ = ["DecodeError", "Decoded", "Decoder", "cannot_be_handled", "decoder"]


@dataclass(slots=True)
class Decoded:
    """``unknown``: upstream's strict texts (``unknown field "spec.foo"``), in the order of the value."""

    object: Object
    unknown: list[str] = field(default_factory=list)


class Decoder:
    """For one type, by its name in the schema data (``io.k8s.api.core.v1.Pod``)."""

    __slots__ = ("_canonical", "_fast", "_held", "_row", "type_name")

    def __init__(self, type_name: str) -> None:
        """Raises: KeyError for a type that is not built in."""
        self.type_name = type_name
        self._row = go_types().names[type_name]
        self._fast = fast(self._row)
        self._canonical = canonical(self._row)
        self._held = canonical(self._row, False)

    def decode(self, value: Any, kind_label: str = "", raw: bytes = b"") -> Decoded:
        """The value as an object of the type. Takes the value over: it is changed in place.

        ``raw``, if given, is the JSON that the value was read from: numbers in error texts are as they were written.
        ``kind_label`` (``ConfigMap``): errors begin ``ConfigMap in version "v1" cannot be handled as a ConfigMap: ``.
        Raises: DecodeError.
        """
        try:
            return Decoded(self._fast(value))
        except Odd:
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
                value = json.loads(raw, parse_int=Written.of_int, parse_float=Written.of_float)
            except ValueError:
                pass
        careful = Careful()
        obj = careful.value(self._row, value)
        if careful.error:
            raise DecodeError(careful.error)
        if obj is None or obj is NOTHING:
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
