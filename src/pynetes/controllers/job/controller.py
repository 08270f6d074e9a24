"""The acting half: reads, plans, applies. See the package for the contract."""

import asyncio
from collections.abc import Sequence

from pynetes.client.informer import Change
from pynetes.client.kinds import JOBS, PODS
from pynetes.controllers import podstate
from pynetes.controllers.actions import Update, perform
from pynetes.controllers.job.backoff import Failures
from pynetes.controllers.job.plan import BATCH_SECONDS, Plan, Seen, plan, see
from pynetes.controllers.job.pods import FINALIZER, free, is_tracked
from pynetes.controllers.job.tracking import Outcome, Tracked, conclude, track
from pynetes.controllers.ownedpods import OwnedPods, identity
from pynetes.controllers.ownership import BY_CONTROLLER, CONTROLLER_INDEX, named
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.batch.job_status import is_finished
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, controller_of, key_of, uid_of
from pynetes.meta.status import StatusError

NAME = "kubernetes.io/job-controller"
"""Of ``managedBy``."""

ORPHAN = "orphan:"
"""Begins the key of a pod that may have a finalizer and no Job that will take it."""


class Jobs:
    """The acting half. Keys are Jobs, and orphaned pods."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._jobs = context.informers.get(JOBS)
        self._owned = OwnedPods(context, JOBS, self._jobs, self._wake_later, (FINALIZER,))
        self._pods = context.informers.get(PODS, indexes=CONTROLLER_INDEX)
        self._failures: dict[str, Failures] = {}
        self._freed: dict[str, set[str]] = {}
        """By Job, the uids whose finalizer we took and the informer still shows."""
        self._finished: set[str] = set()
        """The uids of Jobs that we finished and the informer does not show so yet."""
        self._jobs.add_handler(self._job_changed)
        self._pods.add_handler(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        if key.startswith(ORPHAN):
            await self._free_orphan(key.removeprefix(ORPHAN))
            return None
        job = self._jobs.get(key)
        if job is None or is_finished(job.get("status") or {}):
            self._forget(key)
            return None
        if is_managed_elsewhere(job) or uid_of(job) in self._finished:
            return None
        # asked before the pods are listed: what is observed in between is then in the list
        is_current = self._owned.expectations.satisfied(key)
        pods = await self._owned.claim(job)
        freed = frozenset(self._freed.get(key, ()))
        before = self._failures.get(key, Failures())
        seen = see(job, pods, freed, before, self._context.clock.now(), is_current=is_current)
        made = plan(seen)
        outcome, failure = await self._carry_out(key, job, made)
        await self._write(key, seen, track(seen, made, outcome))
        if failure is not None:
            raise failure
        return min(made.again, default=None)

    async def _carry_out(self, key: str, job: Object, made: Plan) -> tuple[Outcome, Exception | None]:
        expectations = self._owned.expectations
        if made.create:
            expectations.expect(key, len(made.create), ())
            created, failure = await self._owned.create(key, job, made.create)
            return Outcome(created=created), failure
        if made.free_first:
            expectations.expect(key, 0, map(identity, made.delete))
            results = await asyncio.gather(*(self._discard(key, job, pod) for pod in made.delete))
        else:
            results = list(await self._owned.delete(key, job, made.delete))
        deleted = [pod for pod, error in zip(made.delete, results, strict=True) if error is None]
        ready = sum(map(lifecycle.is_ready, deleted))
        return Outcome(0, len(deleted), ready), next((error for error in results if error is not None), None)

    async def _discard(self, key: str, job: Object, pod: Object) -> Exception | None:
        """Delete a pod such that it never counts."""
        if is_tracked(pod):
            try:
                await perform(self._context, free(pod))
            except StatusError as error:
                self._owned.expectations.deletion_observed(key, identity(pod))
                return None if error.code == 404 else error
        [outcome] = await self._owned.delete(key, job, [pod])
        return outcome

    async def _write(self, key: str, seen: Seen, made: Tracked) -> None:
        """The status, then the finalizers, then the status with what that counted."""
        job = {**named(JOBS, seen.job), "status": made.status}
        if made.status != (seen.job.get("status") or {}):
            job = await self._update(job)
            self._failures[key] = seen.failures
        freed, failure = await self._free(key, made.pods)
        status = conclude(seen, made, freed, job["status"])
        if status != job["status"]:
            await self._update({**job, "status": status})
            if is_finished(status):
                self._finished.add(uid_of(job))
        for type_, reason, message in made.events:
            self._context.events.event(named(JOBS, seen.job), type_, reason, message)
        if failure is not None:
            raise failure

    async def _update(self, job: Object) -> Object:
        written = await perform(self._context, Update(JOBS, job, "status"))
        assert written is not None
        return written

    async def _free(self, key: str, pods: Sequence[Object]) -> tuple[list[str], Exception | None]:
        """Take the finalizer off the pods. Returns: the uids of those that have none now, and what went wrong first."""
        expected = self._freed.setdefault(key, set())
        expected |= {uid_of(pod) for pod in pods}
        freed: list[str] = []
        failure: Exception | None = None
        results = await asyncio.gather(*(perform(self._context, free(pod)) for pod in pods), return_exceptions=True)
        for pod, result in zip(pods, results, strict=True):
            if isinstance(result, BaseException):
                expected.discard(uid_of(pod))
                if not isinstance(result, StatusError) or result.code != 404:
                    if not isinstance(result, Exception):
                        raise result
                    failure = failure or result
                    continue
            freed.append(uid_of(pod))
        return freed, failure

    async def _free_orphan(self, key: str) -> None:
        """Unless a Job of ours will count the pod, or somebody else's pod it is."""
        pod = self._pods.get(key)
        if pod is None or not is_tracked(pod):
            return
        owner = controller_of(pod)
        if owner is not None:
            if (owner["apiVersion"], owner["kind"]) != (JOBS.api_version, JOBS.kind):
                return
            job = self._jobs.get(self._owned.owner_key(pod))
            if job is not None and (is_managed_elsewhere(job) or not is_finished(job.get("status") or {})):
                return
        try:
            await perform(self._context, free(pod))
        except StatusError as error:
            if error.code != 404:
                raise

    # what wakes us

    def _wake_later(self, key: str) -> None:
        self._context.queue.add_after(key, BATCH_SECONDS)

    def _job_changed(self, change: Change) -> None:
        """A Job that is new, gone or asks for something else is looked at at once, a new status in a second."""
        new = change.new.object if change.new is not None else None
        if new is None:
            assert change.old is not None
            self._forget(change.key)
            self._context.queue.add(change.key)
            self._free_pods_of(change.old.object)
        elif is_finished(new.get("status") or {}):
            self._finished.discard(uid_of(new))
            self._forget(change.key)
            self._free_pods_of(new)
        elif change.old is None or _generation(change.old.object) != _generation(new):
            self._context.queue.add(change.key)
        else:
            self._wake_later(change.key)

    def _forget(self, key: str) -> None:
        self._owned.expectations.forget(key)
        self._failures.pop(key, None)
        self._freed.pop(key, None)

    def _free_pods_of(self, job: Object) -> None:
        """Nobody counts them any more."""
        self._finished.discard(uid_of(job))
        for pod in self._pods.by_index(BY_CONTROLLER, uid_of(job)):
            if is_tracked(pod):
                self._context.queue.add(ORPHAN + key_of(pod))

    def _pod_changed(self, change: Change) -> None:
        """Which finalizers are gone by now, and which pods have one that nobody will take."""
        newest = change.new or change.old
        assert newest is not None
        pod = newest.object
        owners = {self._owned.owner_key(entry.object) for entry in (change.old, change.new) if entry is not None} - {""}
        if change.new is None or not is_tracked(pod):
            for key in owners:
                self._freed.get(key, set()).discard(uid_of(pod))
        elif self._is_orphan(pod):
            self._context.queue.add(ORPHAN + key_of(pod))

    def _is_orphan(self, pod: Object) -> bool:
        owner = controller_of(pod)
        if owner is None:
            return True
        if owner.get("kind") != JOBS.kind or not podstate.is_deleted(pod):
            return False
        job = self._jobs.get(self._owned.owner_key(pod))
        return job is None or is_finished(job.get("status") or {})


def _generation(job: Object) -> int:
    found: int = job["metadata"].get("generation", 0)
    return found


def is_managed_elsewhere(job: Object) -> bool:
    return job["spec"].get("managedBy") not in (None, NAME)


CONTROLLER = Controller("job-controller", Jobs, retry_base_seconds=1.0, retry_limit_seconds=60.0)
