"""What an autoscaler does next, and what its status says."""

import pytest

from pynetes.controllers.horizontalpodautoscaler.metrics import Answer
from pynetes.controllers.horizontalpodautoscaler.plan import (
    is_news,
    needs_metrics,
    not_rescaled,
    rescaled,
    unreachable,
)

from .make import HALF, NOON, autoscaler, conditions, decide, external, pods, resource, said, samples, scale, used

ABSENT = "unable to fetch metrics from resource metrics API: the server could not find the requested resource"
FOUND = ("True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")


def test_more_is_asked_for_and_set():
    made = rescaled(subject := autoscaler(resource()), decide(subject, 2, used(2, 90)), NOON)
    assert made.replicas == 4
    assert conditions(made.status) == {
        "AbleToScale": ("True", "SucceededRescale", "the HPA controller was able to update the target scale to 4"),
        "ScalingActive": (
            "True",
            "ValidMetricFound",
            "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of"
            " request)",
        ),
        "ScalingLimited": ("False", "DesiredWithinRange", "the desired count is within the acceptable range"),
    }
    current = {"averageUtilization": 90, "averageValue": "90m"}
    assert made.status["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    assert (made.status["currentReplicas"], made.status["desiredReplicas"]) == (2, 4)
    assert made.status["lastScaleTime"] == "2026-01-01T12:00:00Z"
    why = "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    assert said(made) == [("Normal", "SuccessfulRescale", why)]


def test_fewer_is_put_off_and_then_set():
    subject = autoscaler(resource())
    first = decide(subject, 4, used(4, 10))
    assert first.replicas is None
    assert conditions(first.status)["AbleToScale"][1] == "ScaleDownStabilized"
    assert first.status["desiredReplicas"] == 4
    later = decide(subject, 4, used(4, 10), memory=first.memory, now=NOON + 301)
    assert (later.replicas, later.reason) == (1, "All metrics below target")


def test_nothing_to_do_says_nothing():
    subject = autoscaler(resource())
    made = decide(subject, 2, used(2, 50))
    assert (made.replicas, made.reports) == (None, [])
    assert conditions(made.status)["AbleToScale"] == (
        "True",
        "ReadyForNewScale",
        "recommended size matches current size",
    )
    again = decide({**subject, "status": made.status}, 2, used(2, 50), memory=made.memory, now=NOON + 15)
    assert not is_news(made.status, again.status)


def test_the_scale_refuses():
    subject = autoscaler(resource(), status={"desiredReplicas": 2, "currentReplicas": 2})
    made = not_rescaled(subject, decide(subject, 2, used(2, 90)), "no", NOON)
    text = "the HPA controller was unable to update the target scale: no"
    assert conditions(made.status)["AbleToScale"] == ("False", "FailedUpdateScale", text)
    assert made.status["desiredReplicas"] == 2
    assert "lastScaleTime" not in made.status
    why = "New size: 4; reason: cpu resource utilization (percentage of request) above target; error: no"
    assert said(made) == [("Warning", "FailedRescale", why)]


def test_no_scale_keeps_the_rest_of_the_status():
    subject = autoscaler(resource(), status={"desiredReplicas": 2, "currentReplicas": 2})
    made = unreachable(subject, 'deployments.apps "web" not found', NOON)
    text = 'the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found'
    assert conditions(made.status) == {"AbleToScale": ("False", "FailedGetScale", text)}
    assert made.status["currentReplicas"] == 2
    assert said(made) == [("Warning", "FailedGetScale", 'deployments.apps "web" not found')]


def test_without_metrics_nothing_changes():
    made = decide(autoscaler(resource()), 2, Answer(error=ABSENT))
    cause = f"failed to get cpu utilization: unable to get metrics for resource cpu: {ABSENT}"
    text = f"the HPA was unable to compute the replica count: {cause}"
    assert conditions(made.status) == {
        "AbleToScale": FOUND,
        "ScalingActive": ("False", "FailedGetResourceMetric", text),
    }
    assert made.status["currentMetrics"] == [{"type": ""}]
    assert (made.replicas, made.status["desiredReplicas"]) == (None, 0)
    first = f"failed to get cpu resource metric value: {cause}"
    assert said(made) == [
        ("Warning", "FailedGetResourceMetric", cause),
        (
            "Warning",
            "FailedComputeMetricsReplicas",
            f"invalid metrics (1 invalid out of 1), first error is: {first}",
        ),
    ]


@pytest.mark.parametrize(
    ("replicas", "spec", "expected"),
    [
        (2, {"minReplicas": 3}, (3, "Current number of replicas below Spec.MinReplicas")),
        (12, {}, (10, "Current number of replicas above Spec.MaxReplicas")),
    ],
)
def test_bounds_need_no_metrics(replicas, spec, expected):
    subject = autoscaler(resource(), **spec)
    assert not needs_metrics(subject, scale(replicas))
    made = rescaled(subject, decide(subject, replicas), NOON)
    assert (made.replicas, made.reason) == expected
    assert list(conditions(made.status)) == ["AbleToScale"]
    assert made.status["currentMetrics"] is None


def test_a_target_at_zero_is_left_alone():
    subject = autoscaler(resource())
    assert not needs_metrics(subject, scale(0))
    made = decide(subject, 0)
    text = "scaling is disabled since the replica count of the target is zero"
    assert conditions(made.status)["ScalingActive"] == ("False", "ScalingDisabled", text)
    assert (made.replicas, made.status["desiredReplicas"], made.reports) == (None, 0, [])


def test_the_metric_that_asks_for_most_wins():
    subject = autoscaler(resource(), resource("memory", {"type": "AverageValue", "averageValue": "20Mi"}))
    memory = Answer(samples=samples(2, 50 * 2**20 * 1000))
    made = decide(subject, 2, used(2, 60), memory)
    assert (made.replicas, made.reason) == (4, "memory resource above target")
    current = {"averageValue": "50Mi"}
    status = {"type": "Resource", "resource": {"name": "memory", "current": current}}
    assert made.status["currentMetrics"][1] == status


def test_one_metric_that_fails_does_not_keep_others_from_asking_for_more():
    subject = autoscaler(external({"type": "Value", "value": "10"}), resource())
    made = decide(subject, 2, Answer(error="no"), used(2, 90))
    assert made.replicas == 4
    assert [m["type"] for m in made.status["currentMetrics"]] == ["", "Resource"]
    assert said(made) == [("Warning", "FailedGetExternalMetric", "unable to get external metric default/queue/nil: no")]


def test_one_metric_that_fails_keeps_others_from_asking_for_fewer():
    subject = autoscaler(resource(), external({"type": "Value", "value": "10"}))
    made = decide(subject, 4, used(4, 10), Answer(error="no"))
    assert made.replicas is None
    assert conditions(made.status)["ScalingActive"][1] == "FailedGetExternalMetric"
    text = "invalid metrics (1 invalid out of 2), first error is: failed to get queue external metric value: "
    text += "failed to get external metric queue: unable to get external metric default/queue/nil: no"
    assert said(made)[-1] == ("Warning", "FailedComputeMetricsReplicas", text)


def test_a_metric_of_one_container():
    source = {"name": "cpu", "container": "c", "target": HALF}
    made = decide(autoscaler({"type": "ContainerResource", "containerResource": source}), 2, used(2, 90))
    assert made.reason == "cpu container resource utilization (percentage of request) above target"
    current = {"averageUtilization": 90, "averageValue": "90m"}
    status = {"name": "cpu", "container": "c", "current": current}
    assert made.status["currentMetrics"] == [{"type": "ContainerResource", "containerResource": status}]
    failed = decide(autoscaler({"type": "ContainerResource", "containerResource": source}), 2, Answer(error="no"))
    assert "first error is: failed to get c container metric value: failed to get cpu" in said(failed)[-1][2]


def test_a_metric_of_pods():
    metric = {"name": "hits", "selector": {"matchLabels": {"a": "b"}}}
    source = {"metric": metric, "target": {"type": "AverageValue", "averageValue": "10"}}
    subject = autoscaler({"type": "Pods", "pods": source})
    made = decide(subject, 2, Answer(samples=samples(2, 15_000)))
    assert (made.replicas, made.reason) == (3, "pods metric hits above target")
    status = {"metric": metric, "current": {"averageValue": "15"}}
    assert made.status["currentMetrics"] == [{"type": "Pods", "pods": status}]
    failed = decide(subject, 2, Answer(error="no"))
    assert said(failed)[0] == ("Warning", "FailedGetPodsMetric", "unable to get metric hits: no")


OBJECT = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "in"}


def test_a_metric_of_an_object():
    source = {"describedObject": OBJECT, "metric": {"name": "hits"}, "target": {"type": "Value", "value": "10"}}
    subject = autoscaler({"type": "Object", "object": source})
    made = decide(subject, 2, Answer(value=15_000))
    assert (made.replicas, made.reason) == (3, "Ingress metric hits above target")
    status = {"describedObject": OBJECT, "metric": {"name": "hits"}, "current": {"value": "15"}}
    assert made.status["currentMetrics"] == [{"type": "Object", "object": status}]
    failed = decide(subject, 2, Answer(error="no"))
    cause = "unable to get metric hits: Ingress on default in/no"
    assert said(failed)[0] == ("Warning", "FailedGetObjectMetric", cause)
    assert said(failed)[1][2].endswith(f"first error is: failed to get object metric value: {cause}")


def test_a_metric_of_an_object_for_each_pod():
    target = {"type": "AverageValue", "averageValue": "10"}
    source = {"describedObject": OBJECT, "metric": {"name": "hits"}, "target": target}
    subject = autoscaler({"type": "Object", "object": source})
    made = decide(subject, 2, Answer(value=35_000))
    assert (made.replicas, made.reason) == (4, "external metric hits(nil) above target")
    assert made.status["currentMetrics"][0]["object"]["current"] == {"averageValue": "17500m"}
    failed = decide(subject, 2, Answer(error="no"))
    assert "failed to get object metric value: failed to get hits object metric: " in said(failed)[1][2]


def test_a_metric_of_something_else():
    made = decide(autoscaler(external({"type": "Value", "value": "10"})), 2, Answer(values=(10_000, 5_500)))
    assert (made.replicas, made.reason) == (4, "external metric queue(nil) above target")
    status = {"metric": {"name": "queue"}, "current": {"value": "15500m"}}
    assert made.status["currentMetrics"] == [{"type": "External", "external": status}]
    subject = autoscaler(external({"type": "AverageValue", "averageValue": "3"}, selector={"matchLabels": {"a": "b"}}))
    made = decide(subject, 2, Answer(values=(10_000,)))
    assert (made.replicas, made.status["currentMetrics"][0]["external"]["current"]) == (4, {"averageValue": "5"})
    failed = decide(subject, 2, Answer(error="no"))
    which = "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}"
    assert said(failed)[0][2] == f"unable to get external metric default/queue/{which}: no"
    assert "failed to get queue external metric value: failed to get queue external metric: " in said(failed)[1][2]


def test_pods_that_several_autoscalers_scale_are_left_alone():
    made = decide(autoscaler(resource()), 2, rivals=("default/a", "default/h"))
    why = "pods by selector app=web are controlled by multiple HPAs: [default/a default/h]"
    assert conditions(made.status)["ScalingActive"] == ("False", "AmbiguousSelector", why)
    assert made.status["currentMetrics"] is None
    assert said(made) == [("Warning", "AmbiguousSelector", why), ("Warning", "FailedComputeMetricsReplicas", why)]


def test_a_scale_without_a_selector():
    made = decide(autoscaler(resource()), 2, selector="")
    text = "the HPA target's scale is missing a selector"
    assert conditions(made.status)["ScalingActive"] == ("False", "InvalidSelector", text)
    assert [report[1:] for report in said(made)] == [
        ("SelectorRequired", "selector is required"),
        ("FailedComputeMetricsReplicas", "selector is required"),
    ]


def test_a_scale_with_a_selector_that_is_none():
    made = decide(autoscaler(resource()), 2, selector="a in")
    assert conditions(made.status)["ScalingActive"][1] == "InvalidSelector"
    why = said(made)[0][2]
    assert why.startswith("couldn't convert selector into a corresponding internal selector object: ")


def test_conditions_change_their_time_only_with_their_status():
    subject = autoscaler(resource())
    first = decide(subject, 2, Answer(error="no"))
    second = decide({**subject, "status": first.status}, 2, used(2, 50), found=pods(2), now=NOON + 15)
    times = {c["type"]: c["lastTransitionTime"] for c in second.status["conditions"]}
    assert times["AbleToScale"] == "2026-01-01T12:00:00Z"
    assert times["ScalingActive"] == "2026-01-01T12:00:15Z"


def test_what_is_absent_or_zero_is_no_news():
    assert not is_news({"desiredReplicas": 0, "currentMetrics": None}, {})
    assert is_news(None, {"desiredReplicas": 1})
