"""The acting half: reads, plans, applies. See the package for the contract."""

from collections.abc import Iterable, Sequence

from pynetes.aio.backoff import Backoff
from pynetes.client.informer import Change, Entry
from pynetes.client.kinds import CONTROLLER_REVISIONS, DAEMON_SETS, NODES
from pynetes.controllers import history, podstate
from pynetes.controllers.actions import Create, Delete, Update, apply, perform
from pynetes.controllers.daemonset.observed import GENERATION_LABEL, Observed, observe, status, template_generation
from pynetes.controllers.daemonset.placement import Placement, pinned, tolerant
from pynetes.controllers.daemonset.plan import Changes, plan
from pynetes.controllers.daemonset.revisions import hash_of, new_revision, sort_revisions, tidy
from pynetes.controllers.ownedpods import OwnedPods, from_template, selecting
from pynetes.controllers.ownership import CONTROLLER_INDEX, named
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object, controller_of, key_of, labels_of, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError

FAILED_PODS_BASE_SECONDS = 1.0
FAILED_PODS_LIMIT_SECONDS = 900.0


def new_pod(daemon_set: Object, hash: str, node: str) -> Object:
    template = daemon_set["spec"]["template"]
    labels = {**((template.get("metadata") or {}).get("labels") or {}), history.HASH_LABEL: hash}
    if generation := template_generation(daemon_set):
        labels[GENERATION_LABEL] = generation
    pod = from_template(daemon_set, DAEMON_SETS, template, labels=labels)
    pod["spec"] = pinned(tolerant(pod["spec"]), node)
    return pod


class DaemonSets:
    """The acting half."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sets = context.informers.get(DAEMON_SETS)
        self._revisions = context.informers.get(CONTROLLER_REVISIONS, indexes=CONTROLLER_INDEX)
        self._pods = OwnedPods(context, DAEMON_SETS, self._sets)
        self._backoff = Backoff(FAILED_PODS_BASE_SECONDS, FAILED_PODS_LIMIT_SECONDS)
        self._nodes: dict[str, Object] = {}
        """What placement asks about each node, so that a pass decodes none."""
        self._sets.add_handler(self._pods.owner_changed)
        self._revisions.add_handler(self._revision_changed)
        context.informers.get(NODES).add_handler(self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        daemon_set = self._sets.get(key)
        if daemon_set is None:
            self._pods.expectations.forget(key)
            return None
        if podstate.is_deleted(daemon_set):
            return None
        # asked before the pods are listed: what is observed in between is then in the list
        may_change = self._pods.expectations.satisfied(key)
        pods = await self._pods.claim(daemon_set)
        revisions = sort_revisions(
            daemon_set, await history.claimed(self._context, self._revisions, daemon_set, DAEMON_SETS)
        )
        await apply(self._context, tidy(revisions, pods))
        current = revisions.current or await self._create_revision(daemon_set, revisions.wanted)
        now = self._context.clock.now()
        seen = observe(daemon_set, hash_of(current), self._nodes, pods, now, lambda node: self._held(daemon_set, node))
        changes = Changes()
        failure: Exception | None = None
        if may_change:
            changes = plan(seen)
            failure = await self._carry_out(key, seen, changes)
            if failure is None:
                await self._forget_old(daemon_set, revisions.old, pods)
        wanted = status(seen, processed=may_change)
        if wanted != (daemon_set.get("status") or {}):
            update = {**named(DAEMON_SETS, daemon_set), "status": wanted}
            await perform(self._context, Update(DAEMON_SETS, update, "status"))
        if failure is not None:
            raise failure
        # of all pods: those that surge beside the counted ones, too
        if (wait := podstate.next_availability(pods, seen.min_ready_seconds, now)) is not None:
            changes.again.append(wait)
        return min(changes.again, default=None)

    def _held(self, daemon_set: Object, node: str) -> float:
        key, now = _backoff_key(daemon_set, node), self._context.clock.monotonic()
        return self._backoff.delay(key, now) if self._backoff.is_waiting(key, now) else 0.0

    async def _carry_out(self, key: str, seen: Observed, changes: Changes) -> Exception | None:
        if not changes.create and not changes.delete:
            return None
        now = self._context.clock.monotonic()
        self._backoff.collect(now)
        for node in changes.failed:
            self._backoff.next(_backoff_key(seen.daemon_set, node), now)
        await apply(self._context, changes.reports)
        creates = [new_pod(seen.daemon_set, seen.hash, node) for node in changes.create]
        return await self._pods.change(key, seen.daemon_set, creates, changes.delete)

    async def _forget_old(self, daemon_set: Object, old: Sequence[Object], pods: Iterable[Object]) -> None:
        live = (labels_of(pod).get(history.HASH_LABEL, "") for pod in pods)
        for revision in history.expendable(old, live, daemon_set["spec"]["revisionHistoryLimit"]):
            delete = Delete(CONTROLLER_REVISIONS, namespace_of(revision), name_of(revision))
            await perform(self._context, delete)

    async def _create_revision(self, daemon_set: Object, number: int) -> Object:
        """Raises: StatusError when the name is taken by another template, after counting the collision."""
        revision = new_revision(daemon_set, number)
        try:
            created = await perform(self._context, Create(CONTROLLER_REVISIONS, revision))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            client = self._context.client
            namespace = namespace_of(daemon_set)
            taken = await client.get(CONTROLLER_REVISIONS, name_of(revision), namespace)
            if taken.get("data") == revision["data"]:
                return taken
            await self._count_collision(daemon_set)
            raise
        assert created is not None
        return created

    async def _count_collision(self, daemon_set: Object) -> None:
        """Only when the count by which the name was made is still the present one."""
        fresh = await self._context.client.get(DAEMON_SETS, name_of(daemon_set), namespace_of(daemon_set))
        before, present = daemon_set.get("status") or {}, fresh.get("status") or {}
        if before.get("collisionCount") == present.get("collisionCount"):
            bumped = {**present, "collisionCount": present.get("collisionCount", 0) + 1}
            await perform(self._context, Update(DAEMON_SETS, {**fresh, "status": bumped}, "status"))

    def _revision_changed(self, change: Change) -> None:
        """Revisions that others make, change or take away; what we created ourselves needs no second look."""
        for entry in (change.old, change.new):
            if entry is None:
                continue
            if key := self._pods.owner_key(entry.object):
                if change.type != "added":
                    self._context.queue.add(key)
            elif entry is change.new and controller_of(entry.object) is None and _says_otherwise(change.old, entry):
                for waiting in selecting(self._sets, entry.object):
                    self._context.queue.add(waiting)

    def _node_changed(self, change: Change) -> None:
        before = self._nodes.get(change.key)
        after = _placed(change.new.object) if change.new is not None else None
        if after is None:
            self._nodes.pop(change.key, None)
        else:
            self._nodes[change.key] = after
        if before == after:
            return
        for daemon_set in self._sets.list():
            placement = Placement(daemon_set)
            verdicts = [placement.verdict(node) if node is not None else None for node in (before, after)]
            misplaced = (daemon_set.get("status") or {}).get("numberMisscheduled", 0)
            if verdicts[0] != verdicts[1] or misplaced:
                self._context.queue.add(key_of(daemon_set))


def _placed(node: Object) -> Object:
    """Of a node what decides about daemon pods."""
    spec = {"taints": node["spec"]["taints"]} if node["spec"].get("taints") else {}
    return {"metadata": {"name": name_of(node), "labels": labels_of(node)}, "spec": spec}


def _says_otherwise(old: Entry | None, new: Entry) -> bool:
    """Whether an orphan is new, or has other labels or just lost its owner."""
    if old is None:
        return True
    before = old.object
    return controller_of(before) is not None or labels_of(before) != labels_of(new.object)


def _backoff_key(daemon_set: Object, node: str) -> str:
    generation = (daemon_set.get("status") or {}).get("observedGeneration", 0)
    return f"{uid_of(daemon_set)}/{generation}/{node}"


CONTROLLER = Controller("daemonset-controller", DaemonSets, workers=2)
