"""What Go writes of a struct: empty fields dropped or written, as the type says. Values are changed in place."""

from functools import cache, partial
from typing import Any

from pynetes.meta.schema import go_types
from pynetes.meta.typed.gotypes import EXTENSIONS, Pass, as_it_is, zero


@cache
def canonical(row: int, empty_is_null: bool = True) -> Pass:
    kind, _, *rest = go_types().table[row]
    if kind == "struct":
        return _canonical_struct(row, empty_is_null)
    if kind == "ptr":
        return canonical(rest[0], empty_is_null)
    if kind in ("slice", "map") and _has_structs(rest[0]):
        return partial(_canonical_list if kind == "slice" else _canonical_map, canonical(rest[0], empty_is_null))
    if kind == "custom" and rest[0].startswith(f"{EXTENSIONS}JSONSchemaPropsOr"):
        return _canonical_schema_or
    return as_it_is


def _has_structs(row: int) -> bool:
    kind, _, *rest = go_types().table[row]
    if kind in ("ptr", "slice", "map"):
        return _has_structs(rest[0])
    return kind == "struct" or (kind == "custom" and str(rest[0]).startswith(f"{EXTENSIONS}JSONSchemaPropsOr"))


def _canonical_list(inner: Pass, value: Any) -> Any:
    for item in value:
        if item is not None:
            inner(item)
    return value


def _canonical_map(inner: Pass, value: Any) -> Any:
    for item in value.values():
        if item is not None:
            inner(item)
    return value


def _canonical_schema_or(value: Any) -> Any:
    schema = canonical(go_types().names[f"{EXTENSIONS}JSONSchemaProps"])
    if isinstance(value, dict):
        return schema(value)
    return _canonical_list(schema, value) if isinstance(value, list) and value and isinstance(value[0], dict) else value


def _canonical_struct(row: int, empty_is_null: bool) -> Pass:
    # by name: (function for what holds structs, what to do with an empty value: keep, drop, or write null)
    rules: dict[str, tuple[Pass | None, str]] = {}
    always: list[tuple[str, Pass | None, Any]] = []
    compiled = False

    def struct(value: Any) -> Any:
        nonlocal compiled
        if not compiled:
            _compile_canonical(row, empty_is_null, rules, always)
            compiled = True
        drop = None
        for name, item in value.items():
            rule = rules.get(name)
            if rule is None:
                continue
            inner, when_empty = rule
            if inner is not None and item is not None:
                inner(item)
            if not item and (item is None or when_empty != "keep"):
                if when_empty == "null":
                    value[name] = None
                elif drop is None:
                    drop = [name]
                else:
                    drop.append(name)
        if drop is not None:
            for name in drop:
                del value[name]
        for name, make, otherwise in always:
            if name not in value:
                value[name] = otherwise if make is None else make({})
        return value

    return struct


def _compile_canonical(
    row: int,
    empty_is_null: bool,
    rules: dict[str, tuple[Pass | None, str]],
    always: list[tuple[str, Pass | None, Any]],
) -> None:
    table = go_types().table
    for name, flags, inner, *_ in table[row][3]:
        kind, *_ = table[inner]
        omitted = bool(flags & 1) or bool(flags & 2)
        change = canonical(inner, empty_is_null) if _has_structs(inner) else None
        if kind in ("ptr", "struct", "custom", "interface"):
            when_empty = "keep"
        elif omitted:
            when_empty = "drop"
        else:
            when_empty = "null" if kind in ("slice", "map") and empty_is_null else "keep"
        rules[name] = (change, when_empty)
        if kind == "struct" and not flags & 2:
            always.append((name, canonical(inner, empty_is_null), None))
        elif not flags & 2 and (kind == "custom" or not flags & 1):
            # omitempty leaves out no struct, and most types that encode themselves are structs
            always.append((name, None, None if kind == "bytes" else zero(inner)))
