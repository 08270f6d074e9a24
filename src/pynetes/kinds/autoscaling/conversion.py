"""HorizontalPodAutoscalers are stored as autoscaling/v2; v1 keeps what it has no fields for in annotations.

Source: kubernetes ``pkg/apis/autoscaling/v1/conversion.go``, ``pkg/apis/autoscaling/annotations.go``.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from pynetes.meta.objects import Object

METRIC_SPECS = "autoscaling.alpha.kubernetes.io/metrics"
METRIC_STATUSES = "autoscaling.alpha.kubernetes.io/current-metrics"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
_OURS = (METRIC_SPECS, METRIC_STATUSES, BEHAVIOR, CONDITIONS)


def convert_autoscaler(obj: Object, api_version: str) -> Object:
    """The autoscaler in that apiVersion. A new dict (parts shared), or the object itself when it already is."""
    if obj.get("apiVersion") == api_version:
        return obj
    return _to_v1(obj) if api_version == "autoscaling/v1" else _to_v2(obj)


def _to_v1(obj: Object) -> Object:
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    kept = {}
    others = []
    for metric in spec.pop("metrics", None) or ():
        target = (metric.get("resource") or {}).get("target") or {}
        is_cpu = metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"
        if is_cpu and target.get("averageUtilization") is not None:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
        else:
            others.append(_metric(metric, _SPEC_TO_V1))
    if others:
        kept[METRIC_SPECS] = orjson.dumps(others).decode()
    if metrics := status.pop("currentMetrics", None):
        for metric in metrics:
            current = (metric.get("resource") or {}).get("current") or {}
            if metric.get("type") == "Resource" and metric["resource"].get("name") == "cpu":
                if current.get("averageUtilization") is not None:
                    status["currentCPUUtilizationPercentage"] = current["averageUtilization"]
        kept[METRIC_STATUSES] = orjson.dumps([_metric(m, _STATUS_TO_V1) for m in metrics]).decode()
    if behavior := spec.pop("behavior", None):
        kept[BEHAVIOR] = orjson.dumps(_exported(behavior)).decode()
    if conditions := status.pop("conditions", None):
        kept[CONDITIONS] = orjson.dumps(conditions).decode()
    status.setdefault("currentReplicas", 0)
    return _rebuilt(obj, "autoscaling/v1", kept, spec, status)


def _to_v2(obj: Object) -> Object:
    annotations = obj["metadata"].get("annotations") or {}
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics = [_metric(m, _SPEC_TO_V2) for m in _annotation(annotations, METRIC_SPECS, list)]
    percentage = spec.pop("targetCPUUtilizationPercentage", None)
    if percentage is not None:
        target = {"type": "Utilization", "averageUtilization": percentage}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        spec["metrics"] = metrics
    if behavior := _annotation(annotations, BEHAVIOR, dict):
        spec["behavior"] = _unexported(behavior)
    status.pop("currentCPUUtilizationPercentage", None)
    if current := _annotation(annotations, METRIC_STATUSES, list):
        status["currentMetrics"] = [_metric(m, _STATUS_TO_V2) for m in current]
    if conditions := _annotation(annotations, CONDITIONS, list):
        status["conditions"] = conditions
    status.setdefault("desiredReplicas", 0)
    return _rebuilt(obj, "autoscaling/v2", {}, spec, status)


def _rebuilt(obj: Object, api_version: str, kept: dict[str, str], spec: Object, status: Object) -> Object:
    out = {**obj, "apiVersion": api_version, "spec": spec, "status": status}
    before = obj["metadata"].get("annotations") or {}
    annotations = {k: v for k, v in before.items() if k not in _OURS} | kept
    metadata = {k: v for k, v in obj["metadata"].items() if k != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    out["metadata"] = metadata
    return out


def _annotation(annotations: dict[str, str], key: str, kind: type) -> Any:
    """The JSON in an annotation; what cannot be read is ignored, as upstream does."""
    try:
        value = orjson.loads(annotations.get(key, "null"))
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, kind) else kind()


def _metric(metric: Object, sources: Mapping[str, Callable[[Object], Object]]) -> Object:
    out: Object = {"type": metric.get("type", "")}
    for name, change in sources.items():
        if isinstance(metric.get(name), dict):
            out[name] = {k: v for k, v in change(metric[name]).items() if v is not None}
    return out


def _resource_to_v1(m: Object) -> Object:
    target = m.get("target") or {}
    return {
        "name": m.get("name", ""),
        "container": m.get("container"),
        "targetAverageUtilization": target.get("averageUtilization"),
        "targetAverageValue": target.get("averageValue"),
    }


def _resource_to_v2(m: Object) -> Object:
    utilization = m.get("targetAverageUtilization")
    target = {
        "type": "AverageValue" if utilization is None else "Utilization",
        "averageValue": m.get("targetAverageValue"),
        "averageUtilization": utilization,
    }
    return {"name": m.get("name", ""), "container": m.get("container"), "target": _present(target)}


def _pods_to_v1(m: Object) -> Object:
    metric, target = m.get("metric") or {}, m.get("target") or {}
    return {
        "metricName": metric.get("name", ""),
        "targetAverageValue": target.get("averageValue") or "0",
        "selector": metric.get("selector"),
    }


def _pods_to_v2(m: Object) -> Object:
    target = {"type": "AverageValue", "averageValue": m.get("targetAverageValue", "0")}
    return {"metric": _present({"name": m.get("metricName", ""), "selector": m.get("selector")}), "target": target}


def _object_to_v1(m: Object) -> Object:
    metric, target = m.get("metric") or {}, m.get("target") or {}
    return {
        "target": m.get("describedObject") or {},
        "metricName": metric.get("name", ""),
        "targetValue": target.get("value") or "0",
        "selector": metric.get("selector"),
        "averageValue": target.get("averageValue"),
    }


def _object_to_v2(m: Object) -> Object:
    average, value = m.get("averageValue"), m.get("targetValue", "0")
    target = {
        "type": "Value" if average is None else "AverageValue",
        "value": value if average is None or value not in ("0", 0) else None,
        "averageValue": average,
    }
    return {
        "describedObject": m.get("target") or {},
        "target": _present(target),
        "metric": _present({"name": m.get("metricName", ""), "selector": m.get("selector")}),
    }


def _external_to_v1(m: Object) -> Object:
    metric, target = m.get("metric") or {}, m.get("target") or {}
    return {
        "metricName": metric.get("name", ""),
        "metricSelector": metric.get("selector"),
        "targetValue": target.get("value"),
        "targetAverageValue": target.get("averageValue"),
    }


def _external_to_v2(m: Object) -> Object:
    value = m.get("targetValue")
    target = {
        "type": "AverageValue" if value is None else "Value",
        "value": value,
        "averageValue": m.get("targetAverageValue"),
    }
    metric = {"name": m.get("metricName", ""), "selector": m.get("metricSelector")}
    return {"metric": _present(metric), "target": _present(target)}


def _resource_status_to_v1(m: Object) -> Object:
    current = m.get("current") or {}
    return {
        "name": m.get("name", ""),
        "container": m.get("container"),
        "currentAverageUtilization": current.get("averageUtilization"),
        "currentAverageValue": current.get("averageValue") or "0",
    }


def _resource_status_to_v2(m: Object) -> Object:
    current = {
        "averageUtilization": m.get("currentAverageUtilization"),
        "averageValue": m.get("currentAverageValue", "0"),
    }
    return {"name": m.get("name", ""), "container": m.get("container"), "current": _present(current)}


def _pods_status_to_v1(m: Object) -> Object:
    metric, current = m.get("metric") or {}, m.get("current") or {}
    return {
        "metricName": metric.get("name", ""),
        "currentAverageValue": current.get("averageValue") or "0",
        "selector": metric.get("selector"),
    }


def _pods_status_to_v2(m: Object) -> Object:
    metric = _present({"name": m.get("metricName", ""), "selector": m.get("selector")})
    return {"metric": metric, "current": {"averageValue": m.get("currentAverageValue", "0")}}


def _object_status_to_v1(m: Object) -> Object:
    metric, current = m.get("metric") or {}, m.get("current") or {}
    return {
        "target": m.get("describedObject") or {},
        "metricName": metric.get("name", ""),
        "currentValue": current.get("value") or "0",
        "selector": metric.get("selector"),
        "averageValue": current.get("averageValue"),
    }


def _object_status_to_v2(m: Object) -> Object:
    current = _present({"value": m.get("currentValue", "0"), "averageValue": m.get("averageValue")})
    metric = _present({"name": m.get("metricName", ""), "selector": m.get("selector")})
    return {"metric": metric, "current": current, "describedObject": m.get("target") or {}}


def _external_status_to_v1(m: Object) -> Object:
    metric, current = m.get("metric") or {}, m.get("current") or {}
    return {
        "metricName": metric.get("name", ""),
        "metricSelector": metric.get("selector"),
        "currentValue": current.get("value") or "0",
        "currentAverageValue": current.get("averageValue"),
    }


def _external_status_to_v2(m: Object) -> Object:
    current = _present({"value": m.get("currentValue", "0"), "averageValue": m.get("currentAverageValue")})
    metric = _present({"name": m.get("metricName", ""), "selector": m.get("metricSelector")})
    return {"metric": metric, "current": current}


def _present(fields: Object) -> Object:
    return {k: v for k, v in fields.items() if v is not None}


_SPEC_TO_V1 = {
    "object": _object_to_v1,
    "pods": _pods_to_v1,
    "resource": _resource_to_v1,
    "containerResource": _resource_to_v1,
    "external": _external_to_v1,
}
_SPEC_TO_V2 = {
    "object": _object_to_v2,
    "pods": _pods_to_v2,
    "resource": _resource_to_v2,
    "containerResource": _resource_to_v2,
    "external": _external_to_v2,
}
_STATUS_TO_V1 = {
    "object": _object_status_to_v1,
    "pods": _pods_status_to_v1,
    "resource": _resource_status_to_v1,
    "containerResource": _resource_status_to_v1,
    "external": _external_status_to_v1,
}
_STATUS_TO_V2 = {
    "object": _object_status_to_v2,
    "pods": _pods_status_to_v2,
    "resource": _resource_status_to_v2,
    "containerResource": _resource_status_to_v2,
    "external": _external_status_to_v2,
}

_RULES = ("StabilizationWindowSeconds", "SelectPolicy", "Policies", "Tolerance")
_POLICY = ("Type", "Value", "PeriodSeconds")


def _exported(behavior: Object) -> Object:
    """The behavior as upstream writes it into the annotation: by the Go names of its internal type."""
    return {name: _exported_rules(behavior.get(_lower(name))) for name in ("ScaleUp", "ScaleDown")}


def _exported_rules(rules: Object | None) -> Object | None:
    if rules is None:
        return None
    out: Object = {name: rules.get(_lower(name)) for name in _RULES}
    out["Policies"] = [{n: p.get(_lower(n)) for n in _POLICY} for p in out["Policies"] or ()] or None
    return out


def _unexported(behavior: Object) -> Object:
    out = {}
    for name in ("ScaleUp", "ScaleDown"):
        rules = behavior.get(name)
        if isinstance(rules, dict):
            found = {_lower(n): rules[n] for n in _RULES if rules.get(n) is not None}
            if "policies" in found:
                found["policies"] = [{_lower(k): v for k, v in p.items()} for p in found["policies"]]
            out[_lower(name)] = found
    return out


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
