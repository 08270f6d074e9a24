"""JSON Patch (RFC 6902), with the liberties of the library that upstream uses.

``replace`` of an absent member adds it; ``test`` of an absent member succeeds against null; a negative index counts
from the end; whatever stands before a path's first slash is not looked at.

Source: RFC 6902; gopkg.in/evanphx/json-patch.v4 ``patch.go``; apiserver ``pkg/endpoints/handlers/patch.go``.
"""

import copy
import re
from typing import Any

import orjson

from pynetes.meta.objects import Object
from pynetes.meta.patch.errors import PatchError

MAX_OPERATIONS = 10_000
MAX_COPIED_BYTES = 3 * 1024 * 1024
"""Source: apiserver ``pkg/server/config.go``, JSONPatchMaxCopyBytes."""

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
    work = _Work(copy.deepcopy(document))
    for operation in patch:
        work.apply(operation)
    for container in work.reached.values():
        sorted_map(container)
    return work.document


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


class _Work:
    """A document under the operations of one patch. ``reached``: the containers that paths led through, by id."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.reached: dict[int, Any] = {id(document): document}
        self._copied = 0

    def apply(self, operation: Any) -> None:
        match operation.get("op"):
            case "add":
                self._add(_text(operation, "path", "add"), copy.deepcopy(operation.get("value")), "add")
            case "remove":
                self._remove(_text(operation, "path", "remove"), "remove")
            case "replace":
                self._replace(operation)
            case "move":
                source = _text(operation, "from", "move")
                value = self._get(source, "move")
                self._remove(source, "move")
                self._add(_text(operation, "path", "move"), value, "move")
            case "copy":
                value = self._get(_text(operation, "from", "copy"), "copy")
                self._add(_text(operation, "path", "copy"), self._copy(value), "copy")
            case "test":
                self._test(operation)
            case kind:
                raise PatchError(422, f"Unexpected kind: {kind if isinstance(kind, str) else 'unknown'}")

    def _copy(self, value: Any) -> Any:
        """What a map is copied into is copied with it the next time: the sum of all copies is bounded."""
        text = b"null" if value is _ABSENT else orjson.dumps(value)
        self._copied += len(text)
        if self._copied > MAX_COPIED_BYTES:
            raise PatchError(
                422,
                f"Unable to complete the copy, the accumulated size increase of copy is {self._copied}, "
                f"exceeding the limit {MAX_COPIED_BYTES}",
            )
        return orjson.loads(text)

    def _replace(self, operation: Object) -> None:
        path = _text(operation, "path", "replace")
        value = copy.deepcopy(operation.get("value"))
        if path == "":
            if not isinstance(value, (dict, list)):
                raise PatchError(422, "replace operation value must be object or array")
            self.document = value
            self.reached[id(value)] = value
            return
        parent, key = self._find(path, "replace")
        if isinstance(parent, list):
            parent[_index(key, len(parent) - 1, len(parent), path)] = value
        else:
            parent[key] = value

    def _test(self, operation: Object) -> None:
        path = _text(operation, "path", "test")
        actual = self.document if path == "" else self._get(path, "test")
        if not _equal(None if actual is _ABSENT else actual, operation.get("value")):
            raise PatchError(422, f"testing value {path} failed")

    def _find(self, path: str, kind: str) -> tuple[Any, str]:
        """The container that the path's last token is in, and that token."""
        container = self.document
        _, *tokens = (token.replace("~1", "/").replace("~0", "~") for token in path.split("/"))
        if not tokens:
            raise PatchError(422, f'{kind} operation does not apply: doc is missing path: "{path}"')
        for token in tokens[:-1]:
            container = _member(container, token)
            if not isinstance(container, (dict, list)):
                raise PatchError(422, f'{kind} operation does not apply: doc is missing path: "{path}"')
            self.reached[id(container)] = container
        return container, tokens[-1]

    def _get(self, path: str, kind: str) -> Any:
        parent, key = self._find(path, kind)
        if isinstance(parent, list):
            return parent[_index(key, len(parent) - 1, len(parent), path)]
        return parent.get(key, _ABSENT)

    def _add(self, path: str, value: Any, kind: str) -> None:
        parent, key = self._find(path, kind)
        if value is _ABSENT:
            value = None
        if isinstance(parent, dict):
            parent[key] = value
        elif key == "-":
            parent.append(value)
        else:
            parent.insert(_index(key, len(parent), len(parent) + 1, path), value)

    def _remove(self, path: str, kind: str) -> None:
        parent, key = self._find(path, kind)
        if isinstance(parent, list):
            del parent[_index(key, len(parent) - 1, len(parent), path)]
        elif key in parent:
            del parent[key]
        else:
            raise PatchError(422, f"Unable to remove nonexistent key: {key}")


def _text(operation: Object, member: str, kind: str) -> str:
    value = operation.get(member)
    if not isinstance(value, str):
        raise PatchError(422, f"{kind} operation failed to decode {member}")
    return value


def _equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: true is not 1, and 1.0 is not 1 (their texts differ)."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_equal(v, right[k]) for k, v in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


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
