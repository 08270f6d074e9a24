"""The strategy RollingUpdate: the new ReplicaSet grows as far as the surge allows, the old ones shrink as far as enough
pods stay available.

Source: pkg/controller/deployment/rolling.go.
"""

from collections.abc import Sequence

from pynetes.controllers.deployment.progress import is_complete
from pynetes.controllers.deployment.revisions import clean_up, sync_new
from pynetes.controllers.deployment.rollout import Rollout
from pynetes.controllers.deployment.sizes import available, replicas
from pynetes.controllers.ownership import oldest_first
from pynetes.meta.objects import Object


def roll(rollout: Rollout) -> None:
    """One step of it."""
    sync_new(rollout, create=True)
    if not _grow_new(rollout) and not _shrink_old(rollout) and is_complete(rollout.deployment, rollout.before):
        clean_up(rollout)


def _grow_new(rollout: Rollout) -> bool:
    assert rollout.new is not None
    wanted = rollout.wanted
    if replicas(rollout.new) == wanted:
        return False
    return rollout.resize(rollout.new, wanted if replicas(rollout.new) > wanted else rollout.size_of_new())


def _shrink_old(rollout: Rollout) -> bool:
    assert rollout.new is not None
    old = [rs for rs in rollout.old if replicas(rs) > 0]
    if not old:
        return False
    least = rollout.wanted - rollout.unavailable
    new_unavailable = replicas(rollout.new) - available(rollout.new)
    most = sum(map(replicas, rollout.all())) - least - new_unavailable
    if most <= 0:
        return False
    cleaned = _drop_unhealthy(rollout, old, most)
    return _drop_surplus(rollout, least) + cleaned > 0


def _drop_unhealthy(rollout: Rollout, old: Sequence[Object], most: int) -> int:
    """Give up old pods that are not available first: that cannot make things worse."""
    dropped = 0
    for rs in oldest_first(old):
        count = min(most - dropped, replicas(rs) - available(rs))
        if count > 0:
            rollout.resize(rs, replicas(rs) - count)
            dropped += count
    return dropped


def _drop_surplus(rollout: Rollout, least: int) -> int:
    surplus = sum(map(available, rollout.all())) - least
    dropped = 0
    for rs in oldest_first([rs for rs in rollout.old if replicas(rs) > 0]):
        if dropped >= surplus:
            break
        count = min(replicas(rs), surplus - dropped)
        rollout.resize(rs, replicas(rs) - count)
        dropped += count
    return dropped
