"""JSON Patch (RFC 6902), with the liberties of the library that upstream uses.

``replace`` of an absent member adds it; ``test`` of an absent member succeeds against null; a negative index counts
from the end; whatever stands before a path's first slash is not looked at.

Source: RFC 6902; gopkg.in/evanphx/json-patch.v4 ``patch.go``; apiserver ``pkg/endpoints/handlers/patch.go``.
"""

import copy
import re
from typing import Any

from pynetes.meta.objects import Object
from pynetes.meta.patch.errors import PatchError

MAX_OPERATIONS = 10_000
_INDEX = re.compile("[+-]?[0-9]+").fullmatch
_ABSENT = object()


def apply(document: Object, patch: Any) -> Any:
    """The patched document; ``document`` itself stays as it is. Raises: PatchError.

    Maps that the patch reaches into have their keys sorted, for messages show the document so.
    """
    if not isinstance(patch, list):
        raise _type_error(patch, "Go value of type []handlers.jsonPatchOp")
    for operation in patch:
        _check(operation)
    if len(patch) > MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch)}"
        raise PatchError(413, text)
    result: Any = sorted_map(copy.deepcopy(document))
    for operation in patch:
        result = _apply_one(result, operation)
    return result


def unknown_members(patch: Any) -> list[str]:
    """Members that no operation has, in the words of strict field validation."""
    operations = patch if isinstance(patch, list) else ()
    known = ("op", "path", "from", "value")
    return [
        f'json patch unknown field "[{i}].{name}"'
        for i, operation in enumerate(operations)
        if isinstance(operation, dict)
        for name in operation
        if name not in known
    ]


def sorted_map(value: Any) -> Any:
    """A map with its keys put in order, in place."""
    if isinstance(value, dict):
        items = sorted(value.items())
        value.clear()
        value.update(items)
    return value


def _check(operation: Any) -> None:
    if not isinstance(operation, dict):
        raise _type_error(operation, "Go value of type handlers.jsonPatchOp")
    for name in ("op", "path", "from"):
        if not isinstance(operation.get(name, ""), (str, type(None))):
            raise _type_error(operation[name], f"Go struct field jsonPatchOp.{name} of type string")


def _type_error(value: Any, target: str) -> PatchError:
    return PatchError(400, f"error decoding patch: json: cannot unmarshal {go_kind(value)} into {target}")


def go_kind(value: Any) -> str:
    """What Go's JSON decoder calls the type of a value."""
    if isinstance(value, bool):
        return "bool"
    names: dict[type, str] = {dict: "object", list: "array", str: "string"}
    return names.get(type(value), "number")


def _apply_one(document: Any, operation: Any) -> Any:
    match operation.get("op"):
        case "add":
            _add(document, _text(operation, "path", "add"), copy.deepcopy(operation.get("value")), "add")
        case "remove":
            _remove(document, _text(operation, "path", "remove"), "remove")
        case "replace":
            return _replace(document, operation)
        case "move":
            source = _text(operation, "from", "move")
            value = _get(document, source, "move")
            _remove(document, source, "move")
            _add(document, _text(operation, "path", "move"), value, "move")
        case "copy":
            value = _get(document, _text(operation, "from", "copy"), "copy")
            copied = None if value is _ABSENT else copy.deepcopy(value)
            _add(document, _text(operation, "path", "copy"), copied, "copy")
        case "test":
            _test(document, operation)
        case kind:
            raise PatchError(422, f"Unexpected kind: {kind if isinstance(kind, str) else 'unknown'}")
    return document


def _text(operation: Object, member: str, kind: str) -> str:
    value = operation.get(member)
    if not isinstance(value, str):
        raise PatchError(422, f"{kind} operation failed to decode {member}")
    return value


def _replace(document: Any, operation: Object) -> Any:
    path = _text(operation, "path", "replace")
    value = copy.deepcopy(operation.get("value"))
    if path == "":
        if not isinstance(value, (dict, list)):
            raise PatchError(422, "replace operation value must be object or array")
        return value
    parent, key = _find(document, path, "replace")
    if isinstance(parent, list):
        parent[_index(key, len(parent) - 1, len(parent), path)] = value
    else:
        parent[key] = value
    return document


def _test(document: Any, operation: Object) -> None:
    path = _text(operation, "path", "test")
    actual = document if path == "" else _get(document, path, "test")
    if not _equal(None if actual is _ABSENT else actual, operation.get("value")):
        raise PatchError(422, f"testing value {path} failed")


def _equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: true is not 1, and 1.0 is not 1 (their texts differ)."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_equal(v, right[k]) for k, v in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


def _find(document: Any, path: str, kind: str) -> tuple[Any, str]:
    """The container that the path's last token is in, and that token."""
    _, *tokens = (token.replace("~1", "/").replace("~0", "~") for token in path.split("/"))
    if not tokens:
        raise PatchError(422, f'{kind} operation does not apply: doc is missing path: "{path}"')
    for token in tokens[:-1]:
        document = sorted_map(_member(document, token))
        if not isinstance(document, (dict, list)):
            raise PatchError(422, f'{kind} operation does not apply: doc is missing path: "{path}"')
    return document, tokens[-1]


def _member(container: Any, token: str) -> Any:
    if isinstance(container, dict):
        return container.get(token, _ABSENT)
    if not _INDEX(token) or not -len(container) <= int(token) < len(container):
        return _ABSENT
    return container[int(token)]


def _index(token: str, highest: int, length: int, path: str) -> int:
    """The index in [0, highest] that a token means; a negative one counts from ``length``."""
    if not _INDEX(token):
        raise PatchError(422, f"value was not a proper array index: '{token}' in path: '{path}'")
    index = int(token)
    if index > highest or index < -length:
        raise PatchError(422, f"Unable to access invalid index: {index} in path: '{path}'")
    return index + length if index < 0 else index


def _get(document: Any, path: str, kind: str) -> Any:
    parent, key = _find(document, path, kind)
    if isinstance(parent, list):
        return parent[_index(key, len(parent) - 1, len(parent), path)]
    return parent.get(key, _ABSENT)


def _add(document: Any, path: str, value: Any, kind: str) -> None:
    parent, key = _find(document, path, kind)
    if value is _ABSENT:
        value = None
    if isinstance(parent, dict):
        parent[key] = value
    elif key == "-":
        parent.append(value)
    else:
        parent.insert(_index(key, len(parent), len(parent) + 1, path), value)


def _remove(document: Any, path: str, kind: str) -> None:
    parent, key = _find(document, path, kind)
    if isinstance(parent, list):
        del parent[_index(key, len(parent) - 1, len(parent), path)]
    elif key in parent:
        del parent[key]
    else:
        raise PatchError(422, f"Unable to remove nonexistent key: {key}")
