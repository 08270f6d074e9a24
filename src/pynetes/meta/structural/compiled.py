"""A structural schema, ready for use: one record for each version of a custom resource.

Source: apiextensions-apiserver ``pkg/apiserver/customresource_handler.go`` (``unstructuredSchemaCoercer``,
``unstructuredDefaulter``), ``pkg/registry/customresource/{strategy,validator}.go``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pynetes.meta.decoder import Decoded, DecodeError, decoder
from pynetes.meta.fielderrors import Path, duplicate, required
from pynetes.meta.gotext import json_text
from pynetes.meta.objects import Object
from pynetes.meta.schema import Schema
from pynetes.meta.status import Cause
from pynetes.meta.structural import defaulting, pruning
from pynetes.meta.structural.validation import ABSENT, Validator

_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_EMBEDDED = "x-kubernetes-embedded-resource"


@dataclass(frozen=True, eq=False)
class Structural:
    """``schema``: the version's ``openAPIV3Schema``."""

    schema: Schema

    @cached_property
    def _validator(self) -> Validator:
        """The root is held to its schema, but for what every object has."""
        properties = {k: v for k, v in (self.schema.get("properties") or {}).items() if k not in ("kind", "apiVersion")}
        return Validator({**self.schema, "properties": properties})

    @property
    def of_object(self) -> Schema:
        """With the types of what every object has."""
        properties = dict(self.schema.get("properties") or {})
        properties |= {"kind": {"type": "string"}, "apiVersion": {"type": "string"}}
        properties["metadata"] = {"$ref": f"#/definitions/{_METADATA}"}
        return {**self.schema, "properties": properties}

    @cached_property
    def has_defaults(self) -> bool:
        return defaulting.has_defaults(self.schema)

    def decode(self, value: Object) -> Decoded:
        """Metadata by its type, unknown fields out, nulls out. Takes the value over. Raises: DecodeError."""
        unknown = pruning.prune(value, self.schema)
        pruning.drop_nulls(value, self.schema)
        metadata = value.get("metadata")
        if metadata is None:
            metadata = {}
        if not isinstance(metadata, dict):
            raise DecodeError("metadata is no object")
        value["metadata"], more = _coerced(metadata, "metadata")
        more += _coerce_embedded(value, self.schema, "", is_root=True)
        return Decoded(value, [f'unknown field "{path}"' for path in sorted(unknown + more)])

    def default(self, obj: Object) -> None:
        defaulting.default(obj, self.schema)

    def validate(self, obj: Object, old: Object | None = None) -> list[Cause]:
        """By the schema: values, embedded objects, lists that are sets or maps."""
        causes = self._validator.validate(obj, ABSENT if old is None else old)
        return [*causes, *_embedded(obj, self.schema, "", is_root=True), *_lists(obj, self.schema, "")]

    def validate_status(self, obj: Object, old: Object) -> list[Cause]:
        """Of a write of the status alone: by that part of the schema, which speaks as if it were the whole."""
        schema = (self.schema.get("properties") or {}).get("status")
        if schema is None:
            return []
        state = obj.get("status")
        causes = Validator(schema).validate(state, old.get("status", ABSENT), "status") if state is not None else []
        return [*causes, *_embedded(state, schema, "status"), *_lists(state, schema, "status")]


def _coerced(metadata: Object, path: Path) -> tuple[Object, list[str]]:
    """As Go writes its type, and the paths of what that does not know. Raises: DecodeError."""
    of = decoder(_METADATA)
    read = of.decode(metadata)
    unknown = [text.partition('"')[2].rstrip('"') for text in read.unknown]
    return of.canonical(read.object), [f"{path}.{name}" for name in unknown]


def _coerce_embedded(value: Any, schema: Schema | None, path: Path, *, is_root: bool = False) -> list[str]:
    """Metadata of the objects inside, in place; the paths of what was unknown there."""
    unknown: list[str] = []
    if not schema:
        return unknown
    if isinstance(value, dict):
        if schema.get(_EMBEDDED) and not is_root and isinstance(value.get("metadata"), dict):
            value["metadata"], unknown = _coerced(value["metadata"], f"{path}.metadata")
        for key, inner in value.items():
            unknown += _coerce_embedded(inner, _schema_of(schema, key), f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            unknown += _coerce_embedded(item, schema.get("items"), f"{path}[{i}]")
    return unknown


def _embedded(value: Any, schema: Schema | None, path: Path, *, is_root: bool = False) -> Iterator[Cause]:
    """What an object inside the object must have."""
    if not schema:
        return
    if isinstance(value, dict):
        if schema.get(_EMBEDDED) and not is_root:
            for name in ("apiVersion", "kind"):
                if not value.get(name):
                    yield required(f"{path}.{name}", "must not be empty" if name in value else "")
        for key, inner in value.items():
            yield from _embedded(inner, _schema_of(schema, key), f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _embedded(item, schema.get("items"), f"{path}[{i}]")


def _lists(value: Any, schema: Schema | None, path: Path) -> Iterator[Cause]:
    """Items of sets, and keys of maps, are there once."""
    if not schema:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lists(inner, _schema_of(schema, key), f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        kind = schema.get("x-kubernetes-list-type")
        keys = schema.get("x-kubernetes-list-map-keys") or ()
        seen = set()
        for i, item in enumerate(value):
            if kind == "set":
                shown = item
            elif kind == "map" and isinstance(item, dict):
                shown = {key: item[key] for key in keys if key in item}
            else:
                continue
            text = json_text(shown)
            if text in seen:
                yield duplicate(f"{path}[{i}]", shown)
            seen.add(text)
        for i, item in enumerate(value):
            yield from _lists(item, schema.get("items"), f"{path}[{i}]")


def _schema_of(schema: Schema, key: str) -> Schema | None:
    found = (schema.get("properties") or {}).get(key, schema.get("additionalProperties"))
    return found if isinstance(found, Mapping) else None
