"""Namespaces. Source: kubernetes ``pkg/registry/core/namespace/strategy.go``, ``pkg/apis/core/v1/defaults.go``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.metadata import kube_finalizer, object_meta, object_meta_update
from pynetes.kinds.strategy import keep
from pynetes.meta.fielderrors import Path, invalid
from pynetes.meta.names import dns1123_label, qualified_name
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

NAME_LABEL = "kubernetes.io/metadata.name"


def default(namespace: Object) -> None:
    meta = namespace["metadata"]
    if name := meta.get("name"):
        labels = meta.get("labels")
        if labels is None:
            labels = meta["labels"] = {}
        labels[NAME_LABEL] = name
    status = namespace.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Active"


def prepare_create(namespace: Object, context: WriteContext) -> None:
    default(namespace)  # a generated name, too, becomes a label
    namespace["status"] = {"phase": "Active"}
    spec = namespace.setdefault("spec", {})
    if "kubernetes" not in (finalizers := spec.get("finalizers") or []):
        spec["finalizers"] = [*finalizers, "kubernetes"]


def prepare_update(namespace: Object, old: Object, context: WriteContext) -> None:
    match context.subresource:
        case "status":
            keep(namespace, old, "spec")
        case "finalize":
            keep(namespace, old, "status")
        case _:
            spec = namespace.setdefault("spec", {})
            keep(spec, old.get("spec") or {}, "finalizers")
            keep(namespace, old, "status")


def validate(namespace: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(namespace, False, dns1123_label) + _finalizers(namespace)


def _finalizers(namespace: Object) -> list[Cause]:
    causes: list[Cause] = []
    for name in (namespace.get("spec") or {}).get("finalizers") or ():
        causes += _finalizer("spec.finalizers", name)
    return causes


def _finalizer(path: Path, name: str) -> list[Cause]:
    return [invalid(path, name, p) for p in qualified_name(name)] + kube_finalizer(path, name)


def validate_update(namespace: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(namespace, old)
    if context.subresource == "finalize":
        for i, name in enumerate((namespace.get("spec") or {}).get("finalizers") or ()):
            causes += _finalizer(f"spec.finalizers[{i}]", name)
    if context.subresource == "status":
        phase = (namespace.get("status") or {}).get("phase") or ""
        deleted = "deletionTimestamp" in namespace["metadata"]
        if not deleted and phase != "Active":
            causes.append(invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty"))
        if deleted and phase != "Terminating":
            causes.append(
                invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")
            )
    return causes


def table_row(namespace: Object, now: float) -> list[Any]:
    status = namespace.get("status") or {}
    return [namespace["metadata"]["name"], status.get("phase") or "", rows.age(namespace, now)]


def fields(namespace: Object) -> Mapping[str, str]:
    # upstream keeps "name" from the days before "metadata.name"
    phase = (namespace.get("status") or {}).get("phase") or ""
    return {"status.phase": phase, "name": namespace["metadata"]["name"]}


HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
    fields=fields,
)
