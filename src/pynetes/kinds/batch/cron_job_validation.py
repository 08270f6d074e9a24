"""What is wrong with a cron job.

Source: kubernetes ``pkg/apis/batch/validation/validation.go`` ``validateCronJobSpec``.
"""

import re
from collections.abc import Sequence

from pynetes.kinds import workload
from pynetes.kinds.batch.job_validation import job_spec
from pynetes.kinds.batch.schedules import ScheduleError, parse_schedule, zone_problem
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import Path, invalid, not_supported, required
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import non_negative

_POLICIES = ("Allow", "Forbid", "Replace")
_zone_part = re.compile(r"[A-Za-z._0-9+][A-Za-z.\-_0-9+]{0,13}").fullmatch
_LOCAL = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"


def validate(cron_job: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(cron_job, True) + _spec(cron_job["spec"], None)
    name = cron_job["metadata"].get("name") or ""
    if len(name) > 52:
        causes.append(invalid("metadata.name", name, "must be no more than 52 characters"))
    return causes


def validate_update(cron_job: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(cron_job, old)
    return causes if context.subresource == "status" else causes + _spec(cron_job["spec"], old["spec"])


def _spec(spec: Object, old: Object | None) -> list[Cause]:
    causes: list[Cause] = []
    schedule, zone = spec.get("schedule") or "", spec.get("timeZone")
    if not schedule:
        causes.append(required("spec.schedule"))
    else:
        causes += _schedule(schedule, zone, "TZ" in ((old or {}).get("schedule") or ""))
    causes += non_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if zone is not None and (old is None or old.get("timeZone") != zone):
        causes += _time_zone("spec.timeZone", zone)
    policy = spec.get("concurrencyPolicy") or ""
    if not policy:
        causes.append(required("spec.concurrencyPolicy"))
    elif policy not in _POLICIES:
        causes.append(not_supported("spec.concurrencyPolicy", policy, _POLICIES))
    causes += _job_template("spec.jobTemplate.spec", (spec.get("jobTemplate") or {}).get("spec") or {})
    for name in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        causes += non_negative(f"spec.{name}", spec.get(name))
    return causes


def _schedule(schedule: str, zone: str | None, had_zone: bool) -> list[Cause]:
    path = "spec.schedule"
    causes: list[Cause] = []
    try:
        parse_schedule(schedule)
    except ScheduleError as error:
        causes.append(invalid(path, schedule, str(error)))
    if "TZ" in schedule and not had_zone:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        causes.append(invalid(path, schedule, detail))
    elif "TZ" in schedule and zone is not None:
        causes.append(invalid(path, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule"))
    return causes


def _time_zone(path: Path, zone: str) -> list[Cause]:
    if not zone:
        return [invalid(path, zone, "timeZone must be nil or non-empty string")]
    if any(part in (".", "..") or not _zone_part(part) for part in zone.split("/")):
        return [invalid(path, zone, f"unknown time zone {zone}")]
    causes = [invalid(path, zone, _LOCAL)] if zone.lower() == "local" else []
    if problem := zone_problem(zone):
        causes.append(invalid(path, zone, problem))
    return causes


def _job_template(path: Path, spec: Object) -> list[Cause]:
    causes = job_spec(path, spec)
    if (selector := spec.get("selector")) is not None:
        causes.append(workload.bad_selector(selector, "`selector` will be auto-generated", f"{path}.selector"))
    if spec.get("manualSelector"):
        causes.append(not_supported(f"{path}.manualSelector", True, ("nil", "false")))
    return causes
