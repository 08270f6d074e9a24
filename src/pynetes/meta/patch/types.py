"""The built-in types as a strategic merge patch sees them: a field's strategy, merge key and type."""

from functools import cache
from typing import Any

from pynetes.meta import schema as schemas
from pynetes.meta.patch.fields import FieldMeta


class TypeSchema:
    """One type of the type data; ``None`` stands for what has no fields (maps, scalars)."""

    def __init__(self, name: str, schema: Any) -> None:
        self.name = name
        self._properties: dict[str, Any] = dict(schema.get("properties", {})) if schema else {}
        self._values = schema.get("additionalProperties") if schema else None
        self._fields: dict[str, FieldMeta | None] = {}

    def field(self, key: str) -> FieldMeta | None:
        if key not in self._fields:
            self._fields[key] = self._find(key)
        return self._fields[key]

    def _find(self, key: str) -> FieldMeta | None:
        schema = self._properties.get(key)
        if schema is None:
            folded = key.casefold()
            schema = next((s for name, s in self._properties.items() if name.casefold() == folded), None)
        if schema is None:
            return FieldMeta(_of(self._values)) if isinstance(self._values, dict) else None
        strategies = tuple(schema.get("x-kubernetes-patch-strategy", "").split(","))
        return FieldMeta(_of(schema), strategies, schema.get("x-kubernetes-patch-merge-key", ""))


@cache
def schema_of(type_name: str) -> TypeSchema:
    """Of a named type (``io.k8s.api.core.v1.Pod``)."""
    return TypeSchema(type_name.rpartition(".")[2], schemas.types().get(type_name))


def _of(schema: Any) -> TypeSchema:
    """Of a field's value, or of a list's elements."""
    while isinstance(schema, dict) and "items" in schema:
        schema = schema["items"]
    if isinstance(schema, dict):
        if "$ref" in schema:
            return schema_of(schema["$ref"])
        if len(schema.get("allOf", ())) == 1:
            return _of(schema["allOf"][0])
    return TypeSchema("struct", schema)
