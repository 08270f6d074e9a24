"""Strategic merge patch: a merge patch that knows which lists are keyed, and directives (``$patch`` and others).

A list whose field says ``patchStrategy: merge`` is merged by its merge key, or as a set when its elements are no
objects; any other list is replaced. Directives: ``$patch: replace|delete``, ``$retainKeys``, ``$setElementOrder/LIST``,
``$deleteFromPrimitiveList/LIST``.

Source: apimachinery ``pkg/util/strategicpatch/patch.go``, ``meta.go``; the design "preserve order in strategic merge
patch".
"""

import copy
from typing import Any

from pynetes.meta.gotext import plain, quoted
from pynetes.meta.objects import Object
from pynetes.meta.patch.errors import PatchError
from pynetes.meta.patch.fields import FieldMeta, Schema
from pynetes.meta.patch.types import schema_of

_PATCH = "$patch"
_RETAIN_KEYS = "$retainKeys"
_SET_ORDER = "$setElementOrder"
_DELETE_FROM = "$deleteFromPrimitiveList"


class _Rejected(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def apply(document: Object, patch: Any, type_name: str) -> Object:
    """The patched document; the arguments stay. ``type_name``: ``io.k8s.api.core.v1.Pod``. Raises: PatchError."""
    return apply_with(document, patch, schema_of(type_name))


def apply_with(document: Object, patch: Any, schema: Schema) -> Object:
    if not isinstance(patch, dict):
        kind = "array" if isinstance(patch, list) else "string" if isinstance(patch, str) else "number"
        raise PatchError(400, f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}")
    try:
        return _merge_map(copy.deepcopy(document), copy.deepcopy(patch), schema)
    except _Rejected as error:
        raise PatchError(error.code, str(error)) from None


def _lookup(schema: Schema, key: str) -> FieldMeta:
    found = schema.field(key)
    if found is None:
        raise _Rejected(500, f"unable to find api field in struct {schema.name} for the json field {quoted(key)}")
    return found


def _go_type(value: Any) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    if value is None:
        return "%!s(<nil>)"
    return {str: "string", bool: "bool", float: "float64"}.get(type(value), "int64")


def _bad_argument(expected: str, actual: Any) -> _Rejected:
    return _Rejected(500, f"expected a {expected}, but received a {_go_type(actual)}")


def _no_merge_key(item: Object, merge_key: str) -> _Rejected:
    return _Rejected(500, f"map: {plain(item)} does not contain declared merge key: {merge_key}")


# Maps


def _merge_map(original: Object, patch: Object, schema: Schema) -> Object:
    """Merges into ``original``, which is changed, as is ``patch``."""
    if _PATCH in patch:
        directive = patch[_PATCH]
        if directive == "replace":
            del patch[_PATCH]
            return patch
        if directive == "delete":
            return {}
        raise _bad_patch(directive, patch)
    _retain_keys(original, patch)
    for key in [k for k in patch if k.startswith(_SET_ORDER)]:
        _merge_ordered(original, patch, key, schema)
    for key, value in patch.items():
        deleting = key.startswith(_DELETE_FROM)
        if deleting:
            key = _directed(key, _DELETE_FROM, "invalid patch format of primitive list")
        _merge_field(original, key, value, schema, deleting)
    return original


def _bad_patch(directive: Any, item: Object) -> _Rejected:
    shown = directive if isinstance(directive, str) else f"%!s({_go_type(directive)}={plain(directive)})"
    return _Rejected(500, f"unknown patch type: {shown} in map: {plain(item)}")


def _directed(key: str, prefix: str, fault: str) -> str:
    """The list that a ``$directive/LIST`` is about."""
    directive, slash, name = key.partition("/")
    if not slash or directive != prefix:
        raise _Rejected(400, fault)
    return name


def _merge_field(original: Object, key: str, value: Any, schema: Schema, deleting: bool) -> None:
    if value is None:
        original.pop(key, None)
        return
    current: Any = original.get(key)
    if key not in original or _go_type(current) != _go_type(value):
        if not deleting:
            _discard_nulls(value)
            _take(original, key, value)
        return
    if isinstance(value, dict):
        field = _lookup(schema, key)
        original[key] = value if field.replaces else _merge_map(current, value, field.schema)
    elif isinstance(value, list):
        field = _lookup(schema, key)
        if field.merges or deleting:
            original[key] = _merge_list(current, value, field, deleting)
        else:
            original[key] = value
    else:
        original[key] = value


def _take(original: Object, key: str, value: Any) -> None:
    value, keep = _without_directives(value)
    if keep:
        original[key] = value
    else:
        original.pop(key, None)


def _discard_nulls(value: Any) -> None:
    if isinstance(value, dict):
        for key in [k for k, v in value.items() if v is None]:
            del value[key]
        for item in value.values():
            _discard_nulls(item)
    elif isinstance(value, list):
        for item in value:
            _discard_nulls(item)


def _without_directives(value: Any) -> tuple[Any, bool]:
    """A patch's value where there is nothing to merge it with, and whether it is to be kept at all."""
    if isinstance(value, dict):
        if _PATCH in value:
            return None, False
        kept = ((k, *_without_directives(v)) for k, v in value.items())
        return {k: v for k, v, keep in kept if keep}, True
    if isinstance(value, list):
        return [v for v, keep in map(_without_directives, value) if keep], True
    return value, True


def _retain_keys(original: Object, patch: Object) -> None:
    if _RETAIN_KEYS not in patch:
        return
    retained = patch.pop(_RETAIN_KEYS)
    fault = "invalid patch format of retainKeys"
    if not isinstance(retained, list):
        raise _Rejected(400, fault)
    for key, value in patch.items():
        if value is not None and not key.startswith((_DELETE_FROM, _SET_ORDER)) and key not in retained:
            raise _Rejected(400, fault)
    for key in [k for k in original if k not in retained]:
        del original[key]


# Lists


def _merge_ordered(original: Object, patch: Object, directive: str, schema: Schema) -> None:
    """Merges the list that a ``$setElementOrder`` is about, in the order demanded; takes both out of the patch."""
    order = patch.pop(directive)
    if not isinstance(order, list):
        raise _bad_argument("[]interface {}", order)
    key = _directed(directive, _SET_ORDER, "invalid patch format of setElementOrder list")
    for side in (original, patch):
        if key in side and not isinstance(side[key], list):
            raise _bad_argument("[]interface {}", side[key])
    field = _lookup(schema, key)
    additions: Any = patch.get(key)
    _check_order(additions or [], order, field.merge_key)
    if key in original and key not in patch:
        merged = original[key]
    elif key in patch and key not in original:
        merged = _without_directives(additions)[0]
    elif key in patch:
        current = original[key]
        merged = _merge_list(current, additions, field, False) if field.merges else additions
    else:
        return
    ours, theirs = _partition(merged, order, field.merge_key)
    if not original.get(key) and not additions:
        raise _Rejected(500, "no elements in any of the given slices")
    _of_maps(original.get(key) or [], additions or [])
    original[key] = _ordered(ours, theirs, order, original.get(key) or [], field.merge_key)
    patch.pop(key, None)


def _check_order(additions: list[Any], order: list[Any], merge_key: str) -> None:
    """The items of the patch must stand in ``order``, and in the same relative order."""
    if not order or not additions:
        return
    items = [i for i in additions if not (isinstance(i, dict) and _PATCH in i)] if merge_key else additions
    position = 0
    for item in items:
        while position < len(order) and not _same_key(item, order[position], merge_key):
            position += 1
        if position == len(order):
            text = f"The order in patch list:\n{plain(additions)}\n doesn't match {_SET_ORDER} list:\n{plain(order)}\n"
            raise _Rejected(500, text)
        position += 1


def _same_key(left: Any, right: Any, merge_key: str) -> bool:
    if not merge_key:
        return _same(left, right)
    for item in (left, right):
        if not isinstance(item, dict):
            raise _bad_argument("map[string]interface {}", item)
        if merge_key not in item:
            raise _no_merge_key(item, merge_key)
    return _same(left[merge_key], right[merge_key])


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _merge_list(original: list[Any], patch: list[Any], field: FieldMeta, deleting: bool) -> list[Any]:
    if not original and not patch:
        return original
    if not _of_maps(original, patch):
        if deleting:
            return [v for v in original if not any(_same(v, d) for d in patch)]
        merged = _deduplicated([*original, *patch])
        ours, theirs = _partition(merged, patch, field.merge_key)
        return _ordered(ours, theirs, patch, original, field.merge_key)
    if not field.merge_key:
        raise _Rejected(500, f"cannot merge lists without merge key for {field.schema.name}")
    original, patch = _apply_list_directives(original, patch, field.merge_key)
    merged = _merge_items(list(original), patch, field)
    ours, theirs = _partition(merged, patch, field.merge_key)
    return _ordered(ours, theirs, patch, original, field.merge_key)


def _of_maps(*lists: list[Any]) -> bool:
    """Whether the elements are maps; they must all be of one type."""
    first: str | None = None
    for item in (i for items in lists for i in items):
        kind = _go_type(item)
        if first is None:
            first = kind
            if isinstance(item, list):
                raise _Rejected(422, "lists of lists are not supported")
        elif kind != first:
            raise _Rejected(500, f"list element types are not identical: {plain(list(lists))}")
    return first == "map[string]interface {}"


def _deduplicated(values: list[Any]) -> list[Any]:
    """Without doubles. A double's place is taken by the last value, as upstream does; the order is set afterwards."""
    last = len(values) - 1
    i = 0
    while i < last:
        j = i + 1
        while j <= last:
            if _same(values[i], values[j]):
                values[j] = values[last]
                del values[last]
                last -= 1
                j -= 1
            j += 1
        i += 1
    return values


def _apply_list_directives(original: list[Any], patch: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """``original`` without what the patch's directives delete, and the patch without directives."""
    rest: list[Any] = []
    replaced = False
    for item in patch:
        if _PATCH not in item:
            rest.append(item)
            continue
        match item[_PATCH]:
            case "delete":
                if merge_key not in item:
                    raise _no_merge_key(item, merge_key)
                original = [o for o in original if not _has_key(o, merge_key, item[merge_key])]
            case "replace":
                replaced = True
            case "merge":
                raise _Rejected(500, "merging lists cannot yet be specified in the patch")
            case directive:
                raise _bad_patch(directive, item)
    return (rest, []) if replaced else (original, rest)


def _has_key(item: Object, merge_key: str, value: Any) -> bool:
    return merge_key in item and _same(item[merge_key], value)


def _find(items: list[Any], merge_key: str, value: Any) -> int:
    for i, item in enumerate(items):
        if not isinstance(item, dict):
            raise _Rejected(500, f"value for key {i} is not a map")
        if _has_key(item, merge_key, value):
            return i
    return -1


def _merge_items(original: list[Any], patch: list[Any], field: FieldMeta) -> list[Any]:
    for item in patch:
        if field.merge_key not in item:
            raise _no_merge_key(item, field.merge_key)
        index = _find(original, field.merge_key, item[field.merge_key])
        if index < 0:
            original.append(item)
        else:
            original[index] = _merge_map(original[index], item, field.schema)
    return original


def _partition(merged: list[Any], by: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """The items that ``by`` has, and those that only the server has."""
    ours: list[Any] = []
    theirs: list[Any] = []
    for item in merged:
        if not merge_key:
            present = any(_same(item, other) for other in by)
        elif not isinstance(item, dict):
            raise _bad_argument("map[string]interface {}", item)
        elif merge_key not in item:
            raise _no_merge_key(item, merge_key)
        else:
            present = _find(by, merge_key, item[merge_key]) >= 0
        (ours if present else theirs).append(item)
    return ours, theirs


def _index(items: list[Any], item: Any, merge_key: str) -> int:
    if merge_key:
        return _find(items, merge_key, item.get(merge_key))
    return next((i for i, other in enumerate(items) if _same(other, item)), -1)


def _ordered(ours: list[Any], theirs: list[Any], order: list[Any], server: list[Any], merge_key: str) -> list[Any]:
    """Ours in the patch's order and theirs in the server's, woven together by the server's order.

    Source: ``normalizeElementOrder``, ``mergeSortedSlice``.
    """
    left = _sorted(theirs, server, merge_key)
    right = _sorted(ours, order, merge_key)
    out: list[Any] = []
    i = j = 0
    while i < len(left) and j < len(right):
        left_at, right_at = _index(server, left[i], merge_key), _index(server, right[j], merge_key)
        if 0 <= left_at < right_at:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return [*out, *left[i:], *right[j:]]


def _sorted(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """By insertion, as upstream: an item that ``order`` does not know goes before what stands there."""
    if merge_key:
        for item in (*items, *order):
            if not isinstance(item, dict):
                raise _bad_argument("map[string]interface {}", item)
            if merge_key not in item:
                raise _no_merge_key(item, merge_key)
    placed: list[tuple[int, Any]] = []
    for item in items:
        index = _index(order, item, merge_key)
        position = len(placed)
        while position and (index < 0 or placed[position - 1][0] < 0 or index < placed[position - 1][0]):
            position -= 1
        placed.insert(position, (index, item))
    return [item for _, item in placed]
