"""Deployments.

Source: kubernetes ``pkg/apis/apps/v1/defaults.go``, ``pkg/registry/apps/deployment/strategy.go``,
``pkg/apis/apps/validation/validation.go`` ``ValidateDeployment``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows, workload
from pynetes.kinds.core.disabled import drop_disabled
from pynetes.kinds.core.pod_defaults import default_template, fill
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy, keep, raise_generation
from pynetes.meta.fielderrors import forbidden, immutable, invalid, not_supported, required, same
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.selectors import SelectorError, from_object
from pynetes.meta.status import Cause
from pynetes.meta.validation import non_negative

_STRATEGY = Strategy(generation=True, has_status=True, template=("spec", "template"))
_COUNTS = (
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
)


def default(deployment: Object) -> None:
    spec = deployment.setdefault("spec", {})
    fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.get("rollingUpdate")
        if rolling is None:
            rolling = strategy["rollingUpdate"] = {}
        fill(rolling, maxUnavailable="25%", maxSurge="25%")
    default_template(spec.setdefault("template", {}))


def prepare_update(deployment: Object, old: Object, context: WriteContext) -> None:
    if context.subresource == "status":
        keep(deployment, old, "spec")
        keep(deployment["metadata"], old["metadata"], "labels")
        return
    keep(deployment, old, "status")
    drop_disabled(deployment["spec"]["template"].get("spec") or {}, old["spec"]["template"].get("spec"))
    annotations, before = deployment["metadata"].get("annotations"), old["metadata"].get("annotations")
    if not same(deployment["spec"], old["spec"]) or not same(annotations, before):
        raise_generation(deployment, old)


def validate(deployment: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(deployment, True) + _spec(deployment["spec"])


def validate_update(deployment: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(deployment, old)
    if context.subresource == "status":
        status = deployment.get("status") or {}
        return causes + _status(status) + workload.not_decremented("status", status, old.get("status") or {})
    causes += _spec(deployment["spec"])
    return causes + immutable("spec.selector", deployment["spec"].get("selector"), old["spec"].get("selector"))


def _spec(spec: Object) -> list[Cause]:
    causes = non_negative("spec.replicas", spec.get("replicas"))
    causes += workload.selector(spec, "deployment")
    causes += workload.replica_template(spec)
    causes += _rollout("spec.strategy", spec["strategy"])
    causes += workload.counts("spec", spec, ("minReadySeconds", "revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        causes += non_negative("spec.progressDeadlineSeconds", deadline)
        if deadline <= spec.get("minReadySeconds", 0):
            causes.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return causes


def _rollout(path: str, strategy: Object) -> list[Cause]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is None:
            return []
        return [forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")]
    if kind != "RollingUpdate":
        return [not_supported(path, _shown(strategy), ("Recreate", "RollingUpdate"))]
    path += ".rollingUpdate"
    if rolling is None:
        return [required(path, "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    causes = workload.int_or_percent(f"{path}.maxUnavailable", unavailable)
    causes += workload.int_or_percent(f"{path}.maxSurge", surge)
    if workload.amount(unavailable) == 0 and workload.amount(surge) == 0:
        causes.append(invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    return causes + workload.not_more_than_all(f"{path}.maxUnavailable", unavailable)


def _shown(strategy: Object) -> Object:
    """The internal form that messages show."""
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        rolling = {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}
    return {"Type": strategy.get("type", ""), "RollingUpdate": rolling}


def _status(status: Object) -> list[Cause]:
    causes = workload.counts("status", status, _COUNTS)
    parts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    causes += workload.not_more_than("status", status, parts, "replicas", "cannot be greater than status.replicas")
    detail = "cannot be greater than readyReplicas"
    return causes + workload.not_more_than("status", status, ("availableReplicas",), "readyReplicas", detail)


def warnings(deployment: Object, old: Object | None) -> Sequence[str]:
    return workload.template_warnings(deployment, old, "Pod names and hostnames")


def table_row(deployment: Object, now: float) -> list[Any]:
    spec, status = deployment["spec"], deployment.get("status") or {}
    try:
        selected = str(from_object(spec.get("selector")))
    except SelectorError:
        selected = "<invalid>"
    return [
        deployment["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        rows.age(deployment, now),
        *rows.containers((spec.get("template") or {}).get("spec") or {}),
        selected,
    ]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
    zero=workload.zero,
)
