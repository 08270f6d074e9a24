"""How long a Job waits before it replaces failed pods: 10 s, doubled with each failure in a row, at most 10 minutes.

Source: pkg/controller/job/backoff_utils.go.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pynetes.controllers import podstate
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object
from pynetes.meta.times import parse_time

BASE_SECONDS = 10.0
LIMIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Failures:
    """How many pods failed since the last success, and when the last of them ended."""

    count: int = 0
    last: float = 0.0

    def after(self, succeeded: Iterable[Object], failed: Iterable[Object]) -> "Failures":
        """With pods that ended since: a success forgets all failures that are not later."""
        failures = sorted(map(ended_at, failed))
        successes = [ended_at(pod) for pod in succeeded]
        if not successes:
            return Failures(self.count + len(failures), failures[-1]) if failures else self
        later = [at for at in failures if at > max(successes)]
        return Failures(len(later), later[-1]) if later else Failures()

    def remaining(self, now: float) -> float:
        """Seconds until a pod may be created."""
        if not self.count:
            return 0.0
        delay = min(BASE_SECONDS * 2.0 ** min(self.count - 1, 32), LIMIT_SECONDS)
        return max(0.0, delay - (now - self.last))


def ended_at(pod: Object) -> float:
    """When the last container ended; else when the pod was no longer ready, was deleted, or was created."""
    if (at := _containers_ended_at(pod)) is not None:
        return at
    ready = lifecycle.condition(pod, "Ready")
    if ready is not None and ready.get("status") == "False" and ready.get("lastTransitionTime"):
        return parse_time(ready["lastTransitionTime"])
    metadata = pod["metadata"]
    if "deletionTimestamp" in metadata:
        grace: int = metadata.get("deletionGracePeriodSeconds", 0)
        return parse_time(metadata["deletionTimestamp"]) - grace
    return podstate.created_at(pod)


def _containers_ended_at(pod: Object) -> float | None:
    """None while one runs or does not say when it ended. Sidecars count, other init containers do not."""
    status = pod.get("status") or {}
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if lifecycle.is_sidecar(c)}
    statuses = [c for c in status.get("initContainerStatuses") or () if c["name"] in sidecars]
    times: list[float] = []
    for container in [*(status.get("containerStatuses") or ()), *statuses]:
        ended = (container.get("state") or {}).get("terminated") or {}
        if not ended.get("finishedAt"):
            return None
        times.append(parse_time(ended["finishedAt"]))
    return max(times, default=None)
