"""Errors that verbs and admission share and that have no constructor of their own: the texts without a reason, and
conflicts.
"""

from pynetes.meta import status
from pynetes.meta.resource import Resource
from pynetes.meta.status import StatusError

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def unclassified(message: str) -> StatusError:
    """500 with a message alone: what upstream answers for an error that is no API error."""
    return StatusError(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "code": 500,
        }
    )


def modified(resource: Resource, name: str) -> StatusError:
    return status.conflict(resource.group, resource.plural, name, MODIFIED)


def uid_mismatch(resource: Resource, key: bytes, name: str, wanted: str, found: str, dry_run: bool) -> StatusError:
    why = (
        f"StorageError: invalid object, Code: 4, Key: {shown_key(key, dry_run)}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    )
    return status.conflict(resource.group, resource.plural, name, why)


def shown_key(key: bytes, dry_run: bool) -> str:
    """As messages show it: a dry run, which upstream keeps from its store, does not know the store's prefix."""
    return key.decode().removeprefix("/registry") if dry_run else key.decode()


def request_invalid() -> StatusError:
    """422 with the text of an error that the server does not explain."""
    return StatusError(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "the server rejected our request due to an error in our request",
            "reason": "Invalid",
            "details": {},
            "code": 422,
        }
    )
