"""The pod conditions that the kubelet owns, in upstream's order and words.

Source: kubernetes ``pkg/kubelet/status/generate.go``.
"""

from collections.abc import Mapping, Sequence

from pynetes.kubelet import pods
from pynetes.kubelet.observed import PodRuntime, all_removed, restarts_all, sandbox_changed
from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339

OWNED = frozenset(
    {
        "PodScheduled",
        "Ready",
        "Initialized",
        "ContainersReady",
        "PodReadyToStartContainers",
        "PodResizePending",
        "PodResizeInProgress",
        "AllContainersRestarting",
    }
)


def conditions(
    pod: Object,
    observed: PodRuntime,
    statuses: Mapping[str, Object],
    phase: str,
    old: Object,
    now: float,
    resizing: Sequence[Object] = (),
) -> list[Object]:
    """Others' conditions as the API has them, then those of a resize, then the kubelet's own. Where nothing changed the
    time stays."""
    api = (pod.get("status") or {}).get("conditions") or []
    found = [dict(c) for c in api if c["type"] not in OWNED]
    disruption = pods.condition(old, "DisruptionTarget")
    if disruption is not None:
        found = [c for c in found if c["type"] != "DisruptionTarget"] + [dict(disruption)]
    containers_ready = _containers_ready(pod, statuses, phase)
    own = [
        *(dict(condition) for condition in resizing),
        _condition("PodReadyToStartContainers", not sandbox_changed(pod, observed)[0]),
        _initialized(pod, statuses, phase, old),
        _ready(pod, found, containers_ready),
        containers_ready,
        _condition("PodScheduled", True),
    ]
    generation = pod["metadata"].get("generation")
    if generation and not pods.is_static(pod):
        for condition in own[len(resizing) :]:
            condition["observedGeneration"] = generation
    if pods.may_restart_all(pod):
        own.append(_restarting(pod, observed, phase, old))
    for condition in own:
        stamp(condition, old, now)
    return found + own


def stamp(condition: Object, old: Object, now: float) -> None:
    """Set the transition time: the old one while the status is the same."""
    before = pods.condition(old, condition["type"])
    if before is not None and before["status"] == condition["status"] and before.get("lastTransitionTime"):
        condition["lastTransitionTime"] = before["lastTransitionTime"]
    else:
        condition["lastTransitionTime"] = rfc3339(now)


def ended(type_: str, phase: str) -> Object:
    """The condition of a pod that has reached a terminal phase."""
    return _condition(type_, False, "PodFailed" if phase == "Failed" else "PodCompleted")


def _condition(type_: str, status: bool, reason: str = "", message: str = "") -> Object:
    condition: Object = {"type": type_, "status": "True" if status else "False"}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _listed(words: Sequence[str]) -> str:
    """A list as Go prints it: ``[a b]``."""
    return f"[{' '.join(words)}]"


def _complaint(unknown: Sequence[str], others: Sequence[str], word: str) -> str:
    texts = []
    if unknown:
        texts.append(f"containers with unknown status: {_listed(unknown)}")
    if others:
        texts.append(f"containers with {word} status: {_listed(others)}")
    return ", ".join(texts)


def _containers_ready(pod: Object, statuses: Mapping[str, Object], phase: str) -> Object:
    watched = [c for c in pods.init_containers(pod) if pods.is_sidecar(c)] + pods.containers(pod)
    unknown = [c["name"] for c in watched if c["name"] not in statuses]
    unready = [n for c in watched if (n := c["name"]) in statuses and not statuses[n].get("ready")]
    if phase == "Failed" or (phase == "Succeeded" and not unknown):
        return ended("ContainersReady", phase)
    message = _complaint(unknown, unready, "unready")
    if message:
        return _condition("ContainersReady", False, "ContainersNotReady", message)
    return _condition("ContainersReady", True)


def _ready(pod: Object, others: Sequence[Object], containers_ready: Object) -> Object:
    if containers_ready["status"] != "True":
        return {**containers_ready, "type": "Ready"}
    complaints = []
    for gate in pod["spec"].get("readinessGates") or ():
        type_ = gate["conditionType"]
        condition = next((c for c in others if c["type"] == type_), None)
        if condition is None:
            complaints.append(f'corresponding condition of pod readiness gate "{type_}" does not exist.')
        elif condition["status"] != "True":
            complaints.append(f'the status of pod readiness gate "{type_}" is not "True", but {condition["status"]}')
    if complaints:
        return _condition("Ready", False, "ReadinessGatesNotReady", ", ".join(complaints))
    return _condition("Ready", True)


def _initialized(pod: Object, statuses: Mapping[str, Object], phase: str, old: Object) -> Object:
    inits = pods.init_containers(pod)
    unknown = [c["name"] for c in inits if c["name"] not in statuses]
    incomplete = [c["name"] for c in inits if c["name"] in statuses and not _is_initialized(c, statuses[c["name"]])]
    if phase == "Succeeded" and not unknown:
        return _condition("Initialized", True, "PodCompleted")
    message = _complaint(unknown, incomplete, "incomplete")
    before = pods.condition(old, "Initialized")
    if not message or _regular_started(pod, statuses) or (before is not None and before["status"] == "True"):
        return _condition("Initialized", True)
    return _condition("Initialized", False, "ContainersNotInitialized", message)


def _is_initialized(container: Object, status: Object) -> bool:
    return bool(status.get("started") if pods.is_sidecar(container) else status.get("ready"))


def _regular_started(pod: Object, statuses: Mapping[str, Object]) -> bool:
    for container in pods.containers(pod):
        status = statuses.get(container["name"]) or {}
        states = {**(status.get("state") or {}), **(status.get("lastState") or {})}
        if "running" in states or "terminated" in states:
            return True
    return False


def _restarting(pod: Object, observed: PodRuntime, phase: str, old: Object) -> Object:
    if phase in pods.TERMINAL_PHASES:
        return ended("AllContainersRestarting", phase)
    if restarts_all(pod, observed, old) and not all_removed(pod, observed):
        message = "container exited with restart policy rule"
        return _condition("AllContainersRestarting", True, "RestartAllContainersStarted", message)
    return _condition("AllContainersRestarting", False)
