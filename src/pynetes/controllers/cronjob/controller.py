"""The acting half: reads, plans, applies. See the package for the contract."""

from collections.abc import Sequence

from pynetes.client.informer import Change
from pynetes.client.kinds import CRON_JOBS, JOBS
from pynetes.controllers.actions import Create, Update, namespace_is_terminating, perform
from pynetes.controllers.cronjob.missed import seconds_until_next
from pynetes.controllers.cronjob.plan import (
    Event,
    Plan,
    absent,
    forget,
    is_active,
    plan,
    schedule_of,
    started,
    strangers,
)
from pynetes.controllers.ownership import BY_CONTROLLER, CONTROLLER_INDEX, is_controlled_by, named
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.batch.schedules import ScheduleError
from pynetes.meta.objects import Object, controller_of, key_of, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError


class CronJobs:
    """The acting half."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._zone = context.settings.time_zone
        self._deleted: set[str] = set()
        """The uids of Jobs that we deleted and the informer still shows."""
        self._cron_jobs = context.informers.get(CRON_JOBS)
        self._jobs = context.informers.get(JOBS, indexes=CONTROLLER_INDEX)
        self._cron_jobs.add_handler(self._cron_job_changed)
        self._jobs.add_handler(self._job_changed)

    async def reconcile(self, key: str) -> float | None:
        cron_job = self._cron_jobs.get(key)
        if cron_job is None:
            return None
        jobs = [j for j in self._jobs.by_index(BY_CONTROLLER, uid_of(cron_job)) if uid_of(j) not in self._deleted]
        if strangers(cron_job, jobs):
            # the cache may only be behind our own last write
            cron_job = await self._context.client.get(CRON_JOBS, name_of(cron_job), namespace_of(cron_job))
        made = plan(cron_job, jobs, await self._gone(cron_job, jobs), self._context.clock.now(), self._zone)
        failure: Exception | None = None
        try:
            await self._carry_out(cron_job, made)
        except StatusError as error:
            failure = error
        if made.status != (cron_job.get("status") or {}):
            update = {**named(CRON_JOBS, cron_job), "status": made.status}
            await perform(self._context, Update(CRON_JOBS, update, "status"))
        if failure is not None:
            raise failure
        return made.again

    async def _gone(self, cron_job: Object, jobs: Sequence[Object]) -> set[str]:
        """Of the active Jobs that the cache does not show, those that the API does not know either."""
        gone = set()
        for ref in absent(cron_job, jobs):
            try:
                await self._context.client.get(JOBS, ref["name"], ref["namespace"])
            except StatusError as error:
                if error.code != 404:
                    raise
                gone.add(ref["uid"])
        return gone

    async def _carry_out(self, cron_job: Object, made: Plan) -> None:
        """Raises: StatusError of what went wrong last; what was done is in the plan's status."""
        for job in made.discard:
            await self._delete(cron_job, job, made)
        for event in made.events:
            self._report(cron_job, event)
        for ref in made.replace:
            try:
                job = await self._context.client.get(JOBS, ref["name"], ref["namespace"])
            except StatusError as error:
                self._report(cron_job, ("Warning", "FailedGet", f"Get job: {error}"))
                raise
            if (failure := await self._delete(cron_job, job, made)) is not None:
                raise failure
        if made.create is not None:
            await self._create(cron_job, made.create, made)

    async def _delete(self, cron_job: Object, job: Object, made: Plan) -> StatusError | None:
        try:
            await self._context.client.delete(
                JOBS, name_of(job), namespace_of(job), options={"propagationPolicy": "Background"}
            )
        except StatusError as error:
            self._report(cron_job, ("Warning", "FailedDelete", f"Deleted job: {error}"))
            return error
        if self._jobs.entry(key_of(job)) is not None:
            self._deleted.add(uid_of(job))
        forget(made.status, uid_of(job))
        self._report(cron_job, ("Normal", "SuccessfulDelete", f"Deleted job {name_of(job)}"))
        return None

    async def _create(self, cron_job: Object, job: Object, made: Plan) -> None:
        try:
            created = await perform(self._context, Create(JOBS, job))
        except StatusError as error:
            if error.reason == "AlreadyExists":
                await self._recognise(cron_job, job, made)
                return
            if not namespace_is_terminating(error):
                self._report(cron_job, ("Warning", "FailedCreate", f"Error creating job: {error}"))
            raise
        assert created is not None
        self._report(cron_job, ("Normal", "SuccessfulCreate", f"Created job {name_of(created)}"))
        started(made.status, created, made.at)

    async def _recognise(self, cron_job: Object, job: Object, made: Plan) -> None:
        """A Job of that name is there: ours, if we were stopped before we wrote that down; else nobody's concern."""
        present = await self._context.client.get(JOBS, name_of(job), namespace_of(job))
        if is_controlled_by(present, cron_job) and not is_active(made.status, uid_of(present)):
            started(made.status, present, made.at)

    def _report(self, cron_job: Object, event: Event) -> None:
        self._context.events.event(named(CRON_JOBS, cron_job), *event)

    def _cron_job_changed(self, change: Change) -> None:
        """Another schedule is followed from its next moment on, not from one that it would have had by now."""
        if change.old is None or change.new is None:
            self._context.queue.add(change.key)
            return
        old, new = change.old.object, change.new.object
        if all(old["spec"].get(name) == new["spec"].get(name) for name in ("schedule", "timeZone")):
            self._context.queue.add(change.key)
            return
        try:
            schedule = schedule_of(new)
        except ScheduleError:
            text = f"unparseable schedule for cronjob: {new['spec']['schedule']}"
            self._report(new, ("Warning", "UnParseableCronJobSchedule", text))
            return
        self._context.queue.add_after(
            change.key, seconds_until_next(new, schedule, self._context.clock.now(), self._zone)
        )

    def _job_changed(self, change: Change) -> None:
        if change.new is None and change.old is not None:
            self._deleted.discard(change.old.uid)
        for entry in (change.old, change.new):
            owner = controller_of(entry.object) if entry is not None else None
            if entry is None or owner is None or owner.get("kind") != CRON_JOBS.kind:
                continue
            key = f"{namespace_of(entry.object)}/{owner['name']}"
            cron_job = self._cron_jobs.entry(key)
            if cron_job is not None and cron_job.uid == owner.get("uid"):
                self._context.queue.add(key)


CONTROLLER = Controller("cronjob-controller", CronJobs)
