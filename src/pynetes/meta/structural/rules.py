"""Whether a schema is structural, and what else a definition's schema may not be.

Source: apiextensions-apiserver ``pkg/apiserver/schema/{validation,complete}.go`` (KEP-1111);
``pkg/apis/apiextensions/validation/validation.go`` for the rules of single fields.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pynetes.meta.fielderrors import Path, Raw, forbidden, invalid, not_supported, required
from pynetes.meta.gotext import json_text
from pynetes.meta.schema import Schema
from pynetes.meta.status import Cause
from pynetes.meta.structural import pruning
from pynetes.meta.structural.patterns import PatternError, pattern
from pynetes.meta.structural.validation import Validator

_INT_OR_STRING, _PRESERVE = "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"
_EMBEDDED, _VALIDATIONS = "x-kubernetes-embedded-resource", "x-kubernetes-validations"
_LIST_TYPE, _LIST_KEYS, _MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"
_EITHER = [{"type": "integer"}, {"type": "string"}]
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_ROOT, _ITEM, _FIELD = "at the root", "for specified array items", "for specified object fields"
_AS_ITEM = "must be atomic as item of a list with x-kubernetes-list-type=set"
_IS_MAP = "must be map if x-kubernetes-list-map-keys is non-empty"
_ALLOWED_AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum", "MaxLength",
    "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items", "Properties",
    "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
_NOT_STRUCTURAL = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
"""A schema with one of these is not looked at further."""
_NAMES_AT_ROOT = frozenset(name[0].lower() + name[1:] for name in _ALLOWED_AT_ROOT) | {_PRESERVE, _VALIDATIONS}


def problems(path: Path, schema: Schema, *, has_status: bool = False) -> list[Cause]:
    """Everything against the ``openAPIV3Schema`` of a version; ``has_status``: with a status subresource."""
    causes = _root(path, schema, has_status)
    fields = list(_fields(_Place(path, is_root=True), schema))
    if has(schema, *_NOT_STRUCTURAL):
        return causes + fields
    structural = sorted(
        [*_invariants(path, schema, _ROOT), *_completeness(path, path, schema, schema)],
        key=lambda cause: f"{cause.field}: {cause.message}",
    )
    causes += structural or _defaults(path, schema, is_root=True)
    return causes + fields


def _root(path: Path, schema: Schema, has_status: bool) -> list[Cause]:
    causes: list[Cause] = []
    if has_status and schema.get("type") not in (None, "", "object"):
        detail = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        causes.append(invalid(f"{path}.type", schema["type"], detail))
    elif has_status and any(value and name not in _NAMES_AT_ROOT for name, value in schema.items()):
        listed = " ".join(_ALLOWED_AT_ROOT)
        detail = f"only [{listed}] fields are allowed at the root of the schema if the status subresource is enabled"
        causes.append(invalid(path, Raw(json_text(schema)), detail))
    if schema.get("nullable"):
        causes.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    return causes


# structural


def _invariants(path: Path, schema: Schema, level: str) -> Iterator[Cause]:
    kind, properties = schema.get("type") or "", schema.get("properties") or {}
    if kind == "array" and schema.get("items") is None:
        yield required(f"{path}.items", "must be specified")
    if isinstance(schema.get("items"), Mapping):
        yield from _invariants(f"{path}.items", schema["items"], _ITEM)
    for name, inner in properties.items():
        yield from _invariants(f"{path}.properties[{name}]", inner, _FIELD)
    additional = schema.get("additionalProperties")
    if additional is not None:
        if level is _ROOT:
            yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(additional, Mapping):
            yield from _invariants(f"{path}.additionalProperties", additional, _FIELD)
    either, embedded = schema.get(_INT_OR_STRING), schema.get(_EMBEDDED)
    if either and schema.get(_PRESERVE):
        yield invalid(f"{path}.{_PRESERVE}", True, "must be false if x-kubernetes-int-or-string is true")
    if either and embedded:
        yield invalid(f"{path}.{_EMBEDDED}", True, "must be false if x-kubernetes-int-or-string is true")
    yield from _values(path, schema, level, skip_any_of=schema.get("anyOf") == _EITHER)
    if embedded and kind != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)
    elif not kind and not either and not schema.get(_PRESERVE):
        yield required(f"{path}.type", f"must not be empty {level}")
    if embedded and additional is not None:
        detail = "must not be used if x-kubernetes-embedded-resource is set"
        yield forbidden(f"{path}.additionalProperties", detail)
    if level is _ROOT and kind not in ("", "object"):
        yield invalid(f"{path}.type", kind, "must be object at the root")
    yield from _metadata(path, schema, level)
    if embedded and not schema.get(_PRESERVE) and not properties:
        detail = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        yield required(f"{path}.properties", detail)


def _metadata(path: Path, schema: Schema, level: str) -> Iterator[Cause]:
    """Only names may be restricted in an object's metadata."""
    properties = schema.get("properties") or {}
    looks = level is _ROOT or bool(schema.get(_EMBEDDED))
    for name in ("kind", "apiVersion"):
        if looks and name in properties and properties[name].get("type") != "string":
            yield invalid(f"{path}.properties[{name}].type", properties[name].get("type") or "", "must be string")
    metadata = properties.get("metadata")
    if metadata is None:
        return
    at = f"{path}.properties[metadata]"
    if looks and metadata.get("type") != "object":
        yield invalid(f"{at}.type", metadata.get("type") or "", "must be object")
    if level is _ROOT:
        names = set(metadata.get("properties") or {})
        allowed = {"type", "default"} | ({"properties"} if names <= {"name", "generateName"} else set())
        if any(value for name, value in metadata.items() if name not in allowed):
            detail = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            yield forbidden(at, detail)


def _values(path: Path, schema: Schema, level: str, *, skip_any_of: bool = False) -> Iterator[Cause]:
    """What speaks of values only, at the schema itself and below ``allOf`` and its like."""
    all_of: Sequence[Schema] = schema.get("allOf") or []
    first_is_either = bool(all_of) and all_of[0].get("anyOf") == _EITHER
    for name in ("anyOf", "allOf", "oneOf"):
        if name == "anyOf" and skip_any_of:
            continue
        for i, inner in enumerate(schema.get(name) or ()):
            skip = name == "allOf" and i == 0 and first_is_either
            yield from _nested(f"{path}.{name}[{i}]", inner, level, skip_any_of=skip)
    if isinstance(schema.get("not"), Mapping):
        yield from _nested(f"{path}.not", schema["not"], level)
    if expression := schema.get("pattern"):
        try:
            pattern(expression)
        except PatternError as error:
            detail = f"must be a valid regular expression, but isn't: {error}"
            yield invalid(f"{path}.pattern", expression, detail)


_NOT_NESTED = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (_PRESERVE, "must be false to be structural"),
    (_EMBEDDED, "must be false to be structural"),
    (_INT_OR_STRING, "must be false to be structural"),
    (_LIST_KEYS, "must be empty to be structural"),
    (_LIST_TYPE, "must be undefined to be structural"),
    (_MAP_TYPE, "must be undefined to be structural"),
    (_VALIDATIONS, "must be empty to be structural"),
)


def _nested(path: Path, schema: Schema, level: str, *, skip_any_of: bool = False) -> Iterator[Cause]:
    yield from _values(path, schema, level, skip_any_of=skip_any_of)
    if isinstance(schema.get("items"), Mapping):
        yield from _nested(f"{path}.items", schema["items"], level)
    properties = schema.get("properties") or {}
    for name, inner in properties.items():
        yield from _nested(f"{path}.properties[{name}]", inner, _FIELD)
    for name, detail in _NOT_NESTED:
        value = schema.get(name)
        if value or (name in ("additionalProperties", "default") and value is not None):
            yield forbidden(f"{path}.{name}", detail)
    if "metadata" in properties:
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _completeness(path: Path, at: Path, values: Schema, schema: Schema) -> Iterator[Cause]:
    """Every field that a nested schema speaks of is declared outside of it, too."""
    if isinstance(values.get("not"), Mapping):
        yield from _nested_completeness(path, f"{at}.not", values["not"], schema)
    for name in ("allOf", "anyOf", "oneOf"):
        for i, inner in enumerate(values.get(name) or ()):
            yield from _nested_completeness(path, f"{at}.{name}[{i}]", inner, schema)


def _nested_completeness(path: Path, at: Path, values: Schema, schema: Schema | None) -> Iterator[Cause]:
    if schema is None:
        yield required(path, f"because it is defined in {at}")
        return
    yield from _completeness(path, at, values, schema)
    if isinstance(values.get("items"), Mapping):
        yield from _nested_completeness(f"{path}.items", f"{at}.items", values["items"], schema.get("items"))
    properties = schema.get("properties") or {}
    for name, inner in (values.get("properties") or {}).items():
        part = f"properties[{name}]"
        yield from _nested_completeness(f"{path}.{part}", f"{at}.{part}", inner, properties.get(name))


# defaults


def _defaults(path: Path, schema: Schema, *, is_root: bool = False, in_metadata: bool = False) -> list[Cause]:
    """A default knows no field that its schema does not, and is valid."""
    causes: list[Cause] = []
    embedded = is_root or bool(schema.get(_EMBEDDED))
    if (given := schema.get("default")) is not None and not in_metadata:
        pruned = copy.deepcopy(given)
        pruning.prune(pruned, schema, is_root=bool(schema.get(_EMBEDDED)))
        if pruned != given:
            causes.append(invalid(f"{path}.default", given, "must not have unknown fields"))
        causes += Validator(schema).validate(given, path=f"{path}.default")
    if isinstance(schema.get("items"), Mapping):
        causes += _defaults(f"{path}.items", schema["items"], in_metadata=in_metadata)
    for name, inner in (schema.get("properties") or {}).items():
        inside = in_metadata or (embedded and name in pruning.META_FIELDS)
        causes += _defaults(f"{path}.properties[{name}]", inner, in_metadata=inside)
    return causes


# fields


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a schema we are. ``no_defaults`` says why none may be set here; None: they may."""

    path: Path
    is_root: bool = False
    no_defaults: str | None = None
    in_metadata: bool = False

    def at(self, part: str, **more: Any) -> "_Place":
        return replace(self, path=f"{self.path}.{part}", is_root=False, **more)


def _fields(place: _Place, schema: Schema) -> Iterator[Cause]:
    path, kind = place.path, schema.get("type") or ""
    yield from _unsupported(place, schema)
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", detail)
    properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    if additional is not None:
        if properties and additional is not True:
            yield forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
        if isinstance(additional, Mapping):
            why = "inside additionalProperties applying to object metadata" if place.in_metadata else place.no_defaults
            yield from _fields(place.at("additionalProperties", no_defaults=why), additional)
    for name, inner in properties.items():
        below = place.at(f"properties[{name}]")
        if (place.is_root or schema.get(_EMBEDDED)) and name in pruning.META_FIELDS:
            why = f"in top-level {name}" if place.is_root else place.no_defaults
            below = replace(below, in_metadata=True, no_defaults=why)
        yield from _fields(below, inner)
    if isinstance(schema.get("not"), Mapping):
        yield from _fields(place.at("not"), schema["not"])
    for name in ("allOf", "oneOf", "anyOf"):
        for i, inner in enumerate(schema.get(name) or ()):
            yield from _fields(place.at(f"{name}[{i}]"), inner)
    if isinstance(schema.get("items"), Mapping):
        yield from _fields(place.at("items"), schema["items"])
    if schema.get(_PRESERVE) is False:
        yield invalid(f"{path}.{_PRESERVE}", False, "must be true or undefined")
    if (map_type := schema.get(_MAP_TYPE)) is not None:
        if kind != "object":
            detail = "must be object if x-kubernetes-map-type is specified"
            yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)
        if map_type not in ("atomic", "granular"):
            yield not_supported(f"{path}.{_MAP_TYPE}", map_type, ("atomic", "granular"))
    yield from _list_rules(path, schema)


def _unsupported(place: _Place, schema: Schema) -> Iterator[Cause]:
    path, kind = place.path, schema.get("type") or ""
    if kind and kind not in _TYPES:
        yield not_supported(f"{path}.type", kind, _TYPES)
    if schema.get("default") is not None and place.no_defaults is not None:
        yield forbidden(f"{path}.default", f"must not be set {place.no_defaults}".rstrip())
    for name in ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"):
        value = schema.get(name)
        if value or (name in ("additionalItems", "dependencies", "$ref") and value is not None):
            yield forbidden(f"{path}.{name}", f"{name} is not supported")
    if kind == "null":
        yield forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    if isinstance(schema.get("items"), list):
        yield forbidden(f"{path}.items", "items must be a schema object and not an array")
    if place.in_metadata and schema.get(_EMBEDDED):
        yield forbidden(f"{path}.{_EMBEDDED}", "must not be used inside of resource meta")


def _list_rules(path: Path, schema: Schema) -> Iterator[Cause]:
    list_type, keys, kind = schema.get(_LIST_TYPE), schema.get(_LIST_KEYS) or [], schema.get("type") or ""
    items: Schema | None = schema["items"] if isinstance(schema.get("items"), Mapping) else None
    if list_type is not None and kind != "array":
        detail = "must be array if x-kubernetes-list-type is specified"
        yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)
    elif list_type == "set" and items is not None:
        inner = items.get(_LIST_TYPE)
        if items.get("type") == "array" and inner not in (None, "atomic"):
            yield invalid(f"{path}.items.{_LIST_TYPE}", inner, _AS_ITEM)
        elif items.get("type") == "object" and items.get(_MAP_TYPE) != "atomic":
            yield invalid(f"{path}.items.{_MAP_TYPE}", inner, _AS_ITEM)
    if list_type is not None and list_type not in ("atomic", "set", "map"):
        yield not_supported(f"{path}.{_LIST_TYPE}", list_type, ("atomic", "set", "map"))
    if keys and list_type != "map":
        yield (
            required(f"{path}.{_LIST_TYPE}", _IS_MAP)
            if list_type is None
            else invalid(f"{path}.{_LIST_TYPE}", list_type, _IS_MAP)
        )
    if list_type == "map":
        yield from _map_rules(path, schema, keys, items)
    if list_type in ("map", "set") and items is not None:
        yield from _item_rules(path, items, list_type, keys)


def _map_rules(path: Path, schema: Schema, keys: Sequence[str], items: Schema | None) -> Iterator[Cause]:
    at = f"{path}.{_LIST_KEYS}"
    if not keys:
        yield required(at, "must not be empty if x-kubernetes-list-type is map")
    if schema.get("items") is None:
        yield required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")
    if items is None:
        return
    if items.get("type") != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        yield invalid(f"{path}.items.type", items.get("type") or "", detail)
        return
    properties = items.get("properties") or {}
    for i, key in enumerate(keys):
        if key not in properties:
            yield invalid(at, list(keys), "entries must all be names of item properties")
        elif properties[key].get("type") in ("array", "object"):
            detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid(f"{path}.items.properties[{key}].type", items["type"], detail)
        if key in keys[:i]:
            yield invalid(at, list(keys), "must not contain duplicate entries")


def _item_rules(path: Path, items: Schema, list_type: str, keys: Sequence[str]) -> Iterator[Cause]:
    if items.get("nullable"):
        yield forbidden(f"{path}.items.nullable", f"cannot be nullable when x-kubernetes-list-type is {list_type}")
    if list_type != "map":
        return
    for key in keys:
        found = (items.get("properties") or {}).get(key)
        if found is None:
            continue
        at, is_key = f"{path}.items.properties[{key}]", "this property is in x-kubernetes-list-map-keys, so it"
        if key not in (items.get("required") or ()) and found.get("default") is None:
            yield required(f"{at}.default", f"{is_key} must have a default or be a required property")
        if found.get("nullable"):
            yield forbidden(f"{at}.nullable", f"{is_key} cannot be nullable")


def has(schema: Schema | None, *names: str) -> bool:
    """Whether the schema, or one inside it, has any of these fields set."""
    if not isinstance(schema, Mapping):
        return False
    if any(schema.get(name) for name in names):
        return True
    inner: list[Any] = [schema.get("items"), schema.get("not"), schema.get("additionalProperties")]
    inner += (schema.get("properties") or {}).values()
    for name in ("allOf", "anyOf", "oneOf"):
        inner += schema.get(name) or ()
    return any(has(one, *names) for one in inner)
