"""JSON Merge Patch (RFC 7386).

Source: RFC 7386; gopkg.in/evanphx/json-patch.v4 ``merge.go``.
"""

from typing import Any

from pynetes.meta.objects import Object
from pynetes.meta.patch.errors import PatchError
from pynetes.meta.patch.json import go_kind


def apply(document: Object, patch: Any) -> Any:
    """The patched document; neither argument is changed, parts of both are shared. Raises: PatchError.

    Maps that were merged have their keys sorted, for messages show the document so.
    """
    if patch is None:
        raise PatchError(400, "Invalid JSON Patch")
    if not isinstance(patch, dict):
        target = "Go value of type map[string]interface {}"
        raise PatchError(400, f"error decoding patch: json: cannot unmarshal {go_kind(patch)} into {target}")
    return _merge(document, patch)


def _merge(target: Object, patch: Object) -> Object:
    result = dict(target)
    for key, value in patch.items():
        current = result.get(key)
        if value is None:
            result.pop(key, None)
        elif not isinstance(current, dict):
            result[key] = _without_nulls(value)
        elif isinstance(value, dict):
            result[key] = _merge(current, value)
        else:
            result[key] = value
    return dict(sorted(result.items()))


def _without_nulls(value: Any) -> Any:
    """What stands in the document where there was no map before: members that are null are left out."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in sorted(value.items()) if v is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
