"""A change of ``spec.replicas``, shared among the ReplicaSets of a rollout in proportion to their sizes.

Source: pkg/controller/deployment/sync.go (``scale``) and util/deployment_util.go.
"""

from pynetes.controllers.deployment.rollout import Rollout
from pynetes.controllers.deployment.sizes import DESIRED, MAXIMUM, available, count_in, replicas
from pynetes.controllers.ownership import oldest_first
from pynetes.meta.objects import Object


def was_scaled(rollout: Rollout) -> bool:
    """Whether ``spec.replicas`` changed since the active ReplicaSets were last sized."""
    for rs in rollout.all():
        desired = count_in(rs, DESIRED)
        if replicas(rs) > 0 and desired is not None and desired != rollout.wanted:
            return True
    return False


def scale(rollout: Rollout) -> None:
    """Bring the ReplicaSets to the present ``spec.replicas`` without going on with the rollout."""
    wanted = rollout.wanted
    if (single := _active_or_latest(rollout)) is not None:
        rollout.resize(single, wanted)
    elif _is_saturated(rollout):
        for rs in [rs for rs in rollout.old if replicas(rs) > 0]:
            rollout.resize(rs, 0)
    elif rollout.deployment["spec"]["strategy"]["type"] == "RollingUpdate":
        _scale_in_proportion(rollout)


def _active_or_latest(rollout: Rollout) -> Object | None:
    """The only ReplicaSet with pods wanted, or the newest when none has; None when there are more."""
    newest_first = list(reversed(oldest_first(rollout.old)))
    active = [rs for rs in rollout.all() if replicas(rs) > 0]
    if len(active) > 1:
        return None
    if active:
        return active[0]
    return rollout.new if rollout.new is not None else next(iter(newest_first), None)


def _is_saturated(rollout: Rollout) -> bool:
    wanted = rollout.wanted
    if rollout.new is None:
        return False
    return replicas(rollout.new) == wanted and count_in(rollout.new, DESIRED) == wanted == available(rollout.new)


def _scale_in_proportion(rollout: Rollout) -> None:
    wanted = rollout.wanted
    active = [rs for rs in rollout.all() if replicas(rs) > 0]
    to_add = (wanted + rollout.surge if wanted > 0 else 0) - sum(map(replicas, active))
    by_age = oldest_first(active)
    by_age = by_age if to_add < 0 else list(reversed(by_age)) if to_add > 0 else active
    by_size = sorted(by_age, key=replicas, reverse=True)
    sizes, added = [], 0
    for rs in by_size:
        share = _proportion(rollout, rs, to_add, added)
        sizes.append(replicas(rs) + share)
        added += share
    if sizes and to_add != 0:
        sizes[0] = max(0, sizes[0] + to_add - added)
    for rs, size in zip(by_size, sizes, strict=True):
        rollout.resize(rs, size, force=True)


def _proportion(rollout: Rollout, rs: Object, to_add: int, added: int) -> int:
    if to_add in (0, added):
        return 0
    share, left = _fraction(rollout, rs), to_add - added
    return min(share, left) if to_add > 0 else max(share, left)


def _fraction(rollout: Rollout, rs: Object) -> int:
    wanted, size = rollout.wanted, replicas(rs)
    if wanted == 0:
        return -size
    before = count_in(rs, MAXIMUM) or rollout.before.get("replicas", 0)
    if before == 0:
        return 0
    return _round(size * (wanted + rollout.surge) / before) - size


def _round(value: float) -> int:
    """Half away from zero."""
    return int(value + 0.5) if value >= 0 else int(value - 0.5)
