"""Volume attachments and volume attributes classes. Source: kubernetes ``pkg/registry/storage``."""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.storage.class_validation import validate_attributes, validate_attributes_update
from pynetes.kinds.storage.csi_validation import validate_attachment, validate_attachment_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_STRATEGY = Strategy(has_status=True, resets_metadata=True)


def attachment_row(obj: Object, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        obj["metadata"]["name"],
        spec.get("attacher") or "",
        (spec.get("source") or {}).get("persistentVolumeName") or "",
        spec.get("nodeName") or "",
        bool((obj.get("status") or {}).get("attached")),
        rows.age(obj, now),
    ]


def attributes_row(obj: Object, now: float) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("driverName") or "", rows.age(obj, now)]


ATTACHMENT_HOOKS = Hooks(
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate_attachment,
    validate_update=validate_attachment_update,
    table_row=attachment_row,
)

ATTRIBUTES_HOOKS = Hooks(
    validate=validate_attributes, validate_update=validate_attributes_update, table_row=attributes_row
)
