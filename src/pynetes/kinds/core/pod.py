"""Pods. Source: kubernetes ``pkg/registry/core/pod/strategy.go``, ``pkg/apis/core/validation/validation.go``."""

from collections.abc import Mapping, Sequence

from pynetes.kinds.core.disabled import drop_disabled
from pynetes.kinds.core.pod_defaults import default_pod
from pynetes.kinds.core.pod_row import row_conditions, table_row
from pynetes.kinds.core.pod_update import validate_update
from pynetes.kinds.core.pod_validation import validate_create
from pynetes.kinds.core.pod_warnings import pod_warnings
from pynetes.kinds.core.profiles import sync_app_armor
from pynetes.kinds.pods.lifecycle import termination_grace_period
from pynetes.kinds.pods.resources import qos_class
from pynetes.kinds.strategy import keep, raise_generation, reset_metadata
from pynetes.meta.fielderrors import same
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.times import rfc3339

_IMPLICIT_LABELS = (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))


def prepare_create(pod: Object, context: WriteContext) -> None:
    pod["metadata"]["generation"] = 1
    spec = pod["spec"]
    drop_disabled(spec, None)
    status: Object = {"phase": "Pending", "qosClass": qos_class(pod)}
    pod["status"] = status
    if spec.get("schedulingGates"):
        status["conditions"] = [_gated(context.now)]
    if spec.get("affinity"):
        _expand_affinity(pod)
    if spec.get("topologySpreadConstraints"):
        _expand_spread(pod)
    if pod["metadata"].get("annotations"):
        context.warnings.extend(sync_app_armor(pod))


def _gated(now: float) -> Object:
    return {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
        "lastTransitionTime": rfc3339(now),
    }


def _expand_affinity(pod: Object) -> None:
    """``matchLabelKeys`` become requirements of the term's selector, with the pod's own values. Source: KEP-3633."""
    labels = pod["metadata"].get("labels") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = pod["spec"]["affinity"].get(kind) or {}
        terms = list(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        for weighted in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            terms.append(weighted.get("podAffinityTerm") or {})
        for term in terms:
            for keys, operator in _IMPLICIT_LABELS:
                _require(term, term.get(keys), operator, labels)


def _expand_spread(pod: Object) -> None:
    labels = pod["metadata"].get("labels") or {}
    for constraint in pod["spec"]["topologySpreadConstraints"]:
        _require(constraint, constraint.get("matchLabelKeys"), "In", labels)


def _require(owner: Object, keys: Sequence[str] | None, operator: str, labels: Mapping[str, str]) -> None:
    selector = owner.get("labelSelector")
    if not keys or selector is None:
        return
    for key in keys:
        if key in labels:
            expression = {"key": key, "operator": operator, "values": [labels[key]]}
            selector.setdefault("matchExpressions", []).append(expression)


def prepare_update(pod: Object, old: Object, context: WriteContext) -> None:
    match context.subresource:
        case "status":
            _prepare_status(pod, old)
            return
        case "ephemeralcontainers":
            containers = pod["spec"].get("ephemeralContainers")
            pod["spec"] = dict(old["spec"])
            pod["spec"].pop("ephemeralContainers", None)
            if containers:
                pod["spec"]["ephemeralContainers"] = containers
            keep(pod, old, "status")
            reset_metadata(pod, old)
        case "resize":
            _prepare_resize(pod, old)
        case _:
            keep(pod, old, "status")
            drop_disabled(pod["spec"], old["spec"])
    _update_generation(pod, old)


def _update_generation(pod: Object, old: Object) -> None:
    if not same(pod["spec"], old["spec"]):
        raise_generation(pod, old)


def _prepare_status(pod: Object, old: Object) -> None:
    pod["spec"] = old["spec"]
    meta = pod["metadata"]
    keep(meta, old["metadata"], "deletionTimestamp")
    keep(meta, old["metadata"], "ownerReferences")
    status, before = pod.setdefault("status", {}), old.get("status") or {}
    for name in ("qosClass", "observedGeneration"):
        if not status.get(name) and before.get(name):
            status[name] = before[name]
    generations: dict[str, list[int]] = {}
    for condition in before.get("conditions") or ():
        generations.setdefault(condition.get("type", ""), []).append(condition.get("observedGeneration", 0))
    for condition in status.get("conditions") or ():
        known = generations.get(condition.get("type", ""))
        generation = known.pop(0) if known else 0
        if not condition.get("observedGeneration") and generation:
            condition["observedGeneration"] = generation


def _prepare_resize(pod: Object, old: Object) -> None:
    """Only resources and resize policies are taken; a changed list of containers is left for validation to refuse."""
    spec, before = pod["spec"], old["spec"]
    for where in ("containers", "initContainers"):
        if len(spec.get(where) or ()) != len(before.get(where) or ()):
            return
    pod["spec"] = dict(before)
    for where in ("containers", "initContainers"):
        if spec.get(where):
            pod["spec"][where] = _resized(spec[where], before[where])
    if spec.get("resources"):
        pod["spec"]["resources"] = spec["resources"]
    else:
        pod["spec"].pop("resources", None)
    keep(pod, old, "status")
    reset_metadata(pod, old)


def _resized(new: list[Object], old: list[Object]) -> list[Object]:
    if [c.get("name") for c in new] != [c.get("name") for c in old]:
        return new
    resized = []
    for container, before in zip(new, old, strict=True):
        merged = dict(before)
        for name in ("resources", "resizePolicy"):
            keep(merged, container, name)
        resized.append(merged)
    return resized


def fields(pod: Object) -> Mapping[str, str]:
    spec, status = pod["spec"], pod.get("status") or {}
    ips = status.get("podIPs")
    return {
        "spec.nodeName": spec.get("nodeName") or "",
        "spec.restartPolicy": spec.get("restartPolicy") or "",
        "spec.schedulerName": spec.get("schedulerName") or "",
        "spec.serviceAccountName": spec.get("serviceAccountName") or "",
        "spec.hostNetwork": "true" if spec.get("hostNetwork") else "false",
        "status.phase": status.get("phase") or "",
        "status.podIP": ips[0].get("ip", "") if ips else "",
        "status.nominatedNodeName": status.get("nominatedNodeName") or "",
    }


grace_period = termination_grace_period

HOOKS = Hooks(
    default=default_pod,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate_create,
    validate_update=validate_update,
    warnings=pod_warnings,
    table_row=table_row,
    row_conditions=row_conditions,
    fields=fields,
)
