"""Changing the resources of a running pod in place: what was granted, what that asks of its containers, the words.

Pure.

A pod's resources are *asked* for by its spec, *allocated* once the node has room, and *actuated* when the runtime says
so of each container. Everything in the kubelet but this sees the allocated ones in the pod's spec.

Source: KEP-1287; kubernetes ``pkg/kubelet/allocation``, ``pkg/kubelet/events/resize.go``,
``pkg/kubelet/kuberuntime/kuberuntime_manager.go`` (computePodResizeAction, validateMemoryResizeAction).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import orjson

from pynetes.kubelet import pods
from pynetes.kubelet.observed import PodRuntime
from pynetes.kubelet.resources import MIN_SHARES, container_resources
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, ContainerState, Resources

PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
WHERE = ("initContainers", "containers")


def resources_of(pod: Object) -> dict[str, Object]:
    """What a pod's spec asks for: by container, and under ``""`` for the pod as a whole."""
    found = {"": pod["spec"].get("resources") or {}}
    for where in WHERE:
        for container in pod["spec"].get(where) or ():
            found[container["name"]] = container.get("resources") or {}
    return found


def with_resources(pod: Object, resources: Mapping[str, Object]) -> Object:
    """The pod with these resources in its spec; itself when it has them already. The pod is not changed."""
    if resources_of(pod) == resources:
        return pod
    spec = dict(pod["spec"])
    _put(spec, resources.get("", {}))
    for where in WHERE:
        if spec.get(where):
            spec[where] = [dict(container) for container in spec[where]]
            for container in spec[where]:
                _put(container, resources.get(container["name"], {}))
    return {**pod, "spec": spec}


def _put(owner: Object, resources: Object) -> None:
    if resources:
        owner["resources"] = resources
    elif "resources" in owner:
        owner["resources"] = {}


def recovered(pod: Object) -> dict[str, Object]:
    """What was allocated before this kubelet began, as the pod's status has it: its spec may ask for more by now."""
    found = resources_of(pod)
    status = pod.get("status") or {}
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(key) or ():
            name, asked = container["name"], found.get(container["name"])
            allocated, actual = container.get("allocatedResources"), container.get("resources") or {}
            if asked and allocated and allocated != (asked.get("requests") or {}):
                found[name] = {"requests": dict(allocated)}
                if actual.get("limits"):
                    found[name]["limits"] = dict(actual["limits"])
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """A running container that does not have yet what is allocated to it. A memory request is the kubelet's matter: the
    runtime is not told of it."""

    spec: Object
    container: Container
    wanted: Resources
    memory_request: bool
    """Whether it differs."""


def changes(pod: Object, observed: PodRuntime, memory_requests: Mapping[str, str]) -> Iterator[Change]:
    """``memory_requests``: by container id, what it was made or changed with last."""
    for where in WHERE:
        for container in pod["spec"].get(where) or ():
            latest = observed.latest(container["name"])
            if latest is None or latest.state is not ContainerState.RUNNING:
                continue
            if where == "initContainers" and not pods.is_sidecar(container):
                continue
            wanted = container_resources(pod, container, 1)
            # a process keeps the score that it began with
            has = latest.config.resources
            wanted = replace(wanted, oom_score_adj=has.oom_score_adj)
            asked = memory_request(container)
            other_request = memory_requests.get(latest.id, asked) != asked
            if other_request or wanted != replace(has, cpu_shares=max(has.cpu_shares, MIN_SHARES)):
                yield Change(container, latest, wanted, other_request)


def memory_request(container: Object) -> str:
    return str(((container.get("resources") or {}).get("requests") or {}).get("memory") or "")


def known_requests(pod: Object) -> dict[str, str]:
    """Memory requests by container id, as the API tells them: what a kubelet that begins anew goes on from."""
    status = pod.get("status") or {}
    found = {}
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(key) or ():
            container_id = str(container.get("containerID", "")).partition("://")[2]
            if container_id and "running" in (container.get("state") or {}):
                found[container_id] = memory_request(container)
    return found


def needs_restart(change: Change) -> bool:
    """Whether the container's policy for what changes is to begin anew."""
    has, wanted = change.container.config.resources, change.wanted
    changed = []
    if (has.cpu_shares, has.cpu_quota) != (wanted.cpu_shares, wanted.cpu_quota):
        changed.append("cpu")
    if change.memory_request or has.memory_limit != wanted.memory_limit:
        changed.append("memory")
    policies = {p["resourceName"]: p["restartPolicy"] for p in change.spec.get("resizePolicy") or ()}
    return any(policies.get(name) == "RestartContainer" for name in changed)


def too_small(used: Mapping[str, int], wanted: Mapping[str, int], pod_limit: int) -> str:
    """Why memory limits cannot go down to ``wanted`` (by container) and ``pod_limit`` (0: it does not go down)."""
    errors = []
    total = sum(used.values())
    if pod_limit and total >= pod_limit:
        errors.append(f"attempting to set pod memory limit ({pod_limit}) below current usage ({total})")
    for name, limit in wanted.items():
        if used.get(name, 0) >= limit:
            text = (
                f'attempting to set container "{name}" memory limit ({limit}) below current usage ({used.get(name, 0)})'
            )
            errors.append(text)
    if not errors:
        return ""
    return f"cannot decrease memory limits: {errors[0] if len(errors) == 1 else '[' + ', '.join(errors) + ']'}"


def condition(type_: str, generation: int, reason: str = "", message: str = "") -> Object:
    found: Object = {"type": type_, "status": "True"}
    if generation:
        found["observedGeneration"] = generation
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def told(what: str, pod: Object, generation: int, error: str = "") -> str:
    """``Pod resize started: {"containers":[...],"generation":2}``."""
    summary: Object = {}
    for where in WHERE:
        if pod["spec"].get(where):
            summary[where] = [
                {"name": c["name"], "resources": _sorted(c.get("resources") or {})} for c in pod["spec"][where]
            ]
    summary["generation"] = generation
    if error:
        summary["error"] = error
    return f"Pod resize {what}: {orjson.dumps(summary).decode()}"


def _sorted(resources: Object) -> Object:
    return {key: dict(sorted(resources[key].items())) for key in ("limits", "requests") if resources.get(key)}


def is_under_way(pod: Object, observed: PodRuntime, memory_requests: Mapping[str, str]) -> bool:
    return next(changes(pod, observed, memory_requests), None) is not None
