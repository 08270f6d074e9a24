"""AdmissionReview: the question that a webhook is asked, and what its answer says. Pure.

Source: apiserver ``pkg/admission/plugin/webhook/request/admissionreview.go``, ``errors/statuserror.go``.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from pynetes.apiserver.admission.webhooks.matching import Request
from pynetes.apiserver.users import User
from pynetes.kinds.admissionregistration.webhooks import REVIEW_VERSIONS
from pynetes.meta.decoder import DecodeError, decoder
from pynetes.meta.gotext import quoted
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

_GROUP = "admission.k8s.io"
_JSON_PATCH = "JSONPatch"
_STATUS = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"


class InvalidReview(ValueError):
    """An answer that is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``patch`` is a JSON patch; ``result`` a Status or None."""

    allowed: bool
    patch: bytes = b""
    result: Object | None = None
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)


def version_for(webhook: Object) -> str:
    """The first version of AdmissionReview that both sides speak; empty: there is none."""
    return next((v for v in webhook.get("admissionReviewVersions") or () if v in REVIEW_VERSIONS), "")


def question(
    version: str, uid: str, request: Request, shown: "Shown", user: User, options: Object, *, dry_run: bool
) -> Object:
    """``shown``: the objects in the version that the webhook wants."""
    asked: Object = {"uid": uid, "kind": _kind(shown.kind), "resource": _resource(request, shown.version)}
    if request.subresource:
        asked["subResource"] = request.subresource
    asked["requestKind"] = _kind(request.kind)
    asked["requestResource"] = _resource(request, request.version)
    if request.subresource:
        asked["requestSubResource"] = request.subresource
    for name, value in (("name", shown.name), ("namespace", request.namespace)):
        if value:
            asked[name] = value
    asked |= {
        "operation": request.operation,
        "userInfo": _user(user),
        "object": shown.obj,
        "oldObject": shown.old,
        "dryRun": dry_run,
        "options": options,
    }
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": asked}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a webhook sees of a write."""

    version: str
    kind: GroupVersionKind
    name: str
    obj: Object | None
    old: Object | None


def _kind(kind: GroupVersionKind) -> Object:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _resource(request: Request, version: str) -> Object:
    return {"group": request.group, "version": version, "resource": request.plural}


def _user(user: User) -> Object:
    found: Object = {"username": user.name}
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {key: list(values) for key, values in user.extra}
    return found


def answer(body: Any, version: str, uid: str, *, mutating: bool) -> Answer:
    """``body``: decoded JSON. Raises: InvalidReview."""
    said = body if isinstance(body, dict) else {}
    response = said.get("response")
    if not isinstance(response, dict):
        raise InvalidReview("webhook response was absent")
    patch, patch_type = _patch(response), response.get("patchType")
    if version == "v1":
        found = response.get("uid") or ""
        if found != uid:
            raise InvalidReview(f"expected response.uid={quoted(uid)}, got {quoted(str(found))}")
        kind = f"{said.get('apiVersion') or ''}, Kind={said.get('kind') or ''}"
        if kind != f"{_GROUP}/v1, Kind=AdmissionReview":
            raise InvalidReview(f"expected webhook response of {_GROUP}/v1, Kind=AdmissionReview, got {kind}")
        _check_patch(patch, patch_type, mutating)
    elif patch:
        patch_type = _JSON_PATCH
    if patch and mutating and patch_type != _JSON_PATCH:
        raise InvalidReview(f"unsupported patch type {quoted(str(patch_type))}")
    return Answer(
        response.get("allowed") is True,
        patch if mutating else b"",
        _status(response.get("status")),
        [text for text in response.get("warnings") or () if isinstance(text, str)],
        {key: text for key, text in (response.get("auditAnnotations") or {}).items() if isinstance(text, str)},
    )


def _patch(response: Object) -> bytes:
    try:
        return base64.b64decode(response.get("patch") or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise InvalidReview("webhook returned response.patch that is not base64") from None


def _check_patch(patch: bytes, patch_type: Any, mutating: bool) -> None:
    if not mutating:
        if patch:
            raise InvalidReview("validating webhook may not return response.patch")
        if patch_type is not None:
            raise InvalidReview("validating webhook may not return response.patchType")
        return
    if patch and patch_type is None:
        raise InvalidReview("webhook returned response.patch but not response.patchType")
    if not patch and patch_type is not None:
        raise InvalidReview("webhook returned response.patchType but not response.patch")


def _status(value: Any) -> Object | None:
    if not isinstance(value, dict):
        return None
    try:
        return decoder(_STATUS).decode(value).object
    except DecodeError as error:
        raise InvalidReview(error.message) from None


def refusal(name: str, result: Object | None) -> StatusError:
    """What the client is told when a webhook says no."""
    told: Object = {
        **(result or {}),
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": (result or {}).get("metadata", {}),
    }
    told["code"] = max(told.get("code") or 0, 400)
    if told.get("status") in (None, "", "Success"):
        told["status"] = "Failure"
    by = f"admission webhook {quoted(name)} denied the request"
    why = told.get("message") or told.get("reason")
    told["message"] = f"{by}: {why}" if why else f"{by} without explanation"
    return StatusError(told)
