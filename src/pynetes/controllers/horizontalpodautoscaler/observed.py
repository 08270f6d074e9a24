"""What is measured of pods, and which of them count: ready, not yet ready, not measured, on their way out.

Source: pkg/controller/podautoscaler/replica_calculator.go (``groupPods``, ``calculateRequests``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pynetes.controllers.settings import Settings
from pynetes.kinds.pods import lifecycle, resources
from pynetes.meta.objects import Object, name_of
from pynetes.meta.quantity import Quantity
from pynetes.meta.times import parse_time


class NotComputed(Exception):
    """Why no number of replicas comes out, in upstream's words."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one pod used over the ``window`` seconds before ``at``, in thousandths."""

    value: int
    at: float = 0.0
    window: float = 0.0


@dataclass(slots=True)
class Groups:
    """Names of pods; ``ready`` is a number only."""

    ready: int = 0
    unready: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)


def grouped(
    pods: Iterable[Object], samples: Mapping[str, Sample], resource: str, now: float, settings: Settings
) -> Groups:
    groups = Groups()
    for pod in pods:
        name = name_of(pod)
        if lifecycle.is_terminating(pod) or lifecycle.phase(pod) == "Failed":
            groups.ignored.add(name)
        elif lifecycle.phase(pod) == "Pending":
            groups.unready.add(name)
        elif name not in samples:
            groups.missing.add(name)
        elif resource == "cpu" and _is_starting(pod, samples[name], now, settings):
            groups.unready.add(name)
        else:
            groups.ready += 1
    return groups


def _is_starting(pod: Object, sample: Sample, now: float, settings: Settings) -> bool:
    """What a pod uses while it starts says nothing about its load."""
    condition = lifecycle.condition(pod, "Ready")
    started = (pod.get("status") or {}).get("startTime")
    if condition is None or started is None:
        return True
    start, unready = parse_time(started), condition.get("status") == "False"
    since = condition.get("lastTransitionTime")
    changed = parse_time(since) if since else float("-inf")
    if start + settings.autoscaler_cpu_initialization_seconds > now:
        return unready or sample.at < changed + sample.window
    return unready and start + settings.autoscaler_initial_readiness_delay_seconds > changed


def is_ready(pod: Object) -> bool:
    return lifecycle.phase(pod) == "Running" and lifecycle.is_ready(pod)


def requested(pods: Sequence[Object], container: str, resource: str) -> dict[str, int]:
    """By pod, in thousandths: of one container, else of the pod as a whole. Raises: NotComputed if one asks nothing."""
    return {name_of(pod): _requested(pod, container, resource) for pod in pods}


def _requested(pod: Object, container: str, resource: str) -> int:
    if not container and any(map(resources.is_pod_level, (pod["spec"].get("resources") or {}).get("requests") or ())):
        total = resources.requests(pod).get(resource)
        if total is None:
            raise NotComputed(f"missing pod-level request for {resource} in Pod {name_of(pod)}")
        return total.milli_value()
    spec = pod["spec"]
    found = [*spec["containers"], *filter(lifecycle.is_sidecar, spec.get("initContainers") or ())]
    if not container:
        return sum(_of_container(pod, each, resource) for each in found)
    for each in found:
        if each["name"] == container:
            return _of_container(pod, each, resource)
    raise NotComputed(f"container {container} not found in Pod {name_of(pod)}")


def _of_container(pod: Object, container: Object, resource: str) -> int:
    text = ((container.get("resources") or {}).get("requests") or {}).get(resource)
    if text is None:
        raise NotComputed(f"missing request for {resource} in container {container['name']} of Pod {name_of(pod)}")
    return Quantity.parse(text).milli_value()
