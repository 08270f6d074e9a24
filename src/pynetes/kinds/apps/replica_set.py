"""Replica sets. Source: kubernetes ``pkg/apis/apps/validation/validation.go`` ``ValidateReplicaSet``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows, workload
from pynetes.kinds.core.pod_defaults import default_template, fill
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import immutable
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.selectors import format_object
from pynetes.meta.status import Cause

_STRATEGY = Strategy(generation=True, has_status=True, template=("spec", "template"))
_COUNTS = (
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
    "terminatingReplicas",
)


def default(replica_set: Object) -> None:
    spec = replica_set.setdefault("spec", {})
    fill(spec, replicas=1)
    default_template(spec.setdefault("template", {}))


def validate(replica_set: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(replica_set, True) + _spec(replica_set["spec"])


def validate_update(replica_set: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(replica_set, old)
    if context.subresource == "status":
        return causes + replica_status(replica_set.get("status") or {})
    causes += _spec(replica_set["spec"])
    return causes + immutable("spec.selector", replica_set["spec"].get("selector"), old["spec"].get("selector"))


def _spec(spec: Object) -> list[Cause]:
    causes = workload.counts("spec", spec, ("replicas", "minReadySeconds"))
    causes += workload.selector(spec, "deployment")
    return causes + workload.replica_template(spec)


def replica_status(status: Object) -> list[Cause]:
    """Against the status of a replica set or replication controller."""
    causes = workload.counts("status", status, _COUNTS)
    parts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    causes += workload.not_more_than("status", status, parts, "replicas", "cannot be greater than status.replicas")
    detail = "cannot be greater than readyReplicas"
    return causes + workload.not_more_than("status", status, ("availableReplicas",), "readyReplicas", detail)


def warnings(replica_set: Object, old: Object | None) -> Sequence[str]:
    return workload.template_warnings(replica_set, old, "Pod names and hostnames")


def table_row(replica_set: Object, now: float) -> list[Any]:
    spec = replica_set["spec"]
    return [*replica_cells(replica_set, now), format_object(spec.get("selector"))]


def replica_cells(owner: Object, now: float) -> list[Any]:
    spec, status = owner["spec"], owner.get("status") or {}
    return [
        owner["metadata"]["name"],
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        rows.age(owner, now),
        *rows.containers((spec.get("template") or {}).get("spec") or {}),
    ]


def fields(owner: Object) -> Mapping[str, str]:
    return {"status.replicas": str((owner.get("status") or {}).get("replicas", 0))}


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
    zero=workload.zero,
    fields=fields,
)
