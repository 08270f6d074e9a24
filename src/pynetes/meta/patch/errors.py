"""What a patch that cannot be applied raises: the HTTP code and message that a kube-apiserver answers with.

Source: apiserver ``pkg/endpoints/handlers/patch.go``.
"""

from typing import Final

from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError, request_entity_too_large

REJECTED: Final = "the server rejected our request due to an error in our request"


class PatchError(StatusError):
    """``detail`` says what is wrong; a 422 hides it from the client, as upstream's does."""

    def __init__(self, code: int, message: str) -> None:
        self.detail = message
        super().__init__(_status(code, message))


def _status(code: int, message: str) -> Object:
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    if code == 500:  # an error that upstream knows no reason for
        return {**status, "message": message, "code": code}
    if code == 422:
        return {**status, "message": REJECTED, "reason": "Invalid", "details": {}, "code": code}
    if code == 413:
        return request_entity_too_large(message).status
    return {**status, "message": message, "reason": "BadRequest", "code": code}
