"""From the number that the metrics ask for to the one that is set: windows, policies, bounds.

Source: pkg/controller/podautoscaler/horizontal.go (``normalizeDesiredReplicas`` and what follows); KEP-853.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pynetes.meta.objects import Object

_FACTOR = 2.0
_LEAST = 4.0
"""Without a behavior one step doubles at most, but may reach this."""

Moments = tuple[tuple[int, float], ...]
"""Numbers with their times, the oldest first."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What was asked for, and by how much the scale was made larger and smaller, as far back as it matters."""

    recommendations: Moments = ()
    ups: Moments = ()
    downs: Moments = ()

    def begun(self, replicas: int, now: float) -> "Memory":
        """The first recommendation is the size that was found."""
        return self if self.recommendations else replace(self, recommendations=((replicas, now),))

    def scaled(self, behavior: Object | None, before: int, after: int, now: float) -> "Memory":
        """Only policies need to know."""
        if behavior is None:
            return self
        if after > before:
            return replace(self, ups=(*_since(self.ups, behavior["scaleUp"], now), (after - before, now)))
        return replace(self, downs=(*_since(self.downs, behavior["scaleDown"], now), (before - after, now)))


def _since(moments: Moments, rules: Object, now: float) -> Moments:
    """Without those that no policy looks back to."""
    cutoff = now - max((policy["periodSeconds"] for policy in rules.get("policies") or ()), default=0)
    return tuple(moment for moment in moments if moment[1] >= cutoff)


@dataclass(frozen=True, slots=True)
class Bounds:
    current: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Limited:
    """The number to set, and the reason and message of both conditions."""

    replicas: int
    memory: Memory
    able: tuple[str, str]
    limit: tuple[str, str]
    is_limited: bool


_STEADY = ("ReadyForNewScale", "recommended size matches current size")
_DOWN_STABILIZED = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
_UP_STABILIZED = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_UP_LIMIT = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_DOWN_LIMIT = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")


def limited(behavior: Object | None, bounds: Bounds, asked: int, memory: Memory, window: float, now: float) -> Limited:
    """``window``: seconds for which a smaller size is put off, unless the behavior says."""
    if behavior is None:
        steady, memory = _stabilized(asked, memory, window, now)
        able = _STEADY if steady == asked else _DOWN_STABILIZED
        replicas, limit = _within_usual(bounds, steady)
    else:
        steady, memory = _stabilized_by(behavior, bounds.current, asked, memory, window, now)
        able = _STEADY if steady == asked else _UP_STABILIZED if asked >= bounds.current else _DOWN_STABILIZED
        replicas, limit = _within_policies(behavior, bounds, steady, memory, now)
    return Limited(replicas, memory, able, limit, replicas != steady)


def _stabilized(asked: int, memory: Memory, window: float, now: float) -> tuple[int, Memory]:
    recent = tuple(moment for moment in memory.recommendations if moment[1] >= now - window)
    most = max((number for number, _ in recent), default=asked)
    return max(asked, most), replace(memory, recommendations=(*recent, (asked, now)))


def _stabilized_by(
    behavior: Object, current: int, asked: int, memory: Memory, window: float, now: float
) -> tuple[int, Memory]:
    """The current size, brought between the least and the most that was asked for within each window."""
    up_window = behavior["scaleUp"].get("stabilizationWindowSeconds") or 0
    down_window = behavior["scaleDown"].get("stabilizationWindowSeconds")
    down_window = window if down_window is None else down_window
    past = memory.recommendations
    lowest = min((asked, *(number for number, at in past if at > now - up_window)))
    highest = max((asked, *(number for number, at in past if at > now - down_window)))
    kept = tuple(moment for moment in past if moment[1] >= now - max(up_window, down_window))
    return min(max(current, lowest), highest), replace(memory, recommendations=(*kept, (asked, now)))


def _within_usual(bounds: Bounds, asked: int) -> tuple[int, tuple[str, str]]:
    fastest = int(max(_FACTOR * bounds.current, _LEAST))
    most, why = (fastest, _UP_LIMIT) if bounds.most > fastest else (bounds.most, _TOO_MANY)
    if asked < bounds.least:
        return bounds.least, _TOO_FEW
    return (most, why) if asked > most else (asked, _WITHIN)


def _within_policies(
    behavior: Object, bounds: Bounds, asked: int, memory: Memory, now: float
) -> tuple[int, tuple[str, str]]:
    current = bounds.current
    if asked > current:
        fastest = max(_largest(behavior["scaleUp"], current, memory, now), current)
        most, why = (fastest, _UP_LIMIT) if bounds.most > fastest else (bounds.most, _TOO_MANY)
        return (most, why) if asked > most else (asked, _WITHIN)
    if asked < current:
        fastest = min(_smallest(behavior["scaleDown"], current, memory, now), current)
        least, why = (fastest, _DOWN_LIMIT) if bounds.least < fastest else (bounds.least, _TOO_FEW)
        return (least, why) if asked < least else (asked, _WITHIN)
    return asked, _WITHIN


def _largest(rules: Object, current: int, memory: Memory, now: float) -> int:
    """The most that the policies allow by now."""
    if rules["selectPolicy"] == "Disabled":
        return current
    proposals: list[int] = []
    for policy, start in _starts(rules["policies"], current, memory, now):
        by_percent = policy["type"] == "Percent"
        proposals.append(math.ceil(start * (1 + policy["value"] / 100)) if by_percent else start + policy["value"])
    return min(proposals) if rules["selectPolicy"] == "Min" else max(proposals)


def _smallest(rules: Object, current: int, memory: Memory, now: float) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    proposals: list[int] = []
    for policy, start in _starts(rules["policies"], current, memory, now):
        by_percent = policy["type"] == "Percent"
        proposals.append(int(start * (1 - policy["value"] / 100)) if by_percent else start - policy["value"])
    return max(proposals) if rules["selectPolicy"] == "Min" else min(proposals)


def _starts(policies: Sequence[Object], current: int, memory: Memory, now: float) -> Iterable[tuple[Object, int]]:
    """Each policy with the size at the beginning of its period."""
    for policy in policies:
        cutoff = now - policy["periodSeconds"]
        added = sum(number for number, at in memory.ups if at > cutoff)
        taken = sum(number for number, at in memory.downs if at > cutoff)
        yield policy, current - added + taken
