"""What statuses tell of CPU and memory: what the kernel was told, in the places of what is allocated."""

from dataclasses import replace

from pynetes.kubelet.actual import of_container, of_pod
from pynetes.kubelet.cgroups import pod_limits_of
from pynetes.kubelet.resources import container_resources
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, ContainerConfig, ContainerState, Resources
from tests.kubelet.api import container, pod


def sized(limits: Object, requests: Object | None = None) -> Object:
    return container("c", resources={"limits": limits, "requests": limits if requests is None else requests})


def running(spec: Object, resources: Resources | None = None) -> Container:
    has = container_resources(pod("p", spec), spec, 1) if resources is None else resources
    return Container("id", "s", ContainerConfig("c", 0, "i", resources=has), ContainerState.RUNNING, 0)


def in_phase(spec: Object, phase: str, **more: object) -> Object:
    made = pod("p", spec, **more)
    made["status"]["phase"] = phase
    return made


def test_a_running_container_has_what_the_kernel_was_told() -> None:
    spec = sized({"cpu": "200m", "memory": "64Mi"})
    smaller = Resources(cpu_shares=102, cpu_quota=10_000, memory_limit=32 * 1024 * 1024)
    assert of_container(spec, running(spec, smaller), "32Mi", None) == {
        "limits": {"cpu": "100m", "memory": "32Mi"},
        "requests": {"cpu": "100m", "memory": "32Mi"},
    }
    ended = replace(running(spec, smaller), state=ContainerState.EXITED)
    assert of_container(spec, ended, "32Mi", None) == spec["resources"], "one that ended has what is allocated"


def test_amounts_below_what_the_kernel_can_tell_apart_are_as_they_were_asked_for() -> None:
    spec = sized({"cpu": "1m"})
    assert of_container(spec, running(spec), "", None)["limits"] == {"cpu": "1m"}
    assert of_pod(in_phase(spec, "Running"), pod_limits_of(pod("p", spec)), {}) == {}


def test_a_pod_that_does_not_run_yet_has_the_sums_of_what_is_allocated() -> None:
    spec = sized({"cpu": "1", "ephemeral-storage": "1Gi"}, {"cpu": "500m", "memory": "16Mi"})
    assert of_pod(in_phase(spec, "Pending"), None, {}) == {
        "limits": {"cpu": "1", "ephemeral-storage": "1Gi"},
        "requests": {"cpu": "500m", "memory": "16Mi"},
    }


def test_a_running_pod_has_its_cgroups_limits_in_whole_pages() -> None:
    spec = sized({"cpu": "1500m", "memory": "0.1Gi", "ephemeral-storage": "1Gi"}, {"cpu": "100m", "memory": "10M"})
    subject = in_phase(spec, "Running")
    assert of_pod(subject, pod_limits_of(subject), {}) == {
        "limits": {"cpu": "1500m", "memory": "104856Ki"},
        "requests": {"cpu": "100m", "memory": "10M"},
    }


def test_a_pods_memory_request_stays_as_it_was_told_first() -> None:
    """As upstream: no cgroup holds it, so that nothing but the last status knows it."""
    before = {"phase": "Running", "resources": {"requests": {"memory": "32Mi", "cpu": "9"}}}
    spec = sized({"cpu": "100m", "memory": "64Mi"})
    told = of_pod(in_phase(spec, "Running"), pod_limits_of(pod("p", spec)), before)
    assert told["requests"] == {"memory": "32Mi", "cpu": "100m"}
    unknown = of_pod(in_phase(spec, "Running"), None, before)
    assert unknown["requests"] == {"memory": "32Mi", "cpu": "9"}
