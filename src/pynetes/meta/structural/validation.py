"""What is wrong with a value by its schema: compiled once for each schema into closures.

On an update an error about a part that did not change is not told (ratcheting): parts are found again by their field
names and, in lists of type map, by their keys.

Source: kube-openapi ``pkg/validation/validate`` (its texts name every path after the word "body");
apiextensions-apiserver ``pkg/apiserver/validation/{validation,ratcheting}.go``; KEP-4008 (ratcheting).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pynetes.meta.fielderrors import Path, invalid, not_supported, required, too_long, too_many, type_invalid
from pynetes.meta.gotext import go_float, json_text, quoted
from pynetes.meta.schema import Schema
from pynetes.meta.status import Cause
from pynetes.meta.structural import formats
from pynetes.meta.structural.patterns import pattern

ABSENT: Final = object()
"""Stands for the old value of what was not there, or cannot be found again."""

_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)


@dataclass(slots=True)
class Result:
    """``matches`` counts the checks that were made: of several schemas that fail, the one with most is told of."""

    causes: list[Cause] = field(default_factory=list)
    matches: int = 0

    def merge(self, other: "Result") -> None:
        self.add(other.causes)
        self.matches += other.matches

    def add(self, causes: Iterable[Cause]) -> None:
        for cause in causes:
            if cause not in self.causes:
                self.causes.append(cause)


Check = Callable[[Any, Any, str], Result]
"""(value, old value, path) to what is wrong. A path is ``spec.list[0].a``; empty at the root."""


class Validator:
    """For one schema."""

    def __init__(self, schema: Schema) -> None:
        self._check = _compile(schema)

    def validate(self, value: Any, old: Any = ABSENT, path: Path = "") -> list[Cause]:
        """``path`` is put before every field's; without one the root itself has none."""
        causes = self._check(value, old, "").causes
        return [Cause(c.reason, c.message, _joined(path, c.field)) for c in causes] if path else causes


def _joined(path: Path, inner: str) -> str:
    if not inner or inner == "<nil>":
        return path
    return f"{path}.{inner}"


def _compile(schema: Schema) -> Check:
    """The checks of one schema, in upstream's order; each says of what kinds of values it speaks."""
    type_check = _types(schema)
    any_kind = _combined(schema)
    texts, numbers, lists, objects = _texts(schema), _numbers(schema), _lists(schema), _objects(schema)
    enum = _enum(schema)

    def check(value: Any, old: Any, path: str) -> Result:
        result = Result()
        if old is not ABSENT and old == value and type(old) is type(value):
            return result
        if value is None:
            for one in (type_check, enum):
                if one is not None:
                    result.merge(one(value, old, path))
            return result
        specific: Sequence[Check | None]
        if isinstance(value, str):
            specific = texts
        elif isinstance(value, bool):
            specific = ()
        elif isinstance(value, (int, float)):
            specific = numbers
        elif isinstance(value, list):
            specific = lists
        else:
            specific = ()
        for one in (type_check, any_kind, *specific, enum, objects if isinstance(value, dict) else None):
            if one is not None:
                result.merge(one(value, old, path))
                result.matches += 1
        result.matches += 1
        return result

    return check


# types


def _types(schema: Schema) -> Check | None:
    types: tuple[str, ...] = (schema["type"],) if schema.get("type") else ()
    if schema.get("x-kubernetes-int-or-string"):
        types = ("integer", "string")
    if not types:
        return None
    nullable = bool(schema.get("nullable"))
    has_format = formats.check(schema.get("format") or "", schema.get("type")) is not None

    def check(value: Any, old: Any, path: str) -> Result:
        result = Result(matches=1)
        if value is None:
            if not nullable:
                result.add([_wrong_type(path, types, "null")])
            return result
        found = json_type(value)
        if has_format and isinstance(value, (str, list)):
            return result
        is_whole = isinstance(value, float) and value.is_integer() and "integer" in types
        is_number = found == "integer" and "number" in types
        if found not in types and not is_whole and not is_number:
            result.add([_wrong_type(path, types, found)])
        return result

    return check


def json_type(value: Any) -> str:
    """As errors call it."""
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _wrong_type(path: str, types: Iterable[str], found: str) -> Cause:
    text = f"{_named(path)} must be of type {','.join(types)}: {quoted(found)}"
    return type_invalid(_field(path), found, text)


def _named(path: str) -> str:
    return f"{path} in body"


def _field(path: str) -> str:
    """A part of the root has no dot before it; the root itself has no name."""
    return path.removeprefix(".") or "<nil>"


# texts


def _texts(schema: Schema) -> Sequence[Check | None]:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    expression = schema.get("pattern")
    matches = pattern(expression) if expression else None
    name = schema.get("format") or ""
    form = formats.check(name, schema.get("type"))

    def lengths(value: Any, old: Any, path: str) -> Result:
        result = Result()
        if longest is not None and len(value) > longest:
            result.add([too_long(_field(path), longest)])
        elif shortest is not None and len(value) < shortest:
            text = f"{_named(path)} should be at least {shortest} chars long"
            result.add([invalid(_field(path), value, text)])
        elif matches is not None and not matches(value):
            result.add([invalid(_field(path), value, f"{_named(path)} should match '{expression}'")])
        return result

    def format_(value: Any, old: Any, path: str) -> Result:
        assert form is not None
        result = Result()
        if not form(value):
            result.add([type_invalid(_field(path), value, f"{_named(path)} must be of type {name}: {quoted(value)}")])
        return result

    return lengths, format_ if form is not None else None


# numbers


def _numbers(schema: Schema) -> Sequence[Check | None]:
    lowest, highest, factor = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    above, below = bool(schema.get("exclusiveMinimum")), bool(schema.get("exclusiveMaximum"))
    kind, form = schema.get("type"), schema.get("format")
    range_ = _INT32 if kind == "integer" and form == "int32" else _INT64 if kind == "integer" else None

    def check(value: Any, old: Any, path: str) -> Result:
        result = Result(matches=1)
        whole = isinstance(value, int)
        if range_ is not None and not (value == int(value) and int(value) in range_):
            suffix = f"with format {form}" if form in ("int32", "int64") else "(default format)"
            text = f"Checked value must be of type integer {suffix} in {path}"
            result.add([invalid("<nil>", "", text)])
        if factor is not None:
            result.add(_multiple(value, int(factor) if whole else float(factor), path))
        if highest is not None:
            limit = int(highest) if whole else float(highest)
            if value > limit or (below and value == limit):
                words = "less than" if below else "less than or equal to"
                result.add([invalid(_field(path), value, f"{_named(path)} should be {words} {_number(limit)}")])
        if lowest is not None:
            limit = int(lowest) if whole else float(lowest)
            if value < limit or (above and value == limit):
                words = "greater than" if above else "greater than or equal to"
                result.add([invalid(_field(path), value, f"{_named(path)} should be {words} {_number(limit)}")])
        return result

    return (check,)


def _multiple(value: int | float, factor: int | float, path: str) -> list[Cause]:
    if factor <= 0:
        text = f"factor MultipleOf declared for {path} must be positive: {_number(factor)}"
        return [invalid(_field(path), factor, text)]
    times = (1 / factor * value if factor < 1 else value / factor) if isinstance(value, float) else value / factor
    fits = value % factor == 0 if isinstance(value, int) else abs(times - round(times)) < 1e-9
    return [] if fits else [invalid(_field(path), value, f"{_named(path)} should be a multiple of {_number(factor)}")]


def _number(value: int | float) -> str:
    """As Go's ``%v``."""
    return str(value) if isinstance(value, int) else go_float(value)


# lists and objects


def _lists(schema: Schema) -> Sequence[Check | None]:
    item_check = _compile(schema["items"]) if isinstance(schema.get("items"), Mapping) else None
    fewest, most = schema.get("minItems"), schema.get("maxItems")
    keys: Sequence[str] = schema.get("x-kubernetes-list-map-keys") or ()
    by_keys = schema.get("x-kubernetes-list-type") == "map" and bool(keys)

    def check(value: Any, old: Any, path: str) -> Result:
        result = Result(matches=1)
        if item_check is not None:
            known = {_key(item, keys): item for item in old} if by_keys and isinstance(old, list) else {}
            for i, item in enumerate(value):
                before = known.get(_key(item, keys), ABSENT) if known else ABSENT
                result.merge(item_check(item, before, f"{path}[{i}]"))
        count = len(value)
        if fewest is not None and count < fewest:
            result.add([invalid(_field(path), count, f"{_named(path)} should have at least {fewest} items")])
        if most is not None and count > most:
            result.add([too_many(_field(path), count, most)])
        return result

    return (check,)


def _key(item: Any, keys: Sequence[str]) -> str:
    return json_text([item.get(key) for key in keys]) if isinstance(item, dict) else ""


def _objects(schema: Schema) -> Check:
    properties = {name: _compile(inner) for name, inner in (schema.get("properties") or {}).items()}
    additional = schema.get("additionalProperties")
    others = _compile(additional) if isinstance(additional, Mapping) else None
    fewest, most = schema.get("minProperties"), schema.get("maxProperties")
    needed: Sequence[str] = schema.get("required") or ()

    def check(value: Any, old: Any, path: str) -> Result:
        result = Result()
        before: Mapping[str, Any] = old if isinstance(old, dict) else {}
        count = len(value)
        if fewest is not None and count < fewest:
            result.add([invalid(_field(path), count, f"{_named(path)} should have at least {fewest} properties")])
        if most is not None and count > most:
            result.add([too_many(_field(path), count, most)])
        for name, inner in value.items():
            if additional is False and name not in properties:
                text = f"{path}.{name} in body is a forbidden property"
                result.add([invalid(_field(path), "", text)])
            elif others is not None and name not in properties:
                result.merge(others(inner, before.get(name, ABSENT), f"{path}.{name}"))
        for name, inner_check in properties.items():
            if name in value:
                at = f"{path}.{name}" if path else name
                result.merge(inner_check(value[name], before.get(name, ABSENT), at))
        result.add([required(_field(f"{path}.{name}"), "") for name in needed if name not in value])
        return result

    return check


def _enum(schema: Schema) -> Check | None:
    allowed = schema.get("enum")
    if not allowed:
        return None
    texts = [one if isinstance(one, str) else json_text(one) for one in allowed]

    def check(value: Any, old: Any, path: str) -> Result:
        result = Result()
        if not any(_equal(value, one) for one in allowed):
            result.add([not_supported(_field(path), value, texts)])
        return result

    return check


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


# schemas of schemas


def _combined(schema: Schema) -> Check | None:
    """``anyOf``, ``oneOf``, ``allOf`` and ``not``."""
    any_of = [_compile(inner) for inner in schema.get("anyOf") or ()]
    one_of = [_compile(inner) for inner in schema.get("oneOf") or ()]
    all_of = [_compile(inner) for inner in schema.get("allOf") or ()]
    excluded = _compile(schema["not"]) if schema.get("not") is not None else None
    if not any_of and not one_of and not all_of and excluded is None:
        return None

    def check(value: Any, old: Any, path: str) -> Result:
        result = Result(matches=1)
        if any_of:
            results = [one(value, old, path) for one in any_of]
            passed = next((r for r in results if not r.causes), None)
            if passed is None:
                result.add([_nowhere(f"{quoted(path)} must validate at least one schema (anyOf)")])
            result.merge(passed if passed is not None else max(results, key=lambda r: r.matches))
        if one_of:
            results = [one(value, old, path) for one in one_of]
            valid = [r for r in results if not r.causes]
            if len(valid) == 1:
                result.merge(valid[0])
            else:
                found = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
                result.add([_nowhere(f"{quoted(path)} must validate one and only one schema (oneOf). {found}")])
                if not valid:
                    result.merge(max(results, key=lambda r: r.matches))
        if all_of:
            results = [one(value, old, path) for one in all_of]
            for one in results:
                result.merge(one)
            if any(r.causes for r in results):
                none = "" if any(not r.causes for r in results) else ". None validated"
                result.add([_nowhere(f"{quoted(path)} must validate all the schemas (allOf){none}")])
        if excluded is not None and not excluded(value, old, path).causes:
            result.add([_nowhere(f"{quoted(path)} must not validate the schema (not)")])
        return result

    return check


def _nowhere(text: str) -> Cause:
    """An error that upstream does not tie to a field."""
    return invalid("<nil>", "", text)
