import orjson

from pynetes.kinds.autoscaling.conversion import BEHAVIOR, CONDITIONS, METRIC_SPECS, convert_autoscaler
from pynetes.kinds.events.conversion import convert_event
from pynetes.meta.objects import Object

CORE = {
    "kind": "Event",
    "apiVersion": "v1",
    "metadata": {"name": "e"},
    "involvedObject": {"kind": "Pod", "name": "p"},
    "reason": "Started",
    "message": "it started",
    "source": {"component": "kubelet"},
    "firstTimestamp": "2020-01-01T00:00:00Z",
    "lastTimestamp": "2020-01-01T00:00:00Z",
    "count": 3,
    "type": "Normal",
    "eventTime": None,
    "reportingComponent": "kubelet",
    "reportingInstance": "",
}


def test_an_event_in_the_new_shape_comes_back_as_it_was() -> None:
    new = convert_event(dict(CORE), "events.k8s.io/v1")
    assert new["note"] == "it started"
    assert new["regarding"] == {"kind": "Pod", "name": "p"}
    assert new["deprecatedCount"] == 3
    assert new["reportingController"] == "kubelet"
    assert convert_event(new, "v1") == CORE


def autoscaler(**spec: object) -> Object:
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": "a"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3, **spec},
        "status": {"currentReplicas": 0, "desiredReplicas": 0},
    }


def test_the_cpu_target_is_a_field_of_version_one() -> None:
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    one = convert_autoscaler(autoscaler(metrics=[cpu]), "autoscaling/v1")
    assert one["spec"]["targetCPUUtilizationPercentage"] == 50
    assert "metrics" not in one["spec"]
    assert "annotations" not in one["metadata"]
    assert convert_autoscaler(one, "autoscaling/v2") == autoscaler(metrics=[cpu])


def test_what_version_one_cannot_say_is_kept_in_annotations() -> None:
    metrics = [
        {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}},
        {
            "type": "Object",
            "object": {
                "describedObject": {"kind": "Service", "name": "s"},
                "metric": {"name": "m"},
                "target": {"type": "Value", "value": "5"},
            },
        },
        {"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "5"}}},
        {
            "type": "ContainerResource",
            "containerResource": {
                "name": "memory",
                "container": "c",
                "target": {"type": "AverageValue", "averageValue": "1Mi"},
            },
        },
    ]
    behavior = {"scaleUp": {"selectPolicy": "Max", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 5}]}}
    two = autoscaler(metrics=metrics, behavior=behavior)
    two["status"]["conditions"] = [{"type": "AbleToScale", "status": "True"}]
    one = convert_autoscaler(two, "autoscaling/v1")
    assert set(one["metadata"]["annotations"]) == {METRIC_SPECS, BEHAVIOR, CONDITIONS}
    assert orjson.loads(one["metadata"]["annotations"][BEHAVIOR])["ScaleUp"]["SelectPolicy"] == "Max"
    assert convert_autoscaler(one, "autoscaling/v2") == two
