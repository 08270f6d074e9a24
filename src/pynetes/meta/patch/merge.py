"""JSON Merge Patch (RFC 7386).

Source: RFC 7386; gopkg.in/evanphx/json-patch.v4 ``merge.go``.
"""

from typing import Any

from pynetes.meta.objects import Object
from pynetes.meta.patch.errors import PatchError


def apply(document: Object, patch: Any) -> Any:
    """The patched document; neither argument is changed, parts of both are shared. Raises: PatchError."""
    if not isinstance(patch, dict):
        raise PatchError(400, "Invalid JSON Patch")
    return _merge(document, patch)


def _merge(target: Object, patch: Object) -> Object:
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(current := result.get(key), dict):
            result[key] = _merge(current, value)
        else:
            result[key] = _without_nulls(value)
    return result


def _without_nulls(value: Any) -> Any:
    """What stands in the document where there was no object before: members that are null are left out."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
