"""Rules that claims, classes and slices of devices share: names, selectors, configuration, taints and tolerations.

Source: kubernetes ``pkg/apis/resource/validation/validation.go``.
Differs: CEL expressions are not compiled; only their length is looked at.
"""

import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from pynetes.kinds.core.volume_sources import csi_driver_name
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_supported, required, too_long, too_many
from pynetes.meta.names import c_identifier, dns1123_label, dns1123_subdomain, label_value, size
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_name

T = TypeVar("T")

MOST_REQUESTS = 32
MOST_CONFIGS = 32
_MOST_SELECTORS = 32
_LONGEST_EXPRESSION = 10 * 1024
_LONGEST_PARAMETERS = 10 * 1024
_LONGEST_POOL = 253
_LONGEST_ID = 32
_EFFECTS = ("NoExecute", "NoSchedule", "None")
_OPERATORS = ("Equal", "Exists")
_ADMIN_LABEL = "resource.kubernetes.io/admin-access"
_OMITTED = "<value omitted>"
_NO_UID = "error validating uid: "
_NOT_NORMAL = (
    "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal "
    "characters"
)


def items(path: Path, values: Sequence[T], limit: int, check: Callable[[Path, T], Iterable[Cause]]) -> list[Cause]:
    """Against each item, or against their number alone. A ``limit`` below 0 is none."""
    if 0 <= limit < len(values):
        return [too_many(path, len(values), limit)]
    return [cause for i, value in enumerate(values) for cause in check(f"{path}[{i}]", value)]


def distinct(
    path: Path,
    values: Sequence[T],
    limit: int,
    check: Callable[[Path, T], Iterable[Cause]],
    key: Callable[[T], Hashable],
    shown: Callable[[T], Any] | None = None,
) -> list[Cause]:
    """As ``items``, and against a key that is there twice. ``shown``: the key as the message has it."""
    causes = items(path, values, limit, check)
    if 0 <= limit < len(values):
        return causes
    seen = set()
    for i, value in enumerate(values):
        if key(value) in seen:
            causes.append(duplicate(f"{path}[{i}]", (shown or key)(value)))
        seen.add(key(value))
    return causes


def admin_access(path: Path, context: WriteContext) -> list[Cause]:
    """Against access that passes over what others have allocated, outside of the namespaces that are for it."""
    if context.namespace_labels().get(_ADMIN_LABEL) == "true":
        return []
    detail = f"admin access to devices requires the `{_ADMIN_LABEL}: true` label on the containing namespace"
    return [forbidden(path, detail)]


def label(path: Path, text: str) -> list[Cause]:
    return [invalid(path, text, p) for p in dns1123_label(text)]


def pool_name(path: Path, name: str) -> list[Cause]:
    if not name:
        return [required(path)]
    causes = [too_long(path, _LONGEST_POOL)] if size(name) > _LONGEST_POOL else []
    return causes + [invalid(path, part, p) for part in name.split("/") for p in dns1123_subdomain(part)]


def driver_name(path: Path, name: str) -> list[Cause]:
    return csi_driver_name(path, name)


def qualified_name(path: Path, name: str) -> list[Cause]:
    """Against ``[domain/]identifier``; as upstream, what has more slashes is let pass."""
    domain, slash, identifier = name.partition("/")
    if not slash:
        return _identifier(path, name)
    if "/" in identifier:
        return []
    causes = driver_name(path, domain) if domain else [invalid(path, "", "the domain must not be empty")]
    return causes + (_identifier(path, identifier) if identifier else [invalid(path, "", "the name must not be empty")])


def fully_qualified_name(path: Path, name: str) -> list[Cause]:
    causes = qualified_name(path, name)
    if "/" not in name:
        detail = "a fully qualified name must be a domain and a name separated by a slash"
        causes.append(invalid(path, name, detail))
    return causes


def _identifier(path: Path, text: str) -> list[Cause]:
    causes = [too_long(path, _LONGEST_ID)] if size(text) > _LONGEST_ID else []
    return causes + [invalid(path, text, p) for p in c_identifier(text)]


def share_id(path: Path, text: str) -> list[Cause]:
    problem = _uuid_problem(text)
    if problem:
        return [invalid(path, text, _NO_UID + problem)]
    return [] if len(text) == 36 and text == text.lower() else [invalid(path, text, _NOT_NORMAL)]


def _uuid_problem(text: str) -> str:
    """What Go's package says of a text that is no UUID in any of its four forms."""
    digits = {36: text, 45: text[9:], 38: text[1:-1], 32: text}.get(len(text))
    if digits is None:
        return f"invalid UUID length: {len(text)}"
    if len(text) == 45 and text[:9].lower() != "urn:uuid:":
        return f'invalid urn prefix: "{text[:9]}"'
    if len(text) == 38 and text[0] + text[-1] != "{}":
        return "invalid bracketed UUID format"
    dashed = len(text) != 32
    try:
        good = str(uuid.UUID(digits)) == digits.lower() if dashed else bool(uuid.UUID(digits))
    except ValueError:
        good = False
    return "" if good else "invalid UUID format"


def selectors(path: Path, values: Sequence[Object]) -> list[Cause]:
    def check(at: Path, selector: Object) -> list[Cause]:
        cel = selector.get("cel")
        if cel is None:
            return [required(f"{at}.cel")]
        if size(cel.get("expression") or "") > _LONGEST_EXPRESSION:
            return [too_long(f"{at}.cel.expression", _LONGEST_EXPRESSION)]
        return []

    return items(path, values, _MOST_SELECTORS, check)


def configuration(path: Path, config: Object, stored: bool = False) -> list[Cause]:
    opaque = config.get("opaque")
    if opaque is None:
        return [required(f"{path}.opaque")]
    causes = driver_name(f"{path}.opaque.driver", opaque.get("driver") or "")
    limit = -1 if stored else _LONGEST_PARAMETERS
    return causes + raw_object(f"{path}.opaque.parameters", opaque.get("parameters"), limit)


def raw_object(path: Path, value: Any, limit: int) -> list[Cause]:
    """Against what is no JSON object; its text may be ``limit`` bytes long (below 0: any)."""
    if value is None:
        return [required(path)]
    if 0 <= limit < len(orjson.dumps(value)):
        return [too_long(path, limit)]
    return [] if isinstance(value, dict) else [invalid(path, _OMITTED, "must be a valid JSON object")]


def taint(path: Path, value: Object) -> list[Cause]:
    causes = label_name(f"{path}.key", value.get("key") or "")
    if text := value.get("value"):
        causes += _label_value(f"{path}.value", text)
    effect = value.get("effect") or ""
    if not effect:
        return [*causes, required(f"{path}.effect")]
    return causes + _effect(f"{path}.effect", effect)


def toleration(path: Path, value: Object) -> list[Cause]:
    key, operator, text = (value.get(name) or "" for name in ("key", "operator", "value"))
    causes = label_name(f"{path}.key", key) if key else []
    if operator == "Exists":
        if text:
            causes.append(invalid(f"{path}.value", text, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        causes += _label_value(f"{path}.value", text)
    elif operator:
        causes.append(not_supported(f"{path}.operator", operator, _OPERATORS))
    else:
        causes.append(required(f"{path}.operator"))
    effect = value.get("effect") or ""
    return causes + (_effect(f"{path}.effect", effect) if effect else [])


def _effect(path: Path, effect: str) -> list[Cause]:
    return [] if effect in _EFFECTS else [not_supported(path, effect, _EFFECTS)]


def _label_value(path: Path, text: str) -> list[Cause]:
    return [invalid(path, text, p) for p in label_value(text)]


_MOST_CONDITIONS = 4


def binding_conditions(path: Path, owner: Mapping[str, Any]) -> list[Cause]:
    """Against the conditions that a device waits for, and those that end the wait."""
    names, failures = "bindingConditions", "bindingFailureConditions"
    wanted, ending = owner.get(names) or (), owner.get(failures) or ()
    causes = items(f"{path}.{names}", wanted, _MOST_CONDITIONS, label_name)
    causes += items(f"{path}.{failures}", ending, _MOST_CONDITIONS, label_name)
    causes += [duplicate(f"{path}.{names}[{i}]", c) for i, c in enumerate(wanted) if c in wanted[:i]]
    for i, condition in enumerate(ending):
        if condition in ending[:i]:
            causes.append(duplicate(f"{path}.{failures}[{i}]", condition))
        if condition in wanted:
            detail = f"{failures} must not overlap with {names}"
            causes.append(invalid(f"{path}.{failures}[{i}]", condition, detail))
    for without, shown, having in ((names, wanted, ending), (failures, ending, wanted)):
        if having and not shown:
            other = failures if without == names else names
            causes.append(invalid(f"{path}.{without}", owner.get(without), f"{without} are required to use {other}"))
    return causes
