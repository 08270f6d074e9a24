"""A pod's row in tables: how many containers are ready, and its life in one word.

Source: kubernetes ``pkg/printers/internalversion/printers.go`` ``printPod``.
"""

from dataclasses import dataclass
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.pods.lifecycle import TERMINAL_PHASES, find_condition, is_sidecar
from pynetes.meta.objects import Object

_COMPLETED = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}


@dataclass(slots=True)
class _Summary:
    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: str = ""

    def count(self, status: Object) -> None:
        self.restarts += status.get("restartCount", 0)
        ended = ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        self.last_restart = max(self.last_restart, ended)


def table_row(pod: Object, now: float) -> list[Any]:
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    summary = _summarize(spec, status)
    if "deletionTimestamp" in meta:
        if status.get("reason") == "NodeLost":
            summary.reason = "Unknown"
        elif status.get("phase") not in TERMINAL_PHASES:
            summary.reason = "Terminating"
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts = f"{restarts} ({rows.since(summary.last_restart, now)} ago)"
    sidecars = sum(map(is_sidecar, spec.get("initContainers") or ()))
    total = len(spec.get("containers") or ()) + sidecars
    ips = status.get("podIPs") or [{}]
    return [
        meta["name"],
        f"{summary.ready}/{total}",
        summary.reason,
        restarts,
        rows.age(pod, now),
        ips[0].get("ip") or rows.NONE,
        spec.get("nodeName") or rows.NONE,
        status.get("nominatedNodeName") or rows.NONE,
        _readiness_gates(spec, status),
    ]


def row_conditions(pod: Object) -> list[Object]:
    """That the pod is done, for who hides such rows."""
    phase = (pod.get("status") or {}).get("phase", "")
    message = _COMPLETED.get(phase)
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}] if message else []


def _readiness_gates(spec: Object, status: Object) -> str:
    gates = spec.get("readinessGates")
    if not gates:
        return rows.NONE
    found = (find_condition(status.get("conditions"), gate.get("conditionType", "")) for gate in gates)
    true = sum(condition is not None and condition.get("status") == "True" for condition in found)
    return f"{true}/{len(gates)}"


def _summarize(spec: Object, status: Object) -> _Summary:
    conditions = status.get("conditions") or ()
    summary = _Summary(status.get("reason") or status.get("phase") or "")
    if any(c.get("type") == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in conditions):
        summary.reason = "SchedulingGated"
    sidecars = _Summary("")
    initializing = _init_containers(spec, status, summary, sidecars)
    initialized = find_condition(conditions, "Initialized")
    if not initializing or (initialized is not None and initialized.get("status") == "True"):
        summary.restarts, summary.last_restart = sidecars.restarts, sidecars.last_restart
        _containers(status, summary)
    return summary


def _init_containers(spec: Object, status: Object, summary: _Summary, sidecars: _Summary) -> bool:
    """Whether the pod is still initializing; ``sidecars`` counts the restarts of restartable init containers."""
    by_name = {c.get("name"): c for c in spec.get("initContainers") or ()}
    for i, container in enumerate(status.get("initContainerStatuses") or ()):
        summary.count(container)
        sidecar = is_sidecar(by_name.get(container.get("name")) or {})
        if sidecar:
            sidecars.count(container)
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if sidecar and container.get("started"):
            summary.ready += bool(container.get("ready"))
            continue
        if terminated is not None:
            summary.reason = "Init:" + _termination(terminated)
        elif waiting is not None and waiting.get("reason") and waiting["reason"] != "PodInitializing":
            summary.reason = "Init:" + waiting["reason"]
        else:
            summary.reason = f"Init:{i}/{len(by_name)}"
        return True
    return False


def _termination(terminated: Object) -> str:
    reason: str = terminated.get("reason") or ""
    if reason:
        return reason
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _containers(status: Object, summary: _Summary) -> None:
    running = False
    failure = ""
    for container in reversed(status.get("containerStatuses") or ()):
        summary.count(container)
        state = container.get("state") or {}
        terminated = state.get("terminated")
        if (state.get("waiting") or {}).get("reason"):
            summary.reason = state["waiting"]["reason"]
        elif terminated is not None:
            summary.reason = _termination(terminated)
            if terminated.get("exitCode", 0) != 0:
                failure = summary.reason
        elif container.get("ready") and state.get("running") is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed":
        ready = find_condition(status.get("conditions"), "Ready")
        if running and ready is not None and ready.get("status") == "True":
            summary.reason = "Running"
        elif failure:
            summary.reason = failure
        elif running:
            summary.reason = "NotReady"
