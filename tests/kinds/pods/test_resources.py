"""What a pod asks for.

Quotes: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/.
"""

import pytest

from pynetes.kinds.pods.resources import qos_class

BOTH = {"cpu": "1", "memory": "1Gi"}


def make_pod(*containers, **spec):
    return {"spec": {"containers": [{"name": "c", "resources": each} for each in containers], **spec}}


@pytest.mark.parametrize(
    ("pod", "qos"),
    [
        (make_pod({"limits": BOTH, "requests": BOTH}), "Guaranteed"),
        (make_pod({"limits": BOTH, "requests": BOTH}, {}), "Burstable"),
        (make_pod({"requests": {"cpu": "1"}}), "Burstable"),
        (make_pod({"requests": {"cpu": "0"}}), "BestEffort"),
        (make_pod({"limits": {"example.com/gpu": "1"}}), "BestEffort"),
        (make_pod({}, resources={"limits": BOTH, "requests": BOTH}), "Guaranteed"),
        (make_pod({"limits": BOTH, "requests": BOTH}, resources={"requests": {"cpu": "1"}}), "Burstable"),
        (make_pod({"limits": BOTH, "requests": BOTH}, resources={}), "BestEffort"),
    ],
)
def test_the_class_follows_from_requests_and_limits(pod, qos):
    assert qos_class(pod) == qos
