"""The acting half: claims ReplicaSets, plans, and carries the plan out."""

from pynetes.client.informer import Change
from pynetes.client.kinds import DEPLOYMENTS, PODS, REPLICA_SETS
from pynetes.controllers.actions import Delete, Report, Update, apply, namespace_is_terminating, perform
from pynetes.controllers.deployment.plan import plan
from pynetes.controllers.deployment.progress import after_collision, after_failed_create, next_check
from pynetes.controllers.deployment.rollout import (
    Action,
    CreateReplicaSet,
    DeleteReplicaSet,
    UpdateReplicaSet,
    UpdateStatus,
)
from pynetes.controllers.ownedpods import selecting
from pynetes.controllers.ownership import (
    BY_CONTROLLER,
    CONTROLLER_INDEX,
    adoption,
    claim,
    is_controlled_by,
    named,
    orphans_of,
    release,
    still_alive,
)
from pynetes.controllers.templates import same_template
from pynetes.controllers.types import Context, Controller
from pynetes.meta import selectors
from pynetes.meta.objects import Object, controller_of, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError


class Deployments:
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
                for key in selecting(self._deployments, entry.object):
                    self._context.queue.add(key)

    def _owner_key(self, rs: Object) -> str:
        owner = controller_of(rs)
        if owner is None or owner.get("kind") != DEPLOYMENTS.kind:
            return ""
        key = f"{namespace_of(rs)}/{owner['name']}"
        deployment = self._deployments.get(key)
        return key if deployment is not None and uid_of(deployment) == owner.get("uid") else ""

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
