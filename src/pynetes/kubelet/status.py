"""A pod's status from what the runtime shows: pure. The order and the words of everything are upstream's.

Source: kubernetes ``pkg/kubelet/kubelet_pods.go`` (generateAPIPodStatus, convertToAPIContainerStatuses),
``pkg/kubelet/status/status_manager.go`` (mergePodStatus, TerminatePod).
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pynetes.kubelet import pods
from pynetes.kubelet.actual import of_container, of_pod
from pynetes.kubelet.cgroups import Limits
from pynetes.kubelet.conditions import OWNED, conditions, ended, stamp
from pynetes.kubelet.container import recursive_read_only
from pynetes.kubelet.environment import ConfigError
from pynetes.kubelet.observed import PodRuntime, needs_start, regular_container_made, restarts_all
from pynetes.kubelet.phase import RESTARTING_ALL
from pynetes.kubelet.phase import phase as phase_of
from pynetes.kubelet.resources import pod_requests
from pynetes.kubelet.workers import Eviction
from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339
from pynetes.runtime.types import Container, ContainerState, Features

MAX_MESSAGES = 12 * 1024
"""Bytes of all termination messages of a pod together."""

LOST = {
    "exitCode": 137,
    "reason": "ContainerStatusUnknown",
    "message": "The container could not be located when the pod was terminated",
}
REMOVED = "The container is removed because RestartAllContainers in place"


class Readiness(Protocol):
    """What the probes make of a container: with no probe a running container is started and ready."""

    def started(self, uid: str, name: str, container_id: str) -> bool: ...

    def ready(self, uid: str, name: str, container_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Around:
    """What else a status depends on.

    old: the pod's last status, as written or as the API has it; never changed.
    waiting: by container, the reason and message why it does not run (``CrashLoopBackOff`` ...).
    id_scheme: the part before ``://`` of container ids.
    features: of the runtime.
    resizing: the conditions of a resize.
    applied, memory_requests: what the pod and its containers have, see ``workers``.
    eviction: why the kubelet ends the pod, while it does.
    overdue: reason and message of a pod that was active for too long.
    """

    old: Object
    readiness: Readiness
    now: float
    waiting: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    host_ips: tuple[str, ...] = ()
    id_scheme: str = "containerd"
    features: Features = field(default_factory=Features)
    eviction: Eviction | None = None
    overdue: tuple[str, str] | None = None
    resizing: tuple[Object, ...] = ()
    applied: Limits | None = None
    memory_requests: Mapping[str, str] = field(default_factory=dict)


def status(pod: Object, observed: PodRuntime, around: Around, *, terminal: bool = False) -> Object:
    """The status to be written. ``terminal``: no container will run again."""
    api = pod.get("status") or {}
    old = around.old
    restarting = restarts_all(pod, observed, old)
    init = _statuses(pod, observed, around, "initContainers", restarting)
    regular = _statuses(pod, observed, around, "containers", restarting)
    ephemeral = _statuses(pod, observed, around, "ephemeralContainers", restarting)
    by_name = {s["name"]: s for s in [*init, *regular]}
    _keep_started(old, [*init, *regular])

    initialized = any(
        (c := observed.latest(r["name"])) is not None and c.state in (ContainerState.RUNNING, ContainerState.EXITED)
        for r in pods.containers(pod)
    )
    now_phase = phase_of(pod, by_name, terminal=terminal, initialized=initialized)
    _probe(pod, around.readiness, init, regular)
    if now_phase not in pods.TERMINAL_PHASES:
        ended_as = (p for p in (old.get("phase"), api.get("phase")) if p in pods.TERMINAL_PHASES)
        now_phase = next(ended_as, now_phase)
    found: Object = {}
    generation = pod["metadata"].get("generation")
    if generation and not pods.is_static(pod):
        found["observedGeneration"] = generation
    if now_phase == old.get("phase"):
        _keep(found, "reason", old, api)
        _keep(found, "message", old, api)
    if around.overdue is not None:
        now_phase = "Failed"
        found["reason"], found["message"] = around.overdue
    if api.get("phase") in pods.TERMINAL_PHASES:
        now_phase = api["phase"]
    found["phase"] = now_phase
    found["conditions"] = conditions(pod, observed, by_name, now_phase, old, around.now, around.resizing)
    _addresses(pod, observed, around, found)
    found["startTime"] = old.get("startTime") or api.get("startTime") or rfc3339(around.now)
    for key, statuses in (
        ("initContainerStatuses", init), ("containerStatuses", regular), ("ephemeralContainerStatuses", ephemeral)
    ):  # fmt: skip
        if statuses:
            found[key] = statuses
    found["qosClass"] = api.get("qosClass") or pods.qos_class(pod)
    requests = pod_requests(pod)
    if requests:
        found["allocatedResources"] = requests
    found["resources"] = of_pod(pod, around.applied, old)
    if api.get("nominatedNodeName"):
        found["nominatedNodeName"] = api["nominatedNodeName"]
    if around.eviction is not None and not terminal:
        _evict(pod, found, around.eviction, old, around.now)
    return found


def _evict(pod: Object, found: Object, eviction: Eviction, old: Object, now: float) -> None:
    """What is said when the end begins; how the containers end may make it a success after all, as upstream."""
    found["phase"], found["reason"], found["message"] = "Failed", eviction.reason, eviction.message
    if eviction.condition is not None:
        condition = dict(eviction.condition)
        if pod["metadata"].get("generation"):
            condition["observedGeneration"] = pod["metadata"]["generation"]
        stamp(condition, old, now)
        found["conditions"] = [c for c in found["conditions"] if c["type"] != condition["type"]] + [condition]


def rejected(pod: Object, reason: str, message: str, now: float) -> Object:
    """The status of a pod that this node does not take."""
    api = pod.get("status") or {}
    found: Object = {
        "phase": "Failed",
        "reason": reason,
        "message": f"Pod was rejected: {message}",
        "qosClass": api.get("qosClass") or pods.qos_class(pod),
        "startTime": api.get("startTime") or rfc3339(now),
    }
    if pod["metadata"].get("generation"):
        found["observedGeneration"] = pod["metadata"]["generation"]
    return found


def terminated(pod: Object, last: Object) -> Object:
    """The last status of a pod: containers that never showed an end are taken for failed, the phase is terminal.
    Whether it had been initialized is judged by the status that ``pod`` has, from when its end began."""
    found = copy.deepcopy(last)
    if _was_initialized(pod):
        for container in found.get("containerStatuses") or ():
            if "terminated" not in container["state"]:
                container["state"] = {"terminated": dict(LOST)}
    for container in _begun(found.get("initContainerStatuses") or []):
        if "terminated" not in container["state"]:
            container["state"] = {"terminated": dict(LOST)}
    if found.get("phase") not in pods.TERMINAL_PHASES and not pods.is_static(pod):
        found["phase"] = "Failed"
    return found


def merged(pod: Object, new: Object, now: float, *, may_run: bool) -> Object:
    """What is written: a terminal phase only when no container can run any more (``may_run``), and never ready then."""
    api = pod.get("status") or {}
    found = dict(new)
    becomes_terminal = new["phase"] in pods.TERMINAL_PHASES and api.get("phase") not in pods.TERMINAL_PHASES
    if becomes_terminal and may_run:
        found["phase"] = api.get("phase") or "Pending"
        for key in ("reason", "message"):
            found.pop(key, None)
            if api.get(key):
                found[key] = api[key]
    if "conditions" in new or api.get("conditions"):
        others = [c for c in api.get("conditions") or () if c["type"] not in OWNED]
        own = [c for c in new.get("conditions") or () if c["type"] in OWNED]
        disruption = pods.condition(new, "DisruptionTarget")
        if disruption is not None and becomes_terminal and not may_run:
            others = [c for c in others if c["type"] != "DisruptionTarget"] + [disruption]
        found["conditions"] = others + own
    if found["phase"] in pods.TERMINAL_PHASES and "conditions" in found:
        found["conditions"] = [_never_ready(c, found["phase"], api, now) for c in found["conditions"]]
    return found


def _never_ready(condition: Object, phase: str, api: Object, now: float) -> Object:
    if condition["type"] not in ("Ready", "ContainersReady") or condition["status"] != "True":
        return condition
    found = ended(condition["type"], phase)
    if condition.get("observedGeneration"):
        found["observedGeneration"] = condition["observedGeneration"]
    stamp(found, api, now)
    return found


def _keep(found: Object, key: str, old: Object, api: Object) -> None:
    value = old.get(key) or api.get(key)
    if value:
        found[key] = value


def _addresses(pod: Object, observed: PodRuntime, around: Around, found: Object) -> None:
    old = around.old
    ips: Sequence[str] = observed.ips
    if not ips:
        ips = [a["ip"] for a in old.get("podIPs") or ()]
    if pods.is_host_network(pod):
        ips = ips or around.host_ips
    if ips:
        found["podIP"] = ips[0]
        found["podIPs"] = [{"ip": ip} for ip in ips]
    if around.host_ips:
        found["hostIP"] = around.host_ips[0]
        found["hostIPs"] = [{"ip": ip} for ip in around.host_ips]


def _statuses(pod: Object, observed: PodRuntime, around: Around, where: str, restarting: bool) -> list[Object]:
    containers = pod["spec"].get(where) or []
    if not containers:
        return []
    key = {"initContainers": "initContainerStatuses", "containers": "containerStatuses"}.get(
        where, "ephemeralContainerStatuses"
    )
    old = {s["name"]: s for s in around.old.get(key) or ()}
    initial = "PodInitializing" if pods.init_containers(pod) and where != "ephemeralContainers" else "ContainerCreating"
    limit = MAX_MESSAGES // sum(1 for _ in pods.all_containers(pod))
    found = []
    for container in containers:
        name = container["name"]
        latest = observed.latest(name)
        before = old.get(name)
        if latest is None:
            status = _absent(pod, container, before, initial, restarting, around.features)
        else:
            status = _present(container, latest, before, around, limit)
            if (last := observed.previous(name)) is not None:
                status["lastState"] = _state(last, around, limit)
        _wait(pod, container, where, observed, around, status)
        found.append(status)
    if where != "initContainers":
        found.sort(key=lambda s: s["name"])
    return found


def _blank(container: Object, features: Features) -> Object:
    status: Object = {
        "name": container["name"],
        "state": {},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container.get("image", ""),
        "imageID": "",
    }
    mounts = [_mount(m, features) for m in container.get("volumeMounts") or ()]
    if mounts:
        status["volumeMounts"] = mounts
    return status


def _mount(mount: Object, features: Features) -> Object:
    found: Object = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        found["readOnly"] = True
        try:
            recursive = recursive_read_only(mount, features.recursive_read_only_mounts)
        except ConfigError:
            recursive = False  # the container will not start, and say why
        found["recursiveReadOnly"] = "Enabled" if recursive else "Disabled"
    return found


def _absent(
    pod: Object, container: Object, before: Object | None, initial: str, restarting: bool, features: Features
) -> Object:
    """No container of this name is in the runtime: it has not been made yet, or it was removed."""
    status = _blank(container, features)
    status["state"] = {"waiting": {"reason": initial}}
    if before is None:
        return status
    state = before.get("state") or {}
    status["restartCount"] = before.get("restartCount", 0)
    status["lastState"] = copy.deepcopy(before.get("lastState") or {})
    if restarting and "waiting" not in state:
        status["state"] = {"waiting": {"reason": RESTARTING_ALL, "message": REMOVED}}
        status["lastState"] = {"terminated": {"exitCode": 137, "reason": RESTARTING_ALL, "message": REMOVED}}
        status["restartCount"] += 1
    elif "terminated" in state:
        return copy.deepcopy(before)
    elif "running" in state and "terminated" not in status["lastState"]:
        status["lastState"] = {
            "terminated": {
                "exitCode": 137,
                "reason": "ContainerStatusUnknown",
                "message": "The container could not be located when the pod was deleted.  "
                "The container used to be Running",
            }
        }
        if not pods.is_deleted(pod):
            status["restartCount"] += 1
    return status


def _present(container: Object, latest: Container, before: Object | None, around: Around, limit: int) -> Object:
    status = _blank(container, around.features)
    status["restartCount"] = max(latest.config.attempt, (before or {}).get("restartCount", 0))
    status["image"] = latest.image or latest.config.image
    status["imageID"] = latest.image_ref
    status["containerID"] = f"{around.id_scheme}://{latest.id}"
    status["state"] = _state(latest, around, limit)
    if before is not None:
        last = (before.get("lastState") or {}).get("terminated")
        if before.get("containerID") != status["containerID"] and "terminated" in (before.get("state") or {}):
            last = before["state"]["terminated"]
        if last:
            status["lastState"] = {"terminated": copy.deepcopy(last)}
    requests = (container.get("resources") or {}).get("requests")
    if requests:
        status["allocatedResources"] = dict(requests)
    status["resources"] = of_container(container, latest, around.memory_requests.get(latest.id), before)
    if latest.user is not None:
        uid, gid, groups = latest.user
        status["user"] = {"linux": {"uid": uid, "gid": gid, "supplementalGroups": list(groups)}}
    return status


def _state(found: Container, around: Around, limit: int) -> Object:
    if found.state is ContainerState.RUNNING:
        return {"running": {"startedAt": rfc3339(found.started_at / 1e9)}}
    if found.state is ContainerState.EXITED:
        ended: Object = {"exitCode": found.exit_code}
        if found.signal:
            ended["signal"] = found.signal
        if found.reason:
            ended["reason"] = found.reason
        if found.message:
            ended["message"] = found.message[:limit]
        # a container that never started has the epoch there, as CRI's zero time prints
        ended["startedAt"] = rfc3339(found.started_at / 1e9)
        ended["finishedAt"] = rfc3339(found.finished_at / 1e9)
        ended["containerID"] = f"{around.id_scheme}://{found.id}"
        return {"terminated": ended}
    return {"waiting": {}}


def _wait(pod: Object, container: Object, where: str, observed: PodRuntime, around: Around, status: Object) -> None:
    """A container that is to be started next, and why it has not been."""
    latest = observed.latest(container["name"])
    if where == "initContainers":
        if latest is not None and latest.state is ContainerState.EXITED and latest.exit_code == 0:
            return
        if latest is None and not pods.is_sidecar(container) and "waiting" in status["state"]:
            if regular_container_made(pod, observed):
                status["state"] = {
                    "terminated": {
                        "exitCode": 0,
                        "reason": "Completed",
                        "message": "Unable to get init container status from container runtime and pod has been "
                        "initialized, treat it as exited normally",
                    }
                }
                return
    reason = around.waiting.get(container["name"])
    if reason is None or not needs_start(pod, container, observed):
        return
    if "terminated" in status["state"]:
        status["lastState"] = status["state"]
    waiting = {"reason": reason[0]}
    if reason[1]:
        waiting["message"] = reason[1]
    status["state"] = {"waiting": waiting}


def _keep_started(old: Object, statuses: Sequence[Object]) -> None:
    """What is known of ``started`` when the phase is judged: as upstream, what was told last."""
    known = {s["name"]: s for key in ("initContainerStatuses", "containerStatuses") for s in old.get(key) or ()}
    for status in statuses:
        if "running" in status["state"]:
            status["started"] = bool(known.get(status["name"], {}).get("started"))


def _probe(pod: Object, readiness: Readiness, init: Sequence[Object], regular: Sequence[Object]) -> None:
    """Fill ``started`` and ``ready``."""
    uid = pod["metadata"]["uid"]
    specs = {c["name"]: c for c in pods.init_containers(pod)}
    for status in [*init, *regular]:
        name = status["name"]
        container_id = status.get("containerID", "").partition("://")[2]
        running = "running" in status["state"]
        status["started"] = running and readiness.started(uid, name, container_id)
        status["ready"] = False
        if name in specs and not pods.is_sidecar(specs[name]):
            ended = status["state"].get("terminated")
            status["ready"] = ended is not None and ended["exitCode"] == 0
        elif status["started"]:
            status["ready"] = readiness.ready(uid, name, container_id)


def _was_initialized(pod: Object) -> bool:
    """By the API's record: a pod whose init containers never ended may have containers that never were."""
    if not pods.init_containers(pod):
        return True
    api = pod.get("status") or {}
    for status in api.get("containerStatuses") or ():
        if "terminated" in (status.get("lastState") or {}) or "waiting" not in (status.get("state") or {}):
            return True
    statuses = api.get("initContainerStatuses") or []
    if not statuses:
        return False
    last = statuses[-1]
    if pods.is_sidecar(pods.init_containers(pod)[-1]):
        return "running" in last["state"] and bool(last.get("started"))
    states = [last.get("state") or {}, last.get("lastState") or {}]
    return any("terminated" in s and s["terminated"]["exitCode"] == 0 for s in states)


def _begun(statuses: list[Object]) -> list[Object]:
    """Init containers up to the last that shows a start; the first one in any case."""
    for index in range(len(statuses) - 1, -1, -1):
        status = statuses[index]
        if "waiting" not in status["state"] or "terminated" in (status.get("lastState") or {}):
            return statuses[: index + 1]
    return statuses[:1]
