"""How many replicas a measured value asks for.

All values are in thousandths. A ratio is what is used by what is wanted; near 1 nothing changes.

Source: pkg/controller/podautoscaler/replica_calculator.go, metrics/utilization.go.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pynetes.controllers.horizontalpodautoscaler.observed import (
    Groups,
    NotComputed,
    Sample,
    grouped,
    is_ready,
    requested,
)
from pynetes.controllers.settings import Settings
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity

_MOST = 2**31 - 1
_INT64_MAX = 2**63 - 1
_INT64_MIN = -(2**63)
_NONE_SELECTED = "no pods returned by selector while calculating replica count"


@dataclass(frozen=True, slots=True)
class Tolerances:
    down: float
    up: float

    def hold(self, ratio: float) -> bool:
        """Whether the ratio is too near to 1 to do anything."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def tolerances_of(autoscaler: Object, usual: float) -> Tolerances:
    behavior = autoscaler["spec"].get("behavior") or {}

    def of(direction: str) -> float:
        text = (behavior.get(direction) or {}).get("tolerance")
        return usual if text is None else Quantity.parse(text).nanos / 10**9

    return Tolerances(of("scaleDown"), of("scaleUp"))


@dataclass(frozen=True, slots=True)
class Observation:
    """The target's pods at one moment; ``wanted``: the replicas of the scale's spec, ``present``: of its status."""

    pods: Sequence[Object]
    wanted: int
    present: int
    tolerances: Tolerances
    now: float
    settings: Settings


def by_utilization(
    seen: Observation, samples: Mapping[str, Sample], resource: str, container: str, target: int
) -> tuple[int, int, int]:
    """Replicas, the share of the requests that is used, and the average use. Raises: NotComputed."""
    values, groups = _counted(seen, samples, resource)
    requests = requested(seen.pods, container, resource)
    share, average = _share(values, requests)
    fallback = max(100, target)

    def ratio(values: Mapping[str, int]) -> float:
        return _share(values, requests)[0] / target

    replicas = _proposed(seen, values, groups, ratio, lambda name: _divided(requests[name] * fallback, 100))
    return replicas, share, average


def by_average(seen: Observation, samples: Mapping[str, Sample], resource: str, target: int) -> tuple[int, int]:
    """Replicas and the average. ``resource``: empty for a metric of pods. Raises: NotComputed."""
    values, groups = _counted(seen, samples, resource)

    def ratio(values: Mapping[str, int]) -> float:
        return _average(values) / target

    return _proposed(seen, values, groups, ratio, lambda _: target), _average(values)


def by_value(seen: Observation, usage: int, target: int) -> int:
    """Replicas for one value that is to be ``target`` whatever their number. Raises: NotComputed."""
    ratio = usage / target
    if seen.tolerances.hold(ratio):
        return seen.wanted
    if not seen.pods:
        raise NotComputed(f"unable to calculate ready pods: {_NONE_SELECTED}")
    return _up(ratio * sum(map(is_ready, seen.pods)))


def by_share(seen: Observation, usage: int, target: int) -> tuple[int, int]:
    """Replicas for one value of which each is to have ``target``, and what each has."""
    replicas = seen.present
    if not seen.tolerances.hold(_quotient(usage, target * replicas)):
        replicas = _up(usage / target)
    return replicas, _each(usage, seen.present)


def total(values: Iterable[int]) -> int:
    """At most 2^63-1, as a sum of an external metric's values is."""
    found = 0
    for value in values:
        found += value
        if found > _INT64_MAX:
            return _INT64_MAX
    return found


def _counted(seen: Observation, samples: Mapping[str, Sample], resource: str) -> tuple[dict[str, int], Groups]:
    if not seen.pods:
        raise NotComputed(_NONE_SELECTED)
    groups = grouped(seen.pods, samples, resource, seen.now, seen.settings)
    aside = groups.ignored | groups.unready
    values = {name: sample.value for name, sample in samples.items() if name not in aside}
    if not values:
        raise NotComputed("did not receive metrics for targeted pods (pods might be unready)")
    return values, groups


def _proposed(
    seen: Observation,
    values: Mapping[str, int],
    groups: Groups,
    ratio_of: Callable[[Mapping[str, int]], float],
    at_target: Callable[[str], int],
) -> int:
    """Pods that are not measured count against the change: as idle for more, as busy for fewer."""
    ratio, hold = ratio_of(values), seen.tolerances.hold
    more_with_unready = bool(groups.unready) and ratio > 1.0
    if not more_with_unready and not groups.missing:
        return seen.wanted if hold(ratio) else _up(ratio * groups.ready)
    assumed = dict(values)
    if ratio != 1.0:
        assumed.update((name, at_target(name) if ratio < 1.0 else 0) for name in groups.missing)
    if more_with_unready:
        assumed.update((name, 0) for name in groups.unready)
    careful = ratio_of(assumed)
    if hold(careful) or (ratio < 1.0 < careful) or (careful < 1.0 < ratio):
        return seen.wanted
    replicas = _up(careful * len(assumed))
    if (careful < 1.0 and replicas > seen.wanted) or (careful > 1.0 and replicas < seen.wanted):
        return seen.wanted
    return replicas


def _share(values: Mapping[str, int], requests: Mapping[str, int]) -> tuple[int, int]:
    """Percent of the requests, and the average. What is measured of unknown pods does not count."""
    known = [(value, requests[name]) for name, value in values.items() if name in requests]
    requests_total = sum(request for _, request in known)
    if requests_total == 0:
        raise NotComputed("no metrics returned matched known pods")
    values_total = sum(value for value, _ in known)
    return _divided(values_total * 100, requests_total), _divided(values_total, len(known))


def _average(values: Mapping[str, int]) -> int:
    return _divided(sum(values.values()), len(values))


def _divided(a: int, b: int) -> int:
    """As Go divides integers: toward zero."""
    return a // b if a >= 0 else -(-a // b)


def _up(replicas: float) -> int:
    return _MOST if replicas > _MOST else math.ceil(replicas)


def _quotient(a: int, b: int) -> float:
    return a / b if b else math.nan


def _each(usage: int, replicas: int) -> int:
    """Upstream's number for no replicas at all is what its processor makes of infinity."""
    if usage >= _INT64_MAX:
        return _INT64_MAX
    return math.ceil(usage / replicas) if replicas else _INT64_MIN
