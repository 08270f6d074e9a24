"""The one error that crosses the API: a Kubernetes ``Status``, made by named constructors.

Source: apimachinery ``pkg/api/errors/errors.go`` for the texts and shapes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynetes.meta.objects import Object


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of ``details.causes``: reason (``FieldValueRequired`` ...), message, field path."""

    reason: str
    message: str
    field: str = ""

    def to_object(self) -> Object:
        cause = {"reason": self.reason, "message": self.message}
        if self.field:
            cause["field"] = self.field
        return cause


class StatusError(Exception):
    """Carries the ``Status`` object that the client will see; ``code`` is the HTTP status."""

    def __init__(self, status: Object) -> None:
        super().__init__(status.get("message", ""))
        self.status = status

    @property
    def code(self) -> int:
        code: int = self.status["code"]
        return code

    @property
    def reason(self) -> str:
        reason: str = self.status.get("reason", "")
        return reason


def _error(code: int, reason: str, message: str, details: Object | None = None) -> StatusError:
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        status["reason"] = reason
    if details is not None:
        status["details"] = details
    status["code"] = code
    return StatusError(status)


def _qualified(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def _details(group: str, kind: str, name: str, **more: Any) -> Object:
    details = {"name": name, "group": group, "kind": kind, **more}
    return {k: v for k, v in details.items() if v}


def not_found(group: str, resource: str, name: str) -> StatusError:
    message = f'{_qualified(group, resource)} "{name}" not found'
    return _error(404, "NotFound", message, _details(group, resource, name))


def unknown_path() -> StatusError:
    return _error(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(group: str, resource: str, name: str) -> StatusError:
    message = f'{_qualified(group, resource)} "{name}" already exists'
    return _error(409, "AlreadyExists", message, _details(group, resource, name))


def conflict(group: str, resource: str, name: str, why: str) -> StatusError:
    message = f'Operation cannot be fulfilled on {_qualified(group, resource)} "{name}": {why}'
    return _error(409, "Conflict", message, _details(group, resource, name))


def apply_conflict(message: str, causes: Sequence[Cause]) -> StatusError:
    """409 of an apply: others own what it says."""
    return _error(409, "Conflict", message, {"causes": [cause.to_object() for cause in causes]})


def unauthorized(message: str = "Unauthorized") -> StatusError:
    return _error(401, "Unauthorized", message)


def forbidden(group: str, resource: str, name: str, why: str) -> StatusError:
    subject = f'{_qualified(group, resource)} "{name}"' if name else _qualified(group, resource)
    message = f"{subject} is forbidden: {why}" if resource else f"forbidden: {why}"
    return _error(403, "Forbidden", message, _details(group, resource, name))


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """422 with one cause a field error; the message lists them as upstream's aggregate does."""
    texts = list(dict.fromkeys(f"{c.field}: {c.message}" if c.field else c.message for c in causes))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f'{_qualified(group, kind)} "{name}" is invalid: {listed}'
    details = _details(group, kind, name, causes=[c.to_object() for c in causes])
    return _error(422, "Invalid", message, details)


def bad_request(message: str) -> StatusError:
    return _error(400, "BadRequest", message)


def method_not_supported(group: str, resource: str, action: str) -> StatusError:
    message = f'{action} is not supported on resources of kind "{_qualified(group, resource)}"'
    return _error(405, "MethodNotAllowed", message, _details(group, resource, ""))


def method_not_allowed() -> StatusError:
    return _error(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def not_acceptable(message: str) -> StatusError:
    return _error(406, "NotAcceptable", message, {})


def unsupported_media_type(message: str) -> StatusError:
    return _error(415, "UnsupportedMediaType", message, {})


def gone(message: str) -> StatusError:
    """410 with reason Gone."""
    return _error(410, "Gone", message)


def expired(message: str) -> StatusError:
    """410 with reason Expired: a revision or continue token that was compacted away."""
    return _error(410, "Expired", message)


def too_many_requests(message: str, retry_after_seconds: int) -> StatusError:
    return _error(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after_seconds})


def request_entity_too_large(message: str) -> StatusError:
    return _error(413, "RequestEntityTooLarge", f"Request entity too large: {message}")


def timeout(message: str, retry_after_seconds: int = 0) -> StatusError:
    details = {"retryAfterSeconds": retry_after_seconds} if retry_after_seconds else {}
    return _error(504, "Timeout", f"Timeout: {message}", details)


def internal_error(message: str) -> StatusError:
    details = {"causes": [{"message": message}]}
    return _error(500, "InternalError", f"Internal error occurred: {message}", details)


def service_unavailable(message: str) -> StatusError:
    return _error(503, "ServiceUnavailable", message)


def not_implemented(message: str) -> StatusError:
    """501: what Pynetes knows of but cannot honour yet (docs/design.md, idea 8)."""
    return _error(501, "NotImplemented", message)
