"""Sums of what containers ask for, and what the kernel is told of it.

Source: kubernetes ``component-helpers/resource/helpers.go``, ``pkg/kubelet/cm/helpers_linux.go``,
``pkg/kubelet/qos/policy.go``.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from pynetes.kubelet import pods
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.runtime.types import Resources

MIN_SHARES = 2
MIN_QUOTA_US = 1000
PERIOD_US = 100_000


def amount(text: object) -> Fraction:
    """A quantity as a number."""
    return Fraction(Quantity.parse(str(text)).milli_value(), 1000)


def milli(resources: Mapping[str, object], name: str) -> int:
    """CPU of a resource list in thousandths; 0 when it is not there."""
    return Quantity.parse(str(resources[name])).milli_value() if name in resources else 0


def whole(resources: Mapping[str, object], name: str) -> int:
    """Bytes or pieces of a resource list; 0 when it is not there."""
    return Quantity.parse(str(resources[name])).value() if name in resources else 0


def pod_requests(pod: Object) -> dict[str, str]:
    return _total(pod, "requests")


def pod_limits(pod: Object) -> dict[str, str]:
    return _total(pod, "limits")


def _total(pod: Object, kind: str) -> dict[str, str]:
    """Containers and sidecars, or the largest init container with the sidecars before it; then the pod's own."""
    regular = _sum([_list(c, kind) for c in pods.containers(pod)])
    sidecars: dict[str, str] = {}
    peak: dict[str, str] = {}
    for container in pods.init_containers(pod):
        own = _list(container, kind)
        if pods.is_sidecar(container):
            regular = _sum([regular, own])
            sidecars = _sum([sidecars, own])
            peak = _largest([peak, sidecars])
        else:
            peak = _largest([peak, _sum([own, sidecars])])
    total = _largest([regular, peak])
    own = (pod["spec"].get("resources") or {}).get(kind) or {}
    total.update({name: str(value) for name, value in own.items() if name in ("cpu", "memory") or "hugepages" in name})
    overhead = pod["spec"].get("overhead") or {}
    if overhead and (kind == "requests" or total):
        added = {n: v for n, v in overhead.items() if kind == "requests" or n in total}
        total = _sum([total, added])
    return total


def _list(container: Object, kind: str) -> dict[str, str]:
    return (container.get("resources") or {}).get(kind) or {}


def _sum(lists: Iterable[Mapping[str, str]]) -> dict[str, str]:
    total: dict[str, str] = {}
    for resources in lists:
        for name, value in resources.items():
            if name not in total:
                total[name] = str(value)
            else:
                total[name] = (Quantity.parse(total[name]) + Quantity.parse(str(value))).canonical()
    return total


def _largest(lists: Iterable[Mapping[str, str]]) -> dict[str, str]:
    largest: dict[str, str] = {}
    for resources in lists:
        for name, value in resources.items():
            if name not in largest or amount(value) > amount(largest[name]):
                largest[name] = str(value)
    return largest


def cpu_shares(milli_cpu: int) -> int:
    """CPU requests as v1 shares; none gives the least."""
    return max(MIN_SHARES, min(milli_cpu * 1024 // 1000, 262_144))


def cpu_quota(milli_cpu: int) -> int:
    """CPU limits as microseconds a period; 0: no limit."""
    return max(MIN_QUOTA_US, milli_cpu * PERIOD_US // 1000) if milli_cpu else 0


def oom_score_adj(pod: Object, container: Object, memory_capacity: int) -> int:
    """The less of its request a container of a Burstable pod has, the sooner it is killed.

    Source: kubernetes ``pkg/kubelet/qos/policy.go``.
    """
    if pods.is_static(pod) and pod["spec"].get("priorityClassName") == "system-node-critical":
        return -997
    if int(pod["spec"].get("priority") or 0) >= 2_000_000_000:
        return -997
    qos = pods.qos_class(pod)
    if qos == "Guaranteed":
        return -997
    if qos == "BestEffort":
        return 1000
    request = _oom_request(pod, container)
    adjusted = 1000 - (1000 * request) // max(memory_capacity, 1)
    if adjusted < 1000 + -997:
        return 1000 + -997
    return 999 if adjusted == 1000 else adjusted


def _oom_request(pod: Object, container: Object) -> int:
    """The container's memory request, or its part of what the pod as a whole asks for."""
    own = whole(_list(container, "requests"), "memory")
    shared = whole((pod["spec"].get("resources") or {}).get("requests") or {}, "memory")
    if not shared:
        return own
    everyone = [*pods.containers(pod), *(c for c in pods.init_containers(pod) if pods.is_sidecar(c))]
    rest = shared - sum(whole(_list(c, "requests"), "memory") for c in everyone)
    return own + max(rest, 0) // len(everyone)


def container_resources(pod: Object, container: Object, memory_capacity: int) -> Resources:
    """What the runtime is told of a container's resources."""
    resources = container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    whole_pod = pod["spec"].get("resources") or {}
    if whole_pod:
        # a container without limits of its own is bounded by its pod's
        limits = {**(whole_pod.get("limits") or {}), **limits}
    shares = milli(requests, "cpu") or (milli(limits, "cpu") if "cpu" not in requests else 0)
    return Resources(
        cpu_shares=cpu_shares(shares),
        cpu_quota=cpu_quota(milli(limits, "cpu")),
        memory_limit=whole(limits, "memory"),
        oom_score_adj=oom_score_adj(pod, container, memory_capacity),
        hugepages={
            # hugepages-2Mi, in the kernel's spelling: 2MB
            name.removeprefix("hugepages-").replace("i", "") + "B": whole(limits, name)
            for name in limits
            if name.startswith("hugepages-")
        },
    )
