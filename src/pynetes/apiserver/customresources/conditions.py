"""The status of a definition: which of its names are free, whether it is served. Pure.

Source: apiextensions-apiserver ``pkg/controller/{status,establish,apiapproval}``.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from pynetes.kinds.apiextensions.definition_validation import APPROVED
from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_ACCEPTED = "the initial names have been accepted"


def wanted_status(definition: Object, others: Iterable[Object], now: float) -> Object:
    """The status that the definition should have. ``others``: the definitions of the same group, itself left out."""
    spec, status = definition["spec"], definition.get("status") or {}
    accepted, condition = _names(spec["names"], status.get("acceptedNames") or {}, others)
    conditions = list(status.get("conditions") or ())
    _set(conditions, "NamesAccepted", *condition, now)
    if condition[0] == "True":
        if not _is_true(conditions, "Established"):
            _set(conditions, "Established", "True", "InitialNamesAccepted", _ACCEPTED, now)
    elif not any(c["type"] == "Established" for c in conditions):
        _set(conditions, "Established", "False", "NotAccepted", "not all names are accepted", now)
    _approval(definition, conditions, now)
    return {**status, "acceptedNames": accepted, "conditions": conditions}


def terminating(status: Object, reason: str, message: str, now: float, value: str = "True") -> Object:
    conditions = list(status.get("conditions") or ())
    _set(conditions, "Terminating", value, reason, message, now)
    return {**status, "conditions": conditions}


def is_served(definition: Object) -> bool:
    return _is_true((definition.get("status") or {}).get("conditions") or (), "Established")


def _names(wanted: Object, accepted: Object, others: Iterable[Object]) -> tuple[Object, tuple[str, str, str]]:
    """The names that the definition has now, and the condition (status, reason, message)."""
    resources, kinds = set(), set()
    for other in others:
        taken = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {taken.get("plural"), taken.get("singular"), *(taken.get("shortNames") or ())}
        kinds |= {taken.get("kind"), taken.get("listKind")}
    out: Object = {"plural": "", "kind": "", **accepted}
    problem: tuple[str, str, str] | None = None
    for field, used, reason in (
        ("plural", resources, "PluralConflict"),
        ("singular", resources, "SingularConflict"),
        ("shortNames", resources, "ShortNamesConflict"),
        ("kind", kinds, "KindConflict"),
        ("listKind", kinds, "ListKindConflict"),
    ):
        value = wanted.get(field)
        if value == accepted.get(field):
            continue
        names = value if isinstance(value, list) else [value] if value else []
        known = accepted.get(field) if isinstance(accepted.get(field), list) else [accepted.get(field)]
        clashes = [name for name in names if name in used and name not in (known or ())]
        if clashes:
            text = ", ".join(f'"{name}" is already in use' for name in clashes)
            problem = ("False", reason, f"[{text}]" if len(clashes) > 1 else text)
        elif value:
            out[field] = value
        else:
            out.pop(field, None)
    if wanted.get("categories"):
        out["categories"] = wanted["categories"]
    else:
        out.pop("categories", None)
    return out, problem or ("True", "NoConflicts", "no conflicts found")


def _approval(definition: Object, conditions: list[Object], now: float) -> None:
    if not f".{definition['spec']['group']}".endswith((".k8s.io", ".kubernetes.io")):
        return
    kind = "KubernetesAPIApprovalPolicyConformant"
    text = (definition["metadata"].get("annotations") or {}).get(APPROVED) or ""
    if text.startswith("unapproved"):
        _set(conditions, kind, "False", "UnapprovedAnnotation", f'not approved: "{text}"', now)
    elif urlsplit(text).scheme and urlsplit(text).netloc:
        _set(conditions, kind, "True", "ApprovedAnnotation", f"approved in {text}", now)


def _is_true(conditions: Iterable[Object], kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in conditions)


def _set(conditions: list[Object], kind: str, status: str, reason: str, message: str, now: float) -> None:
    """Set a condition, in place; its time moves with its status."""
    new: Object = {
        "type": kind,
        "status": status,
        "lastTransitionTime": rfc3339(now),
        "reason": reason,
        "message": message,
    }
    for i, known in enumerate(conditions):
        if known["type"] == kind:
            if known["status"] == status:
                new["lastTransitionTime"] = known.get("lastTransitionTime")
            conditions[i] = new
            return
    conditions.append(new)
