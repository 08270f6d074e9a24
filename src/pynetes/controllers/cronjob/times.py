"""When a cron schedule is next due: in its time zone, across the days on which clocks are changed.

Moments are whole seconds since the epoch. Source: github.com/robfig/cron/v3 ``spec.go``, ``constantdelay.go``; Go
``time.Date`` for local times that do not exist or come twice.
"""

import calendar
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pynetes.kinds.batch.schedules import Schedule

HOUR = 3600
MINUTE = 60
_YEARS = 5
"""How far is looked ahead before a schedule counts as one that is never due."""


class Local(NamedTuple):
    """A moment as a clock on the wall shows it; Sunday is weekday 0."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int


def next_time(schedule: Schedule, after: float, local_zone: str = "UTC") -> int | None:
    """The first moment later than ``after``; None when there is none within five years.

    ``local_zone`` is where schedules are that name no zone.
    """
    moment = int(after // 1)
    if schedule.every:
        return moment + int(schedule.every)
    return _Search(schedule, zone(schedule.time_zone, local_zone), moment + 1).run()


@lru_cache(maxsize=64)
def zone(name: str, local_zone: str = "UTC") -> tzinfo:
    """Raises: KeyError for a zone that nobody knows."""
    if name in ("", "Local"):
        name = local_zone
    return UTC if name == "UTC" else ZoneInfo(name)


class _Search:
    """Moves on field by field, the greatest first; when one wraps around, it begins again."""

    def __init__(self, schedule: Schedule, place: tzinfo, begin: int) -> None:
        self._schedule = schedule
        self._place = place
        self._at = begin
        self._is_exact = True
        """Whether no field was moved on yet, so that the smaller ones still say where the search began."""

    def run(self) -> int | None:
        last_year = self._local().year + _YEARS
        while self._local().year <= last_year:
            if not (self._month() or self._day() or self._hour() or self._minute()):
                return self._at
        return None

    # each moves on to a value of its field that matches, and returns whether it wrapped around

    def _month(self) -> bool:
        while (local := self._local()).month not in self._schedule.months.values:
            if self._leave():
                self._set(local.year, local.month, 1)
                local = self._local()
            self._set(local.year, local.month + 1, local.day, *local[3:6])
            if self._local().month == 1:
                return True
        return False

    def _day(self) -> bool:
        while not self._is_day(local := self._local()):
            if self._leave():
                self._set(local.year, local.month, local.day)
                local = self._local()
            self._set(local.year, local.month, local.day + 1, *local[3:6])
            if hour := self._local().hour:
                # there was no midnight, or two
                self._at += (24 - hour if hour > 12 else -hour) * HOUR
            if self._local().day == 1:
                return True
        return False

    def _hour(self) -> bool:
        while (local := self._local()).hour not in self._schedule.hours.values:
            if self._leave():
                self._set(local.year, local.month, local.day, local.hour)
            self._at += HOUR
            if self._local().hour == 0:
                return True
        return False

    def _minute(self) -> bool:
        while self._local().minute not in self._schedule.minutes.values:
            if self._leave():
                self._at -= self._at % MINUTE
            self._at += MINUTE
            if self._local().minute == 0:
                return True
        seconds = self._local().second
        if seconds:
            # schedules have no seconds: on to the next full minute, which is looked at anew
            self._at += MINUTE - seconds
            self._is_exact = False
        return seconds > 0

    def _leave(self) -> bool:
        """Whether the search leaves the moment at which it began only now: smaller fields are then set back."""
        left, self._is_exact = self._is_exact, False
        return left

    def _is_day(self, local: Local) -> bool:
        """Either restriction is enough, unless one of them is a star."""
        days, weekdays = self._schedule.days, self._schedule.weekdays
        by_day, by_weekday = local.day in days.values, local.weekday in weekdays.values
        if days.any or weekdays.any:
            return by_day and by_weekday
        return by_day or by_weekday

    def _local(self) -> Local:
        at = datetime.fromtimestamp(self._at, self._place)
        return Local(at.year, at.month, at.day, at.hour, at.minute, at.second, at.isoweekday() % 7)

    def _set(self, year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> None:
        """To a wall clock's time; days and months beyond their end go on in the next."""
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        wall = calendar.timegm((year, month, 1, hour, minute, second)) + (day - 1) * 24 * HOUR
        offset = self._offset(wall)
        self._at = wall - self._offset(wall - offset) if offset else wall

    def _offset(self, moment: int) -> int:
        found = datetime.fromtimestamp(moment, self._place).utcoffset()
        return int(found.total_seconds()) if found is not None else 0
