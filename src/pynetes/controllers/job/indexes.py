"""Sets of completion indexes, held as ordered intervals so that a hundred thousand cost little: ``0,2-5,7``.

Source: pkg/controller/job/indexed_job_utils.go.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pynetes.meta.gotext import parse_int64


@dataclass(frozen=True, slots=True)
class Indexes:
    """``intervals``: first and last of each, apart and ascending."""

    intervals: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def parse(text: str, completions: int) -> "Indexes":
        """Those below ``completions``; parts that cannot be read are passed over."""
        found: list[tuple[int, int]] = []
        for part in text.split(",") if text else ():
            limits = [parse_int64(limit) for limit in part.split("-")[:2]]
            first, last = limits[0], limits[-1]
            if first is None or last is None:
                continue
            if first >= completions:
                break
            found.append((first, min(last, completions - 1)))
        return Indexes(_joined(found))

    @staticmethod
    def of(indexes: Iterable[int]) -> "Indexes":
        return Indexes(_joined((index, index) for index in sorted(set(indexes))))

    def __or__(self, other: "Indexes") -> "Indexes":
        return Indexes(_joined(sorted(self.intervals + other.intervals)))

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.intervals)

    def __contains__(self, index: int) -> bool:
        at = bisect_left(self.intervals, index, key=lambda interval: interval[1])
        return at < len(self.intervals) and self.intervals[at][0] <= index

    def __str__(self) -> str:
        return ",".join(map(_text, self.intervals))

    def shared_with(self, other: "Indexes") -> int:
        """How many indexes are in both."""
        count = i = j = 0
        while i < len(self.intervals) and j < len(other.intervals):
            (a, b), (c, d) = self.intervals[i], other.intervals[j]
            count += max(0, min(b, d) - max(a, c) + 1)
            i, j = i + (b <= d), j + (d <= b)
        return count

    def first_missing(self, count: int, below: int) -> list[int]:
        """The lowest ``count`` indexes that are not in it, and below a bound."""
        found: list[int] = []
        candidate = 0
        for first, last in (*self.intervals, (below, below)):
            found += range(candidate, min(first, below, candidate + count - len(found)))
            candidate = max(candidate, last + 1)
            if len(found) >= count:
                break
        return found


def _joined(intervals: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for first, last in intervals:
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)


def _text(interval: Sequence[int]) -> str:
    first, last = interval
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"
