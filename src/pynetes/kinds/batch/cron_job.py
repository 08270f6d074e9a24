"""Cron jobs. Source: kubernetes ``pkg/apis/batch/v1/defaults.go``, ``pkg/registry/batch/cronjob/strategy.go``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows, workload
from pynetes.kinds.batch.cron_job_validation import validate, validate_update
from pynetes.kinds.batch.job import default_failure_policy
from pynetes.kinds.core import pod_spec
from pynetes.kinds.core.pod_defaults import default_template, fill, fill_empty
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks
from pynetes.meta.selectors import format_object

_STRATEGY = Strategy(generation=True, has_status=True, template=("spec", "jobTemplate", "spec", "template"))


def default(cron_job: Object) -> None:
    spec = cron_job.setdefault("spec", {})
    fill_empty(spec, concurrencyPolicy="Allow")
    fill(spec, suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    job = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    default_failure_policy(job.get("podFailurePolicy"))
    default_template(job.setdefault("template", {}))


def warnings(cron_job: Object, old: Object | None) -> Sequence[str]:
    found: list[str] = []
    spec = cron_job["spec"]
    path = "spec.jobTemplate.spec.template"
    template = spec["jobTemplate"]["spec"]["template"]
    if old is None:
        found += workload.name_warning(cron_job, "Pod names and hostnames")
        found += pod_spec.template_warnings(path, template)
    elif cron_job["metadata"].get("generation") != old["metadata"].get("generation"):
        found += pod_spec.template_warnings(path, template)
    if "TZ" in (spec.get("schedule") or ""):
        schedule = "CRON_TZ or TZ used in spec.schedule is not officially supported, see"
        found.append(
            f"{schedule} https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
    return found


def table_row(cron_job: Object, now: float) -> list[Any]:
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    last = status.get("lastScheduleTime")
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    return [
        cron_job["metadata"]["name"],
        spec.get("schedule") or "",
        rows.NONE if spec.get("timeZone") is None else spec["timeZone"],
        rows.boolean(spec.get("suspend")),
        len(status.get("active") or ()),
        rows.since(last, now) if last else rows.NONE,
        rows.age(cron_job, now),
        *rows.containers((job.get("template") or {}).get("spec") or {}),
        format_object(job.get("selector")),
    ]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
)
