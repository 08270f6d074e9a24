"""Jobs. Source: kubernetes ``pkg/apis/batch/v1/defaults.go``, ``pkg/registry/batch/job/strategy.go``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows, workload
from pynetes.kinds.batch.job_validation import NAME_LABEL, UID_LABEL, validate, validate_update
from pynetes.kinds.core.pod_defaults import default_template, fill, fill_empty
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object, uid_of
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.selectors import format_object
from pynetes.meta.times import human_duration, parse_time

_STRATEGY = Strategy(generation=True, has_status=True, template=("spec", "template"))
_STATUSES = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def default(job: Object) -> None:
    spec = job.setdefault("spec", {})
    default_spec(spec)
    labels = ((spec["template"].get("metadata")) or {}).get("labels")
    if labels and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = labels  # the same map, so that it gets what the template's gets


def default_spec(spec: Object) -> None:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    fill(spec, parallelism=1, backoffLimit=6 if spec.get("backoffLimitPerIndex") is None else 2147483647)
    fill(spec, completionMode="NonIndexed", suspend=False, manualSelector=False)
    policy = spec.get("podFailurePolicy")
    fill(spec, podReplacementPolicy="TerminatingOrFailed" if policy is None else "Failed")
    default_failure_policy(policy)
    default_template(spec.setdefault("template", {}))


def default_failure_policy(policy: Object | None) -> None:
    for rule in (policy or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            fill_empty(pattern, status="True")


def prepare_create(job: Object, context: WriteContext) -> None:
    meta = job["metadata"]
    if (prefix := meta.get("generateName")) and meta["name"].startswith(prefix) and meta.get("labels"):
        meta["labels"] = dict(meta["labels"])  # upstream tries generated names with copies, which share no map
    _generate_selector(job)
    _STRATEGY.create(job, context)
    labels = (job["spec"]["template"].get("metadata") or {}).get("labels")
    if labels and not meta.get("labels"):  # as the default does it when the job is read again
        meta["labels"] = dict(labels)


def _generate_selector(job: Object) -> None:
    """The job's pods are found by its uid, unless the client manages the selector."""
    spec = job["spec"]
    if spec.get("manualSelector"):
        return
    meta = spec["template"].setdefault("metadata", {})
    if meta.get("labels") is None:
        meta["labels"] = {}
    labels, name, uid = meta["labels"], job["metadata"].get("name", ""), uid_of(job)
    wanted = {"job-name": name, NAME_LABEL: name, "controller-uid": uid, UID_LABEL: uid}
    for key, value in wanted.items():
        labels.setdefault(key, value)
    if spec.get("selector") is None:
        spec["selector"] = {}
    selector = spec["selector"]
    if selector.get("matchLabels") is None:
        selector["matchLabels"] = {}
    selector["matchLabels"].setdefault(UID_LABEL, uid)


def warnings(job: Object, old: Object | None) -> Sequence[str]:
    found = list(workload.template_warnings(job, old, "Pod names and hostnames"))
    spec = job["spec"]
    if old is None and spec.get("completionMode") == "Indexed":
        if (spec.get("completions") or 0) > 100_000 and (spec.get("parallelism") or 0) > 10_000:
            found.append(
                "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4,"
                " Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
            )
    return found


def _has_condition(status: Object, kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in status.get("conditions") or ())


def table_row(job: Object, now: float) -> list[Any]:
    spec, status = job["spec"], job.get("status") or {}
    done = status.get("succeeded", 0)
    parallelism = spec.get("parallelism") or 0
    if spec.get("completions") is not None:
        completions = f"{done}/{spec['completions']}"
    else:
        completions = f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"
    duration = ""
    if started := status.get("startTime"):
        ended = status.get("completionTime")
        duration = human_duration((parse_time(ended) if ended else now) - parse_time(started))
    deleted = "deletionTimestamp" in job["metadata"]
    text = next((t for kind, t in _STATUSES if (_has_condition(status, kind) if kind else deleted)), "Running")
    return [
        job["metadata"]["name"],
        text,
        completions,
        duration,
        rows.age(job, now),
        *rows.containers((spec.get("template") or {}).get("spec") or {}),
        format_object(spec.get("selector")),
    ]


def fields(job: Object) -> Mapping[str, str]:
    return {"status.successful": str((job.get("status") or {}).get("succeeded", 0))}


HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
    fields=fields,
)
