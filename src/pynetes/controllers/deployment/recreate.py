"""The strategy Recreate: no new pod before the last old one has ended.

Source: pkg/controller/deployment/recreate.go.
"""

from pynetes.controllers.deployment.progress import is_complete
from pynetes.controllers.deployment.revisions import clean_up, sync_new
from pynetes.controllers.deployment.rollout import Rollout
from pynetes.controllers.deployment.sizes import replicas
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import controller_of, uid_of


def recreate(rollout: Rollout) -> None:
    """One step of it."""
    scaled = [rollout.resize(rs, 0) for rs in list(rollout.old) if replicas(rs) > 0]
    if any(scaled) or _old_pods_run(rollout):
        return
    sync_new(rollout, create=True)
    assert rollout.new is not None
    rollout.resize(rollout.new, rollout.wanted)
    if is_complete(rollout.deployment, rollout.before):
        clean_up(rollout)


def _old_pods_run(rollout: Rollout) -> bool:
    if any((rs.get("status") or {}).get("replicas", 0) for rs in rollout.old):
        return True
    mine = uid_of(rollout.new) if rollout.new is not None else ""
    for pod in rollout.pods:
        owner = controller_of(pod)
        if owner is not None and owner.get("uid") != mine and not lifecycle.is_terminal(pod):
            return True
    return False
