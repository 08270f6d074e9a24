"""Field errors in upstream's exact words.

A path is written as upstream prints it: ``spec.containers[0].name``.

Source: apimachinery ``pkg/util/validation/field/errors.go``.
"""

from collections.abc import Iterable
from typing import Any, Final

from pynetes.meta.gotext import json_text, plain, quoted
from pynetes.meta.status import Cause

Path = str
"""A field's path, as upstream prints it: ``spec.containers[0].name``."""

FIELD_IMMUTABLE: Final = "field is immutable"
NOT_NEGATIVE: Final = "must be greater than or equal to 0"


class Raw(str):
    """A value that is shown as it is: already the JSON of something."""


class Omitted:
    """Stands for a value that the message leaves out."""


OMITTED = Omitted()


def _shown(value: Any) -> str:
    """A bad value as the message shows it."""
    if isinstance(value, str):
        return str(value) if isinstance(value, Raw) else quoted(value)
    if isinstance(value, (bool, int, float)):
        return plain(value)
    return json_text(value)


def _cause(reason: str, label: str, path: Path, value: Any, detail: str) -> Cause:
    message = label if value is OMITTED else f"{label}: {_shown(value)}"
    return Cause(reason, f"{message}: {detail}" if detail else message, path)


def required(path: Path, detail: str = "") -> Cause:
    return _cause("FieldValueRequired", "Required value", path, OMITTED, detail)


def invalid(path: Path, value: Any, detail: str) -> Cause:
    return _cause("FieldValueInvalid", "Invalid value", path, value, detail)


def type_invalid(path: Path, value: Any, detail: str) -> Cause:
    return _cause("FieldValueTypeInvalid", "Invalid value", path, value, detail)


def not_supported(path: Path, value: Any, supported: Iterable[str]) -> Cause:
    """``supported`` in the order that the message lists."""
    listed = ", ".join(map(quoted, supported))
    detail = f"supported values: {listed}" if listed else ""
    return _cause("FieldValueNotSupported", "Unsupported value", path, value, detail)


def duplicate(path: Path, value: Any) -> Cause:
    return _cause("FieldValueDuplicate", "Duplicate value", path, value, "")


def forbidden(path: Path, detail: str = "") -> Cause:
    return _cause("FieldValueForbidden", "Forbidden", path, OMITTED, detail)


def too_long(path: Path, limit: int) -> Cause:
    unit = "byte" if limit == 1 else "bytes"
    detail = f"may not be more than {limit} {unit}" if limit >= 0 else "value is too long"
    return _cause("FieldValueTooLong", "Too long", path, OMITTED, detail)


def too_long_characters(path: Path, limit: int) -> Cause:
    unit = "character" if limit == 1 else "characters"
    return _cause("FieldValueTooLong", "Too long", path, OMITTED, f"may not be more than {limit} {unit}")


def too_short(path: Path, limit: int) -> Cause:
    unit = "character" if limit == 1 else "characters"
    return _cause("FieldValueTooShort", "Too short", path, OMITTED, f"must be at least {limit} {unit}")


def too_many(path: Path, count: int, limit: int) -> Cause:
    """``count`` below 0: the message does not show it."""
    unit = "item" if limit == 1 else "items"
    detail = f"must have at most {limit} {unit}" if limit >= 0 else "has too many items"
    return _cause("FieldValueTooMany", "Too many", path, count if count >= 0 else OMITTED, detail)


def too_few(path: Path, count: int, limit: int) -> Cause:
    unit = "item" if limit == 1 else "items"
    return _cause("FieldValueTooFew", "Too few", path, count, f"must have at least {limit} {unit}")


def not_found(path: Path, value: Any) -> Cause:
    return _cause("FieldValueNotFound", "Not found", path, value, "")


def internal(path: Path, detail: str) -> Cause:
    return _cause("InternalError", "Internal error", path, OMITTED, detail)


def with_detail(cause: Cause, detail: str) -> Cause:
    """The cause with a detail that its maker takes none for."""
    return Cause(cause.reason, f"{cause.message}: {detail}", cause.field)


def immutable(path: Path, new: Any, old: Any) -> list[Cause]:
    """The cause against a change of an immutable field; absent, empty and null are the same."""
    return [] if same(new, old) else [invalid(path, new, FIELD_IMMUTABLE)]


def same(left: Any, right: Any) -> bool:
    """Semantic equality: what is absent, null or an empty list or map is equal. Source: ``equality.Semantic``."""
    if left == right:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return _empty(left) and _empty(right)


def _empty(value: Any) -> bool:
    return value is None or value == [] or value == {}
