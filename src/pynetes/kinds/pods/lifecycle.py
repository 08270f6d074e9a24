"""Where a pod is in its life: phase, conditions, readiness, what its restart policy says.

Source: kubernetes ``pkg/api/v1/pod/util.go``, component-helpers ``pkg/kubelet``; concepts/workloads/pods/pod-lifecycle.
"""

from collections.abc import Iterator, Sequence

from pynetes.meta.objects import Object
from pynetes.meta.times import parse_time

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})


def phase(pod: Object) -> str:
    found: str = (pod.get("status") or {}).get("phase") or "Pending"
    return found


def is_terminal(pod: Object) -> bool:
    """Succeeded or Failed: none of its containers will run again."""
    return phase(pod) in TERMINAL_PHASES


def is_terminating(pod: Object) -> bool:
    """A deletion was asked for."""
    return "deletionTimestamp" in pod["metadata"]


def is_active(pod: Object) -> bool:
    """Neither terminal nor terminating: what controllers count as a replica."""
    return not is_terminal(pod) and not is_terminating(pod)


def condition(pod: Object, kind: str) -> Object | None:
    """The condition of that type in the status."""
    return find_condition((pod.get("status") or {}).get("conditions"), kind)


def find_condition(conditions: Sequence[Object] | None, kind: str) -> Object | None:
    return next((c for c in conditions or () if c.get("type") == kind), None)


def is_ready(pod: Object) -> bool:
    """The pod's Ready condition is True."""
    found = condition(pod, "Ready")
    return found is not None and found.get("status") == "True"


def is_available(pod: Object, min_ready_seconds: int, now: float) -> bool:
    """Ready for at least ``min_ready_seconds``."""
    found = condition(pod, "Ready")
    if found is None or found.get("status") != "True":
        return False
    if min_ready_seconds == 0:
        return True
    since = found.get("lastTransitionTime")
    return since is not None and parse_time(since) + min_ready_seconds <= now


def is_sidecar(container: Object) -> bool:
    """A restartable init container (only meaningful in ``initContainers``)."""
    return container.get("restartPolicy") == "Always"


def restart_policy(pod: Object) -> str:
    policy: str = pod["spec"].get("restartPolicy") or "Always"
    return policy


def restarts(pod: Object, container: Object, exit_code: int) -> bool:
    """Whether a regular container that ended with this code is started again.

    The container's own ``restartPolicyRules`` and ``restartPolicy`` come before the pod's policy.
    """
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or {}
        listed = exit_code in (codes.get("values") or ())
        if listed == (codes.get("operator") == "In"):
            return rule.get("action") in ("Restart", "RestartAllContainers")
    policy = container.get("restartPolicy") or restart_policy(pod)
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def all_containers(pod: Object) -> Iterator[tuple[str, Object]]:
    """Every container with the name of the list that it stands in."""
    spec = pod["spec"]
    for where in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(where) or ():
            yield where, container


def termination_grace_period(pod: Object, requested: int | None) -> int:
    """The seconds that a deletion leaves the pod: 0 when it is on no node or has ended already, never negative."""
    seconds = requested
    if seconds is None:
        seconds = pod["spec"].get("terminationGracePeriodSeconds") or 0
    if not pod["spec"].get("nodeName") or is_terminal(pod):
        return 0
    return 1 if seconds < 0 else seconds
