"""What a CronJob does next: which Jobs it forgets, deletes and creates, and what it says about them.

Source: pkg/controller/cronjob/cronjob_controllerv2.go (syncCronJob, cleanupFinishedJobs).
"""

import copy
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from pynetes.client.kinds import CRON_JOBS, JOBS
from pynetes.controllers.cronjob.missed import MANY, missed, seconds_until_next
from pynetes.controllers.cronjob.times import zone
from pynetes.controllers.ownership import reference
from pynetes.kinds.batch.job_status import has_condition, is_finished
from pynetes.kinds.batch.schedules import Schedule, ScheduleError, parse_schedule, zone_problem
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, name_of, namespace_of, uid_of
from pynetes.meta.times import parse_time, rfc3339

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"

Event = tuple[str, str, str]
"""Type, reason, message."""


@dataclass(slots=True)
class Plan:
    """``discard``: finished Jobs beyond the limits. ``replace``: references to Jobs that make way for ``create``, which
    answers the moment ``at``. ``again``: seconds."""

    status: Object
    discard: list[Object] = field(default_factory=list)
    replace: list[Object] = field(default_factory=list)
    create: Object | None = None
    at: int = 0
    events: list[Event] = field(default_factory=list)
    again: float | None = None


def plan(cron_job: Object, jobs: Sequence[Object], gone: Collection[str], now: float, local_zone: str = "UTC") -> Plan:
    """``gone``: uids of active Jobs that the API does not know any more."""
    made = Plan(copy.deepcopy(cron_job.get("status") or {}))
    made.discard = beyond_limits(cron_job, jobs)
    _take_stock(made, jobs, gone)
    if "deletionTimestamp" not in cron_job["metadata"]:
        _follow_schedule(cron_job, made, now, local_zone)
    return made


def beyond_limits(cron_job: Object, jobs: Iterable[Object]) -> list[Object]:
    """Finished Jobs beyond the limits of the history, those that began first first."""
    found: list[Object] = []
    limits = (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit"))
    for outcome, name in limits:
        limit = cron_job["spec"].get(name)
        if limit is not None:
            ended = sorted((job for job in jobs if ending(job) == outcome), key=_begun)
            found += ended[: max(0, len(ended) - limit)]
    return found


def ending(job: Object) -> str:
    """The type of the first condition that ends the Job; ``""`` while it has not ended."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return ""


def _begun(job: Object) -> tuple[bool, str, str]:
    start = (job.get("status") or {}).get("startTime") or ""
    return not start, start, name_of(job)


def active(status: Object) -> list[Object]:
    """References to the Jobs that run."""
    found: list[Object] = status.get("active") or []
    return found


def is_active(status: Object, uid: str) -> bool:
    return any(ref["uid"] == uid for ref in active(status))


def strangers(cron_job: Object, jobs: Iterable[Object]) -> list[Object]:
    """Jobs that run and that the status does not know."""
    status = cron_job.get("status") or {}
    return [job for job in jobs if not is_finished(job.get("status") or {}) and not is_active(status, uid_of(job))]


def absent(cron_job: Object, jobs: Iterable[Object]) -> list[Object]:
    """References of the status to Jobs that are not among these."""
    known = set(map(uid_of, jobs))
    return [ref for ref in active(cron_job.get("status") or {}) if ref["uid"] not in known]


def forget(status: Object, uid: str) -> None:
    left = [ref for ref in active(status) if ref["uid"] != uid]
    if left:
        status["active"] = left
    else:
        status.pop("active", None)


def _take_stock(made: Plan, jobs: Iterable[Object], gone: Collection[str]) -> None:
    """Notice Jobs that ended, that nobody told us of, and that are not there any more."""
    for job in jobs:
        condition = ending(job)
        if not condition:
            if not is_active(made.status, uid_of(job)):
                text = f"Saw a job that the controller did not create or forgot: {name_of(job)}"
                made.events.append(("Warning", "UnexpectedJob", text))
            continue
        if is_active(made.status, uid_of(job)):
            forget(made.status, uid_of(job))
            text = f"Saw completed job: {name_of(job)}, condition: {condition}"
            made.events.append(("Normal", "SawCompletedJob", text))
        if has_condition(job["status"], "Complete"):
            _note_success(made.status, job["status"].get("completionTime"))
    for ref in list(active(made.status)):
        if ref["uid"] in gone:
            forget(made.status, ref["uid"])
            made.events.append(("Normal", "MissingJob", f"Active job went missing: {ref['name']}"))


def _note_success(status: Object, completed: str | None) -> None:
    known = status.get("lastSuccessfulTime")
    if completed and (not known or parse_time(completed) > parse_time(known)):
        status["lastSuccessfulTime"] = completed


def _follow_schedule(cron_job: Object, made: Plan, now: float, local_zone: str) -> None:
    spec = cron_job["spec"]
    name = spec.get("timeZone")
    if name is not None and (problem := zone_problem(name)):
        made.events.append(("Warning", "UnknownTimeZone", f"invalid timeZone: {quoted(name)}: {problem}"))
        return
    if spec.get("suspend"):
        return
    if "TZ" in spec["schedule"]:
        made.events.append(("Warning", "UnsupportedSchedule", _unsupported(spec["schedule"])))
    try:
        schedule = schedule_of(cron_job)
    except ScheduleError as error:
        text = f"unparseable schedule: {quoted(spec['schedule'])} : {error}"
        made.events.append(("Warning", "UnparseableSchedule", text))
        return
    try:
        due = missed(cron_job, schedule, now, local_zone, within_deadline=True)
    except ValueError as error:
        made.events.append(("Warning", "InvalidSchedule", f"invalid schedule: {spec['schedule']} : {error}"))
        return
    if due.last is not None and due.count > MANY:
        text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        made.events.append(("Warning", "TooManyMissedTimes", text))
    made.again = seconds_until_next(cron_job, schedule, now, local_zone)
    if due.last is not None:
        _answer(cron_job, made, schedule, due.last, now, local_zone)


def _answer(cron_job: Object, made: Plan, schedule: Schedule, at: int, now: float, local_zone: str) -> None:
    """Create the Job of a moment, unless something speaks against it."""
    spec, running = cron_job["spec"], active(made.status)
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None and at + deadline < now:
        when = format_datetime(datetime.fromtimestamp(at, UTC))
        made.events.append(("Warning", "MissSchedule", f"Missed scheduled time to start a job: {when}"))
        return
    if any(ref["name"] == job_name(cron_job, at) for ref in running):
        return
    if made.status.get("lastScheduleTime") and parse_time(made.status["lastScheduleTime"]) == at:
        return
    if spec.get("concurrencyPolicy") == "Forbid" and running:
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        made.events.append(("Normal", "JobAlreadyActive", text))
        return
    if spec.get("concurrencyPolicy") == "Replace":
        made.replace = list(running)
    made.at = at
    made.create = new_job(cron_job, at, local_zone)
    answered = {**cron_job, "status": {**made.status, "lastScheduleTime": rfc3339(at)}}
    made.again = seconds_until_next(answered, schedule, now, local_zone)


def schedule_of(cron_job: Object) -> Schedule:
    """With the time zone of the spec, unless the schedule names one. Raises: ScheduleError."""
    text, name = cron_job["spec"]["schedule"], cron_job["spec"].get("timeZone")
    if "TZ" in text or name is None or zone_problem(name):
        return parse_schedule(text)
    return parse_schedule(f"TZ={name} {text}")


def _unsupported(schedule: str) -> str:
    page = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"
    return f"CRON_TZ or TZ used in schedule {quoted(schedule)} is not officially supported, see {page} for more details"


def job_name(cron_job: Object, at: int) -> str:
    """Holds the moment in minutes, so that it makes one Job only."""
    return f"{name_of(cron_job)}-{at // 60}"


def new_job(cron_job: Object, at: int, local_zone: str) -> Object:
    template = cron_job["spec"]["jobTemplate"]
    wanted = template.get("metadata") or {}
    place = zone(cron_job["spec"].get("timeZone") or "UTC", local_zone)
    scheduled = datetime.fromtimestamp(at, place).isoformat().replace("+00:00", "Z")
    metadata: Object = {
        "name": job_name(cron_job, at),
        "namespace": namespace_of(cron_job),
        "annotations": {**(wanted.get("annotations") or {}), SCHEDULED: scheduled},
        "ownerReferences": [reference(cron_job, CRON_JOBS)],
    }
    if labels := wanted.get("labels"):
        metadata["labels"] = labels
    return {"kind": JOBS.kind, "apiVersion": JOBS.api_version, "metadata": metadata, "spec": template["spec"]}


def started(status: Object, job: Object, at: int) -> None:
    """Note in the status that a Job runs that answers a moment."""
    ref = {
        "kind": JOBS.kind,
        "namespace": namespace_of(job),
        "name": name_of(job),
        "uid": uid_of(job),
        "apiVersion": JOBS.api_version,
        "resourceVersion": job["metadata"]["resourceVersion"],
    }
    status["active"] = [*active(status), ref]
    status["lastScheduleTime"] = rfc3339(at)
