"""What is wrong with an autoscaler. Source: kubernetes ``pkg/apis/autoscaling/validation/validation.go``."""

from collections.abc import Sequence

from pynetes.kinds import workload
from pynetes.kinds.core.resource_names import container_resource_name
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import NOT_NEGATIVE, Path, forbidden, invalid, not_supported, required
from pynetes.meta.names import dns1123_label, path_segment
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause

MEMBERS = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_TYPES = tuple(sorted(MEMBERS))
_POLICY_TYPES = ("Percent", "Pods")
_SELECT_POLICIES = ("Disabled", "Max", "Min")
_TARGETS = ("Utilization", "Value", "AverageValue")


def validate(obj: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(obj, True) + _spec(obj["spec"], None)


def validate_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(obj, old)
    if context.subresource == "status":
        return causes + workload.counts("status", obj.get("status") or {}, ("currentReplicas", "desiredReplicas"))
    return causes + _spec(obj["spec"], old["spec"])


def _spec(spec: Object, old: Object | None) -> list[Cause]:
    causes: list[Cause] = []
    before = old or {}
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    lowest = 0 if before.get("minReplicas") == 0 else 1
    if least is not None and least < lowest:
        causes.append(invalid("spec.minReplicas", least, f"must be greater than or equal to {lowest}"))
    if most == 0:
        causes.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 0:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than or equal to 1"))
    if least is not None and most < least:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    causes += _target("spec.scaleTargetRef", spec.get("scaleTargetRef") or {}, old)
    any_version = any(_version_problem(_described(m), True) for m in before.get("metrics") or () if m.get("object"))
    metrics = spec.get("metrics") or ()
    for i, metric in enumerate(metrics):
        causes += _metric(f"spec.metrics[{i}]", metric, any_version)
    if least == 0 and not any(m.get("type") in ("Object", "External") for m in metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        causes.append(forbidden("spec.metrics", detail))
    for direction in ("scaleUp", "scaleDown"):
        if (rules := (spec.get("behavior") or {}).get(direction)) is not None:
            causes += _rules(f"spec.behavior.{direction}", rules)
    return causes


def _described(metric: Object) -> Object:
    found: Object = metric["object"].get("describedObject") or {}
    return found


def _target(path: Path, target: Object, old: Object | None) -> list[Cause]:
    was = None if old is None else old.get("scaleTargetRef") or {}
    unchanged = was is not None and all(was.get(m) == target.get(m) for m in ("apiVersion", "kind"))
    return _reference(path, target, target.get("kind") == "ReplicationController", unchanged)


def _reference(path: Path, reference: Object, may_be_core: bool, any_version: bool) -> list[Cause]:
    causes: list[Cause] = []
    for member in ("kind", "name"):
        value = reference.get(member) or ""
        if not value:
            causes.append(required(f"{path}.{member}"))
        else:
            causes += [invalid(f"{path}.{member}", value, p) for p in path_segment(value)]
    problem = "" if any_version else _version_problem(reference, may_be_core)
    if problem:
        causes.append(invalid(f"{path}.apiVersion", reference.get("apiVersion") or "", problem))
    return causes


def _version_problem(reference: Object, may_be_core: bool) -> str:
    version = reference.get("apiVersion") or ""
    if version.count("/") > 1:
        return f"unexpected GroupVersion string: {version}"
    group = version.partition("/")[0] if "/" in version else ""
    return "" if group or may_be_core else "apiVersion must specify API group"


def _metric(path: Path, metric: Object, any_version: bool) -> list[Cause]:
    causes: list[Cause] = []
    kind = metric.get("type") or ""
    if not kind:
        causes.append(required(f"{path}.type", "must specify a metric source type"))
    if kind not in MEMBERS:
        causes.append(not_supported(f"{path}.type", kind, _TYPES))
    present = [member for member in MEMBERS.values() if metric.get(member) is not None]
    if present:
        causes += _source(f"{path}.{present[0]}", present[0], metric[present[0]], any_version)
    expected = MEMBERS.get(kind)
    if expected is None:
        causes.append(not_supported(f"{path}.type", kind, _TYPES))
    elif metric.get(expected) is None:
        causes.append(required(f"{path}.{expected}", "must populate information for the given metric source"))
    if len(present) > 1:
        text = "must populate the given metric source only"
        causes += [forbidden(f"{path}.{member}", text) for member in present if member != expected]
    return causes


def _source(path: Path, member: str, source: Object, any_version: bool) -> list[Cause]:
    target = source.get("target") or {}
    at = f"{path}.target"
    average, value, utilization = (target.get(n) for n in ("averageValue", "value", "averageUtilization"))
    causes: list[Cause] = []
    if member == "object":
        causes += _reference(f"{path}.describedObject", source.get("describedObject") or {}, True, any_version)
    if member in ("object", "external", "pods"):
        causes += _identifier(f"{path}.metric", source.get("metric") or {})
    else:
        causes += _resource(path, member, source)
    causes += _metric_target(at, target)
    if member == "object" and value is None and average is None:
        causes.append(required(f"{at}.averageValue", "must set either a target value or averageValue"))
    elif member == "external" and value is None and average is None:
        detail = "must set either a target value for metric or a per-pod target"
        causes.append(required(f"{at}.averageValue", detail))
    elif member == "external" and value is not None and average is not None:
        detail = "may not set both a target value for metric and a per-pod target"
        causes.append(forbidden(f"{at}.value", detail))
    elif member == "pods" and average is None:
        causes.append(required(f"{at}.averageValue", "must specify a positive target averageValue"))
    elif member in ("resource", "containerResource") and utilization is None and average is None:
        detail = "must set either a target raw value or a target utilization"
        causes.append(required(f"{at}.averageUtilization", detail))
    elif member in ("resource", "containerResource") and utilization is not None and average is not None:
        detail = "may not set both a target raw value and a target utilization"
        causes.append(forbidden(f"{at}.averageValue", detail))
    return causes


def _identifier(path: Path, metric: Object) -> list[Cause]:
    name = metric.get("name") or ""
    if not name:
        return [required(f"{path}.name", "must specify a metric name")]
    return [invalid(f"{path}.name", name, p) for p in path_segment(name)]


def _resource(path: Path, member: str, source: Object) -> list[Cause]:
    name, container = source.get("name") or "", source.get("container") or ""
    causes: list[Cause] = []
    if not name:
        causes.append(required(f"{path}.name", "must specify a resource name"))
    elif member == "containerResource":
        causes += container_resource_name(f"{path}.name", name)
    if member == "containerResource":
        if not container:
            causes.append(required(f"{path}.container", "must specify a container"))
        else:
            causes += [invalid(f"{path}.container", container, p) for p in dns1123_label(container)]
    return causes


def _metric_target(path: Path, target: Object) -> list[Cause]:
    causes: list[Cause] = []
    kind = target.get("type") or ""
    if not kind:
        causes.append(required(f"{path}.type", "must specify a metric target type"))
    if kind not in _TARGETS:
        causes.append(invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue"))
    for name in ("value", "averageValue"):
        if (text := target.get(name)) is not None and Quantity.parse(text).nanos <= 0:
            causes.append(invalid(f"{path}.{name}", text, "must be positive"))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        causes.append(invalid(f"{path}.averageUtilization", utilization, "must be greater than 0"))
    return causes


def _rules(path: Path, rules: Object) -> list[Cause]:
    causes: list[Cause] = []
    window, select, tolerance = (rules.get(n) for n in ("stabilizationWindowSeconds", "selectPolicy", "tolerance"))
    if window is not None and window < 0:
        causes.append(invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
    if window is not None and window > 3600:
        causes.append(invalid(f"{path}.stabilizationWindowSeconds", window, "must be less than or equal to 3600"))
    if select is not None and select not in _SELECT_POLICIES:
        causes.append(not_supported(f"{path}.selectPolicy", select, _SELECT_POLICIES))
    policies = rules.get("policies") or ()
    if not policies:
        causes.append(required(f"{path}.policies", "must specify at least one Policy"))
    for i, policy in enumerate(policies):
        causes += _policy(f"{path}.policies[{i}]", policy)
    if tolerance is not None and Quantity.parse(tolerance).nanos < 0:
        causes.append(invalid(f"{path}.tolerance", tolerance, NOT_NEGATIVE))
    return causes


def _policy(path: Path, policy: Object) -> list[Cause]:
    causes: list[Cause] = []
    kind, period = policy.get("type") or "", policy.get("periodSeconds") or 0
    if kind not in _POLICY_TYPES:
        causes.append(not_supported(f"{path}.type", kind, _POLICY_TYPES))
    for name in ("value", "periodSeconds"):
        if (policy.get(name) or 0) <= 0:
            causes.append(invalid(f"{path}.{name}", policy.get(name) or 0, "must be greater than zero"))
    if period > 1800:
        causes.append(invalid(f"{path}.periodSeconds", period, "must be less than or equal to 1800"))
    return causes
