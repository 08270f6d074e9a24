"""What a StatefulSet does next, and the status that its pods make.

Source: pkg/controller/statefulset/stateful_set_control.go (updateStatefulSet).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pynetes.client.kinds import PODS
from pynetes.controllers import podstate
from pynetes.controllers.statefulset import retention
from pynetes.controllers.statefulset.identity import (
    claim_name,
    claim_templates,
    identity_matches,
    new_claim,
    new_pod,
    ordinal_of,
    ordinals,
    revision_of,
    storage_matches,
)
from pynetes.controllers.statefulset.revisions import template_of
from pynetes.kinds.pods import lifecycle
from pynetes.kinds.workload import scaled
from pynetes.meta.objects import Object, name_of


@dataclass(frozen=True, slots=True)
class MakeClaims:
    """Create the claims that a pod lacks. ``going``: names of claims that are being deleted, which is an error."""

    pod: Object
    missing: tuple[Object, ...]
    going: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnClaim:
    """Give a claim these owner references; ``foreign``: warn that another controller manages it."""

    pod: Object
    claim: Object
    owners: tuple[Object, ...] | None
    foreign: bool


@dataclass(frozen=True, slots=True)
class CreatePod:
    pod: Object


@dataclass(frozen=True, slots=True)
class UpdatePod:
    """Give a pod its identity and volumes back."""

    pod: Object


@dataclass(frozen=True, slots=True)
class DeletePod:
    pod: Object


Action = MakeClaims | OwnClaim | CreatePod | UpdatePod | DeletePod
Step = tuple[Action, ...]
"""What happens to one pod; its actions are carried out in order."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at a StatefulSet. ``claim`` finds a claim of its namespace by name."""

    stateful_set: Object
    current: Object
    update: Object
    pods: Sequence[Object]
    claim: Callable[[str], Object | None]
    now: float

    @property
    def is_ordered(self) -> bool:
        return bool(self.stateful_set["spec"].get("podManagementPolicy") != "Parallel")

    def is_available(self, pod: Object) -> bool:
        return lifecycle.is_available(pod, self.stateful_set["spec"].get("minReadySeconds", 0), self.now)

    def is_unavailable(self, pod: Object) -> bool:
        return not self.is_available(pod) or podstate.is_deleted(pod)


@dataclass(slots=True)
class Plan:
    """``phases`` follow one another; the steps of one are independent where the set is parallel."""

    phases: list[list[Step]] = field(default_factory=list)
    updating: int = 0
    """Pods of the current revision that are deleted for the update."""

    def actions(self) -> Iterable[Action]:
        return (action for steps in self.phases for step in steps for action in step)


def plan(seen: Observed) -> Plan:
    made = Plan()
    if podstate.is_deleted(seen.stateful_set):
        return made
    replicas, condemned = _sorted(seen)
    if _keep(seen, replicas, made):
        return made
    made.phases.append([_own_claims(seen, pod) for pod in condemned if not _owns_claims(seen, pod)])
    if _condemn(seen, replicas, condemned, made):
        return made
    strategy = seen.stateful_set["spec"].get("updateStrategy") or {}
    if strategy.get("type") != "OnDelete":
        _roll(seen, replicas, strategy.get("rollingUpdate") or {}, made)
    return made


def _sorted(seen: Observed) -> tuple[list[Object], list[Object]]:
    """A pod for each ordinal wanted, the missing ones as they would be made; and those not wanted, last first."""
    wanted = ordinals(seen.stateful_set)
    present = {ordinal_of(pod): pod for pod in seen.pods}
    replicas = [present.get(ordinal) or _new_pod(seen, ordinal) for ordinal in wanted]
    condemned = [pod for pod in seen.pods if ordinal_of(pod) >= 0 and ordinal_of(pod) not in wanted]
    return replicas, sorted(condemned, key=ordinal_of, reverse=True)


def _new_pod(seen: Observed, ordinal: int) -> Object:
    """At the current revision below the partition, else at the update's."""
    stateful_set = seen.stateful_set
    strategy, start = stateful_set["spec"].get("updateStrategy") or {}, ordinals(stateful_set).start
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        kept = rolling.get("partition", 0)
    elif strategy.get("type") == "RollingUpdate":
        kept = (stateful_set.get("status") or {}).get("currentReplicas", 0)
    else:
        kept = 0
    revision = seen.current if ordinal < start + kept else seen.update
    return new_pod(stateful_set, template_of(revision), name_of(revision), ordinal)


def _keep(seen: Observed, replicas: Iterable[Object], made: Plan) -> bool:
    """Create, mend and replace the pods wanted. Returns: whether an ordered set has to wait for one."""
    steps: list[Step] = []
    made.phases.append(steps)
    for pod in replicas:
        step, waits = _keep_one(seen, pod)
        if step:
            steps.append(step)
        if waits and seen.is_ordered:
            return True
    return False


def _keep_one(seen: Observed, pod: Object) -> tuple[Step, bool]:
    if "status" not in pod:
        # not there yet
        if _awaits_old_claim(seen, pod):
            return (), True
        return (*_make_claims(seen, pod), *_own_claims(seen, pod), CreatePod(pod)), True
    if lifecycle.is_terminal(pod):
        # replaced when it is gone
        return () if podstate.is_deleted(pod) else (DeletePod(pod),), True
    is_pending = lifecycle.phase(pod) == "Pending"
    step = (*_make_claims(seen, pod), *_own_claims(seen, pod)) if is_pending else ()
    if seen.is_ordered and (podstate.is_deleted(pod) or not _is_running(pod) or not seen.is_available(pod)):
        return step, True
    has_storage = storage_matches(seen.stateful_set, pod)
    if not is_pending and not has_storage:
        step = _make_claims(seen, pod)
    if not is_pending and not _owns_claims(seen, pod):
        step = (*step, *_own_claims(seen, pod), UpdatePod(pod))
    elif not has_storage or not identity_matches(seen.stateful_set, pod):
        step = (*step, UpdatePod(pod))
    return step, False


def _is_running(pod: Object) -> bool:
    return lifecycle.phase(pod) == "Running" and lifecycle.is_ready(pod)


def _awaits_old_claim(seen: Observed, pod: Object) -> bool:
    """Whether a claim still belongs to the pod's predecessor, with which it is to go."""
    if retention.policy(seen.stateful_set)[1] == "Retain":
        return False
    return any(retention.is_stale(claim, pod, PODS) for claim in _claims(seen, pod))


def _claims(seen: Observed, pod: Object) -> Iterable[Object]:
    for template in claim_templates(seen.stateful_set):
        found = seen.claim(claim_name(seen.stateful_set, template, ordinal_of(pod)))
        if found is not None:
            yield found


def _make_claims(seen: Observed, pod: Object) -> Step:
    missing: list[Object] = []
    going: list[str] = []
    for template in claim_templates(seen.stateful_set):
        wanted = new_claim(seen.stateful_set, template, ordinal_of(pod))
        found = seen.claim(name_of(wanted))
        if found is None:
            missing.append(wanted)
        elif podstate.is_deleted(found):
            going.append(name_of(wanted))
    return (MakeClaims(pod, tuple(missing), tuple(going)),) if missing or going else ()


def _owns_claims(seen: Observed, pod: Object) -> bool:
    return all(retention.new_owners(claim, seen.stateful_set, pod) is None for claim in _claims(seen, pod))


def _own_claims(seen: Observed, pod: Object) -> Step:
    actions: list[Action] = []
    for claim in _claims(seen, pod):
        owners = retention.new_owners(claim, seen.stateful_set, pod)
        foreign = retention.has_foreign_controller(claim, seen.stateful_set, pod)
        if owners is not None or foreign:
            actions.append(OwnClaim(pod, claim, None if owners is None else tuple(owners), foreign))
    return tuple(actions)


def _condemn(seen: Observed, replicas: Iterable[Object], condemned: Sequence[Object], made: Plan) -> bool:
    """Delete the pods not wanted. Returns: whether an ordered set did or has to wait."""
    steps: list[Step] = []
    made.phases.append(steps)
    first = next((pod for pod in (*replicas, *reversed(condemned)) if seen.is_unavailable(pod)), None)
    for pod in condemned:
        if podstate.is_deleted(pod):
            if seen.is_ordered:
                return True
            continue
        if seen.is_ordered and pod is not first and not (_is_running(pod) and seen.is_available(pod)):
            return True
        steps.append((DeletePod(pod),))
        if seen.is_ordered:
            return True
    return False


def _roll(seen: Observed, replicas: Sequence[Object], rolling: Object, made: Plan) -> None:
    """Delete pods of other revisions from the last one on, down to the partition."""
    targets = list(reversed(replicas))[: max(0, len(replicas) - rolling.get("partition", 0))]
    if rolling.get("maxUnavailable") is None:
        chosen = _next_outdated(seen, targets)
    else:
        most = max(1, scaled(rolling["maxUnavailable"], len(replicas), up=False))
        unavailable = sum(1 for pod in replicas if seen.is_unavailable(pod))
        chosen = [pod for pod in targets if _is_outdated(seen, pod)][: max(0, most - unavailable)]
    made.phases.append([(DeletePod(pod),) for pod in chosen])
    made.updating = len(chosen)


def _next_outdated(seen: Observed, targets: Iterable[Object]) -> list[Object]:
    """The first outdated pod, if all before it are available."""
    for pod in targets:
        if _is_outdated(seen, pod):
            return [pod]
        if seen.is_unavailable(pod):
            break
    return []


def _is_outdated(seen: Observed, pod: Object) -> bool:
    return revision_of(pod) != name_of(seen.update) and not podstate.is_deleted(pod)


def status(seen: Observed, updating: int, collisions: int) -> Object:
    """The status that these pods make; ``updating`` of them were just deleted for the update."""
    replicas = ready = available = current = updated = 0
    for pod in seen.pods:
        replicas += 1
        if _is_running(pod):
            ready += 1
            available += seen.is_available(pod)
        if not podstate.is_deleted(pod):
            current += revision_of(pod) == name_of(seen.current)
            updated += revision_of(pod) == name_of(seen.update)
    current_revision = name_of(seen.current)
    current = max(0, current - updating)
    spec = seen.stateful_set["spec"]
    is_rolling = (spec.get("updateStrategy") or {}).get("type") == "RollingUpdate"
    if is_rolling and updated == ready == replicas == spec.get("replicas", 1):
        # the update is complete
        current, current_revision = updated, name_of(seen.update)
    counts = {
        "observedGeneration": seen.stateful_set["metadata"].get("generation", 0),
        "readyReplicas": ready,
        "currentReplicas": current,
        "updatedReplicas": updated,
    }
    return {
        "replicas": replicas,
        "availableReplicas": available,
        "currentRevision": current_revision,
        "updateRevision": name_of(seen.update),
        "collisionCount": collisions,
        **{name: count for name, count in counts.items() if count},
    }


_COMPARED = (
    "observedGeneration",
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "currentReplicas",
    "updatedReplicas",
    "currentRevision",
    "updateRevision",
)


def is_news(before: Object, after: Object) -> bool:
    """Whether a status is worth a write."""
    return any((before.get(name) or 0) != (after.get(name) or 0) for name in _COMPARED)
