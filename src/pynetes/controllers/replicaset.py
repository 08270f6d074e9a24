"""Keeps as many pods of a template as a ReplicaSet asks for.

Watches: ReplicaSets, Pods.
Owns: the pods that name the ReplicaSet as their controller and match its selector; its status.
Guarantees: orphans that match are adopted, owned pods that no longer match are released; pods are created in batches
    of 1, 2, 4 ... so that a refusal is met early; at most 500 are created or deleted in one pass; nothing is created
    or deleted while earlier creates and deletes have not been seen, so a slow informer never makes double pods.
Caveats: pods that terminate no longer count, so a replacement may run beside them.

Source: pkg/controller/replicaset/replica_set.go.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pynetes.client.kinds import REPLICA_SETS
from pynetes.client.types import Kind
from pynetes.controllers import podstate
from pynetes.controllers.actions import Update, perform
from pynetes.controllers.ownedpods import OwnedPods, from_template
from pynetes.controllers.ownership import (
    BY_CONTROLLER,
    CONTROLLER_INDEX,
    named,
)
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods import lifecycle
from pynetes.meta import selectors
from pynetes.meta.objects import Object, controller_of, labels_of
from pynetes.meta.selectors import LabelSelector
from pynetes.meta.times import rfc3339

BURST = 500
"""Pods created or deleted in one pass."""


@dataclass(frozen=True, slots=True)
class Flavour:
    """The kind whose objects are kept at their number of replicas: ReplicaSets, or what came before them.

    ``tells_terminating``: whether its status has ``terminatingReplicas``.
    """

    kind: Kind
    selector: Callable[[Object], LabelSelector]
    tells_terminating: bool


SETS = Flavour(REPLICA_SETS, lambda rs: selectors.from_object(rs["spec"].get("selector")), True)


@dataclass(frozen=True, slots=True)
class CreatePods:
    count: int
    pod: Object


@dataclass(frozen=True, slots=True)
class DeletePods:
    pods: tuple[Object, ...]


Action = CreatePods | DeletePods


def plan(
    rs: Object, active: Sequence[Object], related: Iterable[Object], now: float, kind: Kind = REPLICA_SETS
) -> list[Action]:
    """What brings the number of active, owned pods to ``spec.replicas``.

    ``related``: pods of the ReplicaSets of the same owner; a pod that shares its node with many of them goes first.
    """
    missing = _wanted(rs) - len(active)
    if podstate.is_deleted(rs) or missing == 0:
        return []
    if missing > 0:
        return [CreatePods(min(missing, BURST), from_template(rs, kind, rs["spec"]["template"]))]
    surplus = min(-missing, BURST)
    ranked = podstate.first_to_delete(active, related, now) if surplus < len(active) else active
    return [DeletePods(tuple(ranked[:surplus]))]


def status(
    rs: Object, active: Sequence[Object], terminating: int | None, failure: Exception | None, now: float
) -> Object:
    """The status that these pods make; equal to the present one when nothing is new. ``terminating``: None untold."""
    template_labels = ((rs["spec"]["template"].get("metadata") or {}).get("labels") or {}).items()
    min_ready = rs["spec"].get("minReadySeconds", 0)
    counts = {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(1 for pod in active if template_labels <= labels_of(pod).items()),
        "readyReplicas": sum(1 for pod in active if lifecycle.is_ready(pod)),
        "availableReplicas": sum(1 for pod in active if lifecycle.is_available(pod, min_ready, now)),
    }
    result: Object = {field: count for field, count in counts.items() if count or field == "replicas"}
    if terminating is not None:
        result["terminatingReplicas"] = terminating
    if generation := rs["metadata"].get("generation"):
        result["observedGeneration"] = generation
    if conditions := _conditions(rs, len(active), failure, now):
        result["conditions"] = conditions
    return result


def _conditions(rs: Object, active: int, failure: Exception | None, now: float) -> list[Object]:
    conditions = list((rs.get("status") or {}).get("conditions") or ())
    present = next((c for c in conditions if c["type"] == "ReplicaFailure"), None)
    if failure is None:
        return [c for c in conditions if c is not present]
    if present is None:
        condition = {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": rfc3339(now),
            "reason": "FailedCreate" if active < _wanted(rs) else "FailedDelete",
            "message": str(failure),
        }
        conditions.append(condition)
    return conditions


def _wanted(rs: Object) -> int:
    wanted: int = rs["spec"].get("replicas", 1)
    return wanted


class ReplicaSets:
    """The acting half."""

    def __init__(self, context: Context, flavour: Flavour = SETS) -> None:
        self._context = context
        self._flavour = flavour
        self._kind = flavour.kind
        self._sets = context.informers.get(self._kind, indexes=CONTROLLER_INDEX)
        self._pods = OwnedPods(context, self._kind, self._sets, selector=flavour.selector)
        self._sets.add_handler(self._pods.owner_changed)

    async def reconcile(self, key: str) -> float | None:
        rs = self._sets.get(key)
        if rs is None:
            self._pods.expectations.forget(key)
            return None
        # asked before the pods are listed: what is observed in between is then in the list
        may_change = self._pods.expectations.satisfied(key)
        active = await self._pods.claim(rs, among=lifecycle.is_active)
        terminating = len(self._pods.held(rs, podstate.is_terminating)) if self._flavour.tells_terminating else None
        now = self._context.clock.now()
        failure = None
        if may_change:
            for action in plan(rs, active, self._related(rs), now, self._kind):
                failure = await self._carry_out(key, rs, action)
        wanted = status(rs, active, terminating, failure, now)
        if wanted != (rs.get("status") or {}):
            await perform(self._context, Update(self._kind, {**named(self._kind, rs), "status": wanted}, "status"))
        if failure is not None:
            raise failure
        min_ready = rs["spec"].get("minReadySeconds", 0)
        if min_ready and wanted.get("readyReplicas", 0) != wanted.get("availableReplicas", 0):
            return podstate.next_availability(active, min_ready, now) or min_ready
        return None

    def _related(self, rs: Object) -> Iterable[Object]:
        """Pods of all ReplicaSets of the same owner (of a Deployment, old and new)."""
        owner = controller_of(rs)
        if owner is None:
            return ()
        siblings = self._sets.by_index(BY_CONTROLLER, owner["uid"])
        return [pod for sibling in siblings for pod in self._pods.of(sibling)]

    async def _carry_out(self, key: str, rs: Object, action: Action) -> Exception | None:
        """Returns: what went wrong first; it becomes the condition ReplicaFailure."""
        match action:
            case CreatePods(count, pod):
                return await self._pods.change(key, rs, [pod] * count, ())
            case DeletePods(pods):
                return await self._pods.change(key, rs, (), pods)


CONTROLLER = Controller("replicaset-controller", ReplicaSets)
