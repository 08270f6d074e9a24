"""What each metric asks for, and what the status says of it.

Source: pkg/controller/podautoscaler/horizontal.go (``computeReplicasForMetric`` and ``computeStatusFor...``).
"""

from dataclasses import dataclass

from pynetes.controllers.horizontalpodautoscaler.metrics import Answer
from pynetes.controllers.horizontalpodautoscaler.observed import NotComputed
from pynetes.controllers.horizontalpodautoscaler.replicas import (
    Observation,
    by_average,
    by_share,
    by_utilization,
    by_value,
    total,
)
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.selectors import printed


@dataclass(frozen=True, slots=True)
class Proposal:
    """``name``: of the metric, as reasons name it."""

    replicas: int
    name: str
    status: Object


class Failed(Exception):
    """No proposal. ``reason`` and ``cause``: of the event and the condition; the text is what the whole fails with."""

    def __init__(self, reason: str, cause: str, context: str) -> None:
        super().__init__(context + cause)
        self.reason = reason
        self.cause = cause


def propose(metric: Object, answer: Answer, seen: Observation, namespace: str) -> Proposal:
    """Raises: Failed."""
    match metric["type"]:
        case "Resource":
            source = metric["resource"]
            context = f"failed to get {source['name']} resource metric value: "
            return _of_resource("resource", source, answer, seen, "FailedGetResourceMetric", context)
        case "ContainerResource":
            source = metric["containerResource"]
            context = f"failed to get {source['container']} container metric value: "
            return _of_resource("containerResource", source, answer, seen, "FailedGetContainerResourceMetric", context)
        case "Pods":
            return _of_pods(metric["pods"], answer, seen)
        case "Object":
            return _of_object(metric["object"], answer, seen, namespace)
    return _of_others(metric["external"], answer, seen, namespace)


def _of_resource(member: str, source: Object, answer: Answer, seen: Observation, reason: str, context: str) -> Proposal:
    resource, container, target = source["name"], source.get("container", ""), source["target"]
    by_amount = target.get("averageValue") is not None
    current: Object = {}
    try:
        if answer.error:
            raise NotComputed(f"unable to get metrics for resource {resource}: {answer.error}")
        if by_amount:
            name = f"{resource} resource"
            replicas, average = by_average(seen, answer.samples, resource, _milli(target["averageValue"]))
        else:
            name = f"{resource} {'container ' if container else ''}resource utilization (percentage of request)"
            wanted = target["averageUtilization"]
            replicas, share, average = by_utilization(seen, answer.samples, resource, container, wanted)
            current["averageUtilization"] = share
    except NotComputed as error:
        cause = f"failed to get {resource} {'usage' if by_amount else 'utilization'}: {error}"
        raise Failed(reason, cause, context) from error
    current["averageValue"] = _text(average, "BinarySI" if resource == "memory" else "DecimalSI")
    whose = {"name": resource, "container": container} if container else {"name": resource}
    return Proposal(replicas, name, _status(member, {**whose, "current": current}))


def _of_pods(source: Object, answer: Answer, seen: Observation) -> Proposal:
    metric = source["metric"]
    try:
        if answer.error:
            raise NotComputed(f"unable to get metric {metric['name']}: {answer.error}")
        replicas, average = by_average(seen, answer.samples, "", _milli(source["target"]["averageValue"]))
    except NotComputed as error:
        raise Failed("FailedGetPodsMetric", str(error), "failed to get pods metric value: ") from error
    status = _status("pods", {"metric": metric, "current": {"averageValue": _text(average)}})
    return Proposal(replicas, f"pods metric {metric['name']}", status)


def _of_object(source: Object, answer: Answer, seen: Observation, namespace: str) -> Proposal:
    metric, target, described = source["metric"], source["target"], source["describedObject"]
    by_amount = target["type"] == "AverageValue"
    try:
        if answer.error:
            where = f"{described['kind']} on {namespace} {described['name']}"
            # sic: upstream's arguments are in another order than its format
            raise NotComputed(f"unable to get metric {metric['name']}: {where}/{answer.error}")
        if by_amount:
            replicas, each = by_share(seen, answer.value, _milli(target["averageValue"]))
            name, current = f"external metric {_named(metric)}", {"averageValue": _text(each)}
        else:
            replicas = by_value(seen, answer.value, _milli(target["value"]))
            name, current = f"{described['kind']} metric {metric['name']}", {"value": _text(answer.value)}
    except NotComputed as error:
        context = "failed to get object metric value: "
        if by_amount:
            context += f"failed to get {metric['name']} object metric: "
        raise Failed("FailedGetObjectMetric", str(error), context) from error
    status = _status("object", {"describedObject": described, "metric": metric, "current": current})
    return Proposal(replicas, name, status)


def _of_others(source: Object, answer: Answer, seen: Observation, namespace: str) -> Proposal:
    metric, target = source["metric"], source["target"]
    by_amount = target.get("averageValue") is not None
    usage = total(answer.values)
    try:
        if answer.error:
            which = f"{namespace}/{metric['name']}/{printed(metric.get('selector'))}"
            raise NotComputed(f"unable to get external metric {which}: {answer.error}")
        if by_amount:
            replicas, each = by_share(seen, usage, _milli(target["averageValue"]))
            current = {"averageValue": _text(each)}
        else:
            replicas = by_value(seen, usage, _milli(target["value"]))
            current = {"value": _text(usage)}
    except NotComputed as error:
        which = f"{metric['name']} external metric" if by_amount else f"external metric {metric['name']}"
        context = f"failed to get {metric['name']} external metric value: failed to get {which}: "
        raise Failed("FailedGetExternalMetric", str(error), context) from error
    status = _status("external", {"metric": metric, "current": current})
    return Proposal(replicas, f"external metric {_named(metric)}", status)


def _status(member: str, content: Object) -> Object:
    return {"type": member[0].upper() + member[1:], member: content}


def _named(metric: Object) -> str:
    return f"{metric['name']}({printed(metric.get('selector'))})"


def _milli(text: str) -> int:
    return Quantity.parse(text).milli_value()


def _text(milli: int, format: str = "DecimalSI") -> str:
    return Quantity.of_milli(milli, format).canonical()
