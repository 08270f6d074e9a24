"""The status of a rollout: counts, the conditions Available and Progressing, and the deadline.

Source: pkg/controller/deployment/progress.go and sync.go.
"""

from pynetes.client.kinds import DEPLOYMENTS
from pynetes.controllers.actions import Report
from pynetes.controllers.deployment import conditions
from pynetes.controllers.deployment.rollout import Action, Rollout, UpdateStatus
from pynetes.controllers.deployment.sizes import available, replicas
from pynetes.controllers.ownership import named
from pynetes.meta.objects import Object, name_of
from pynetes.meta.times import parse_time

NO_DEADLINE = 2**31 - 1


def next_check(deployment: Object, now: float) -> float | None:
    """Seconds until the rollout's deadline should be looked at again; None when there is nothing to wait for."""
    condition = conditions.find(deployment.get("status") or {}, "Progressing")
    if not has_deadline(deployment) or condition is None:
        return None
    if is_complete(deployment, deployment.get("status") or {}) or condition["reason"] == "ProgressDeadlineExceeded":
        return None
    updated = parse_time(condition["lastUpdateTime"])
    return max(0.0, updated + int(deployment["spec"]["progressDeadlineSeconds"]) - now) + 1.0


def after_failed_create(deployment: Object, rs: Object, error: Exception, now: float) -> list[Action]:
    """What to say when the new ReplicaSet could not be created."""
    message = f'Failed to create new replica set "{name_of(rs)}": {error}'
    actions: list[Action] = []
    if has_deadline(deployment):
        status = dict(deployment.get("status") or {})
        conditions.put(status, conditions.make("Progressing", "False", "ReplicaSetCreateError", message, now))
        if status != (deployment.get("status") or {}):
            actions.append(UpdateStatus({**deployment, "status": status}))
    actions.append(Report(named(DEPLOYMENTS, deployment), "Warning", "ReplicaSetCreateError", message))
    return actions


def after_collision(deployment: Object) -> UpdateStatus:
    """Another object has the name of the new ReplicaSet: the next hash will differ."""
    status = dict(deployment.get("status") or {})
    status["collisionCount"] = status.get("collisionCount", 0) + 1
    return UpdateStatus({**deployment, "status": status})


def note_pause(rollout: Rollout) -> None:
    """Say that the rollout is paused, or goes on: its deadline does not run meanwhile."""
    condition = conditions.find(rollout.status, "Progressing")
    if not has_deadline(rollout.deployment) or (condition and condition["reason"] == "ProgressDeadlineExceeded"):
        return
    noted = condition is not None and condition["reason"] == "DeploymentPaused"
    paused = bool(rollout.deployment["spec"].get("paused"))
    if paused and not noted:
        rollout.note("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    elif noted and not paused:
        rollout.note("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")


def counts(rollout: Rollout) -> Object:
    """The status as the ReplicaSets have it, with the condition Available."""
    sets = rollout.all()
    statuses = [rs.get("status") or {} for rs in sets]
    ready_for_long = sum(map(available, sets))
    numbers = {
        "observedGeneration": rollout.deployment["metadata"].get("generation", 0),
        "replicas": sum(s.get("replicas", 0) for s in statuses),
        "updatedReplicas": ((rollout.new or {}).get("status") or {}).get("replicas", 0),
        "readyReplicas": sum(s.get("readyReplicas", 0) for s in statuses),
        "availableReplicas": ready_for_long,
        "unavailableReplicas": max(0, sum(map(replicas, sets)) - ready_for_long),
    }
    status: Object = {name: count for name, count in numbers.items() if count}
    synced = [s for s in statuses if s.get("observedGeneration", 0) or "terminatingReplicas" in s]
    if all("terminatingReplicas" in s for s in synced):
        status["terminatingReplicas"] = sum(s["terminatingReplicas"] for s in synced)
    if "collisionCount" in rollout.status:
        status["collisionCount"] = rollout.status["collisionCount"]
    if present := rollout.status.get("conditions"):
        status["conditions"] = present
    if ready_for_long >= rollout.wanted - rollout.unavailable:
        condition = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        condition = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    conditions.put(status, conditions.make("Available", *condition, rollout.now))
    return status


def rollout_status(rollout: Rollout) -> Object:
    """The counts, and how the rollout goes."""
    status = counts(rollout)
    present = conditions.find(rollout.status, "Progressing")
    if not has_deadline(rollout.deployment):
        conditions.remove(status, "Progressing")
    done = (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and present is not None
        and present["reason"] == "NewReplicaSetAvailable"
    )
    if has_deadline(rollout.deployment) and not done:
        _note_progress(rollout, status, present)
    failures = [
        rs for rs in [rollout.new, *rollout.all()] if rs and conditions.find(rs.get("status") or {}, "ReplicaFailure")
    ]
    if failures:
        failure = conditions.find(failures[0]["status"], "ReplicaFailure")
        assert failure is not None
        conditions.put(status, {**failure, "lastUpdateTime": failure.get("lastTransitionTime")})
    else:
        conditions.remove(status, "ReplicaFailure")
    return status


def _note_progress(rollout: Rollout, status: Object, present: Object | None) -> None:
    if rollout.new is not None:
        subject = f'ReplicaSet "{name_of(rollout.new)}"'
    else:
        subject = f'Deployment "{name_of(rollout.deployment)}"'
    if is_complete(rollout.deployment, status):
        message = f"{subject} has successfully progressed."
        conditions.put(status, conditions.make("Progressing", "True", "NewReplicaSetAvailable", message, rollout.now))
    elif _has_progressed(rollout.before, status):
        message = f"{subject} is progressing."
        condition = conditions.make("Progressing", "True", "ReplicaSetUpdated", message, rollout.now)
        if present is not None and present["status"] == "True":
            condition["lastTransitionTime"] = present.get("lastTransitionTime")
        # progress is dated anew even when status and reason are the old ones
        conditions.remove(status, "Progressing")
        conditions.put(status, condition)
    elif _has_timed_out(rollout.deployment, status, rollout.now):
        message = f"{subject} has timed out progressing."
        condition = conditions.make("Progressing", "False", "ProgressDeadlineExceeded", message, rollout.now)
        conditions.put(status, condition)


def has_deadline(deployment: Object) -> bool:
    return bool(deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE)


def is_complete(deployment: Object, status: Object) -> bool:
    """All pods are of the new template, none is left of the old ones, and all are available."""
    wanted = replicas(deployment)
    numbers = (status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    observed: int = status.get("observedGeneration", 0)
    generation: int = deployment["metadata"].get("generation", 0)
    return observed >= generation and all(number == wanted for number in numbers)


def _has_progressed(before: Object, after: Object) -> bool:
    def old_replicas(status: Object) -> int:
        count: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return count

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_replicas(after) < old_replicas(before) or any(after.get(n, 0) > before.get(n, 0) for n in grown)


def _has_timed_out(deployment: Object, status: Object, now: float) -> bool:
    condition = conditions.find(status, "Progressing")
    if condition is None or condition["reason"] == "NewReplicaSetAvailable":
        return False
    if condition["reason"] == "ProgressDeadlineExceeded":
        return True
    return parse_time(condition["lastUpdateTime"]) + int(deployment["spec"]["progressDeadlineSeconds"]) < now
