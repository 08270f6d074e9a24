"""Times and durations in the forms of the API: RFC 3339 texts, Go durations, the ages that tables show.

Seconds since 1970 are floats here. Source: apimachinery ``pkg/apis/meta/v1/time.go``, ``micro_time.go``,
``pkg/util/duration``; Go ``time.Parse``, ``time.ParseDuration``.
"""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from fractions import Fraction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ns": 10**-9, "us": 10**-6, "µs": 10**-6, "μs": 10**-6, "ms": 10**-3, "s": 1, "m": 60, "h": 3600}
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"


class TimeError(ValueError):
    """A text that is no time, in the words of Go's ``time.Parse``."""


def rfc3339(seconds: float) -> str:
    """``2026-11-23T10:00:00Z``: whole seconds, as ``metav1.Time`` is written."""
    whole = int(seconds // 1)
    return (_EPOCH + timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def rfc3339_micro(seconds: float) -> str:
    """``2026-11-23T10:00:00.000000Z``, as ``metav1.MicroTime`` is written."""
    return _micro(round(seconds * 1_000_000))


def _micro(microseconds: int) -> str:
    whole, part = divmod(microseconds, 1_000_000)
    return f"{rfc3339(whole)[:-1]}.{part:06d}Z"


def parse_time(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 text, with or without a fraction. Raises: TimeError."""
    seconds, fraction = _parts(text, _LAYOUT)
    return float(seconds + fraction)


def canonical_time(text: str) -> str:
    """A ``metav1.Time`` as it is written again: in UTC, without its fraction. Raises: TimeError."""
    if len(text) == 20 and text[-1] == "Z" and _RFC3339.fullmatch(text):
        _parts(text, _LAYOUT)
        return text
    return rfc3339(_parts(text, _LAYOUT)[0])


def canonical_micro_time(text: str) -> str:
    """A ``metav1.MicroTime`` as it is written again: in UTC, microseconds. Raises: TimeError."""
    match = _RFC3339.fullmatch(text)
    if match is not None and len(match[7] or "") != 6:
        rest = text[match.end(6) :]
        if len(match[7] or "") < 6:
            raise TimeError(_cannot(text, _MICRO_LAYOUT, rest, ".000000"))
        raise TimeError(_cannot(text, _MICRO_LAYOUT, rest[7:], "Z07:00"))
    seconds, fraction = _parts(text, _MICRO_LAYOUT)
    return _micro(seconds * 1_000_000 + int(fraction * 1_000_000))


def _parts(text: str, layout: str) -> tuple[int, Fraction]:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise TimeError(_why_not(text, layout))
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    for value, limit, low, what in (
        (month, 12, 1, "month"),
        (hour, 23, 0, "hour"),
        (minute, 59, 0, "minute"),
        (second, 59, 0, "second"),
        (day, _days_in(year, month), 1, "day"),
    ):
        if not low <= value <= limit:
            raise TimeError(f'parsing time "{text}": {what} out of range')
    offset = 0
    if match[8] != "Z":
        hours, minutes = int(match[8][1:3]), int(match[8][4:6])
        if hours > 24 or minutes > 59:
            what = "hour" if hours > 24 else "minute"
            raise TimeError(f'parsing time "{text}": time zone offset {what} out of range')
        offset = (hours * 3600 + minutes * 60) * (-1 if match[8][0] == "-" else 1)
    seconds = timegm((year, month, day, hour, minute, second)) - offset
    fraction = Fraction(int(match[7]), 10 ** len(match[7])) if match[7] else Fraction(0)
    return seconds, fraction


def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


_ELEMENTS = (
    ("2006", r"\d{4}"),
    ("-", "-"),
    ("01", r"\d\d"),
    ("-", "-"),
    ("02", r"\d\d"),
    ("T", "T"),
    ("15", r"\d{1,2}"),
    (":", ":"),
    ("04", r"\d\d"),
    (":", ":"),
    ("05", r"\d\d(?:[.,]\d+)?"),
    ("Z07:00", r"Z|[+-]\d\d:\d\d"),
)


def _why_not(text: str, layout: str) -> str:
    """Walk the layout as Go does, to say which element cannot be parsed from what is left."""
    rest = text
    for element, pattern in _ELEMENTS:
        if (
            element == "Z07:00"
            and layout is _MICRO_LAYOUT
            and not re.search(r"[.,]\d{6}$", text[: len(text) - len(rest)])
        ):
            return _cannot(text, layout, rest, ".000000")
        match = re.match(pattern, rest, re.ASCII)
        if match is None:
            return _cannot(text, layout, rest, element)
        rest = rest[match.end() :]
    return f'parsing time "{text}": extra text: "{rest}"'


def _cannot(text: str, layout: str, rest: str, element: str) -> str:
    return f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{element}"'


def parse_duration(text: str) -> float:
    """Seconds of a Go duration: ``1h15m30.5s``. Raises: ValueError in Go's words."""
    body = text
    sign = 1
    if body[:1] in ("+", "-"):
        sign = -1 if body[0] == "-" else 1
        body = body[1:]
    if body == "0":
        return 0.0
    if not body:
        raise ValueError(f'time: invalid duration "{text}"')
    total, at = Fraction(0), 0
    while at < len(body):
        number = re.compile(r"[0-9]*\.?[0-9]*").match(body, at)
        digits = number[0] if number else ""
        if digits in ("", "."):
            raise ValueError(f'time: invalid duration "{text}"')
        at += len(digits)
        unit = re.compile(r"[^0-9.]*").match(body, at)
        name = unit[0] if unit else ""
        if not name:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if name not in _UNITS:
            raise ValueError(f'time: unknown unit "{name}" in duration "{text}"')
        at += len(name)
        total += Fraction(digits if digits[-1] != "." else digits[:-1]) * Fraction(str(_UNITS[name]))
    return sign * float(total)


def format_duration(seconds: float) -> str:
    """A Go duration as it is written: ``1h15m0s``, ``300ms``, ``0s``."""
    nanoseconds = round(Fraction(str(seconds)) * 10**9)
    sign, nanoseconds = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 10**9:
        for size, unit in ((10**6, "ms"), (10**3, "µs"), (1, "ns")):
            if nanoseconds >= size:
                return f"{sign}{_decimal(nanoseconds, size)}{unit}"
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 10**9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def _decimal(value: int, size: int) -> str:
    whole, part = divmod(value, size)
    if not part:
        return str(whole)
    return f"{whole}.{str(part).rjust(len(str(size)) - 1, '0').rstrip('0')}"


def human_duration(seconds: float) -> str:
    """An age as tables show it: two or three significant figures (``90s``, ``5m10s``, ``3h``, ``2d4h``)."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 60 * 2:
        return f"{whole}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 60 * 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def short_human_duration(seconds: float) -> str:
    """An age in its largest unit only, as a few columns show it."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (86400 * 365, 86400, "d")):
        if whole < limit:
            return f"{whole // size}{unit}"
    return f"{whole // (86400 * 365)}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"
