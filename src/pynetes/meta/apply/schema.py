"""How the values of a type belong together: which are one whole, which lists are maps by key, which are sets.

A ``Type`` is made of an OpenAPI schema, a built-in type's or a custom resource's, once; the walks beside this module
keep there what they compile for it.

Source: kube-openapi ``pkg/schemaconv``; structured-merge-diff ``schema/elements.go``, ``typed/helpers.go``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pynetes.meta import schema as schemas
from pynetes.meta.apply import elements

NUMERIC, STRING, BOOLEAN, UNTYPED = "numeric", "string", "boolean", "untyped"
_API = "io.k8s.apimachinery.pkg."
_QUANTITY, _RAW_EXTENSION = f"{_API}api.resource.Quantity", f"{_API}runtime.RawExtension"
_FIELDS_V1 = f"{_API}apis.meta.v1.FieldsV1"
_ABSENT = object()
_MOST_KNOWN = 4096
_LONGEST_KNOWN = 256


class SchemaError(ValueError):
    """A schema that does not say how its values belong together."""


class ItemError(ValueError):
    """An item of a list that has no place in it."""


@dataclass(eq=False, slots=True)
class Type:
    """What a value may be: a scalar (``""``: it may not), a list, a map; most types are only one of these.

    ``loose``: JSON of any type may stand here. ``whole`` and ``difference`` belong to ``compare``, ``settle`` to
    ``settle``.
    """

    scalar: str = ""
    list: "ListType | None" = None
    map: "MapType | None" = None
    loose: bool = False
    whole: Callable[[Any], Any] | None = None
    difference: Callable[[Any, Any], Any] | None = None
    settle: Callable[[Any], Any] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class MapType:
    """``fields``: those that are declared; ``element``: the type of all others, None when there may be none.

    ``untracked``: names that nobody owns.
    """

    fields: Mapping[str, Type] = field(default_factory=dict)
    element: Type | None = None
    atomic: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)
    untracked: frozenset[str] = frozenset()

    def type_of(self, name: str) -> Type | None:
        return None if name in self.untracked else self.fields.get(name, self.element)

    @property
    def deduced(self) -> bool:
        """Nothing is known of what the map holds."""
        return not self.fields and self.element is not None and self.element.scalar == UNTYPED


@dataclass(frozen=True, eq=False, slots=True)
class ListType:
    """Atomic, or a map by ``keys``, or without keys a set."""

    of: Type
    atomic: bool = True
    keys: tuple[str, ...] = ()
    _known: dict[Any, str] = field(default_factory=dict)

    def element(self, item: Any) -> str:
        """The path element of an item of a map or set. Raises: ItemError in upstream's words."""
        if not self.keys:
            return _element_of_set(item)
        if type(item) is not dict:
            what = "a null element" if item is None else "non-map elements"
            raise ItemError(f"associative list with keys may not have {what}")
        values = tuple([item.get(key, _ABSENT) for key in self.keys])
        try:
            found = self._known.get(values)
        except TypeError:
            return self._element(item)
        if found is None:
            found = self._element(item)
            if len(found) <= _LONGEST_KNOWN and all(map(_can_be_known, values)):
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[values] = found
        return found

    def _element(self, item: Mapping[str, Any]) -> str:
        found = {}
        for key in self.keys:
            value = item[key] if key in item else self._default(key)
            if value is not None or key in item:
                found[key] = value
        if not found:
            names = " ".join(f'"{key}"' for key in self.keys)
            raise ItemError(
                f"associative list with keys has an element that omits all key fields [{names}] (and doesn't have "
                "default values for any key fields)"
            )
        return elements.of_keys(found)

    def _default(self, key: str) -> Any:
        of = self.of.map
        if of is None:
            raise ItemError(f"couldn't find default value for {key}: associative list may not have non-map types")
        return of.defaults.get(key)


def _can_be_known(value: Any) -> bool:
    """Not 0 and 1, for Python takes false and true for the same keys."""
    return value is _ABSENT or type(value) is str or (type(value) is int and value not in (0, 1))


def _element_of_set(item: Any) -> str:
    if isinstance(item, dict):
        raise ItemError("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise ItemError("not supported: associative list with lists as elements")
    if item is None:
        raise ItemError("associative list without keys has an element that's an explicit null")
    return elements.of_value(item)


ATOMIC = Type(UNTYPED, loose=True)
"""Anything, as one whole."""
ATOMIC.list, ATOMIC.map = ListType(ATOMIC), MapType(element=ATOMIC, atomic=True)
DEDUCED = Type(UNTYPED, ListType(ATOMIC), loose=True)
"""Anything; the members of a map stand for themselves."""
DEDUCED.map = MapType(element=DEDUCED)
_MAPS = Type()
"""Maps of maps. It stands in every ObjectMeta: were it loose, every template of a pod would be."""
_MAPS.map = MapType(element=_MAPS)


@cache
def builtin(type_name: str) -> Type:
    """A built-in type, by its name in the schema data. Raises: KeyError."""
    return _BUILTIN.named(type_name)


def of_schema(schema: schemas.Schema, preserve_unknown_fields: bool = False) -> Type:
    """The type of a custom resource's version. References lead to built-in types."""
    return _Compiler(preserve_unknown_fields).type_of(schema)


UNTRACKED = frozenset(("apiVersion", "kind"))
UNTRACKED_METADATA = frozenset(
    (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    )
)
"""What no entry of managedFields ever holds. Source: apimachinery ``managedfields/internal/stripmeta.go``."""


def tracked(of: Type) -> Type:
    """The type of an object without what nobody owns of it."""
    assert of.map is not None
    root, meta = of.map, of.map.fields["metadata"]
    assert meta.map is not None
    fields = {**root.fields, "metadata": Type(map=_without(meta.map, UNTRACKED_METADATA), loose=meta.loose)}
    return Type(map=_without(replace(root, fields=fields), UNTRACKED), loose=of.loose)


def _without(of: MapType, names: frozenset[str]) -> MapType:
    fields = {name: inner for name, inner in of.fields.items() if name not in names}
    return replace(of, fields=fields, untracked=names)


class _Compiler:
    """``preserve``: fields that no schema declares are kept, here and below."""

    def __init__(self, preserve: bool = False, named: dict[str, Type] | None = None) -> None:
        self._preserve = preserve
        self._named = {} if named is None else named

    def named(self, name: str) -> Type:
        found = self._named.get(name)
        if found is not None:
            return found
        made = self._named[name] = Type()
        source = _special(name) or _Compiler(False, self._named).inline(schemas.type_data(name))
        made.scalar, made.list, made.map, made.loose = source.scalar, source.list, source.map, source.loose
        return made

    def type_of(self, schema: schemas.Schema) -> Type:
        reference = schema.get("$ref")
        if reference is None:
            return self.inline(schema)
        made = _BUILTIN.named(reference.rpartition("/")[2])
        relation = schema.get("x-kubernetes-map-type")
        if relation is None or made.map is None:
            return made
        of = made.map
        own = MapType(of.fields, of.element, _is_atomic(relation), of.defaults)
        return Type(made.scalar, made.list, own, made.loose)

    def inline(self, schema: schemas.Schema) -> Type:
        if schema.get("x-kubernetes-preserve-unknown-fields") is True and not self._preserve:
            return _Compiler(True, self._named).inline(schema)
        kind = schema.get("type", "")
        if kind == "object":
            return Type(map=self._map(schema), loose=self._is_open(schema))
        if kind == "array":
            if "items" not in schema:
                raise SchemaError("`items` must be specified on arrays")
            return Type(list=self._list(schema))
        if kind:
            return Type(_scalar(kind, schema.get("format", "")))
        loose = schema.get("format") != "int-or-string"
        return Type(UNTYPED, self._list(schema), self._map(schema), loose)

    def _map(self, schema: schemas.Schema) -> MapType:
        properties = _properties(schema)
        atomic = _is_atomic(schema.get("x-kubernetes-map-type", "granular"))
        fields = {name: self.type_of(member) for name, member in properties.items()}
        defaults = {name: member["default"] for name, member in properties.items() if member.get("default") is not None}
        others = schema.get("additionalProperties")
        element: Type | None = None
        if isinstance(others, Mapping):
            element = self.type_of(others)
        elif others is True or self._is_open(schema):
            element = DEDUCED
        return MapType(fields, element, atomic, defaults)

    def _is_open(self, schema: schemas.Schema) -> bool:
        """An object of which nothing is said may hold anything."""
        return "additionalProperties" not in schema and (self._preserve or not _properties(schema))

    def _list(self, schema: schemas.Schema) -> ListType:
        of = self.type_of(schema["items"]) if "items" in schema else ATOMIC
        kind = schema.get("x-kubernetes-list-type")
        if kind == "map":
            return ListType(of, False, tuple(schema["x-kubernetes-list-map-keys"]))
        if kind is None and schema.get("x-kubernetes-patch-strategy") in ("merge", "merge,retainKeys"):
            key = schema.get("x-kubernetes-patch-merge-key")
            return ListType(of, False, (key,) if key else ())
        return ListType(of, kind != "set")


_BUILTIN = _Compiler()
_OF_OBJECTS: schemas.Schema = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
}


def _properties(schema: schemas.Schema) -> schemas.Schema:
    """With those that an object inside another has."""
    declared: schemas.Schema = schema.get("properties") or {}
    return {**declared, **_OF_OBJECTS} if schema.get("x-kubernetes-embedded-resource") is True else declared


def _special(name: str) -> Type | None:
    if name == _QUANTITY:
        return Type(UNTYPED)
    if name == _FIELDS_V1:
        return _MAPS
    return ATOMIC if name == _RAW_EXTENSION else None


def _is_atomic(relation: str) -> bool:
    if relation not in ("atomic", "granular"):
        raise SchemaError(f"unknown map type {relation}")
    return relation == "atomic"


def _scalar(kind: str, form: str) -> str:
    if kind in ("integer", "number"):
        return NUMERIC
    if kind == "boolean":
        return BOOLEAN
    return STRING if kind == "string" and form in ("", "byte") else UNTYPED
