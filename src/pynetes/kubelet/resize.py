"""Changing the resources of a running pod in place: what was granted, what that asks of its containers, the words.

Pure.

A pod's resources are *asked* for by its spec, *allocated* once the node has room, and *actuated* when the runtime says
so of each container. Everything in the kubelet but this sees the allocated ones in the pod's spec.

Source: KEP-1287; kubernetes ``pkg/kubelet/allocation``, ``pkg/kubelet/events/resize.go``,
``pkg/kubelet/kuberuntime/kuberuntime_manager.go`` (computePodResizeAction, validateMemoryResizeAction).

Caveats: a change of a memory request alone has nothing to change in a container, so that a policy of restarting it for
memory does not restart it.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace

import orjson

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


def changes(pod: Object, observed: PodRuntime) -> Iterator[tuple[Object, Container, Resources]]:
    """The running containers that do not have yet what is allocated: spec, container, what it is to have."""
    for where in WHERE:
        for container in pod["spec"].get(where) or ():
            latest = observed.latest(container["name"])
            if latest is None or latest.state is not ContainerState.RUNNING:
                continue
            wanted = container_resources(pod, container, 1)
            # a process keeps the score that it began with
            has = latest.config.resources
            wanted = replace(wanted, oom_score_adj=has.oom_score_adj)
            if wanted != replace(has, cpu_shares=max(has.cpu_shares, MIN_SHARES)):
                yield container, latest, wanted


def needs_restart(container: Object, latest: Container, wanted: Resources) -> bool:
    """Whether the container's policy for what changes is to begin anew."""
    has = latest.config.resources
    changed = []
    if (has.cpu_shares, has.cpu_quota) != (wanted.cpu_shares, wanted.cpu_quota):
        changed.append("cpu")
    if has.memory_limit != wanted.memory_limit:
        changed.append("memory")
    policies = {p["resourceName"]: p["restartPolicy"] for p in container.get("resizePolicy") or ()}
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


def shown(pod: Object, observed: PodRuntime, before: Object, status: Object) -> None:
    """Until a change is actuated, a container's status tells the resources of before; so does the pod's. In place."""
    late = {container["name"] for container, _, _ in changes(pod, observed)}
    if not late:
        return
    for key in ("initContainerStatuses", "containerStatuses"):
        old = {s["name"]: s for s in before.get(key) or ()}
        for container in status.get(key) or ():
            known = old.get(container["name"])
            if container["name"] in late and known is not None and "resources" in known:
                container["resources"] = copy.deepcopy(known["resources"])
    if before.get("resources"):
        status["resources"] = copy.deepcopy(before["resources"])


def is_under_way(pod: Object, observed: PodRuntime) -> bool:
    return next(changes(pod, observed), None) is not None
