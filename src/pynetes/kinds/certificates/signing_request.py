"""Certificate signing requests. Source: kubernetes ``pkg/registry/certificates/certificates/strategy.go``."""

from collections.abc import Mapping
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.certificates.signing_request_validation import APPROVED, DENIED, validate, validate_update
from pynetes.kinds.strategy import keep
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.times import human_duration, rfc3339

_IDENTITY = ("username", "uid", "groups", "extra")


def prepare_create(request: Object, context: WriteContext) -> None:
    """Who asks is the server's to say: whoever knows the user fills the identity in afterwards."""
    spec = request["spec"]
    for name in _IDENTITY:
        spec.pop(name, None)
    if context.user:
        spec["username"] = context.user
    request["status"] = {}


def prepare_update(request: Object, old: Object, context: WriteContext) -> None:
    keep(request, old, "spec")
    if context.subresource == "":
        keep(request, old, "status")
        return
    if context.subresource == "status":
        for kind in (APPROVED, DENIED):
            _keep_decision(request, old, kind)
    _date_conditions(request, old, context.now)
    if context.subresource == "approval":
        conditions = (request.get("status") or {}).get("conditions")
        request["status"] = dict(old.get("status") or {})
        keep(request["status"], {"conditions": conditions} if conditions else {}, "conditions")


def _keep_decision(request: Object, old: Object, kind: str) -> None:
    """A decision is not changed here: it is as it was, unless it is one more or one less, which is invalid then."""
    conditions = (request.get("status") or {}).get("conditions") or []
    before = [c for c in (old.get("status") or {}).get("conditions") or () if c.get("type") == kind]
    places = [i for i, condition in enumerate(conditions) if condition.get("type") == kind]
    if len(places) == len(before):
        for place, condition in zip(places, before, strict=True):
            conditions[place] = dict(condition)


def _date_conditions(request: Object, old: Object, now: float) -> None:
    before = {c.get("type"): c for c in (old.get("status") or {}).get("conditions") or ()}
    for condition in (request.get("status") or {}).get("conditions") or ():
        known = before.get(condition.get("type"))
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = rfc3339(now)
        if not condition.get("lastTransitionTime"):
            same = known is not None and known.get("status") == condition.get("status")
            known_time = known.get("lastTransitionTime") if known is not None and same else None
            condition["lastTransitionTime"] = known_time or rfc3339(now)


def table_row(request: Object, now: float) -> list[Any]:
    spec = request.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    return [
        request["metadata"]["name"],
        rows.age(request, now),
        spec.get("signerName") or rows.NONE,
        spec.get("username") or "",
        rows.NONE if seconds is None else human_duration(seconds),
        _condition(request.get("status") or {}),
    ]


def _condition(status: Object) -> str:
    kinds = {c.get("type") for c in status.get("conditions") or ()}
    text = "Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"
    if "Failed" in kinds:
        text += ",Failed"
    return text + (",Issued" if status.get("certificate") else "")


def fields(request: Object) -> Mapping[str, str]:
    return {"spec.signerName": (request.get("spec") or {}).get("signerName") or ""}


HOOKS = Hooks(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
    fields=fields,
)
