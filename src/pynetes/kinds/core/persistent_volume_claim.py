"""Persistent volume claims.

Source: kubernetes ``pkg/registry/core/persistentvolumeclaim/strategy.go``, ``pkg/api/persistentvolumeclaim/util.go``,
``pkg/apis/core/validation/validation.go`` ``ValidatePersistentVolumeClaim``.
"""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.claim_validation import claim_spec, validate, validate_update
from pynetes.kinds.core.claim_warnings import warnings
from pynetes.kinds.core.persistent_volume import storage_class
from pynetes.kinds.core.pod_defaults import default_claim_spec, fill_empty, round_amounts
from pynetes.kinds.strategy import keep
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext

_SOURCES = (("PersistentVolumeClaim", ""), ("VolumeSnapshot", "snapshot.storage.k8s.io"))


def default(claim: Object) -> None:
    status = claim.setdefault("status", {})
    fill_empty(status, phase="Pending")
    default_claim_spec(claim.setdefault("spec", {}))
    for name in ("capacity", "allocatedResources"):
        if status.get(name):
            round_amounts(status[name])


def prepare_create(claim: Object, context: WriteContext) -> None:
    claim["status"] = {"phase": "Pending"}
    _data_sources(claim["spec"], {})


def prepare_update(claim: Object, old: Object, context: WriteContext) -> None:
    if context.subresource == "status":
        keep(claim, old, "spec")
        return
    keep(claim, old, "status")
    _data_sources(claim["spec"], old["spec"])


def _data_sources(spec: Object, old: Object) -> None:
    """Other namespaces and, in ``dataSource``, other kinds than of old count as absent; then both say the same."""
    if (spec.get("dataSourceRef") or {}).get("namespace") and old.get("dataSourceRef") is None:
        spec.pop("dataSourceRef")
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if reference is None and old.get("dataSource") is None and old.get("dataSourceRef") is None:
        if source is not None and (source.get("kind"), source.get("apiGroup") or "") not in _SOURCES:
            del spec["dataSource"]
            return
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec["dataSource"] = {k: v for k, v in reference.items() if k in ("apiGroup", "kind", "name")}


def table_row(claim: Object, now: float) -> list[Any]:
    spec, status = claim["spec"], claim.get("status") or {}
    capacity = modes = ""
    if spec.get("volumeName"):
        modes = rows.access_modes(status.get("accessModes"))
        capacity = (status.get("capacity") or {}).get("storage", "0")
    return [
        claim["metadata"]["name"],
        "Terminating" if "deletionTimestamp" in claim["metadata"] else status.get("phase") or "",
        spec.get("volumeName") or "",
        capacity,
        modes,
        storage_class(claim),
        rows.UNSET if spec.get("volumeAttributesClassName") is None else spec["volumeAttributesClassName"],
        rows.age(claim, now),
        rows.UNSET if spec.get("volumeMode") is None else spec["volumeMode"],
    ]


__all__ = ["HOOKS", "claim_spec"]

HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
)
