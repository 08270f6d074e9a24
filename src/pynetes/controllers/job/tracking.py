"""A Job's status, written such that each pod is counted once: uids first, then finalizers, then counters.

Source: pkg/controller/job/job_controller.go (trackJobStatusAndRemoveFinalizers); KEP-2307.
"""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pynetes.controllers import podstate
from pynetes.controllers.job.indexes import Indexes
from pynetes.controllers.job.plan import Plan, Seen, condition_of, new_condition
from pynetes.controllers.job.pods import (
    counts_per_index,
    has_failed,
    index_of,
    is_indexed,
    is_suspended,
    is_tracked,
    valid_index,
)
from pynetes.controllers.job.policies import judge
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, uid_of
from pynetes.meta.times import rfc3339

MOST_UNCOUNTED = 500
"""Uids in the status at once."""

Event = tuple[str, str, str]
"""Type, reason, message."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan: pods that were created, deleted, and deleted while ready."""

    created: int = 0
    deleted: int = 0
    deleted_ready: int = 0


@dataclass(slots=True)
class Tracked:
    """``status`` is to be written before the finalizers of ``pods`` are taken. ``ending``: the final condition, put on
    when nothing is left to count."""

    status: Object
    pods: list[Object] = field(default_factory=list)
    ending: Object | None = None
    events: list[Event] = field(default_factory=list)
    is_full: bool = False
    tracked: set[str] = field(default_factory=set)
    """Uids of the pods that still have their finalizer."""


def track(seen: Seen, plan: Plan, outcome: Outcome) -> Tracked:
    """The first half: what is to be written before finalizers go."""
    status = copy.deepcopy(seen.status)
    status.setdefault("uncountedTerminatedPods", {})
    if seen.started:
        status["startTime"] = seen.started
    made = Tracked(status)
    active = len(seen.active) + outcome.created - outcome.deleted
    made.ending = _ending(seen, plan, outcome, active, made)
    _set_count(status, "active", active)
    status["ready"] = sum(map(lifecycle.is_ready, seen.active)) - outcome.deleted_ready
    status["terminating"] = sum(map(podstate.is_terminating, seen.pods)) + outcome.deleted
    made.tracked = {uid_of(pod) for pod in seen.pods if is_tracked(pod) and uid_of(pod) not in seen.freed}
    _count_freed(status, made.tracked)
    _list_uncounted(seen, made)
    _announce_ending(seen, made)
    return made


def _ending(seen: Seen, plan: Plan, outcome: Outcome, active: int, made: Tracked) -> Object | None:
    """The condition that ends the Job, unless pods may be left that were not seen; else what changed on its way."""
    if plan.ending is not None:
        return plan.ending if seen.is_current and outcome.deleted == len(seen.active) else None
    completions = seen.spec.get("completions")
    enough = seen.succeeded > 0 if completions is None else seen.succeeded >= completions
    if enough and active == 0:
        message = "Reached expected number of succeeded pods"
        return new_condition("SuccessCriteriaMet", "CompletionsReached", message, seen.now)
    if plan.manages:
        _suspend_or_resume(seen, made)
    return None


def _suspend_or_resume(seen: Seen, made: Tracked) -> None:
    if is_suspended(seen.job):
        condition = new_condition("Suspended", "JobSuspended", "Job suspended", seen.now)
        if put_condition(made.status, condition):
            made.status.pop("startTime", None)
            made.events.append(("Normal", "Suspended", "Job suspended"))
    else:
        condition = new_condition("Suspended", "JobResumed", "Job resumed", seen.now, "False")
        if put_condition(made.status, condition):
            # the deadline runs from the last time that the Job began to be active
            made.status["startTime"] = rfc3339(seen.now)
            made.events.append(("Normal", "Resumed", "Job resumed"))


def put_condition(status: Object, condition: Object) -> bool:
    """Put or replace a condition. Returns: whether that is news; one that is False and was never there is not put."""
    conditions = status.setdefault("conditions", [])
    present = lifecycle.find_condition(conditions, condition["type"])
    if present is None and condition["status"] != "False":
        conditions.append(condition)
        return True
    if not conditions:
        del status["conditions"]
    if present is None or all(present.get(name) == condition[name] for name in ("status", "reason", "message")):
        return False
    conditions[conditions.index(present)] = condition
    return True


def _list_uncounted(seen: Seen, made: Tracked) -> None:
    """Choose the pods that lose their finalizer, and write down what they will count as."""
    uncounted = made.status["uncountedTerminatedPods"]
    before = (seen.status.get("uncountedTerminatedPods") or {}).get("failed") or ()
    indexes: list[int] = []
    for pod in _in_order(seen):
        if uid_of(pod) not in made.tracked or not _is_done_with(seen, made, pod):
            continue
        made.pods.append(pod)
        if lifecycle.phase(pod) == "Succeeded" and uid_of(pod) not in before:
            if not is_indexed(seen.job):
                _add(uncounted, "succeeded", uid_of(pod))
            elif (index := valid_index(seen.job, pod)) is not None and index not in seen.counted_indexes:
                indexes.append(index)
        elif _counts_as_failed(seen, made, pod):
            _add(uncounted, "failed", uid_of(pod))
        if len(indexes) + sum(map(len, uncounted.values())) >= MOST_UNCOUNTED:
            made.is_full = True
            break
    if is_indexed(seen.job):
        _set_indexes(seen, made.status, indexes)


def _in_order(seen: Seen) -> Sequence[Object]:
    if not is_indexed(seen.job):
        return seen.pods
    return sorted(seen.pods, key=lambda pod: -1 if (index := index_of(pod)) is None else index)


def _is_done_with(seen: Seen, made: Tracked, pod: Object) -> bool:
    """Whether nothing is to be learned from the pod any more."""
    if podstate.is_deleted(seen.job) or made.ending is not None or lifecycle.phase(pod) == "Succeeded":
        return True
    if not has_failed(seen.job, pod):
        return False
    return not any(delayed is pod for delayed in seen.delayed.values())


def _counts_as_failed(seen: Seen, made: Tracked, pod: Object) -> bool:
    """When the Job fails every pod that has not ended has failed."""
    fails = made.ending is not None and made.ending["type"] != "SuccessCriteriaMet"
    if not fails and not has_failed(seen.job, pod):
        return False
    if is_indexed(seen.job) and valid_index(seen.job, pod) is None:
        return False
    return judge(seen.job, pod).counts


def _add(uncounted: Object, member: str, uid: str) -> None:
    uids = uncounted.setdefault(member, [])
    if uid not in uids:
        uids.append(uid)


def _set_indexes(seen: Seen, status: Object, new: Sequence[int]) -> None:
    succeeded = seen.indexes | Indexes.of(new)
    _set_count(status, "succeeded", len(succeeded))
    if succeeded:
        status["completedIndexes"] = str(succeeded)
    else:
        status.pop("completedIndexes", None)
    if counts_per_index(seen.job):
        status["failedIndexes"] = str(seen.failed_indexes)
    else:
        status.pop("failedIndexes", None)


def _announce_ending(seen: Seen, made: Tracked) -> None:
    """Write the interim condition before the finalizers go; the final one stands ready."""
    ending = made.ending
    if ending is None:
        return
    if ending["type"] == "FailureTarget":
        made.status.setdefault("conditions", []).append(ending)
        made.ending = new_condition("Failed", ending["reason"], ending["message"], seen.now)
    elif ending["type"] == "SuccessCriteriaMet":
        if condition_of(made.status, "SuccessCriteriaMet") is None:
            made.status.setdefault("conditions", []).append(ending)
        made.ending = new_condition("Complete", ending["reason"], ending["message"], seen.now)


def conclude(seen: Seen, made: Tracked, freed: Collection[str], status: Object) -> Object:
    """The second half: the status after the pods ``freed`` lost their finalizer, over what the first half wrote."""
    status = copy.deepcopy(status)
    made.tracked -= set(freed)
    _count_freed(status, made.tracked)
    if made.ending is None or made.is_full or status.get("terminating", 0) > 0:
        return status
    if any((status.get("uncountedTerminatedPods") or {}).values()):
        return status
    put_condition(status, made.ending)
    if made.ending["type"] == "Complete":
        status["completionTime"] = made.ending["lastTransitionTime"]
        completions = seen.spec.get("completions")
        if completions is not None and status.get("succeeded", 0) > completions:
            text = "Too many succeeded pods running after completion count reached"
            made.events.append(("Warning", "TooManySucceededPods", text))
        made.events.append(("Normal", "Completed", "Job completed"))
    else:
        made.events.append(("Warning", made.ending["reason"], made.ending["message"]))
    return status


def _count_freed(status: Object, tracked: Collection[str]) -> None:
    """Count the uids whose pods lost their finalizer, and forget them."""
    uncounted = status.get("uncountedTerminatedPods") or {}
    for member in ("succeeded", "failed"):
        uids = uncounted.get(member) or []
        left = [uid for uid in uids if uid in tracked]
        if len(left) == len(uids):
            continue
        _set_count(status, member, status.get(member, 0) + len(uids) - len(left))
        if left:
            uncounted[member] = left
        else:
            del uncounted[member]


def _set_count(status: Object, name: str, count: int) -> None:
    if count:
        status[name] = count
    else:
        status.pop(name, None)
