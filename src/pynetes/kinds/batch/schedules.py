"""Cron schedules: ``*/5 * * * *``, ``@daily``, ``@every 1h``.

Source: github.com/robfig/cron/v3 ``parser.go``, ``spec.go``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from pynetes.meta.gotext import quoted
from pynetes.meta.times import parse_duration

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTH_NAMES: Mapping[str, int] = {name: i for i, name in enumerate(_MONTHS, 1)}
_DAY_NAMES: Mapping[str, int] = {name: i for i, name in enumerate(_DAYS)}
_integer = re.compile(r"[+-]?[0-9]+", re.ASCII).fullmatch
_commas = re.compile(",+").split

_FIELDS: Final = (
    (0, 59, None),
    (0, 23, None),
    (1, 31, None),
    (1, 12, _MONTH_NAMES),
    (0, 6, _DAY_NAMES),
)
_DESCRIPTORS: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class ScheduleError(ValueError):
    """Why a text is no schedule, in the words of upstream's parser."""


@dataclass(frozen=True, slots=True)
class Field:
    """The values that match; ``any``: the text said so with a star, which matters to days."""

    values: frozenset[int]
    any: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to run: minutes, hours, days of the month, months, days of the week; or every so many seconds."""

    minutes: Field
    hours: Field
    days: Field
    months: Field
    weekdays: Field
    every: float = 0.0
    time_zone: str = ""


_NEVER = Field(frozenset(), False)


def parse_schedule(text: str) -> Schedule:
    """Raises: ScheduleError."""
    if not text:
        raise ScheduleError("empty spec string")
    zone = ""
    if text.startswith(("TZ=", "CRON_TZ=")):
        prefix, space, rest = text.partition(" ")
        if not space:
            raise ScheduleError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
        zone = prefix.partition("=")[2]
        if problem := zone_problem(zone):
            raise ScheduleError(f"provided bad location {zone}: {problem}")
        text = rest.strip()
    if text.startswith("@every "):
        try:
            every = max(1.0, parse_duration(text.removeprefix("@every ")))
        except ValueError as error:
            raise ScheduleError(f"failed to parse duration {text}: {error}") from None
        return Schedule(_NEVER, _NEVER, _NEVER, _NEVER, _NEVER, every, zone)
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise ScheduleError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ScheduleError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    minutes, hours, days, months, weekdays = (
        _field(part, low, high, names) for part, (low, high, names) in zip(parts, _FIELDS, strict=True)
    )
    return Schedule(minutes, hours, days, months, weekdays, 0.0, zone)


def zone_problem(name: str) -> str:
    """Why there is no such time zone, in Go's words; empty when there is. Source: Go ``time.LoadLocation``."""
    if name in ("", "UTC", "Local"):
        return ""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a directory, no path
        return f"unknown time zone {name}"
    return ""


def _field(text: str, low: int, high: int, names: Mapping[str, int] | None) -> Field:
    values: set[int] = set()
    any_value = False
    for expression in _commas(text):
        if expression:
            found, star = _range(expression, low, high, names)
            values |= found
            any_value = any_value or star
    return Field(frozenset(values), any_value)


def _range(text: str, low: int, high: int, names: Mapping[str, int] | None) -> tuple[set[int], bool]:
    parts = text.split("/")
    bounds = parts[0].split("-")
    star = bounds[0] in ("*", "?")
    if star:
        start, end = low, high
    else:
        start = end = _number(bounds[0], names)
        if len(bounds) == 2:
            end = _number(bounds[1], names)
        elif len(bounds) > 2:
            raise ScheduleError(f"too many hyphens: {text}")
    step = 1
    if len(parts) == 2:
        step = _number(parts[1], None)
        if len(bounds) == 1:
            end = high
        star = star and step <= 1
    elif len(parts) > 2:
        raise ScheduleError(f"too many slashes: {text}")
    if start < low:
        raise ScheduleError(f"beginning of range ({start}) below minimum ({low}): {text}")
    if end > high:
        raise ScheduleError(f"end of range ({end}) above maximum ({high}): {text}")
    if start > end:
        raise ScheduleError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ScheduleError(f"step of range should be a positive number: {text}")
    return set(range(start, end + 1, step)), star


def _number(text: str, names: Mapping[str, int] | None) -> int:
    if names is not None and text.lower() in names:
        return names[text.lower()]
    if _integer(text) is None:
        raise ScheduleError(f"failed to parse int from {text}: strconv.Atoi: parsing {quoted(text)}: invalid syntax")
    number = int(text)
    if not -(1 << 63) <= number < 1 << 63:
        raise ScheduleError(
            f"failed to parse int from {text}: strconv.Atoi: parsing {quoted(text)}: value out of range"
        )
    if number < 0:
        raise ScheduleError(f"negative number ({number}) not allowed: {text}")
    return number
