"""Persistent volumes.

Source: kubernetes ``pkg/registry/core/persistentvolume/strategy.go``, ``pkg/apis/core/v1/defaults.go``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import default_volume_source, fill, fill_empty, round_amounts
from pynetes.kinds.core.volume_validation import validate_volume, validate_volume_update, volume_warnings
from pynetes.kinds.strategy import keep
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.times import rfc3339

_CLASS = "volume.beta.kubernetes.io/storage-class"


def default(volume: Object) -> None:
    fill_empty(volume.setdefault("status", {}), phase="Pending")
    spec = volume.setdefault("spec", {})
    fill_empty(spec, persistentVolumeReclaimPolicy="Retain")
    fill(spec, volumeMode="Filesystem")
    for name in ("hostPath", "rbd", "iscsi", "azureDisk", "scaleIO"):
        if spec.get(name) is not None:
            default_volume_source(name, spec[name])
    if spec.get("capacity"):
        round_amounts(spec["capacity"])


def prepare_create(volume: Object, context: WriteContext) -> None:
    volume["status"] = {"phase": "Pending", "lastPhaseTransitionTime": rfc3339(context.now)}


def prepare_update(volume: Object, old: Object, context: WriteContext) -> None:
    if context.subresource != "status":
        keep(volume, old, "status")
        return
    keep(volume, old, "spec")
    status, before = volume["status"], old.get("status") or {}
    time, known = status.get("lastPhaseTransitionTime"), before.get("lastPhaseTransitionTime")
    if status.get("phase") == before.get("phase"):
        if time is None:
            keep(status, before, "lastPhaseTransitionTime")
    elif time is None or time == known:
        status["lastPhaseTransitionTime"] = rfc3339(context.now)


def warnings(volume: Object, old: Object | None) -> Sequence[str]:
    return volume_warnings(volume)


def storage_class(obj: Object) -> str:
    """Of a volume or claim; the annotation of old comes first."""
    annotations = obj["metadata"].get("annotations") or {}
    found: str = annotations.get(_CLASS, obj["spec"].get("storageClassName") or "")
    return found


def table_row(volume: Object, now: float) -> list[Any]:
    spec, status = volume["spec"], volume.get("status") or {}
    claim = spec.get("claimRef")
    phase = "Terminating" if "deletionTimestamp" in volume["metadata"] else status.get("phase", "")
    return [
        volume["metadata"]["name"],
        (spec.get("capacity") or {}).get("storage", "0"),
        rows.access_modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy") or "",
        phase,
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        storage_class(volume),
        rows.UNSET if spec.get("volumeAttributesClassName") is None else spec["volumeAttributesClassName"],
        status.get("reason") or "",
        rows.age(volume, now),
        rows.UNSET if spec.get("volumeMode") is None else spec["volumeMode"],
    ]


HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate_volume,
    validate_update=validate_volume_update,
    warnings=warnings,
    table_row=table_row,
)
