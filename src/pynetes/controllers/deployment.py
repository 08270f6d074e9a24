"""Rolls a Deployment's pod template out over ReplicaSets, one a template, and keeps their history.

Watches: Deployments, ReplicaSets, Pods (deletions, for Recreate).
Owns: the ReplicaSets that name the Deployment as their controller and match its selector; its status, and its
    annotation ``deployment.kubernetes.io/revision``.
Guarantees: never more than ``replicas + maxSurge`` pods wanted, never fewer than ``replicas - maxUnavailable``
    available because of a rollout; scaling during a rollout is shared in proportion; ReplicaSets without pods beyond
    ``revisionHistoryLimit`` are deleted, oldest revision first.
Differs: the label ``pod-template-hash`` is FNV-1a over the template's JSON, not over Go's print of it: the same length
    and alphabet, stable, another value. A ReplicaSet that upstream made is recognised by its template, not by its hash.
    A pass writes the status once, where upstream writes it twice and meets its own conflict.

Source: pkg/controller/deployment/{sync,rolling,recreate,progress}.go and util/deployment_util.go.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import orjson

from pynetes.client.informer import Change
from pynetes.client.kinds import DEPLOYMENTS, PODS, REPLICA_SETS
from pynetes.controllers import podstate
from pynetes.controllers.actions import Delete, Report, Update, apply, perform
from pynetes.controllers.ownership import (
    BY_CONTROLLER,
    CONTROLLER_INDEX,
    adoption,
    claim,
    is_controlled_by,
    named,
    oldest_first,
    orphans_of,
    reference,
    release,
    still_alive,
)
from pynetes.controllers.replicaset import namespace_is_terminating
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods import lifecycle
from pynetes.meta import selectors
from pynetes.meta.objects import Object, annotations_of, controller_of, key_of, labels_of, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError
from pynetes.meta.times import parse_time, rfc3339

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
}
HISTORY_CHARACTERS = 2000
NO_DEADLINE = 2**31 - 1
NO_LIMIT = 2**31 - 1


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


def plan(deployment: Object, replica_sets: Sequence[Object], pods: Iterable[Object], now: float) -> list[Action]:
    """The next step of a rollout. ``pods``: all that the Deployment's ReplicaSets own, terminating ones too."""
    return _Pass(deployment, replica_sets, pods, now).run()


def next_check(deployment: Object, now: float) -> float | None:
    """Seconds until the rollout's deadline should be looked at again; None when there is nothing to wait for."""
    condition = _condition(deployment.get("status") or {}, "Progressing")
    if not _has_deadline(deployment) or condition is None:
        return None
    if _is_complete(deployment, deployment.get("status") or {}) or condition["reason"] == "ProgressDeadlineExceeded":
        return None
    updated = parse_time(condition["lastUpdateTime"])
    return max(0.0, updated + int(deployment["spec"]["progressDeadlineSeconds"]) - now) + 1.0


def after_failed_create(deployment: Object, rs: Object, error: Exception, now: float) -> list[Action]:
    """What to say when the new ReplicaSet could not be created."""
    message = f'Failed to create new replica set "{name_of(rs)}": {error}'
    actions: list[Action] = []
    if _has_deadline(deployment):
        status = dict(deployment.get("status") or {})
        _set_condition(status, _new_condition("Progressing", "False", "ReplicaSetCreateError", message, now))
        if status != (deployment.get("status") or {}):
            actions.append(UpdateStatus({**deployment, "status": status}))
    actions.append(Report(named(DEPLOYMENTS, deployment), "Warning", "ReplicaSetCreateError", message))
    return actions


def after_collision(deployment: Object) -> UpdateStatus:
    """Another object has the name of the new ReplicaSet: the next hash will differ."""
    status = dict(deployment.get("status") or {})
    status["collisionCount"] = status.get("collisionCount", 0) + 1
    return UpdateStatus({**deployment, "status": status})


def template_hash(template: Object, collisions: int | None) -> str:
    """The value of ``pod-template-hash``: ten characters at most, without vowels."""
    value = 0x811C9DC5
    data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collisions is not None:
        data += collisions.to_bytes(8, "little", signed=True)
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    return "".join(alphabet[ord(digit) % len(alphabet)] for digit in str(value))


def same_template(a: Object, b: Object) -> bool:
    """Whether two templates are equal but for the hash label."""
    return _without_hash(a) == _without_hash(b)


def fenceposts(deployment: Object) -> tuple[int, int]:
    """maxSurge and maxUnavailable as counts: surge is rounded up, unavailable down, and never are both zero."""
    spec = deployment["spec"]
    if (spec.get("strategy") or {}).get("type") != "RollingUpdate":
        return 0, 0
    wanted = _replicas(deployment)
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge = _scaled(rolling.get("maxSurge", 0), wanted, up=True)
    unavailable = _scaled(rolling.get("maxUnavailable", 0), wanted, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, 0 if wanted == 0 else min(unavailable, wanted)


class _Pass:
    """One look at a Deployment: works on copies of the ReplicaSets, collects actions."""

    def __init__(self, deployment: Object, replica_sets: Sequence[Object], pods: Iterable[Object], now: float) -> None:
        self.deployment = {**deployment, "metadata": dict(deployment["metadata"])}
        self.status: Object = dict(deployment.get("status") or {})
        self.before: Object = deployment.get("status") or {}
        self.revision_before = annotations_of(deployment).get(REVISION)
        self.pods = pods
        self.now = now
        self.actions: list[Action] = []
        self.surge, self.unavailable = fenceposts(deployment)
        self.new: Object | None = find_new(deployment, replica_sets)
        self.old = [rs for rs in replica_sets if rs is not self.new]

    def run(self) -> list[Action]:
        deployment, spec = self.deployment, self.deployment["spec"]
        if podstate.is_deleted(deployment):
            self._sync_new(create=False)
            return self._finish(self._counts())
        self._note_pause()
        if spec.get("paused"):
            self._sync_new(create=False)
            self._scale()
            self._clean_up()
            return self._finish(self._counts())
        self._sync_new(create=False)
        if self._was_scaled():
            self._scale()
            return self._finish(self._counts())
        if spec["strategy"]["type"] == "Recreate":
            self._recreate()
        else:
            self._roll()
        return self._finish(self._rollout_status())

    def _all(self) -> list[Object]:
        return self.old + ([self.new] if self.new is not None else [])

    # the new ReplicaSet and revisions

    def _sync_new(self, create: bool) -> None:
        """Bring the new ReplicaSet's annotations and the Deployment's revision up to date; create it if asked to."""
        revision = max((revision_of(rs) for rs in self.old), default=0) + 1
        if self.new is None:
            if create:
                self._create_new(revision)
            return
        annotations = _new_annotations(self.deployment, self.new, revision, exists=True)
        min_ready = self.deployment["spec"].get("minReadySeconds", 0)
        if annotations != annotations_of(self.new) or self.new["spec"].get("minReadySeconds", 0) != min_ready:
            self._replace(self.new, _changed(self.new, annotations=annotations, min_ready=min_ready))
        self._set_revision(annotations.get(REVISION, ""))
        if _has_deadline(self.deployment) and _condition(self.status, "Progressing") is None:
            message = f'Found new replica set "{name_of(self.new)}"'
            self._condition("Progressing", "True", "FoundNewReplicaSet", message)

    def _create_new(self, revision: int) -> None:
        rs = new_replica_set(self.deployment, revision, self.status.get("collisionCount"))
        self.new = rs
        rs["spec"]["replicas"] = self._size_of_new()
        self.actions.append(CreateReplicaSet(rs))
        if rs["spec"]["replicas"] > 0:
            self._report(f"Scaled up replica set {name_of(rs)} from 0 to {rs['spec']['replicas']}")
        self._set_revision(str(revision))
        if _has_deadline(self.deployment):
            message = f'Created new replica set "{name_of(rs)}"'
            self._condition("Progressing", "True", "NewReplicaSetCreated", message)

    def _set_revision(self, revision: str) -> None:
        if annotations_of(self.deployment).get(REVISION) != revision:
            annotations = {**annotations_of(self.deployment), REVISION: revision}
            self.deployment["metadata"]["annotations"] = annotations

    # rollouts

    def _roll(self) -> None:
        self._sync_new(create=True)
        if not self._grow_new() and not self._shrink_old() and _is_complete(self.deployment, self.before):
            self._clean_up()

    def _grow_new(self) -> bool:
        assert self.new is not None
        wanted = _replicas(self.deployment)
        if _replicas(self.new) == wanted:
            return False
        return self._resize(self.new, wanted if _replicas(self.new) > wanted else self._size_of_new())

    def _size_of_new(self) -> int:
        assert self.new is not None
        wanted, size = _replicas(self.deployment), _replicas(self.new)
        if self.deployment["spec"]["strategy"]["type"] == "Recreate":
            return wanted
        room = wanted + self.surge - sum(map(_replicas, self._all()))
        return size if room <= 0 else size + min(room, wanted - size)

    def _shrink_old(self) -> bool:
        assert self.new is not None
        old = [rs for rs in self.old if _replicas(rs) > 0]
        if not old:
            return False
        least = _replicas(self.deployment) - self.unavailable
        new_unavailable = _replicas(self.new) - _available(self.new)
        most = sum(map(_replicas, self._all())) - least - new_unavailable
        if most <= 0:
            return False
        cleaned = self._drop_unhealthy(old, most)
        return self._drop_surplus(least) + cleaned > 0

    def _drop_unhealthy(self, old: Sequence[Object], most: int) -> int:
        """Give up old pods that are not available first: that cannot make things worse."""
        dropped = 0
        for rs in oldest_first(old):
            count = min(most - dropped, _replicas(rs) - _available(rs))
            if count > 0:
                self._resize(rs, _replicas(rs) - count)
                dropped += count
        return dropped

    def _drop_surplus(self, least: int) -> int:
        surplus = sum(map(_available, self._all())) - least
        dropped = 0
        for rs in oldest_first([rs for rs in self.old if _replicas(rs) > 0]):
            if dropped >= surplus:
                break
            count = min(_replicas(rs), surplus - dropped)
            self._resize(rs, _replicas(rs) - count)
            dropped += count
        return dropped

    def _recreate(self) -> None:
        scaled = [self._resize(rs, 0) for rs in list(self.old) if _replicas(rs) > 0]
        if any(scaled) or self._old_pods_run():
            return
        self._sync_new(create=True)
        assert self.new is not None
        self._resize(self.new, _replicas(self.deployment))
        if _is_complete(self.deployment, self.before):
            self._clean_up()

    def _old_pods_run(self) -> bool:
        if any((rs.get("status") or {}).get("replicas", 0) for rs in self.old):
            return True
        mine = uid_of(self.new) if self.new is not None else ""
        for pod in self.pods:
            owner = controller_of(pod)
            if owner is not None and owner.get("uid") != mine and not lifecycle.is_terminal(pod):
                return True
        return False

    # scaling

    def _was_scaled(self) -> bool:
        """Whether ``spec.replicas`` changed since the active ReplicaSets were last sized."""
        for rs in self._all():
            desired = _count_in(rs, DESIRED)
            if _replicas(rs) > 0 and desired is not None and desired != _replicas(self.deployment):
                return True
        return False

    def _scale(self) -> None:
        wanted = _replicas(self.deployment)
        if (single := self._active_or_latest()) is not None:
            self._resize(single, wanted)
        elif self._is_saturated():
            for rs in [rs for rs in self.old if _replicas(rs) > 0]:
                self._resize(rs, 0)
        elif self.deployment["spec"]["strategy"]["type"] == "RollingUpdate":
            self._scale_in_proportion()

    def _active_or_latest(self) -> Object | None:
        """The only ReplicaSet with pods wanted, or the newest when none has; None when there are more."""
        newest_first = list(reversed(oldest_first(self.old)))
        active = [rs for rs in self._all() if _replicas(rs) > 0]
        if len(active) > 1:
            return None
        if active:
            return active[0]
        return self.new if self.new is not None else next(iter(newest_first), None)

    def _is_saturated(self) -> bool:
        wanted = _replicas(self.deployment)
        if self.new is None:
            return False
        return _replicas(self.new) == wanted and _count_in(self.new, DESIRED) == wanted == _available(self.new)

    def _scale_in_proportion(self) -> None:
        wanted = _replicas(self.deployment)
        active = [rs for rs in self._all() if _replicas(rs) > 0]
        to_add = (wanted + self.surge if wanted > 0 else 0) - sum(map(_replicas, active))
        by_age = oldest_first(active)
        by_age = by_age if to_add < 0 else list(reversed(by_age)) if to_add > 0 else active
        by_size = sorted(by_age, key=_replicas, reverse=True)
        sizes, added = [], 0
        for rs in by_size:
            share = self._proportion(rs, to_add, added)
            sizes.append(_replicas(rs) + share)
            added += share
        if sizes and to_add != 0:
            sizes[0] = max(0, sizes[0] + to_add - added)
        for rs, size in zip(by_size, sizes, strict=True):
            self._resize(rs, size, force=True)

    def _proportion(self, rs: Object, to_add: int, added: int) -> int:
        if to_add in (0, added):
            return 0
        share, left = self._fraction(rs), to_add - added
        return min(share, left) if to_add > 0 else max(share, left)

    def _fraction(self, rs: Object) -> int:
        wanted, size = _replicas(self.deployment), _replicas(rs)
        if wanted == 0:
            return -size
        before = _count_in(rs, MAXIMUM) or self.before.get("replicas", 0)
        if before == 0:
            return 0
        return _round(size * (wanted + self.surge) / before) - size

    def _resize(self, rs: Object, size: int, force: bool = False) -> bool:
        """Whether the number changed. ``force``: also bring the annotations of an unchanged size up to date."""
        present = _replicas(rs)
        if present == size and not force:
            return False
        annotations = {**annotations_of(rs), **self._size_annotations()}
        if present == size and annotations == annotations_of(rs):
            return False
        self._replace(rs, _changed(rs, annotations=annotations, replicas=size))
        if present != size:
            direction = "up" if present < size else "down"
            self._report(f"Scaled {direction} replica set {name_of(rs)} from {present} to {size}")
        return present != size

    def _size_annotations(self) -> dict[str, str]:
        wanted = _replicas(self.deployment)
        return {DESIRED: str(wanted), MAXIMUM: str(wanted + self.surge)}

    def _replace(self, rs: Object, changed: Object) -> None:
        """Record a changed ReplicaSet: a second change in one pass replaces the first."""
        if rs is self.new:
            self.new = changed
        else:
            self.old = [changed if other is rs else other for other in self.old]
        for index, action in enumerate(self.actions):
            if isinstance(action, CreateReplicaSet | UpdateReplicaSet) and action.object is rs:
                self.actions[index] = type(action)(changed)
                return
        self.actions.append(UpdateReplicaSet(changed))

    def _report(self, message: str) -> None:
        self.actions.append(Report(named(DEPLOYMENTS, self.deployment), "Normal", "ScalingReplicaSet", message))

    def _clean_up(self) -> None:
        limit = self.deployment["spec"].get("revisionHistoryLimit")
        if limit is None or limit == NO_LIMIT:
            return
        candidates = [rs for rs in self.old if not podstate.is_deleted(rs)]
        surplus = len(candidates) - int(limit)
        for rs in sorted(candidates, key=lambda rs: (revision_of(rs), podstate.created_at(rs)))[: max(0, surplus)]:
            status = rs.get("status") or {}
            observed = status.get("observedGeneration", 0) >= rs["metadata"].get("generation", 0)
            if status.get("replicas", 0) == 0 and _replicas(rs) == 0 and observed:
                self.actions.append(DeleteReplicaSet(rs))

    # status

    def _note_pause(self) -> None:
        condition = _condition(self.status, "Progressing")
        if not _has_deadline(self.deployment) or (condition and condition["reason"] == "ProgressDeadlineExceeded"):
            return
        noted = condition is not None and condition["reason"] == "DeploymentPaused"
        paused = bool(self.deployment["spec"].get("paused"))
        if paused and not noted:
            self._condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        elif noted and not paused:
            self._condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")

    def _condition(self, type_: str, status: str, reason: str, message: str) -> None:
        _set_condition(self.status, _new_condition(type_, status, reason, message, self.now))

    def _counts(self) -> Object:
        """The status as the ReplicaSets have it, with the condition Available."""
        sets = self._all()
        statuses = [rs.get("status") or {} for rs in sets]
        available = sum(map(_available, sets))
        counts = {
            "observedGeneration": self.deployment["metadata"].get("generation", 0),
            "replicas": sum(s.get("replicas", 0) for s in statuses),
            "updatedReplicas": ((self.new or {}).get("status") or {}).get("replicas", 0),
            "readyReplicas": sum(s.get("readyReplicas", 0) for s in statuses),
            "availableReplicas": available,
            "unavailableReplicas": max(0, sum(map(_replicas, sets)) - available),
        }
        status: Object = {name: count for name, count in counts.items() if count}
        synced = [s for s in statuses if s.get("observedGeneration", 0) or "terminatingReplicas" in s]
        if all("terminatingReplicas" in s for s in synced):
            status["terminatingReplicas"] = sum(s["terminatingReplicas"] for s in synced)
        if "collisionCount" in self.status:
            status["collisionCount"] = self.status["collisionCount"]
        if conditions := self.status.get("conditions"):
            status["conditions"] = conditions
        if available >= _replicas(self.deployment) - self.unavailable:
            condition = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        else:
            condition = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        _set_condition(status, _new_condition("Available", *condition, self.now))
        return status

    def _rollout_status(self) -> Object:
        status = self._counts()
        present = _condition(self.status, "Progressing")
        if not _has_deadline(self.deployment):
            _remove_condition(status, "Progressing")
        done = (
            status.get("replicas", 0) == status.get("updatedReplicas", 0)
            and present is not None
            and present["reason"] == "NewReplicaSetAvailable"
        )
        if _has_deadline(self.deployment) and not done:
            self._note_progress(status, present)
        failures = [
            rs for rs in [self.new, *self._all()] if rs and _condition(rs.get("status") or {}, "ReplicaFailure")
        ]
        if failures:
            failure = _condition(failures[0]["status"], "ReplicaFailure")
            assert failure is not None
            _set_condition(status, {**failure, "lastUpdateTime": failure.get("lastTransitionTime")})
        else:
            _remove_condition(status, "ReplicaFailure")
        return status

    def _note_progress(self, status: Object, present: Object | None) -> None:
        if self.new is not None:
            subject = f'ReplicaSet "{name_of(self.new)}"'
        else:
            subject = f'Deployment "{name_of(self.deployment)}"'
        if _is_complete(self.deployment, status):
            message = f"{subject} has successfully progressed."
            _set_condition(status, _new_condition("Progressing", "True", "NewReplicaSetAvailable", message, self.now))
        elif _has_progressed(self.before, status):
            message = f"{subject} is progressing."
            condition = _new_condition("Progressing", "True", "ReplicaSetUpdated", message, self.now)
            if present is not None and present["status"] == "True":
                condition["lastTransitionTime"] = present.get("lastTransitionTime")
            # progress is dated anew even when status and reason are the old ones
            _remove_condition(status, "Progressing")
            _set_condition(status, condition)
        elif _has_timed_out(self.deployment, status, self.now):
            message = f"{subject} has timed out progressing."
            condition = _new_condition("Progressing", "False", "ProgressDeadlineExceeded", message, self.now)
            _set_condition(status, condition)

    def _finish(self, status: Object) -> list[Action]:
        if status != self.before or annotations_of(self.deployment).get(REVISION) != self.revision_before:
            self.actions.append(UpdateStatus({**self.deployment, "status": status}))
        return self.actions


def find_new(deployment: Object, replica_sets: Sequence[Object]) -> Object | None:
    """The oldest ReplicaSet with the Deployment's template."""
    template = deployment["spec"]["template"]
    for rs in oldest_first(replica_sets):
        if same_template(rs["spec"]["template"], template):
            return rs
    return None


def new_replica_set(deployment: Object, revision: int, collisions: int | None) -> Object:
    """The ReplicaSet of a template that has none yet; its size is the caller's to set."""
    spec = deployment["spec"]
    digest = template_hash(spec["template"], collisions)
    metadata = spec["template"].get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH_LABEL: digest}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH_LABEL: digest}}
    rs: Object = {
        "kind": REPLICA_SETS.kind,
        "apiVersion": REPLICA_SETS.api_version,
        "metadata": {
            "name": f"{name_of(deployment)[: 253 - 1 - len(digest)]}-{digest}",
            "namespace": namespace_of(deployment),
            "labels": labels,
            "ownerReferences": [reference(deployment, DEPLOYMENTS)],
        },
        "spec": {
            "replicas": 0,
            "selector": selector,
            "template": {**spec["template"], "metadata": {**metadata, "labels": labels}},
        },
    }
    if min_ready := spec.get("minReadySeconds"):
        rs["spec"]["minReadySeconds"] = min_ready
    rs["metadata"]["annotations"] = _new_annotations(deployment, rs, revision, exists=False)
    return rs


def revision_of(rs: Object) -> int:
    return _number(annotations_of(rs).get(REVISION, "0"), 0)


def _new_annotations(deployment: Object, rs: Object, revision: int, exists: bool) -> dict[str, str]:
    """The new ReplicaSet's annotations: the Deployment's own, its revision and, when it gets a new one, its history."""
    annotations = dict(annotations_of(rs))
    copied = {k: v for k, v in annotations_of(deployment).items() if k not in NOT_COPIED}
    annotations.update(copied)
    before = annotations.get(REVISION)
    number = _number(before or "0", -1)
    if number < 0:
        return annotations
    if number < revision:
        annotations[REVISION] = str(revision)
        if before is not None:
            history = [entry for entry in annotations.get(HISTORY, "").split(",") if entry] + [before]
            while len(history) > 1 and len(",".join(history)) > HISTORY_CHARACTERS:
                del history[0]
            annotations[HISTORY] = ",".join(history)
    if not exists:
        wanted = _replicas(deployment)
        annotations[DESIRED] = str(wanted)
        annotations[MAXIMUM] = str(wanted + fenceposts(deployment)[0])
    return annotations


def _changed(
    rs: Object, annotations: Mapping[str, str], replicas: int | None = None, min_ready: int | None = None
) -> Object:
    spec = dict(rs["spec"])
    if replicas is not None:
        spec["replicas"] = replicas
    if min_ready is not None:
        spec["minReadySeconds"] = min_ready
    return {**rs, "metadata": {**rs["metadata"], "annotations": dict(annotations)}, "spec": spec}


def _without_hash(template: Object) -> Object:
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    rest = {k: v for k, v in metadata.items() if k not in ("labels", "creationTimestamp")}
    return {**template, "metadata": {**rest, "labels": labels}}


def _replicas(obj: Object) -> int:
    count: int = obj["spec"].get("replicas", 1)
    return count


def _available(rs: Object) -> int:
    count: int = (rs.get("status") or {}).get("availableReplicas", 0)
    return count


def _count_in(rs: Object, annotation: str) -> int | None:
    """A count that an annotation holds; None when it is absent or no number from 0 to 2147483647."""
    number = _number(annotations_of(rs).get(annotation, ""), -1)
    return number if 0 <= number < 2**31 else None


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.removeprefix("-").isdecimal() else otherwise


def _scaled(value: Any, total: int, *, up: bool) -> int:
    """An integer, or a percentage of the total."""
    if isinstance(value, int):
        return value
    share = int(str(value).removesuffix("%")) * total / 100
    return ceil(share) if up else floor(share)


def _round(value: float) -> int:
    """Half away from zero."""
    return int(value + 0.5) if value >= 0 else int(value - 0.5)


def _has_deadline(deployment: Object) -> bool:
    return bool(deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE)


def _is_complete(deployment: Object, status: Object) -> bool:
    wanted = _replicas(deployment)
    counts = (status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    observed: int = status.get("observedGeneration", 0)
    generation: int = deployment["metadata"].get("generation", 0)
    return observed >= generation and all(count == wanted for count in counts)


def _has_progressed(before: Object, after: Object) -> bool:
    def old_replicas(status: Object) -> int:
        count: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return count

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_replicas(after) < old_replicas(before) or any(after.get(n, 0) > before.get(n, 0) for n in grown)


def _has_timed_out(deployment: Object, status: Object, now: float) -> bool:
    condition = _condition(status, "Progressing")
    if condition is None or condition["reason"] == "NewReplicaSetAvailable":
        return False
    if condition["reason"] == "ProgressDeadlineExceeded":
        return True
    return parse_time(condition["lastUpdateTime"]) + int(deployment["spec"]["progressDeadlineSeconds"]) < now


def _condition(status: Object, type_: str) -> Object | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == type_:
            found: Object = condition
            return found
    return None


def _new_condition(type_: str, status: str, reason: str, message: str, now: float) -> Object:
    return {
        "type": type_,
        "status": status,
        "lastUpdateTime": rfc3339(now),
        "lastTransitionTime": rfc3339(now),
        "reason": reason,
        "message": message,
    }


def _set_condition(status: Object, condition: Object) -> None:
    """Keeps a condition of equal status and reason, and the transition time of one of equal status."""
    present = _condition(status, condition["type"])
    if present is not None and present["status"] == condition["status"]:
        if present.get("reason") == condition["reason"]:
            return
        condition = {**condition, "lastTransitionTime": present.get("lastTransitionTime")}
    others = [c for c in status.get("conditions") or () if c["type"] != condition["type"]]
    status["conditions"] = [*others, condition]


def _remove_condition(status: Object, type_: str) -> None:
    if "conditions" in status:
        status["conditions"] = [c for c in status["conditions"] if c["type"] != type_]
        if not status["conditions"]:
            del status["conditions"]


class Deployments:
    """The acting half."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._deployments = context.informers.get(DEPLOYMENTS)
        self._sets = context.informers.get(REPLICA_SETS, indexes=CONTROLLER_INDEX)
        self._pods = context.informers.get(PODS, indexes=CONTROLLER_INDEX)
        self._deployments.add_handler(lambda change: context.queue.add(change.key))
        self._sets.add_handler(self._set_changed)
        self._pods.add_handler(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        deployment = self._deployments.get(key)
        if deployment is None:
            return None
        if not deployment["spec"].get("selector"):
            message = "This deployment is selecting all pods. A non-empty selector is required."
            self._context.events.event(named(DEPLOYMENTS, deployment), "Warning", "SelectingAll", message)
            return None
        replica_sets = await self._claim(deployment)
        pods = [pod for rs in replica_sets for pod in self._pods.by_index(BY_CONTROLLER, uid_of(rs))]
        now = self._context.clock.now()
        actions = plan(deployment, replica_sets, pods, now)
        for action in actions:
            await self._carry_out(deployment, action)
        # after a write the watch wakes us; only a rollout that stands still needs a timer
        return next_check(deployment, now) if not actions else None

    async def _carry_out(self, deployment: Object, action: Action) -> None:
        context = self._context
        match action:
            case CreateReplicaSet(rs):
                await self._create(deployment, rs)
            case UpdateReplicaSet(rs):
                await perform(context, Update(REPLICA_SETS, named(REPLICA_SETS, rs)))
            case DeleteReplicaSet(rs):
                await perform(context, Delete(REPLICA_SETS, namespace_of(rs), name_of(rs), uid=uid_of(rs)))
            case UpdateStatus(obj):
                await perform(context, Update(DEPLOYMENTS, named(DEPLOYMENTS, obj), "status"))
            case Report():
                await perform(context, action)

    async def _create(self, deployment: Object, rs: Object) -> None:
        """Raises: StatusError when there is no such ReplicaSet now; what had to be said about it has been said."""
        client = self._context.client
        try:
            await client.create(REPLICA_SETS, rs, namespace_of(rs))
        except StatusError as error:
            if namespace_is_terminating(error):
                raise
            if error.reason != "AlreadyExists":
                for action in after_failed_create(deployment, rs, error, self._context.clock.now()):
                    await self._carry_out(deployment, action)
                raise
            present = await client.get(REPLICA_SETS, name_of(rs), namespace_of(rs))
            ours = is_controlled_by(present, deployment)
            if not (ours and same_template(present["spec"]["template"], deployment["spec"]["template"])):
                await self._carry_out(deployment, after_collision(deployment))
            raise

    async def _claim(self, deployment: Object) -> list[Object]:
        selector = selectors.from_object(deployment["spec"]["selector"])
        orphans = self._sets.by_index(BY_CONTROLLER, orphans_of(namespace_of(deployment)))
        claims = claim(deployment, selector, [*self._sets.by_index(BY_CONTROLLER, uid_of(deployment)), *orphans])
        if claims.adopt:
            await still_alive(self._context, DEPLOYMENTS, deployment)
        await apply(self._context, [adoption(rs, REPLICA_SETS, deployment, DEPLOYMENTS) for rs in claims.adopt])
        await apply(self._context, [release(rs, REPLICA_SETS, deployment) for rs in claims.release])
        return claims.owned + claims.adopt

    def _set_changed(self, change: Change) -> None:
        for entry in (change.old, change.new):
            if entry is None:
                continue
            if key := self._owner_key(entry.object):
                self._context.queue.add(key)
            elif controller_of(entry.object) is None:
                self._wake_selecting(entry.object)

    def _owner_key(self, rs: Object) -> str:
        owner = controller_of(rs)
        if owner is None or owner.get("kind") != DEPLOYMENTS.kind:
            return ""
        key = f"{namespace_of(rs)}/{owner['name']}"
        deployment = self._deployments.get(key)
        return key if deployment is not None and uid_of(deployment) == owner.get("uid") else ""

    def _wake_selecting(self, rs: Object) -> None:
        for deployment in self._deployments.list(namespace_of(rs)):
            if selectors.from_object(deployment["spec"].get("selector")).matches(labels_of(rs)):
                self._context.queue.add(key_of(deployment))

    def _pod_changed(self, change: Change) -> None:
        """A pod that is gone may be the one that a Recreate rollout waits for."""
        if change.new is not None or change.old is None:
            return
        owner = controller_of(change.old.object)
        if owner is None or owner.get("kind") != REPLICA_SETS.kind:
            return
        rs = self._sets.get(f"{namespace_of(change.old.object)}/{owner['name']}")
        if rs is not None and (key := self._owner_key(rs)):
            deployment = self._deployments.get(key)
            if deployment is not None and deployment["spec"]["strategy"]["type"] == "Recreate":
                self._context.queue.add(key)


CONTROLLER = Controller("deployment-controller", Deployments)
