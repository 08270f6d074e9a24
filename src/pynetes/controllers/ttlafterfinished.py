"""Deletes Jobs that have finished and whose time to live after that is over.

Watches: Jobs.
Owns: nothing.
Guarantees: a Job with ``ttlSecondsAfterFinished`` goes, and its pods before it, so many seconds after it finished; the
    API is asked before, so that a Job whose time was extended stays.
Caveats: the times of nodes and controllers are trusted to be near each other.

Source: pkg/controller/ttlafterfinished/ttlafterfinished_controller.go.
"""

from pynetes.client.informer import Change
from pynetes.client.kinds import JOBS
from pynetes.controllers import podstate
from pynetes.controllers.actions import Action, Delete, apply
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object, name_of, namespace_of, split_key, uid_of
from pynetes.meta.status import StatusError
from pynetes.meta.times import parse_time


def plan(job: Object, now: float) -> list[Action]:
    ends = ends_at(job)
    if ends is None or ends > now:
        return []
    return [Delete(JOBS, namespace_of(job), name_of(job), uid=uid_of(job), propagation="Foreground")]


def ends_at(job: Object) -> float | None:
    """When the Job is to go; None for one that has not finished, stays for ever, or goes already.

    Raises: ValueError for a Job that does not say when it finished.
    """
    seconds = (job.get("spec") or {}).get("ttlSecondsAfterFinished")
    finished = finish(job)
    if seconds is None or finished is None or podstate.is_deleted(job):
        return None
    since = finished.get("lastTransitionTime")
    if not since:
        where = f"{namespace_of(job)}/{name_of(job)}"
        raise ValueError(f"unable to find the time when the Job {where} finished")
    return parse_time(since) + float(seconds)


def finish(job: Object) -> Object | None:
    """The condition by which the Job has finished."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            found: Object = condition
            return found
    return None


class FinishedJobs:
    """The acting half; keys are Jobs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._jobs = context.informers.get(JOBS)
        self._jobs.add_handler(self._changed)

    async def reconcile(self, key: str) -> float | None:
        job = self._jobs.get(key)
        if job is None:
            return None
        now = self._context.clock.now()
        if not plan(job, now):
            ends = ends_at(job)
            return None if ends is None else ends - now
        namespace, name = split_key(key)
        try:
            fresh = await self._context.client.get(JOBS, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return None
        await apply(self._context, plan(fresh, now))
        return None

    def _changed(self, change: Change) -> None:
        job = None if change.new is None else change.new.object
        if job is not None and finish(job) is not None and "ttlSecondsAfterFinished" in job["spec"]:
            self._context.queue.add(change.key)


CONTROLLER = Controller("ttl-after-finished-controller", FinishedJobs)
