"""What a plan may ask for, and the thin half that does it.

Actions are values: tests compare them, plans build them, ``apply`` carries them out in order and stops at the first
that fails (the key is reconciled again, and plans anew from what is then there).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pynetes.client.types import Kind
from pynetes.controllers.types import Context
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Create:
    kind: Kind
    object: Object


@dataclass(frozen=True, slots=True)
class Update:
    """Replace an object; its ``metadata.resourceVersion`` is the precondition."""

    kind: Kind
    object: Object
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    kind: Kind
    namespace: str
    name: str
    patch: Object
    subresource: str = ""
    patch_type: str = STRATEGIC
    missing_is_fine: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an object; one that is gone already is fine. ``uid`` guards against its successor of the same name."""

    kind: Kind
    namespace: str
    name: str
    uid: str = ""
    revision: str = ""
    grace_seconds: int | None = None
    propagation: str = ""

    def options(self) -> Object | None:
        options: Object = {}
        preconditions = {k: v for k, v in (("uid", self.uid), ("resourceVersion", self.revision)) if v}
        if preconditions:
            options["preconditions"] = preconditions
        if self.grace_seconds is not None:
            options["gracePeriodSeconds"] = self.grace_seconds
        if self.propagation:
            options["propagationPolicy"] = self.propagation
        return {"kind": "DeleteOptions", "apiVersion": "v1", **options} if options else None


@dataclass(frozen=True, slots=True)
class Report:
    """Record an event about an object."""

    object: Object
    type: str
    reason: str
    message: str


Action = Create | Update | Patch | Delete | Report


async def apply(context: Context, actions: Iterable[Action]) -> None:
    """Carry out the actions in order. Raises: StatusError of the first that fails."""
    for action in actions:
        await perform(context, action)


async def perform(context: Context, action: Action) -> Object | None:
    """Carry out one action; the object that a write returned, if it returns one."""
    client = context.client
    match action:
        case Create(kind, obj):
            return await client.create(kind, obj, obj["metadata"].get("namespace", ""))
        case Update(kind, obj, subresource):
            return await client.update(kind, obj, subresource=subresource)
        case Patch(kind, namespace, name, patch, subresource, patch_type, missing_is_fine):
            try:
                return await client.patch(kind, name, patch, namespace, subresource=subresource, patch_type=patch_type)
            except StatusError as error:
                if error.code != 404 or not missing_is_fine:
                    raise
        case Delete(kind, namespace, name):
            try:
                await client.delete(kind, name, namespace, options=action.options())
            except StatusError as error:
                if error.code != 404:
                    raise
        case Report(obj, type_, reason, message):
            context.events.event(obj, type_, reason, message)
    return None


def namespace_is_terminating(error: Exception) -> bool:
    """Whether a create was refused because the namespace is on its way out."""
    if not isinstance(error, StatusError):
        return False
    causes = (error.status.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
