"""The autoscaler's controller against a small API."""

import pytest

from pynetes.client.kinds import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, PODS
from pynetes.controllers import horizontalpodautoscaler
from pynetes.meta.times import rfc3339
from tests.controllers.mini_api import Refused, play

from .make import autoscaler, behavior, conditions, external, pods, resource

USAGE = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"
QUEUE = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue"
CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default"


def put(world, subject, replicas=2, name="h"):
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    world.api.put(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec, "status": {"replicas": replicas}})
    for pod in pods(replicas, started=world.clock.now() - 3600):
        world.api.put(PODS, pod)
    subject["metadata"] |= {"name": name, "uid": name}
    world.api.put(HORIZONTAL_POD_AUTOSCALERS, subject)


def measure(world, number, cpu):
    items = [
        {
            "metadata": {"name": f"p{i}"},
            "timestamp": rfc3339(world.clock.now()),
            "window": "1m0s",
            "containers": [{"name": "c", "usage": {"cpu": cpu}}],
        }
        for i in range(number)
    ]
    world.api.answers[USAGE] = {"items": items}


def status(world, name="h"):
    return world.api.get(HORIZONTAL_POD_AUTOSCALERS, name).get("status", {})


def replicas(world):
    return world.api.get(DEPLOYMENTS, "web")["spec"]["replicas"]


def why_not(world):
    return conditions(status(world))["ScalingActive"][2].partition("unable to fetch metrics from ")[2]


def test_the_target_is_scaled_once_a_period():
    async def script(world):
        put(world, autoscaler(resource()))
        measure(world, 2, "90m")
        await world.clock.sleep(14)
        assert replicas(world) == 2
        await world.clock.sleep(2)
        assert replicas(world) == 4
        assert status(world)["desiredReplicas"] == 4
        await world.clock.sleep(15)
        assert replicas(world) == 4  # the two new ones are not there yet: as if they idled
        assert status(world)["currentReplicas"] == 4

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_a_steady_target_is_looked_at_and_nothing_written():
    async def script(world):
        put(world, autoscaler(resource()))
        measure(world, 2, "50m")
        await world.clock.sleep(16)
        assert conditions(status(world))["ScalingActive"][0] == "True"
        world.api.writes.clear()
        await world.clock.sleep(300)
        assert world.manager.counts["horizontal-pod-autoscaler-controller"].reconciled >= 20
        assert world.api.writes == []

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_a_load_that_is_gone_makes_the_target_smaller_after_the_window():
    async def script(world):
        put(world, autoscaler(resource()), replicas=4)
        measure(world, 4, "10m")
        await world.clock.sleep(300)
        assert replicas(world) == 4
        assert conditions(status(world))["AbleToScale"][1] == "ScaleDownStabilized"
        await world.clock.sleep(40)
        assert replicas(world) == 1

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_policies_go_step_by_step():
    one = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}

    async def script(world):
        put(world, autoscaler(resource(), behavior=behavior(down=one)), replicas=4)
        measure(world, 4, "1m")
        await world.clock.sleep(16)
        assert replicas(world) == 3
        await world.clock.sleep(45)
        assert replicas(world) == 3
        await world.clock.sleep(30)
        assert replicas(world) == 2

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_bounds_are_kept_without_metrics():
    async def script(world):
        put(world, autoscaler(resource(), minReplicas=3))
        await world.clock.sleep(16)
        assert replicas(world) == 3
        await world.clock.sleep(15)
        text = "resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
        assert why_not(world) == text
        why = "New size: 3; reason: Current number of replicas below Spec.MinReplicas"
        assert ("Normal", "SuccessfulRescale", why) in world.api.events()

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_a_target_that_changes_meanwhile_is_scaled_all_the_same():
    async def script(world):
        put(world, autoscaler(resource(), minReplicas=3))
        left = [2]

        def refuse(verb, plural, obj):
            if obj.get("kind") == "Scale" and left[0]:
                left[0] -= 1
                raise Refused(409, "Conflict", "the object has been modified")

        world.api.refuse = refuse
        await world.clock.sleep(16)
        assert (replicas(world), left) == (3, [0])

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_a_scale_that_refuses_is_said():
    async def script(world):
        put(world, autoscaler(resource(), minReplicas=3))

        def refuse(verb, plural, obj):
            if obj.get("kind") == "Scale":
                raise Refused(403, "Forbidden", "not you")

        world.api.refuse = refuse
        await world.clock.sleep(16)
        text = "the HPA controller was unable to update the target scale: not you"
        assert conditions(status(world))["AbleToScale"] == ("False", "FailedUpdateScale", text)

    play(script, horizontalpodautoscaler.CONTROLLER)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}, 'deployments "none" not found'),
        ({"apiVersion": "e.com/v1", "kind": "X", "name": "x"}, 'no matches for kind "X" in group "e.com"'),
        ({"apiVersion": "a/b/c", "kind": "X", "name": "x"}, "unexpected GroupVersion string: a/b/c"),
    ],
)
def test_a_target_that_cannot_be_found_is_said(target, why):
    async def script(world):
        put(world, autoscaler(resource(), target=target))
        await world.clock.sleep(16)
        text = f"the HPA controller was unable to get the target's current scale: {why}"
        assert conditions(status(world))["AbleToScale"] == ("False", "FailedGetScale", text)

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_two_of_the_same_pods_stand_still_until_one_goes():
    async def script(world):
        put(world, autoscaler(resource()), name="a")
        measure(world, 2, "50m")
        other = autoscaler(resource())
        other["metadata"]["name"] = "b"
        world.api.put(HORIZONTAL_POD_AUTOSCALERS, other)
        await world.clock.sleep(32)
        assert {conditions(status(world, name))["ScalingActive"][1] for name in "ab"} == {"AmbiguousSelector"}
        world.api.remove(HORIZONTAL_POD_AUTOSCALERS, "b")
        await world.clock.sleep(16)
        assert conditions(status(world, "a"))["ScalingActive"][1] == "ValidMetricFound"

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_metrics_of_something_else():
    async def script(world):
        put(world, autoscaler(external({"type": "AverageValue", "averageValue": "3"})))
        await world.clock.sleep(16)
        text = "external metrics API: the server could not find the requested resource"
        assert why_not(world) == f"{text} (get queue.external.metrics.k8s.io)"
        world.api.answers[QUEUE] = {"items": []}
        await world.clock.sleep(15)
        assert "no metrics returned from external metrics API" in conditions(status(world))["ScalingActive"][2]
        world.api.answers[QUEUE] = {"items": [{"value": "10"}, {"value": "500m"}]}
        await world.clock.sleep(15)
        assert replicas(world) == 4

    play(script, horizontalpodautoscaler.CONTROLLER)


def test_metrics_of_pods():
    source = {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "10"}}

    async def script(world):
        put(world, autoscaler({"type": "Pods", "pods": source}))
        await world.clock.sleep(16)
        assert why_not(world) == "custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
        register(world, "v1beta2")
        items = [
            {"describedObject": {"name": f"p{i}"}, "timestamp": rfc3339(world.clock.now()), "value": "15"}
            for i in range(2)
        ]
        world.api.answers[f"{CUSTOM}/pods/*/hits"] = {"items": items}
        await world.clock.sleep(15)
        assert replicas(world) == 3

    play(script, horizontalpodautoscaler.CONTROLLER)


def register(world, version):
    found = {"groupVersion": f"custom.metrics.k8s.io/{version}"}
    world.api.groups = [{"name": "custom.metrics.k8s.io", "preferredVersion": found, "versions": [found]}]


@pytest.mark.parametrize(
    ("described", "path", "who"),
    [
        ({"apiVersion": "v1", "kind": "Service", "name": "s"}, "services/s/hits", "services.custom.metrics.k8s.io s"),
        (
            {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "in"},
            "ingresses.networking.k8s.io/in/hits",
            "ingresses.networking.k8s.io.custom.metrics.k8s.io in",
        ),
        ({"apiVersion": "v1", "kind": "Namespace", "name": "x"}, "metrics/hits", "metrics.custom.metrics.k8s.io hits"),
    ],
)
def test_metrics_of_an_object(described, path, who):
    target = {"type": "Value", "value": "10"}
    source = {"describedObject": described, "metric": {"name": "hits"}, "target": target}

    async def script(world):
        put(world, autoscaler({"type": "Object", "object": source}))
        register(world, "v1beta2")
        await world.clock.sleep(16)
        assert why_not(world) == f"custom metrics API: the server could not find the requested resource (get {who})"
        world.api.answers[f"{CUSTOM}/{path}"] = {"items": []}
        await world.clock.sleep(15)
        text = "the custom metrics API server returned 0 results when we asked for exactly one"
        assert why_not(world) == f"custom metrics API: {text}"
        world.api.answers[f"{CUSTOM}/{path}"] = {"items": [{"value": "15"}]}
        await world.clock.sleep(15)
        assert replicas(world) == 3

    play(script, horizontalpodautoscaler.CONTROLLER)


@pytest.mark.parametrize(
    ("described", "version", "why"),
    [
        (
            {"apiVersion": "e.com/v1", "kind": "X", "name": "x"},
            "v1beta2",
            'unable to map kind X.e.com to resource: no matches for kind "X" in group "e.com"',
        ),
        ({"apiVersion": "v1", "kind": "Service", "name": "s"}, "v1", "no known available metric versions found"),
    ],
)
def test_metrics_of_an_object_that_cannot_be_asked_for(described, version, why):
    source = {"describedObject": described, "metric": {"name": "hits"}, "target": {"type": "Value", "value": "10"}}

    async def script(world):
        put(world, autoscaler({"type": "Object", "object": source}))
        register(world, version)
        await world.clock.sleep(16)
        assert why_not(world) == f"custom metrics API: {why}"

    play(script, horizontalpodautoscaler.CONTROLLER)
