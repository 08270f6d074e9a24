"""Keeps as many pods of a template as a ReplicaSet asks for.

Watches: ReplicaSets, Pods.
Owns: the pods that name the ReplicaSet as their controller and match its selector; its status.
Guarantees: orphans that match are adopted, owned pods that no longer match are released; pods are created in batches
    of 1, 2, 4 ... so that a refusal is met early; at most 500 are created or deleted in one pass; nothing is created
    or deleted while earlier creates and deletes have not been seen, so a slow informer never makes double pods.
Caveats: pods that terminate no longer count, so a replacement may run beside them.

Source: pkg/controller/replicaset/replica_set.go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from pynetes.client.informer import Change
from pynetes.client.kinds import PODS, REPLICA_SETS
from pynetes.client.types import Kind
from pynetes.controllers import podstate
from pynetes.controllers.actions import Create, Update, apply, perform
from pynetes.controllers.expectations import Expectations
from pynetes.controllers.ownership import (
    BY_CONTROLLER,
    CONTROLLER_INDEX,
    adoption,
    claim,
    named,
    orphans_of,
    reference,
    release,
    still_alive,
)
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods import lifecycle
from pynetes.meta import selectors
from pynetes.meta.objects import Object, controller_of, key_of, labels_of, name_of, namespace_of, uid_of
from pynetes.meta.selectors import LabelSelector
from pynetes.meta.status import StatusError
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
        return [CreatePods(min(missing, BURST), pod_from_template(rs, kind))]
    surplus = min(-missing, BURST)
    ranked = podstate.first_to_delete(active, related, now) if surplus < len(active) else active
    return [DeletePods(tuple(ranked[:surplus]))]


def pod_from_template(rs: Object, kind: Kind = REPLICA_SETS) -> Object:
    """The pod to create; its name is the server's to choose."""
    template = rs["spec"]["template"]
    wanted = template.get("metadata") or {}
    metadata = {
        "generateName": f"{name_of(rs)}-",
        "namespace": namespace_of(rs),
        **{field: wanted[field] for field in ("labels", "annotations", "finalizers") if wanted.get(field)},
        "ownerReferences": [reference(rs, kind)],
    }
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": template["spec"]}


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


async def slow_start(count: int, create: Callable[[], Awaitable[None]]) -> tuple[int, Exception | None]:
    """Call ``create`` ``count`` times, in batches of 1, 2, 4 ...; a batch with a failure is the last.

    Returns: how many succeeded, and the first failure.
    """
    succeeded, size = 0, 1
    while size := min(size, count - succeeded):
        outcomes = await asyncio.gather(*(create() for _ in range(size)), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        succeeded += size - len(failures)
        for failure in failures:
            if not isinstance(failure, Exception):
                raise failure
            return succeeded, failure
        size *= 2
    return succeeded, None


def namespace_is_terminating(error: Exception) -> bool:
    """Whether a create was refused because the namespace is on its way out."""
    if not isinstance(error, StatusError):
        return False
    causes = (error.status.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


class ReplicaSets:
    """The acting half."""

    def __init__(self, context: Context, flavour: Flavour = SETS) -> None:
        self._context = context
        self._flavour = flavour
        self._kind = flavour.kind
        self._expectations = Expectations(context.clock)
        self._sets = context.informers.get(self._kind, indexes=CONTROLLER_INDEX)
        self._pods = context.informers.get(PODS, indexes=CONTROLLER_INDEX)
        self._sets.add_handler(self._set_changed)
        self._pods.add_handler(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        rs = self._sets.get(key)
        if rs is None:
            self._expectations.forget(key)
            return None
        # asked before the pods are listed: what is observed in between is then in the list
        may_change = self._expectations.satisfied(key)
        owned, terminating = await self._claim(rs)
        active = [pod for pod in owned if lifecycle.is_active(pod)]
        now = self._context.clock.now()
        failure = None
        if may_change:
            for action in plan(rs, active, self._related(rs), now, self._kind):
                failure = await self._carry_out(key, rs, action)
        wanted = status(rs, active, terminating if self._flavour.tells_terminating else None, failure, now)
        if wanted != (rs.get("status") or {}):
            await perform(self._context, Update(self._kind, {**named(self._kind, rs), "status": wanted}, "status"))
        if failure is not None:
            raise failure
        min_ready = rs["spec"].get("minReadySeconds", 0)
        if min_ready and wanted.get("readyReplicas", 0) != wanted.get("availableReplicas", 0):
            return podstate.next_availability(active, min_ready, now) or min_ready
        return None

    async def _claim(self, rs: Object) -> tuple[list[Object], int]:
        """The pods that are the ReplicaSet's, after adoption and release; and how many of its pods terminate."""
        selector = self._flavour.selector(rs)
        orphans = self._pods.by_index(BY_CONTROLLER, orphans_of(namespace_of(rs)))
        candidates = [*self._pods.by_index(BY_CONTROLLER, uid_of(rs)), *orphans]
        claims = claim(rs, selector, (pod for pod in candidates if lifecycle.is_active(pod)))
        if claims.adopt:
            await still_alive(self._context, self._kind, rs)
        await apply(self._context, [adoption(pod, PODS, rs, self._kind) for pod in claims.adopt])
        await apply(self._context, [release(pod, PODS, rs) for pod in claims.release])
        terminating = claim(rs, selector, (pod for pod in candidates if podstate.is_terminating(pod)))
        return claims.owned + claims.adopt, len(terminating.owned)

    def _related(self, rs: Object) -> Iterable[Object]:
        """Pods of all ReplicaSets of the same owner (of a Deployment, old and new)."""
        owner = controller_of(rs)
        if owner is None:
            return ()
        siblings = self._sets.by_index(BY_CONTROLLER, owner["uid"])
        return [pod for sibling in siblings for pod in self._pods.by_index(BY_CONTROLLER, uid_of(sibling))]

    async def _carry_out(self, key: str, rs: Object, action: Action) -> Exception | None:
        """Returns: what went wrong first; it becomes the condition ReplicaFailure."""
        match action:
            case CreatePods(count, pod):
                self._expectations.expect_creations(key, count)
                succeeded, failure = await slow_start(count, lambda: self._create(rs, pod))
                for _ in range(count - succeeded):
                    self._expectations.creation_observed(key)
                return failure
            case DeletePods(pods):
                self._expectations.expect_deletions(key, [_identity(pod) for pod in pods])
                outcomes = await asyncio.gather(*(self._delete(key, rs, pod) for pod in pods))
                return next((outcome for outcome in outcomes if outcome is not None), None)

    async def _create(self, rs: Object, pod: Object) -> None:
        events, subject = self._context.events, named(self._kind, rs)
        try:
            created = await perform(self._context, Create(PODS, pod))
        except StatusError as error:
            if not namespace_is_terminating(error):
                events.event(subject, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        assert created is not None
        events.event(subject, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")

    async def _delete(self, key: str, rs: Object, pod: Object) -> Exception | None:
        events, subject = self._context.events, named(self._kind, rs)
        try:
            await self._context.client.delete(PODS, name_of(pod), namespace_of(pod))
        except StatusError as error:
            self._expectations.deletion_observed(key, _identity(pod))
            if error.code == 404:
                return None
            events.event(subject, "Warning", "FailedDelete", f"Error deleting: {error}")
            return ValueError(f"unable to delete pods: {error}")
        events.event(subject, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        return None

    def _set_changed(self, change: Change) -> None:
        replaced = change.old is not None and change.new is not None and _uids_differ(change)
        if change.new is None or replaced:
            self._expectations.forget(change.key)
        self._context.queue.add(change.key)

    def _pod_changed(self, change: Change) -> None:
        old = change.old.object if change.old is not None else None
        new = change.new.object if change.new is not None else None
        if new is None:
            assert old is not None
            self._deleted(old)
        elif podstate.is_deleted(new):
            self._deleted(new)
            if old is not None and labels_of(old) != labels_of(new):
                self._deleted(old)
        elif old is None:
            self._added(new)
        else:
            self._updated(old, new)

    def _added(self, pod: Object) -> None:
        if controller_of(pod) is None:
            self._wake_selecting(pod)
        elif key := self._owner_key(pod):
            self._expectations.creation_observed(key)
            self._context.queue.add(key)

    def _updated(self, old: Object, new: Object) -> None:
        before, after = controller_of(old), controller_of(new)
        if before != after and (key := self._owner_key(old)):
            self._context.queue.add(key)
        if after is not None:
            if key := self._owner_key(new):
                self._context.queue.add(key)
        elif before is not None or labels_of(old) != labels_of(new):
            self._wake_selecting(new)

    def _deleted(self, pod: Object) -> None:
        if key := self._owner_key(pod):
            self._expectations.deletion_observed(key, _identity(pod))
            self._context.queue.add(key)

    def _owner_key(self, pod: Object) -> str:
        """The key of the ReplicaSet that controls the pod, or ``""``."""
        owner = controller_of(pod)
        if owner is None or owner.get("kind") != self._kind.kind:
            return ""
        key = f"{namespace_of(pod)}/{owner['name']}"
        rs = self._sets.get(key)
        return key if rs is not None and uid_of(rs) == owner.get("uid") else ""

    def _wake_selecting(self, pod: Object) -> None:
        """An orphan: whoever selects it may want to adopt it."""
        for rs in self._sets.list(namespace_of(pod)):
            if rs["spec"].get("selector") and self._flavour.selector(rs).matches(labels_of(pod)):
                self._context.queue.add(key_of(rs))


def _identity(pod: Object) -> str:
    return f"{key_of(pod)}/{uid_of(pod)}"


def _uids_differ(change: Change) -> bool:
    assert change.old is not None and change.new is not None
    return uid_of(change.old.object) != uid_of(change.new.object)


CONTROLLER = Controller("replicaset-controller", ReplicaSets)
