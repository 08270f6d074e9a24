"""Daemon sets. Source: kubernetes ``pkg/apis/apps/validation/validation.go`` ``ValidateDaemonSet``.

The template generation of old counts the changes of the template; it is kept in an annotation of the versioned object.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows, workload
from pynetes.kinds.core import pod_spec
from pynetes.kinds.core.pod_defaults import default_template, fill
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import immutable, invalid, not_supported, required, same
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.selectors import SelectorError, format_object, from_object
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_selector

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_STRATEGY = Strategy(generation=True, has_status=True, template=("spec", "template"))
_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def default(daemon_set: Object) -> None:
    spec = daemon_set.setdefault("spec", {})
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.get("rollingUpdate")
        if rolling is None:
            rolling = strategy["rollingUpdate"] = {}
        fill(rolling, maxUnavailable=1, maxSurge=0)
    fill(spec, revisionHistoryLimit=10)
    default_template(spec.setdefault("template", {}))


def prepare_create(daemon_set: Object, context: WriteContext) -> None:
    _STRATEGY.create(daemon_set, context)
    _set_template_generation(daemon_set, max(1, _template_generation(daemon_set)))


def prepare_update(daemon_set: Object, old: Object, context: WriteContext) -> None:
    _STRATEGY.update(daemon_set, old, context)
    generation = _template_generation(old)
    if not same(daemon_set["spec"].get("template"), old["spec"].get("template")):
        generation += 1
    _set_template_generation(daemon_set, generation)


def _template_generation(daemon_set: Object) -> int:
    text = (daemon_set["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    return int(text) if text.isdecimal() else 0


def _set_template_generation(daemon_set: Object, generation: int) -> None:
    meta = daemon_set["metadata"]
    if meta.get("annotations") is None:
        meta["annotations"] = {}
    meta["annotations"][TEMPLATE_GENERATION] = str(generation)


def validate(daemon_set: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(daemon_set, True) + _spec(daemon_set["spec"])


def validate_update(daemon_set: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(daemon_set, old)
    if context.subresource == "status":
        status = daemon_set.get("status") or {}
        causes += workload.counts("status", status, _COUNTS)
        return causes + workload.not_decremented("status", status, old.get("status") or {})
    causes += immutable("spec.selector", daemon_set["spec"].get("selector"), old["spec"].get("selector"))
    return causes + _spec(daemon_set["spec"])


def _spec(spec: Object) -> list[Cause]:
    selector, template = spec.get("selector"), spec["template"]
    causes = label_selector("spec.selector", selector)
    labels = (template.get("metadata") or {}).get("labels")
    try:
        if not from_object(selector).matches(labels or {}):
            causes.append(workload.bad_labels("spec.template.metadata.labels", labels))
    except SelectorError:
        pass
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        causes.append(workload.bad_selector(selector, "empty selector is invalid for daemonset"))
    causes += pod_spec.template("spec.template", template)
    causes += workload.always_restarted("spec.template", template, "DaemonSet")
    causes += workload.counts("spec", spec, ("minReadySeconds",))
    causes += _update_strategy("spec.updateStrategy", spec["updateStrategy"])
    return causes + workload.counts("spec", spec, ("revisionHistoryLimit",))


def _update_strategy(path: str, strategy: Object) -> list[Cause]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        return [not_supported(path, _shown(strategy), ("RollingUpdate", "OnDelete"))]
    path += ".rollingUpdate"
    if rolling is None:
        return [required(path)]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    causes = workload.int_or_percent(f"{path}.maxUnavailable", unavailable)
    causes += workload.int_or_percent(f"{path}.maxSurge", surge)
    causes += workload.not_more_than_all(f"{path}.maxUnavailable", unavailable)
    causes += workload.not_more_than_all(f"{path}.maxSurge", surge)
    some, more = workload.amount(unavailable) != 0, workload.amount(surge) != 0
    if some and more:
        causes.append(invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    if not some and not more:
        causes.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return causes


def _shown(strategy: Object) -> Object:
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        rolling = {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}
    return {"Type": strategy.get("type", ""), "RollingUpdate": rolling}


def warnings(daemon_set: Object, old: Object | None) -> Sequence[str]:
    return workload.template_warnings(daemon_set, old)


def table_row(daemon_set: Object, now: float) -> list[Any]:
    spec, status = daemon_set["spec"], daemon_set.get("status") or {}
    pods = (spec.get("template") or {}).get("spec") or {}
    return [
        daemon_set["metadata"]["name"],
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        rows.labels(pods.get("nodeSelector")),
        rows.age(daemon_set, now),
        *rows.containers(pods),
        format_object(spec.get("selector")),
    ]


HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
    zero=lambda daemon_set: _set_template_generation(daemon_set, 0),
    hidden_annotations=frozenset((TEMPLATE_GENERATION,)),
)
