"""What a Deployment needs next: the order in which upstream looks at it.

Source: pkg/controller/deployment/deployment_controller.go (``syncDeployment``).
"""

from collections.abc import Iterable, Sequence

from pynetes.controllers import podstate
from pynetes.controllers.deployment.progress import counts, note_pause, rollout_status
from pynetes.controllers.deployment.recreate import recreate
from pynetes.controllers.deployment.revisions import clean_up, find_new, sync_new
from pynetes.controllers.deployment.rolling import roll
from pynetes.controllers.deployment.rollout import Action, Rollout
from pynetes.controllers.deployment.scaling import scale, was_scaled
from pynetes.meta.objects import Object


def plan(deployment: Object, replica_sets: Sequence[Object], pods: Iterable[Object], now: float) -> list[Action]:
    """The next step of a rollout. ``pods``: all that the Deployment's ReplicaSets own, terminating ones too."""
    rollout = Rollout(deployment, replica_sets, find_new(deployment, replica_sets), pods, now)
    spec = deployment["spec"]
    if podstate.is_deleted(deployment):
        sync_new(rollout, create=False)
        return rollout.finish(counts(rollout))
    note_pause(rollout)
    sync_new(rollout, create=False)
    if spec.get("paused"):
        scale(rollout)
        clean_up(rollout)
        return rollout.finish(counts(rollout))
    if was_scaled(rollout):
        scale(rollout)
        return rollout.finish(counts(rollout))
    if spec["strategy"]["type"] == "Recreate":
        recreate(rollout)
    else:
        roll(rollout)
    return rollout.finish(rollout_status(rollout))
