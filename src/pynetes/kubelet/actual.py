"""What a pod and its containers have of CPU and memory in fact, as their statuses tell it. Pure.

The allocated amounts, with what the kernel was told of them in their place, and in the kernel's roundings.

Source: kubernetes ``pkg/kubelet/kubelet_pods.go`` (convertToAPIContainerStatuses: convertContainerStatusResources;
convertToAPIPodLevelResourcesStatus), ``pkg/kubelet/cm/helpers_linux.go`` (SharesToMilliCPU, QuotaToMilliCPU).

Differs: a pod without a limit on memory shows none; upstream shows the largest number that a cgroup of version 1 can
hold.
"""

from pynetes.kubelet.cgroups import Limits
from pynetes.kubelet.resources import MIN_SHARES, PERIOD_US, milli, pod_limits, pod_requests
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.runtime.types import Container, ContainerState

MIN_MILLI_LIMIT = 10
"""The least limit on CPU, in thousandths: below it what was asked for is told, not what the kernel makes of it."""
PAGE = 4096


def of_container(container: Object, latest: Container, memory_request: str | None, before: Object | None) -> Object:
    """The ``resources`` of a container's status. ``container`` has what is allocated; ``memory_request`` is what it was
    made or changed with, None where nobody knows; ``before``: the container's last status."""
    found = _copied(container.get("resources") or {})
    if latest.state is not ContainerState.RUNNING:
        return found
    has = latest.config.resources
    old: Object = {}
    if before is not None and "running" in (before.get("state") or {}):
        if str(before.get("containerID", "")).endswith(latest.id):
            old = before.get("resources") or {}
    if "limits" in found:
        _cpu(found["limits"], _of_quota(has.cpu_quota), MIN_MILLI_LIMIT, old.get("limits"))
        _put(found["limits"], "memory", _bytes(has.memory_limit), old.get("limits"))
    if "requests" in found:
        _cpu(found["requests"], _of_shares(has.cpu_shares), MIN_SHARES, old.get("requests"))
        _put(found["requests"], "memory", memory_request, old.get("requests"))
    return found


def of_pod(pod: Object, applied: Limits | None, old: Object) -> Object:
    """The ``resources`` of a pod's status. ``applied``: what the kernel was told of the pod as a whole, if it was."""
    if (pod.get("status") or {}).get("phase") != "Running":
        return _told({"limits": pod_limits(pod), "requests": pod_requests(pod)})
    own = pod["spec"].get("resources") or {}
    limits, requests = dict(own.get("limits") or {}), dict(own.get("requests") or {})
    kept = (old.get("resources") or {}) if old.get("phase") == "Running" else {}
    has = applied or Limits(cpu_shares=0)
    _cpu(requests, _of_shares(has.cpu_shares), MIN_SHARES, kept.get("requests"))
    aggregated = pod_requests(pod).get("memory")
    if "memory" not in requests and aggregated is not None:
        requests["memory"] = aggregated
    if "memory" in (kept.get("requests") or {}):
        requests["memory"] = kept["requests"]["memory"]
    _cpu(limits, _of_quota(has.cpu_quota), MIN_MILLI_LIMIT, kept.get("limits"))
    _put(limits, "memory", _bytes(has.memory // PAGE * PAGE), kept.get("limits"))
    return _told({"limits": limits, "requests": requests})


def _copied(resources: Object) -> Object:
    return {kind: dict(resources[kind]) for kind in ("limits", "requests") if resources.get(kind)}


def _told(resources: Object) -> Object:
    return {kind: amounts for kind, amounts in resources.items() if amounts}


def _cpu(amounts: Object, actual: int, least: int, old: Object | None) -> None:
    """``actual`` in thousandths, 0: not known."""
    if not actual:
        _put(amounts, "cpu", None, old)
    elif actual > least or milli(amounts, "cpu") > least:
        amounts["cpu"] = str(Quantity.of_milli(actual))


def _put(amounts: Object, name: str, actual: str | None, old: Object | None) -> None:
    """What is so; where that is not known, what was told before."""
    if actual:
        amounts[name] = actual
    elif name in (old or {}):
        amounts[name] = (old or {})[name]


def _bytes(count: int) -> str | None:
    return str(Quantity.of(count, "BinarySI")) if count > 0 else None


def _of_shares(shares: int) -> int:
    return -(-shares * 1000 // 1024) if shares >= MIN_SHARES else 0


def _of_quota(quota: int) -> int:
    return quota * 1000 // PERIOD_US if quota > 0 else 0
