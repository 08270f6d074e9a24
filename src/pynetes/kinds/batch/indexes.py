"""Texts of the indexes of a job's pods: ``0,2-5,7``. Source: kubernetes ``pkg/apis/batch/validation/validation.go``."""

import re

from pynetes.meta.gotext import quoted

_integer = re.compile(r"[+-]?[0-9]+", re.ASCII).fullmatch

Interval = tuple[int, int]


def intervals(text: str, completions: int) -> list[Interval]:
    """First and last of each. Raises: ValueError in upstream's words."""
    found: list[Interval] = []
    for part in text.split(",") if text else ():
        first, last = interval(part, completions)
        if found and found[-1][1] >= first:
            raise ValueError(f"non-increasing order, previous: {found[-1][1]}, current: {first}")
        found.append((first, last))
    return found


def interval(text: str, completions: int) -> Interval:
    """Raises: ValueError."""
    limits = text.split("-")
    if len(limits) > 2:
        rule = "violates the requirement that an index interval can have at most two parts separated by '-'"
        raise ValueError(f"the fragment {quoted(text)} {rule}")
    first = _index(limits[0], completions)
    if len(limits) == 1:
        return first, first
    last = _index(limits[1], completions)
    if first >= last:
        raise ValueError(f"non-increasing order, previous: {first}, current: {last}")
    return first, last


def _index(text: str, completions: int) -> int:
    if _integer(text) is None:
        raise ValueError(f"cannot convert string to integer for index: {quoted(text)}")
    if int(text) >= completions:
        raise ValueError(f"too large index: {quoted(text)}")
    return int(text)


def count(found: list[Interval]) -> int:
    return sum(last - first + 1 for first, last in found)


def overlap(completed: str, failed: str, completions: int) -> int | None:
    """The first index that is in both texts; parts that cannot be read are passed over."""
    left, right = _readable(completed, completions), _readable(failed, completions)
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i][0] <= right[j][1] and right[j][0] <= left[i][1]:
            return max(left[i][0], right[j][0])
        if left[i][0] <= right[j][0]:
            i += 1
        else:
            j += 1
    return None


def _readable(text: str, completions: int) -> list[Interval]:
    found = []
    for part in text.split(",") if text else ():
        try:
            found.append(interval(part, completions))
        except ValueError:
            continue
    return found
