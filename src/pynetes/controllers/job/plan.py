"""What a Job does next: what its pods amount to, whether that ends it, which pods it creates or deletes.

Source: pkg/controller/job/job_controller.go (syncJob, manageJob).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pynetes.controllers import podstate
from pynetes.controllers.job.backoff import Failures, ended_at
from pynetes.controllers.job.indexes import Indexes
from pynetes.controllers.job.pods import (
    all_failures_of,
    counts_per_index,
    failures_of,
    has_failed,
    index_of,
    is_indexed,
    is_suspended,
    is_tracked,
    new_pod,
    replaces_failed_only,
    to_remove,
    valid_index,
)
from pynetes.controllers.job.policies import judge, success_rule
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, uid_of
from pynetes.meta.times import parse_time, rfc3339

MOST = 500
"""Pods created or deleted in one pass."""

BATCH_SECONDS = 1.0


def condition_of(status: Object, type_: str) -> Object | None:
    """The condition of that type, if it is True."""
    found = lifecycle.find_condition(status.get("conditions"), type_)
    return found if found is not None and found.get("status") == "True" else None


def new_condition(type_: str, reason: str, message: str, now: float, status: str = "True") -> Object:
    at = rfc3339(now)
    return {
        "type": type_,
        "status": status,
        "lastProbeTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }


@dataclass(slots=True)
class Seen:
    """One look at a Job and its pods. ``freed``: uids whose finalizer we took and the informer still shows."""

    job: Object
    pods: Sequence[Object]
    freed: Collection[str]
    is_current: bool
    """Whether all that was created and deleted before has been seen."""
    now: float
    failures: Failures
    """Back-off with the pods that ended by now."""
    active: list[Object]
    succeeded: int
    failed: int
    indexes: Indexes
    """Indexes that succeeded, those of this pass included."""
    counted_indexes: Indexes
    """Indexes that succeeded as the status has them."""
    failed_indexes: Indexes | None
    """None where failures are not counted for each index."""
    delayed: Mapping[int, Object]
    """By index, the last failed pod, kept until its successor is there to count its failures on."""
    started: str
    """When the Job began, or begins now; ``""`` while it is suspended."""

    @property
    def spec(self) -> Object:
        spec: Object = self.job["spec"]
        return spec

    @property
    def status(self) -> Object:
        status: Object = self.job.get("status") or {}
        return status


def see(
    job: Object,
    pods: Sequence[Object],
    freed: Collection[str],
    before: Failures,
    now: float,
    *,
    is_current: bool = True,
) -> Seen:
    """``before``: the back-off of the last pass."""
    status = job.get("status") or {}
    uncounted = status.get("uncountedTerminatedPods") or {}
    news = [pod for pod in pods if is_tracked(pod) and uid_of(pod) not in freed]
    if is_indexed(job):
        news = [pod for pod in news if valid_index(job, pod) is not None]
    succeeded = [
        p for p in news if lifecycle.phase(p) == "Succeeded" and uid_of(p) not in (uncounted.get("succeeded") or ())
    ]
    failed = [p for p in news if has_failed(job, p) and uid_of(p) not in (uncounted.get("failed") or ())]
    counted = Indexes.parse(status.get("completedIndexes", ""), job["spec"].get("completions") or 0)
    ended = (p for p in pods if is_tracked(p) and lifecycle.phase(p) == "Succeeded")
    indexes = counted | Indexes.of(_valid_indexes(job, ended)) if is_indexed(job) else Indexes()
    seen = Seen(
        job,
        pods,
        freed,
        is_current,
        now,
        before.after(succeeded, failed),
        [pod for pod in pods if lifecycle.is_active(pod)],
        status.get("succeeded", 0) + len(succeeded) + len(uncounted.get("succeeded") or ()),
        status.get("failed", 0)
        + sum(1 for pod in failed if judge(job, pod).counts)
        + len(uncounted.get("failed") or ()),
        indexes,
        counted,
        None,
        {},
        status.get("startTime") or ("" if is_suspended(job) else rfc3339(now)),
    )
    if is_indexed(job):
        seen.succeeded = len(indexes)
    if counts_per_index(job):
        seen.failed_indexes = _failed_indexes(job, pods)
        seen.delayed = _delayed(seen)
    return seen


def _valid_indexes(job: Object, pods: Iterable[Object]) -> Iterable[int]:
    return (index for pod in pods if (index := valid_index(job, pod)) is not None)


def _failed_indexes(job: Object, pods: Iterable[Object]) -> Indexes:
    before = Indexes.parse((job.get("status") or {}).get("failedIndexes") or "", job["spec"]["completions"])
    return before | Indexes.of(_valid_indexes(job, (p for p in pods if is_tracked(p) and _fails_index(job, p))))


def _fails_index(job: Object, pod: Object) -> bool:
    if not has_failed(job, pod):
        return False
    judgement = judge(job, pod)
    if judgement.action == "FailIndex":
        return True
    return judgement.counts and failures_of(pod) >= job["spec"]["backoffLimitPerIndex"]


def _delayed(seen: Seen) -> Mapping[int, Object]:
    assert seen.failed_indexes is not None
    working = {index_of(pod) for pod in seen.active}
    found: dict[int, Object] = {}
    for pod in seen.pods:
        index = valid_index(seen.job, pod)
        if index is None or not is_tracked(pod) or uid_of(pod) in seen.freed or not has_failed(seen.job, pod):
            continue
        if index in working or index in seen.indexes or index in seen.failed_indexes:
            continue
        rival = found.get(index)
        if rival is None or (all_failures_of(rival) <= all_failures_of(pod) and ended_at(pod) >= ended_at(rival)):
            found[index] = pod
    return found


@dataclass(slots=True)
class Plan:
    """``ending``: the condition that ends the Job, for which all active pods are deleted. ``manages``: the Job goes on,
    and its pods were looked after. ``free_first``: pods lose their finalizer before they are deleted, so that they do
    not count. ``again``: seconds.
    """

    ending: Object | None = None
    manages: bool = False
    delete: list[Object] = field(default_factory=list)
    free_first: bool = False
    create: list[Object] = field(default_factory=list)
    again: list[float] = field(default_factory=list)


def plan(seen: Seen) -> Plan:
    made = Plan()
    made.ending = _ending(seen, made)
    if made.ending is not None:
        made.delete = list(seen.active)
    elif seen.is_current and not podstate.is_deleted(seen.job):
        made.manages = True
        _manage(seen, made)
    return made


def _ending(seen: Seen, made: Plan) -> Object | None:
    """What was decided in an earlier pass stands; then failures come before success."""
    if (condition := condition_of(seen.status, "SuccessCriteriaMet")) is not None:
        return condition
    if (condition := condition_of(seen.status, "FailureTarget")) is not None:
        return new_condition("Failed", condition["reason"], condition["message"], seen.now)
    for pod in seen.pods:
        if has_failed(seen.job, pod) and (message := judge(seen.job, pod).message):
            return new_condition("FailureTarget", "PodFailurePolicy", message, seen.now)
    reason_and_message = _exceeded(seen, made) or _index_failure(seen)
    if reason_and_message is not None:
        return new_condition("FailureTarget", *reason_and_message, seen.now)
    if is_indexed(seen.job) and (place := success_rule(seen.job, seen.indexes)) is not None:
        return new_condition("SuccessCriteriaMet", "SuccessPolicy", f"Matched rules at index {place}", seen.now)
    return None


def _exceeded(seen: Seen, made: Plan) -> tuple[str, str] | None:
    """The limits of failures and of time."""
    if seen.failed > seen.spec["backoffLimit"] or _restarted_too_often(seen):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    deadline = seen.spec.get("activeDeadlineSeconds")
    if deadline is None or is_suspended(seen.job):
        return None
    left = parse_time(seen.started) + deadline - seen.now
    if left <= 0:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    made.again.append(left)
    return None


def _restarted_too_often(seen: Seen) -> bool:
    """Where containers are restarted in their pod, restarts count like failed pods."""
    if seen.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    limit, restarts = seen.spec["backoffLimit"], 0
    for pod in seen.pods:
        if lifecycle.phase(pod) in ("Running", "Pending"):
            status = pod.get("status") or {}
            for name in ("initContainerStatuses", "containerStatuses"):
                restarts += sum(container.get("restartCount", 0) for container in status.get(name) or ())
    return restarts > 0 if limit == 0 else restarts >= limit


def _index_failure(seen: Seen) -> tuple[str, str] | None:
    if seen.failed_indexes is None:
        return None
    failed, most = len(seen.failed_indexes), seen.spec.get("maxFailedIndexes")
    if most is not None and failed > most:
        return "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
    if failed and failed + len(seen.indexes) >= seen.spec["completions"]:
        return "FailedIndexes", "Job has failed indexes"
    return None


def _manage(seen: Seen, made: Plan) -> None:
    """Deletions come before creations, never both in one pass."""
    active = len(seen.active)
    made.free_first = True
    if is_suspended(seen.job):
        made.delete = to_remove(seen.job, seen.active, active)
        return
    wanted = _wanted(seen)
    made.delete = to_remove(seen.job, seen.active, max(0, active - wanted))[:MOST]
    if made.delete:
        return
    terminating = sum(map(podstate.is_terminating, seen.pods)) if replaces_failed_only(seen.job) else 0
    missing = wanted - terminating - active
    if missing <= 0:
        return
    wait = 0.0 if counts_per_index(seen.job) else seen.failures.remaining(seen.now)
    if wait > 0:
        made.again.append(max(wait, BATCH_SECONDS))
    elif is_indexed(seen.job):
        _create_indexes(seen, min(missing, MOST), made)
    else:
        made.create = [new_pod(seen.job, None, None)] * min(missing, MOST)


def _wanted(seen: Seen) -> int:
    """How many pods should be active."""
    parallelism: int = seen.spec["parallelism"]
    completions: int | None = seen.spec.get("completions")
    if completions is None:
        return len(seen.active) if seen.succeeded > 0 else parallelism
    return max(0, min(completions - seen.succeeded, parallelism))


def _create_indexes(seen: Seen, count: int, made: Plan) -> None:
    taken = seen.indexes | Indexes.of(i for pod in seen.active if (i := index_of(pod)) is not None)
    if replaces_failed_only(seen.job):
        leaving = (index_of(pod) for pod in seen.pods if podstate.is_terminating(pod))
        taken |= Indexes.of(index for index in leaving if index is not None)
    if seen.failed_indexes is not None:
        taken |= seen.failed_indexes
    indexes = taken.first_missing(count, seen.spec["completions"])
    waits = {index: _wait_of(seen, index) for index in indexes} if counts_per_index(seen.job) else {}
    ready = [index for index in indexes if not waits.get(index)]
    if not ready and waits:
        made.again.append(max(min(waits.values()), BATCH_SECONDS))
    made.create = [new_pod(seen.job, index, seen.delayed.get(index)) for index in ready]


def _wait_of(seen: Seen, index: int) -> float:
    last = seen.delayed.get(index)
    return 0.0 if last is None else Failures(all_failures_of(last) + 1, ended_at(last)).remaining(seen.now)
