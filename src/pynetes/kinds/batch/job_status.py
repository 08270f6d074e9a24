"""What is wrong with a job's new status: those who manage jobs must leave it such that others can rely on it.

Source: kubernetes ``pkg/apis/batch/validation/validation.go`` ``validateJobStatus``,
``pkg/registry/batch/job/strategy.go``.
"""

from dataclasses import dataclass
from typing import Any

from pynetes.kinds.batch.indexes import intervals, overlap
from pynetes.kinds.internal import internal_json
from pynetes.meta.fielderrors import OMITTED, duplicate, invalid, required, same
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.validation import non_negative

_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
_CONDITIONS = "status.conditions"
_AND = "cannot set {}=True and {}=true conditions"


def has_condition(status: Object, kind: str, value: str = "True") -> bool:
    return any(c.get("type") == kind and c.get("status") == value for c in status.get("conditions") or ())


def is_finished(status: Object) -> bool:
    return has_condition(status, "Complete") or has_condition(status, "Failed")


def status_update(job: Object, old: Object) -> list[Cause]:
    check = _Check(job["spec"], job.get("status") or {}, old.get("status") or {})
    return check.counts() + check.conditions() + check.finished() + check.indexes() + check.rest() + check.transitions()


@dataclass(frozen=True, slots=True)
class _Check:
    """Most rules are asked only where the update changes what they are about."""

    spec: Object
    new: Object
    old: Object

    def has(self, kind: str) -> bool:
        return has_condition(self.new, kind)

    def flipped(self, *kinds: str) -> bool:
        return any(has_condition(self.new, kind) != has_condition(self.old, kind) for kind in kinds)

    def changed(self, *names: str) -> bool:
        return any(not same(_or_zero(self.new, name), _or_zero(self.old, name)) for name in names)

    def finish_changed(self) -> bool:
        return is_finished(self.new) != is_finished(self.old)

    def counts(self) -> list[Cause]:
        causes: list[Cause] = []
        for name in _COUNTS:
            causes += non_negative(f"status.{name}", self.new.get(name))
        seen: set[str] = set()
        uncounted = self.new.get("uncountedTerminatedPods") or {}
        for member in ("succeeded", "failed"):
            for i, uid in enumerate(uncounted.get(member) or ()):
                at = f"status.uncountedTerminatedPods.{member}[{i}]"
                if not uid:
                    causes.append(invalid(at, uid, "must not be empty"))
                elif uid in seen:
                    causes.append(duplicate(at, uid))
                seen.add(uid)
        return causes

    def conditions(self) -> list[Cause]:
        causes: list[Cause] = []
        complete = self.has("Complete")
        completed, started = self.new.get("completionTime"), self.new.get("startTime")
        at = "status.completionTime"
        if complete and self.has("Failed") and self.flipped("Complete", "Failed"):
            causes.append(invalid(_CONDITIONS, OMITTED, _AND.format("Complete", "Failed")))
        if complete and self.has("FailureTarget") and self.flipped("Complete", "FailureTarget"):
            causes.append(invalid(_CONDITIONS, OMITTED, _AND.format("Complete", "FailureTarget")))
        if self.flipped("Complete") or self.changed("completionTime"):
            if completed is not None and not complete:
                detail = "cannot set completionTime when there is no Complete=True condition"
                causes.append(invalid(at, completed, detail))
            if completed is None and complete:
                causes.append(required(at, "completionTime is required for Complete jobs"))
        if completed is not None and started is not None and completed < started:
            if self.changed("startTime", "completionTime"):
                causes.append(invalid(at, completed, "must be equal to or after `startTime`"))
        if self.has("Failed") and not self.has("FailureTarget"):
            if self.flipped("Failed") or self.changed("failedIndexes"):
                detail = "cannot set Failed=True condition without the FailureTarget=true condition"
                causes.append(invalid(_CONDITIONS, OMITTED, detail))
        if complete and not self.has("SuccessCriteriaMet") and self.flipped("Complete", "SuccessCriteriaMet"):
            detail = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
            causes.append(invalid(_CONDITIONS, OMITTED, detail))
        return causes

    def finished(self) -> list[Cause]:
        if not is_finished(self.new):
            return []
        causes: list[Cause] = []
        just = self.finish_changed()
        active, uncounted = self.new.get("active") or 0, self.new.get("uncountedTerminatedPods") or {}
        if active > 0 and (just or self.changed("active")):
            causes.append(invalid("status.active", active, "active>0 is invalid for finished job"))
        nothing_to_do = self.spec.get("suspend") is True and self.spec.get("completions") == 0
        if self.new.get("startTime") is None and (just or self.changed("startTime")) and not nothing_to_do:
            causes.append(required("status.startTime", "startTime is required for finished job"))
        if uncounted.get("failed") or uncounted.get("succeeded"):
            if just or self.changed("uncountedTerminatedPods"):
                shown = internal_json("UncountedTerminatedPods", uncounted)
                causes.append(invalid("status.uncountedTerminatedPods", shown, "must be empty for finished job"))
        return causes

    def indexes(self) -> list[Cause]:
        causes: list[Cause] = []
        completions, per_index = self.spec.get("completions"), self.spec.get("backoffLimitPerIndex")
        completed, failed = self.new.get("completedIndexes") or "", self.new.get("failedIndexes")
        new_completed, new_failed = self.changed("completedIndexes"), self.changed("failedIndexes")
        if new_completed and completions is not None:
            causes += _index_text("completedIndexes", completed, completions)
        if new_failed and completions is not None and per_index is not None and failed is not None:
            causes += _index_text("failedIndexes", failed, completions)
        if new_completed and completed and self.spec.get("completionMode") != "Indexed":
            detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
            causes.append(invalid("status.completedIndexes", completed, detail))
        if new_failed and per_index is None and failed is not None:
            detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
            causes.append(invalid("status.failedIndexes", failed, detail))
        if (new_completed or new_failed) and completions is not None and failed is not None:
            if (index := overlap(completed, failed, completions)) is not None:
                detail = f"failedIndexes and completedIndexes overlap at index: {index}"
                causes.append(invalid("status.failedIndexes", failed, detail))
        return causes

    def rest(self) -> list[Cause]:
        causes: list[Cause] = []
        terminating, ready = self.new.get("terminating") or 0, self.new.get("ready")
        if terminating > 0 and is_finished(self.new) and (self.finish_changed() or self.changed("terminating")):
            causes.append(invalid("status.terminating", terminating, "terminating>0 is invalid for finished job"))
        if ready is not None and ready > (self.new.get("active") or 0) and self.changed("ready", "active"):
            causes.append(invalid("status.ready", ready, "cannot set more ready pods than active"))
        met = self.has("SuccessCriteriaMet")
        for kind in ("Failed", "FailureTarget"):
            if met and self.has(kind):
                causes.append(invalid(_CONDITIONS, OMITTED, _AND.format("SuccessCriteriaMet", kind)))
        if self.spec.get("successPolicy") is not None and not met and self.has("Complete"):
            detail = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
            causes.append(invalid(_CONDITIONS, OMITTED, detail))
        return causes

    def transitions(self) -> list[Cause]:
        causes: list[Cause] = []
        new, old = self.new, self.old
        for kind in ("Failed", "Complete", "FailureTarget"):
            if has_condition(old, kind) and not self.has(kind):
                causes.append(invalid(_CONDITIONS, OMITTED, f"cannot disable the terminal {kind}=True condition"))
        if (new.get("failed") or 0) < (old.get("failed") or 0):
            causes.append(invalid("status.failed", new.get("failed") or 0, "cannot decrease the failed counter"))
        indexed = self.spec.get("completionMode") == "Indexed"
        may_shrink = indexed and self.spec.get("completions") == self.spec.get("parallelism")
        if (new.get("succeeded") or 0) < (old.get("succeeded") or 0) and not may_shrink:
            detail = "cannot decrease the succeeded counter"
            causes.append(invalid("status.succeeded", new.get("succeeded") or 0, detail))
        completed, before = new.get("completionTime"), old.get("completionTime")
        if completed is not None and before is not None and completed != before:
            causes.append(invalid("status.completionTime", completed, "field is immutable"))
        resumes = has_condition(old, "Suspended") and has_condition(new, "Suspended", "False")
        if old.get("startTime") is not None and self.changed("startTime") and not resumes:
            if not self.spec.get("suspend"):
                detail = "field is immutable for unsuspended job once set"
                causes.append(invalid("status.startTime", new.get("startTime"), detail))
        met, was_met = self.has("SuccessCriteriaMet"), has_condition(old, "SuccessCriteriaMet")
        if was_met and not met:
            causes.append(invalid(_CONDITIONS, OMITTED, "cannot disable the SuccessCriteriaMet=True condition"))
        if has_condition(old, "Complete") and not was_met and met:
            detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
            causes.append(invalid(_CONDITIONS, OMITTED, detail))
        return causes


def _or_zero(status: Object, name: str) -> Any:
    """Counts and texts that are absent are zero and empty; pointers are null."""
    value = status.get(name)
    return value or None if name in ("active", "completedIndexes") else value


def _index_text(name: str, text: str, completions: int) -> list[Cause]:
    try:
        intervals(text, completions)
    except ValueError as error:
        return [invalid(f"status.{name}", text, f"error parsing {name}: {error}")]
    return []
