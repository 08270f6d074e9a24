"""A pod's phase from its container statuses.

Source: kubernetes ``pkg/kubelet/kubelet_pods.go`` (getPhase).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pynetes.kubelet import pods
from pynetes.meta.objects import Object

RESTARTING_ALL = "RestartingAllContainers"


@dataclass(slots=True)
class _Counts:
    pending_init: int = 0
    pending_sidecars: int = 0
    failed_for_good: int = 0
    unknown: int = 0
    running: int = 0
    waiting: int = 0
    stopped: int = 0
    restartable: int = 0
    succeeded: int = 0


def phase(pod: Object, statuses: Mapping[str, Object], *, terminal: bool, initialized: bool) -> str:
    """``statuses``: by name, init containers among them. ``terminal``: nothing will be restarted any more.
    ``initialized``: a regular container has run in this sandbox."""
    counts = _Counts()
    for container in pods.init_containers(pod):
        if pods.is_sidecar(container):
            _count_sidecar(statuses.get(container["name"]), counts)
        else:
            _count_init(pod, container, statuses.get(container["name"]), counts)
    for container in pods.containers(pod):
        _count_regular(pod, container, statuses.get(container["name"]), counts)
    return _decide(pod, counts, terminal=terminal, initialized=initialized)


def _decide(pod: Object, counts: _Counts, *, terminal: bool, initialized: bool) -> str:
    if counts.failed_for_good:
        return "Failed"
    if counts.pending_init or (counts.pending_sidecars and not initialized) or counts.waiting:
        return "Pending"
    if counts.unknown:
        return "Pending"
    if counts.running:
        return "Running"
    if not counts.stopped:
        return "Pending"
    ended = "Succeeded" if counts.stopped == counts.succeeded else "Failed"
    if terminal and not pods.is_static(pod):
        return ended
    return "Running" if counts.restartable else ended


def _terminated(status: Object) -> Object | None:
    """How it ended: now, or before it began to wait."""
    state = status.get("state") or {}
    if "terminated" in state:
        found: Object = state["terminated"]
        return found
    if "waiting" in state:
        return (status.get("lastState") or {}).get("terminated")
    return None


def _restartable(pod: Object, container: Object, ended: Object) -> bool:
    return ended.get("reason") == RESTARTING_ALL or pods.should_restart(pod, container, ended["exitCode"])


def _count_init(pod: Object, container: Object, status: Object | None, counts: _Counts) -> None:
    ended = _terminated(status) if status is not None else None
    if ended is None:
        counts.pending_init += 1
    elif ended["exitCode"] != 0 and not _restartable(pod, container, ended):
        counts.failed_for_good += 1


def _count_sidecar(status: Object | None, counts: _Counts) -> None:
    state = (status or {}).get("state") or {}
    if status is None:
        counts.unknown += 1
    elif "running" in state:
        counts.pending_sidecars += not status.get("started")
        counts.running += 1
    elif "waiting" in state and _terminated(status) is None:
        counts.pending_sidecars += 1
        counts.waiting += 1


def _count_regular(pod: Object, container: Object, status: Object | None, counts: _Counts) -> None:
    if status is None:
        counts.unknown += 1
        return
    if "running" in (status.get("state") or {}):
        counts.running += 1
        return
    ended = _terminated(status)
    if ended is None:
        counts.waiting += 1
        return
    counts.stopped += 1
    counts.restartable += _restartable(pod, container, ended)
    # one that waits to be started again has not succeeded
    counts.succeeded += "terminated" in status["state"] and ended["exitCode"] == 0
