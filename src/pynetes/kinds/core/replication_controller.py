"""Replication controllers.

Source: kubernetes ``pkg/apis/core/validation/validation.go``, ``pkg/apis/core/v1/defaults.go``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows, workload
from pynetes.kinds.apps.replica_set import fields, replica_cells, replica_status
from pynetes.kinds.core import pod_spec
from pynetes.kinds.core.pod_defaults import default_template, fill
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import forbidden, not_supported, required
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.selectors import from_labels
from pynetes.meta.status import Cause

_STRATEGY = Strategy(generation=True, has_status=True, template=("spec", "template"))


def default(controller: Object) -> None:
    spec = controller.setdefault("spec", {})
    fill(spec, replicas=1)
    template = spec.get("template")
    if template is None:
        return
    if labels := (template.get("metadata") or {}).get("labels"):
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not controller["metadata"].get("labels"):
            controller["metadata"]["labels"] = dict(labels)
    default_template(template)


def validate(controller: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(controller, True) + _spec(controller["spec"])


def validate_update(controller: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(controller, old)
    if context.subresource == "status":
        return causes + replica_status(controller.get("status") or {})
    return causes + _spec(controller["spec"])


def _spec(spec: Object) -> list[Cause]:
    causes = workload.counts("spec", spec, ("minReadySeconds",))
    if not spec.get("selector"):
        causes.append(required("spec.selector"))
    causes += workload.counts("spec", spec, ("replicas",))
    template = spec.get("template")
    if template is None:
        return [*causes, required("spec.template")]
    selector = from_labels(spec.get("selector"))
    labels = (template.get("metadata") or {}).get("labels")
    if not selector.empty and not selector.matches(labels or {}):
        causes.append(workload.bad_labels("spec.template.metadata.labels", labels))
    causes += pod_spec.template("spec.template", template)
    policy = template["spec"].get("restartPolicy") or ""
    if policy != "Always":
        causes.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        detail = "activeDeadlineSeconds in ReplicationController is not Supported"
        causes.append(forbidden("spec.template.spec.activeDeadlineSeconds", detail))
    return causes


def warnings(controller: Object, old: Object | None) -> Sequence[str]:
    return workload.template_warnings(controller, old, "Pod names and hostnames")


def table_row(controller: Object, now: float) -> list[Any]:
    return [*replica_cells(controller, now), rows.labels(controller["spec"].get("selector"))]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
    fields=fields,
)
