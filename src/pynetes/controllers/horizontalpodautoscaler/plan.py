"""What an autoscaler does next, and what its status says: pure.

Source: pkg/controller/podautoscaler/horizontal.go (``reconcileAutoscaler``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pynetes.client.kinds import HORIZONTAL_POD_AUTOSCALERS
from pynetes.controllers.actions import Report
from pynetes.controllers.horizontalpodautoscaler.limits import Bounds, Memory, limited
from pynetes.controllers.horizontalpodautoscaler.metrics import Answer
from pynetes.controllers.horizontalpodautoscaler.proposals import Failed, Proposal, propose
from pynetes.controllers.horizontalpodautoscaler.replicas import Observation, tolerances_of
from pynetes.controllers.ownership import named
from pynetes.controllers.settings import Settings
from pynetes.kinds.pods.lifecycle import find_condition
from pynetes.meta import selectors
from pynetes.meta.objects import Object, namespace_of
from pynetes.meta.times import rfc3339


@dataclass(frozen=True, slots=True)
class Seen:
    """The target's pods, which other autoscalers' they are, and what was answered to each metric, in their order."""

    pods: Sequence[Object] = ()
    rivals: Sequence[str] = ()
    answers: Sequence[Answer] = ()


@dataclass(slots=True)
class Plan:
    """``replicas``: what the scale is to be set to, if at all; then ``rescaled`` or ``not_rescaled`` is the rest."""

    status: Object
    memory: Memory
    reports: list[Report] = field(default_factory=list)
    replicas: int | None = None
    reason: str = ""


def unreachable(autoscaler: Object, why: str, now: float) -> Plan:
    """The target's scale cannot be had."""
    conditions = _Conditions(autoscaler, now)
    text = f"the HPA controller was unable to get the target's current scale: {why}"
    conditions.set("AbleToScale", "False", "FailedGetScale", text)
    status = {**(autoscaler.get("status") or {}), "conditions": conditions.all}
    return Plan(status, Memory(), [_about(autoscaler, "Warning", "FailedGetScale", why)])


def needs_metrics(autoscaler: Object, scale: Object) -> bool:
    """Unless the bounds alone say what to do."""
    return replicas_of(scale) != 0 and _least(autoscaler) <= replicas_of(scale) <= autoscaler["spec"]["maxReplicas"]


def plan(autoscaler: Object, scale: Object, seen: Seen, memory: Memory, now: float, settings: Settings) -> Plan:
    current, spec = replicas_of(scale), autoscaler["spec"]
    memory = memory.begun(current, now)
    conditions = _Conditions(autoscaler, now)
    text = "the HPA controller was able to get the target's current scale"
    conditions.set("AbleToScale", "True", "SucceededGetScale", text)
    if current == 0:
        text = "scaling is disabled since the replica count of the target is zero"
        conditions.set("ScalingActive", "False", "ScalingDisabled", text)
        return Plan(_status(autoscaler, conditions, 0, 0, None), memory)
    if current > spec["maxReplicas"]:
        return _bounded(autoscaler, conditions, current, spec["maxReplicas"], "above Spec.MaxReplicas", memory)
    if current < _least(autoscaler):
        return _bounded(autoscaler, conditions, current, _least(autoscaler), "below Spec.MinReplicas", memory)
    tolerances = tolerances_of(autoscaler, settings.autoscaler_tolerance)
    present = (scale.get("status") or {}).get("replicas", 0)
    observation = Observation(seen.pods, current, present, tolerances, now, settings)
    return _by_metrics(autoscaler, _selector_of(scale), seen, observation, conditions, memory)


def _bounded(
    autoscaler: Object, conditions: "_Conditions", current: int, replicas: int, why: str, memory: Memory
) -> Plan:
    status = _status(autoscaler, conditions, current, _desired(autoscaler), None)
    return Plan(status, memory, [], replicas, f"Current number of replicas {why}")


def _by_metrics(
    autoscaler: Object,
    selector: str,
    seen: Seen,
    observation: Observation,
    conditions: "_Conditions",
    memory: Memory,
) -> Plan:
    current, spec = observation.wanted, autoscaler["spec"]
    reports: list[Report] = []
    if (fault := _selector_fault(selector, seen.rivals)) is not None:
        event, reason, text, why = fault
        conditions.set("ScalingActive", "False", reason, text)
        reports.append(_about(autoscaler, "Warning", event, why))
        return _without(autoscaler, conditions, current, None, why, reports, memory)
    proposals, failures, statuses = _proposed(autoscaler, seen.answers, observation)
    reports += [_about(autoscaler, "Warning", failure.reason, failure.cause) for failure in failures]
    best = max(proposals, key=lambda proposal: proposal.replicas, default=None)
    if best is None or (failures and best.replicas < current):
        first = failures[0]
        text = f"the HPA was unable to compute the replica count: {first.cause}"
        conditions.set("ScalingActive", "False", first.reason, text)
        why = f"invalid metrics ({len(failures)} invalid out of {len(statuses)}), first error is: {first}"
        return _without(autoscaler, conditions, current, statuses, why, reports, memory)
    text = f"the HPA was able to successfully calculate a replica count from {best.name}"
    conditions.set("ScalingActive", "True", "ValidMetricFound", text)
    bounds = Bounds(current, _least(autoscaler), spec["maxReplicas"])
    window = observation.settings.autoscaler_downscale_stabilization_seconds
    made = limited(spec.get("behavior"), bounds, best.replicas, memory, window, observation.now)
    conditions.set("AbleToScale", "True", *made.able)
    conditions.set("ScalingLimited", "True" if made.is_limited else "False", *made.limit)
    if made.replicas == current:
        return Plan(_status(autoscaler, conditions, current, current, statuses), made.memory, reports)
    reason = f"{best.name} above target" if best.replicas > current else ""
    if best.replicas < current:
        reason = "All metrics below target"
    status = _status(autoscaler, conditions, current, _desired(autoscaler), statuses)
    return Plan(status, made.memory, reports, made.replicas, reason)


def _proposed(
    autoscaler: Object, answers: Sequence[Answer], observation: Observation
) -> tuple[list[Proposal], list[Failed], list[Object]]:
    """With the status of every metric; of one that failed it is empty."""
    proposals: list[Proposal] = []
    failures: list[Failed] = []
    statuses: list[Object] = []
    for metric, answer in zip(autoscaler["spec"]["metrics"], answers, strict=True):
        try:
            proposals.append(propose(metric, answer, observation, namespace_of(autoscaler)))
            statuses.append(proposals[-1].status)
        except Failed as error:
            failures.append(error)
            statuses.append({"type": ""})
    return proposals, failures, statuses


def _without(
    autoscaler: Object,
    conditions: "_Conditions",
    current: int,
    statuses: list[Object] | None,
    why: str,
    reports: list[Report],
    memory: Memory,
) -> Plan:
    """Nothing to go by: nothing changes."""
    reports.append(_about(autoscaler, "Warning", "FailedComputeMetricsReplicas", why))
    return Plan(_status(autoscaler, conditions, current, _desired(autoscaler), statuses), memory, reports)


def _selector_fault(text: str, rivals: Sequence[str]) -> tuple[str, str, str, str] | None:
    """Why the scale's selector is of no use: the event's reason, the condition's reason and text, the error."""
    if not text:
        why = "selector is required"
        return "SelectorRequired", "InvalidSelector", "the HPA target's scale is missing a selector", why
    try:
        selectors.parse_labels(text)
    except selectors.SelectorError as error:
        why = f"couldn't convert selector into a corresponding internal selector object: {error}"
        return "InvalidSelector", "InvalidSelector", why, why
    if len(rivals) > 1:
        why = f"pods by selector {text} are controlled by multiple HPAs: [{' '.join(rivals)}]"
        return "AmbiguousSelector", "AmbiguousSelector", why, why
    return None


# --- afterwards


def rescaled(autoscaler: Object, made: Plan, now: float) -> Plan:
    """The scale was set."""
    assert made.replicas is not None
    before, after = made.status.get("currentReplicas", 0), made.replicas
    conditions = _Conditions({"status": made.status}, now)
    text = f"the HPA controller was able to update the target scale to {after}"
    conditions.set("AbleToScale", "True", "SucceededRescale", text)
    status = {**made.status, "conditions": conditions.all, "desiredReplicas": after, "lastScaleTime": rfc3339(now)}
    report = _about(autoscaler, "Normal", "SuccessfulRescale", f"New size: {after}; reason: {made.reason}")
    memory = made.memory.scaled(autoscaler["spec"].get("behavior"), before, after, now)
    return replace(made, status=status, memory=memory, reports=[*made.reports, report])


def not_rescaled(autoscaler: Object, made: Plan, why: str, now: float) -> Plan:
    """The scale refused."""
    conditions = _Conditions({"status": made.status}, now)
    text = f"the HPA controller was unable to update the target scale: {why}"
    conditions.set("AbleToScale", "False", "FailedUpdateScale", text)
    said = f"New size: {made.replicas}; reason: {made.reason}; error: {why}"
    report = _about(autoscaler, "Warning", "FailedRescale", said)
    return replace(made, status={**made.status, "conditions": conditions.all}, reports=[*made.reports, report])


def is_news(old: Object | None, new: Object) -> bool:
    """Whether the status says anything else than before: what is absent, empty or zero says the same."""

    def said(status: Object) -> Object:
        return {name: value for name, value in status.items() if value}

    return said(old or {}) != said(new)


# --- parts


class _Conditions:
    """The autoscaler's, copied; one changes its time only with its status."""

    def __init__(self, autoscaler: Object, now: float) -> None:
        self.all: list[Object] = [dict(c) for c in (autoscaler.get("status") or {}).get("conditions") or ()]
        self._now = now

    def set(self, type_: str, status: str, reason: str, message: str) -> None:
        found = find_condition(self.all, type_)
        if found is None:
            found = {"type": type_}
            self.all.append(found)
        if found.get("status") != status:
            found["lastTransitionTime"] = rfc3339(self._now)
        found.update(status=status, reason=reason, message=message)


def _status(
    autoscaler: Object, conditions: _Conditions, current: int, desired: int, metrics: list[Object] | None
) -> Object:
    status: Object = {"conditions": conditions.all, "currentMetrics": metrics, "desiredReplicas": desired}
    if current:
        status["currentReplicas"] = current
    if last := (autoscaler.get("status") or {}).get("lastScaleTime"):
        status["lastScaleTime"] = last
    return status


def _desired(autoscaler: Object) -> int:
    desired: int = (autoscaler.get("status") or {}).get("desiredReplicas", 0)
    return desired


def _least(autoscaler: Object) -> int:
    least: int | None = autoscaler["spec"].get("minReplicas")
    return 1 if least is None else least


def replicas_of(scale: Object) -> int:
    replicas: int = (scale.get("spec") or {}).get("replicas", 0)
    return replicas


def _selector_of(scale: Object) -> str:
    selector: str = (scale.get("status") or {}).get("selector", "")
    return selector


def _about(autoscaler: Object, type_: str, reason: str, message: str) -> Report:
    return Report(named(HORIZONTAL_POD_AUTOSCALERS, autoscaler), type_, reason, message)
