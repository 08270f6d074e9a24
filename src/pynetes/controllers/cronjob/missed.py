"""Which moment of a schedule a CronJob has still to answer, and when the next one is.

Source: pkg/controller/cronjob/utils.go.
"""

from dataclasses import dataclass

from pynetes.controllers import podstate
from pynetes.controllers.cronjob.times import next_time
from pynetes.kinds.batch.schedules import Schedule
from pynetes.meta.objects import Object
from pynetes.meta.times import parse_time

PADDING_SECONDS = 0.1
"""Behind the moment, so that a clock that is a little slow does not miss it."""

MANY = 100


@dataclass(frozen=True, slots=True)
class Missed:
    """``since``: from when on was looked. ``last``: the latest moment due, if any. ``count``: roughly how many."""

    since: float
    last: int | None
    count: int


def missed(cron_job: Object, schedule: Schedule, now: float, local_zone: str, *, within_deadline: bool) -> Missed:
    """What is due since the last time, or since the CronJob was created.

    Raises: ValueError for a schedule that is never due.
    """
    last = (cron_job.get("status") or {}).get("lastScheduleTime")
    since = parse_time(last) if last else podstate.created_at(cron_job)
    deadline = cron_job["spec"].get("startingDeadlineSeconds")
    if within_deadline and deadline is not None:
        since = max(since, now - deadline)
    first = next_time(schedule, since, local_zone)
    second = None if first is None else next_time(schedule, first, local_zone)
    if first is None or second is None or second <= first:
        raise ValueError("time difference between two schedules is less than 1 second")
    if now < first:
        return Missed(since, None, 0)
    if now < second:
        return Missed(since, first, 0)
    interval = second - first
    count = int(now - first) // interval + 1
    # near the end of what may be irregular: one interval before the last moment of a regular schedule
    latest, moment = None, next_time(schedule, first + (count - 2) * interval, local_zone)
    while moment is not None and moment <= now:
        latest, moment = moment, next_time(schedule, moment, local_zone)
    return Missed(since, latest, count)


def seconds_until_next(cron_job: Object, schedule: Schedule, now: float, local_zone: str) -> float:
    """Until the moment after the last one that was due."""
    try:
        found = missed(cron_job, schedule, now, local_zone, within_deadline=False)
    except ValueError:
        return 0.0
    if found.last is not None:
        base: float = found.last
    else:
        base = now if found.count else found.since
    moment = next_time(schedule, base, local_zone)
    return 0.0 if moment is None else moment + PADDING_SECONDS - now
