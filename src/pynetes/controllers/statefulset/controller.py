"""The acting half: reads, plans, applies. See the package for the contract."""

from collections.abc import Iterable

from pynetes.client.kinds import CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from pynetes.controllers import history, podstate
from pynetes.controllers.actions import Create, Delete, Update, perform
from pynetes.controllers.ownedpods import OwnedPods, identity
from pynetes.controllers.ownership import CONTROLLER_INDEX, named
from pynetes.controllers.slowstart import slow_start
from pynetes.controllers.statefulset.identity import INDEX_LABEL, NAME_LABEL, is_member, ordinal_of, volumes
from pynetes.controllers.statefulset.plan import (
    Action,
    CreatePod,
    DeletePod,
    MakeClaims,
    Observed,
    OwnClaim,
    Plan,
    Step,
    UpdatePod,
    is_news,
    plan,
    status,
)
from pynetes.controllers.statefulset.revisions import expendable, find_current, find_update, new_revision
from pynetes.controllers.types import Context, Controller
from pynetes.meta.gotext import aggregate
from pynetes.meta.objects import Object, labels_of, name_of, namespace_of
from pynetes.meta.status import StatusError

_FOREIGN = (
    "PersistentVolumeClaim {} has a conflicting OwnerReference that acts as a manging controller, "
    "the retention policy is ignored for this claim"
)


class StatefulSets:
    """The acting half."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sets = context.informers.get(STATEFUL_SETS)
        self._claims = context.informers.get(PERSISTENT_VOLUME_CLAIMS)
        self._revisions = context.informers.get(CONTROLLER_REVISIONS, indexes=CONTROLLER_INDEX)
        self._pods = OwnedPods(context, STATEFUL_SETS, self._sets)
        self._sets.add_handler(self._pods.owner_changed)

    async def reconcile(self, key: str) -> float | None:
        stateful_set = self._sets.get(key)
        if stateful_set is None:
            self._pods.expectations.forget(key)
            return None
        if not self._pods.expectations.satisfied(key):
            return None
        revisions = history.in_order(await history.claimed(self._context, self._revisions, stateful_set, STATEFUL_SETS))
        pods = await self._pods.claim(stateful_set, lambda pod: is_member(stateful_set, pod))
        update, collisions = await self._update_revision(stateful_set, revisions)
        current = find_current(stateful_set, revisions, update)
        namespace, now = namespace_of(stateful_set), self._context.clock.now()
        seen = Observed(stateful_set, current, update, pods, lambda name: self._claims.get(f"{namespace}/{name}"), now)
        made = plan(seen)
        failure = await self._carry_out(key, seen, made)
        wanted = status(seen, made.updating if failure is None else 0, collisions)
        if is_news(stateful_set.get("status") or {}, wanted):
            await perform(
                self._context, Update(STATEFUL_SETS, {**named(STATEFUL_SETS, stateful_set), "status": wanted}, "status")
            )
        limit = stateful_set["spec"]["revisionHistoryLimit"]
        for revision in expendable(revisions, pods, (current, update), limit):
            await perform(self._context, Delete(CONTROLLER_REVISIONS, namespace, name_of(revision)))
        if failure is not None:
            raise failure
        min_ready = stateful_set["spec"].get("minReadySeconds", 0)
        if min_ready and wanted.get("readyReplicas", 0) != wanted["availableReplicas"]:
            return podstate.next_availability(pods, min_ready, now) or min_ready
        return None

    async def _update_revision(self, stateful_set: Object, revisions: Iterable[Object]) -> tuple[Object, int]:
        """The revision to update to, made or renumbered if need be, and the count of collisions then."""
        found = find_update(stateful_set, list(revisions))
        collisions = (stateful_set.get("status") or {}).get("collisionCount", 0)
        if found.revision is None:
            return await self._create_revision(stateful_set, found.number, collisions)
        if history.number(found.revision) == found.number:
            return found.revision, collisions
        renumbered = {**named(CONTROLLER_REVISIONS, found.revision), "revision": found.number}
        written = await perform(self._context, Update(CONTROLLER_REVISIONS, renumbered))
        assert written is not None
        return written, collisions

    async def _create_revision(self, stateful_set: Object, number: int, collisions: int) -> tuple[Object, int]:
        """Under the first name that no other template has."""
        wanted = new_revision(stateful_set, number, collisions)
        while True:
            wanted["metadata"]["name"] = name_of(new_revision(stateful_set, number, collisions))
            try:
                created = await perform(self._context, Create(CONTROLLER_REVISIONS, wanted))
            except StatusError as error:
                if error.reason != "AlreadyExists":
                    raise
                namespace = namespace_of(stateful_set)
                taken = await self._context.client.get(CONTROLLER_REVISIONS, name_of(wanted), namespace)
                if taken.get("data") == wanted["data"]:
                    return taken, collisions
                collisions += 1
            else:
                assert created is not None
                return created, collisions

    # carrying a plan out

    async def _carry_out(self, key: str, seen: Observed, made: Plan) -> Exception | None:
        """Phase by phase until one fails. Returns: what went wrong first."""
        creates = [action.pod for action in made.actions() if isinstance(action, CreatePod)]
        deletes = [action.pod for action in made.actions() if isinstance(action, DeletePod)]
        if creates or deletes:
            self._pods.expectations.expect(key, len(creates), map(identity, deletes))
        done: set[str] = set()
        failure: Exception | None = None
        for steps in made.phases:
            failure = await self._run(seen, steps, done)
            if failure is not None:
                break
        for pod in creates:
            if name_of(pod) not in done:
                self._pods.expectations.creation_observed(key)
        for pod in deletes:
            if name_of(pod) not in done:
                self._pods.expectations.deletion_observed(key, identity(pod))
        return failure

    async def _run(self, seen: Observed, steps: list[Step], done: set[str]) -> Exception | None:
        """In order, or in batches of 1, 2, 4 ... where the set is parallel. ``done`` gets the names of pods written."""
        if seen.is_ordered:
            for step in steps:
                try:
                    await self._take(seen.stateful_set, step, done)
                except (StatusError, ValueError) as error:
                    return error
            return None
        pending = iter(steps)
        _, failure = await slow_start(len(steps), lambda: self._take(seen.stateful_set, next(pending), done))
        return failure

    async def _take(self, stateful_set: Object, step: Step, done: set[str]) -> None:
        """Raises: StatusError or ValueError of the first action that fails, after an event that says so."""
        verb = _VERBS.get(type(step[-1]), "")
        for action in step:
            try:
                await self._perform(stateful_set, action)
            except (StatusError, ValueError) as error:
                said = "Update" if isinstance(action, OwnClaim) else verb
                if said and not (isinstance(action, CreatePod) and _exists(error)):
                    self._report(stateful_set, said, action.pod, error)
                raise
            if isinstance(action, CreatePod | DeletePod):
                done.add(name_of(action.pod))
        if verb:
            self._report(stateful_set, verb, step[-1].pod, None)

    async def _perform(self, stateful_set: Object, action: Action) -> None:
        match action:
            case MakeClaims():
                await self._make_claims(stateful_set, action)
            case OwnClaim(_, claim, owners, foreign):
                if foreign:
                    text = _FOREIGN.format(name_of(claim))
                    self._context.events.event(
                        named(STATEFUL_SETS, stateful_set), "Warning", "ConflictingController", text
                    )
                if owners is not None:
                    metadata = {**claim["metadata"], "ownerReferences": list(owners)}
                    update = {**named(PERSISTENT_VOLUME_CLAIMS, claim), "metadata": metadata}
                    try:
                        await perform(self._context, Update(PERSISTENT_VOLUME_CLAIMS, update))
                    except StatusError as error:
                        why = f"could not update claim {name_of(claim)} for delete policy ownerRefs: {error}"
                        raise ValueError(why) from error
            case CreatePod(pod):
                await perform(self._context, Create(PODS, pod))
            case UpdatePod(pod):
                if (mended := _mended(stateful_set, pod)) != pod:
                    await perform(self._context, Update(PODS, named(PODS, mended)))
            case DeletePod(pod):
                await perform(self._context, Delete(PODS, namespace_of(pod), name_of(pod)))

    async def _make_claims(self, stateful_set: Object, action: MakeClaims) -> None:
        """Raises: ValueError that tells of each claim that could not be made or is being deleted."""
        problems = []
        subject = named(STATEFUL_SETS, stateful_set)
        for claim in action.missing:
            where = f"Pod {name_of(action.pod)} in StatefulSet {name_of(stateful_set)}"
            try:
                await perform(self._context, Create(PERSISTENT_VOLUME_CLAIMS, claim))
            except StatusError as error:
                problems.append(f"failed to create PVC {name_of(claim)}: {error}")
                if not _exists(error):
                    text = f"Create Claim {name_of(claim)} for {where} failed error: {error}"
                    self._context.events.event(subject, "Warning", "FailedCreate", text)
            else:
                text = f"Create Claim {name_of(claim)} {where} success"
                self._context.events.event(subject, "Normal", "SuccessfulCreate", text)
        problems += [f"pvc {name} is being deleted" for name in action.going]
        if problems:
            raise ValueError(aggregate(problems))

    def _report(self, stateful_set: Object, verb: str, pod: Object, error: Exception | None) -> None:
        text = f"{verb} Pod {name_of(pod)} in StatefulSet {name_of(stateful_set)}"
        if error is None:
            type_, reason, message = "Normal", f"Successful{verb}", f"{text} successful"
        else:
            type_, reason, message = "Warning", f"Failed{verb}", f"{text} failed error: {error}"
        self._context.events.event(named(STATEFUL_SETS, stateful_set), type_, reason, message)


_VERBS: dict[type, str] = {CreatePod: "Create", UpdatePod: "Update", DeletePod: "Delete"}


def _exists(error: Exception) -> bool:
    return isinstance(error, StatusError) and error.reason == "AlreadyExists"


def _mended(stateful_set: Object, pod: Object) -> Object:
    """The pod with its identity and volumes."""
    ordinal = ordinal_of(pod)
    own = {NAME_LABEL: name_of(pod), INDEX_LABEL: str(ordinal)}
    mended = {**pod, "metadata": {**pod["metadata"], "labels": {**labels_of(pod), **own}}}
    if wanted := volumes(stateful_set, pod, ordinal):
        mended["spec"] = {**pod["spec"], "volumes": wanted}
    return mended


CONTROLLER = Controller("statefulset-controller", StatefulSets)
