"""One look at a Deployment: its ReplicaSets as the actions collected so far will leave them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pynetes.client.kinds import DEPLOYMENTS
from pynetes.controllers.actions import Report
from pynetes.controllers.deployment import conditions
from pynetes.controllers.deployment.sizes import DESIRED, MAXIMUM, fenceposts, replicas
from pynetes.controllers.ownership import named
from pynetes.meta.objects import Object, annotations_of, name_of

REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, slots=True)
class CreateReplicaSet:
    object: Object


@dataclass(frozen=True, slots=True)
class UpdateReplicaSet:
    object: Object


@dataclass(frozen=True, slots=True)
class DeleteReplicaSet:
    object: Object


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Write the Deployment's status and its revision annotation; both go through the status subresource."""

    object: Object


Action = CreateReplicaSet | UpdateReplicaSet | DeleteReplicaSet | UpdateStatus | Report


class Rollout:
    """Works on copies; ``new`` is the ReplicaSet of the present template, ``old`` are the others.

    ``status`` gathers the conditions that the pass sets, ``before`` is the status that the server has; ``pods`` are
    those of all ReplicaSets.
    """

    def __init__(
        self,
        deployment: Object,
        replica_sets: Sequence[Object],
        new: Object | None,
        pods: Iterable[Object],
        now: float,
    ) -> None:
        self.deployment = {**deployment, "metadata": dict(deployment["metadata"])}
        self.status: Object = dict(deployment.get("status") or {})
        self.before: Object = deployment.get("status") or {}
        self.revision_before = annotations_of(deployment).get(REVISION)
        self.pods = pods
        self.now = now
        self.actions: list[Action] = []
        self.surge, self.unavailable = fenceposts(deployment)
        self.new = new
        self.old = [rs for rs in replica_sets if rs is not new]

    @property
    def wanted(self) -> int:
        """Pods, by the Deployment's spec."""
        return replicas(self.deployment)

    def all(self) -> list[Object]:
        return self.old + ([self.new] if self.new is not None else [])

    def set_revision(self, revision: str) -> None:
        if annotations_of(self.deployment).get(REVISION) != revision:
            annotations = {**annotations_of(self.deployment), REVISION: revision}
            self.deployment["metadata"]["annotations"] = annotations

    def size_of_new(self) -> int:
        """What the new ReplicaSet may grow to now."""
        assert self.new is not None
        wanted, size = self.wanted, replicas(self.new)
        if self.deployment["spec"]["strategy"]["type"] == "Recreate":
            return wanted
        room = wanted + self.surge - sum(map(replicas, self.all()))
        return size if room <= 0 else size + min(room, wanted - size)

    def resize(self, rs: Object, size: int, force: bool = False) -> bool:
        """Whether the number changed. ``force``: also bring the annotations of an unchanged size up to date."""
        present = replicas(rs)
        if present == size and not force:
            return False
        annotations = {**annotations_of(rs), **self._size_annotations()}
        if present == size and annotations == annotations_of(rs):
            return False
        self.replace(rs, changed(rs, annotations=annotations, replicas=size))
        if present != size:
            direction = "up" if present < size else "down"
            self.report(f"Scaled {direction} replica set {name_of(rs)} from {present} to {size}")
        return present != size

    def _size_annotations(self) -> dict[str, str]:
        return {DESIRED: str(self.wanted), MAXIMUM: str(self.wanted + self.surge)}

    def replace(self, rs: Object, by: Object) -> None:
        """Record a changed ReplicaSet: a second change in one pass replaces the first."""
        if rs is self.new:
            self.new = by
        else:
            self.old = [by if other is rs else other for other in self.old]
        for index, action in enumerate(self.actions):
            if isinstance(action, CreateReplicaSet | UpdateReplicaSet) and action.object is rs:
                self.actions[index] = type(action)(by)
                return
        self.actions.append(UpdateReplicaSet(by))

    def report(self, message: str) -> None:
        """Record an event."""
        self.actions.append(Report(named(DEPLOYMENTS, self.deployment), "Normal", "ScalingReplicaSet", message))

    def note(self, type_: str, status: str, reason: str, message: str) -> None:
        conditions.put(self.status, conditions.make(type_, status, reason, message, self.now))

    def finish(self, status: Object) -> list[Action]:
        """All actions, and last the write of the status and the revision where they are not what the server has."""
        if status != self.before or annotations_of(self.deployment).get(REVISION) != self.revision_before:
            self.actions.append(UpdateStatus({**self.deployment, "status": status}))
        return self.actions


def changed(
    rs: Object, annotations: Mapping[str, str], replicas: int | None = None, min_ready: int | None = None
) -> Object:
    """A copy of a ReplicaSet with these in it."""
    spec = dict(rs["spec"])
    if replicas is not None:
        spec["replicas"] = replicas
    if min_ready is not None:
        spec["minReadySeconds"] = min_ready
    return {**rs, "metadata": {**rs["metadata"], "annotations": dict(annotations)}, "spec": spec}
