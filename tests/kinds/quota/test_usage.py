"""Quotes: https://kubernetes.io/docs/concepts/policy/resource-quotas/."""

from typing import Any

from pynetes.kinds.quota.evaluators import evaluator
from pynetes.kinds.quota.types import Write, texts

NOW = 1_000_000.0


def usage(group: str, plural: str, obj: Any) -> dict[str, str]:
    found = evaluator(group, plural)
    assert found is not None
    return texts(found.usage(obj, NOW))


def pod(requests: Any = None, limits: Any = None, status: Any = None, **spec: Any) -> Any:
    resources = {side: amounts for side, amounts in (("requests", requests), ("limits", limits)) if amounts}
    container = {"name": "c", **({"resources": resources} if resources else {})}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], **spec}, "status": status or {}}


def test_a_pod_uses_itself_its_requests_and_its_limits() -> None:
    made = pod({"cpu": "100m", "memory": "1Gi", "example.com/gpu": "1", "hugepages-2Mi": "2Mi"}, {"cpu": "1"})
    assert usage("", "pods", made) == {
        "count/pods": "1",
        "pods": "1",
        "cpu": "100m",
        "requests.cpu": "100m",
        "limits.cpu": "1",
        "memory": "1Gi",
        "requests.memory": "1Gi",
        "hugepages-2Mi": "2Mi",
        "requests.hugepages-2Mi": "2Mi",
        # "quota objects in the format of requests.<resource> are allowed only" for extended resources
        "requests.example.com/gpu": "1",
    }


def test_a_pod_that_has_ended_is_counted_as_an_object_only() -> None:
    # "pods: The total number of Pods in a non-terminal state that can exist in the namespace."
    assert usage("", "pods", pod({"cpu": "1"}, status={"phase": "Failed"})) == {"count/pods": "1"}
    lost = pod({"cpu": "1"})
    lost["metadata"] |= {"deletionTimestamp": "1970-01-12T13:46:30Z", "deletionGracePeriodSeconds": 9}
    assert usage("", "pods", lost) == {"count/pods": "1"}
    lost["metadata"]["deletionGracePeriodSeconds"] = 11
    assert usage("", "pods", lost)["pods"] == "1"


def test_a_pod_that_is_resized_uses_the_larger_of_what_it_has_and_will_have() -> None:
    has = {"name": "c", "resources": {"requests": {"cpu": "2"}}, "allocatedResources": {"cpu": "1500m"}}
    made = pod({"cpu": "1"}, status={"containerStatuses": [has]})
    assert usage("", "pods", made)["requests.cpu"] == "2"
    made = pod({"cpu": "3"}, status={"containerStatuses": [has]})
    assert usage("", "pods", made)["requests.cpu"] == "3"
    made["status"]["conditions"] = [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]
    assert usage("", "pods", made)["requests.cpu"] == "2"


def test_a_pod_is_in_the_scopes_that_the_page_names() -> None:
    found = evaluator("", "pods")
    assert found is not None

    def scopes(of: Any) -> set[str]:
        names = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity")
        return {n for n in names if found.in_scope({"scopeName": n, "operator": "Exists"}, of)}

    assert scopes(pod()) == {"NotTerminating", "BestEffort"}
    # "Terminating: Match Pods where .spec.activeDeadlineSeconds >= 0"
    assert scopes(pod({"cpu": "1"}, activeDeadlineSeconds=0)) == {"Terminating", "NotBestEffort"}
    term = {"topologyKey": "z", "namespaceSelector": {}}
    affinity = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": term}]}}
    assert "CrossNamespacePodAffinity" in scopes(pod(affinity=affinity))


def test_priority_classes_are_selected_by_name() -> None:
    found = evaluator("", "pods")
    assert found is not None

    def selected(operator: str, of: Any) -> bool:
        return found.in_scope({"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}, of)

    high, low, none = pod(priorityClassName="high"), pod(priorityClassName="low"), pod()
    assert [selected("In", p) for p in (high, low, none)] == [True, False, False]
    assert [selected("NotIn", p) for p in (high, low, none)] == [False, True, True]
    assert [selected("Exists", p) for p in (high, low, none)] == [True, True, False]
    assert [selected("DoesNotExist", p) for p in (high, low, none)] == [False, False, True]


def test_every_container_must_say_what_a_quota_of_compute_limits() -> None:
    # "If quota is enabled in a namespace for compute resources like cpu and memory, users must specify requests or
    # limits for those values"
    found = evaluator("", "pods")
    assert found is not None
    silent = pod({"memory": "1Gi"}, initContainers=[{"name": "a"}])
    names = ["limits.memory", "requests.cpu", "requests.ephemeral-storage", "pods"]
    assert found.missing(names, silent) == "must specify limits.memory for: a,c; requests.cpu for: a,c"
    # what the pod says as a whole is enough
    assert not found.missing(names, pod(resources={"requests": {"cpu": "1"}}))


def test_node_ports_are_counted_before_they_are_allocated() -> None:
    ports = [{"port": 1}, {"port": 2, "nodePort": 30000}]
    counts = {"count/services": "1", "services": "1"}

    def service(**spec: Any) -> Any:
        return {"metadata": {}, "spec": {"ports": ports, **spec}}

    assert usage("", "services", service(type="ClusterIP")) == counts | {
        "services.nodeports": "0",
        "services.loadbalancers": "0",
    }
    assert usage("", "services", service(type="NodePort"))["services.nodeports"] == "2"
    balancer = service(type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert usage("", "services", balancer) == counts | {"services.nodeports": "1", "services.loadbalancers": "1"}


def test_a_claim_is_counted_in_all_and_by_its_storage_class() -> None:
    spec = {"storageClassName": "gold", "resources": {"requests": {"storage": "1500m"}}}
    assert usage("", "persistentvolumeclaims", {"metadata": {}, "spec": spec}) == {
        "persistentvolumeclaims": "1",
        "count/persistentvolumeclaims": "1",
        "requests.storage": "2",  # whole bytes
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "gold.storageclass.storage.k8s.io/requests.storage": "2",
    }
    status = {"allocatedResources": {"storage": "5Gi"}}
    grown = {"metadata": {}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}, "status": status}
    assert usage("", "persistentvolumeclaims", grown)["requests.storage"] == "5Gi"


def test_a_claim_is_in_the_scope_of_every_attributes_class_that_it_has_or_wants() -> None:
    found = evaluator("", "persistentvolumeclaims")
    assert found is not None
    claim = {
        "metadata": {},
        "spec": {"volumeAttributesClassName": "silver"},
        "status": {"currentVolumeAttributesClassName": "gold"},
    }

    def selected(operator: str, *values: str) -> bool:
        requirement = {"scopeName": "VolumeAttributesClass", "operator": operator, "values": list(values)}
        return found.in_scope(requirement, claim)

    assert selected("In", "gold") and selected("In", "silver") and not selected("In", "bronze")
    assert selected("NotIn", "gold")  # silver is not gold
    assert not selected("DoesNotExist")


def test_devices_are_counted_at_their_worst_by_class() -> None:
    requests = [
        {"name": "a", "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 2}},
        {"name": "b", "exactly": {"deviceClassName": "nic", "allocationMode": "All"}},
        {
            "name": "c",
            "firstAvailable": [
                {"name": "x", "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 4},
                {"name": "y", "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1},
            ],
        },
    ]
    assert usage("resource.k8s.io", "resourceclaims", {"spec": {"devices": {"requests": requests}}}) == {
        "count/resourceclaims.resource.k8s.io": "1",
        "gpu.deviceclass.resource.k8s.io/devices": "6",
        "nic.deviceclass.resource.k8s.io/devices": "32",
    }


def test_anything_else_is_counted_by_group_and_plural() -> None:
    assert usage("example.com", "widgets", {}) == {"count/widgets.example.com": "1"}
    assert usage("", "secrets", {}) == {"count/secrets": "1", "secrets": "1"}
    assert usage("", "serviceaccounts", {}) == {"count/serviceaccounts": "1"}
    assert evaluator("", "events") is None
    assert evaluator("authorization.k8s.io", "localsubjectaccessreviews") is None


def test_only_writes_that_can_change_usage_are_charged() -> None:
    def charged(plural: str, operation: str, obj: Any = None, old: Any = None, subresource: str = "") -> bool:
        found = evaluator("", plural)
        assert found is not None
        return found.charged(Write(operation, obj or {}, old, subresource))

    assert charged("configmaps", "CREATE") and not charged("configmaps", "UPDATE", old={})
    assert not charged("serviceaccounts", "CREATE", subresource="token")
    assert charged("pods", "CREATE") and not charged("pods", "UPDATE", pod(), pod())
    assert charged("pods", "UPDATE", pod(activeDeadlineSeconds=1), pod())
    assert charged("pods", "UPDATE", pod(), pod(), "resize") and not charged("pods", "UPDATE", pod(), pod(), "status")
    assert charged("persistentvolumeclaims", "UPDATE", {}, {}, "status")
