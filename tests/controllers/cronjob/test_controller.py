"""The CronJob controller against a small API, in virtual time."""

from pynetes.client.kinds import CRON_JOBS, JOBS
from pynetes.controllers import cronjob
from pynetes.meta.times import rfc3339
from tests.controllers.mini_api import Refused, play

from .make import cron_job, job


def put(world, schedule="*/10 * * * *", **spec):
    return world.api.put(CRON_JOBS, cron_job(schedule, created=world.clock.now(), **spec))


def jobs(world):
    return sorted(world.api.all(JOBS), key=lambda found: found["metadata"]["creationTimestamp"])


def finish(world, outcome="Complete"):
    for found in jobs(world):
        if "conditions" not in found.get("status", {}):
            at = rfc3339(world.clock.now())
            status = {"startTime": at, "completionTime": at, "conditions": [{"type": outcome, "status": "True"}]}
            world.api.change(JOBS, found["metadata"]["name"], lambda j, status=status: j.update(status=status))


def status(world):
    return world.api.get(CRON_JOBS, "c").get("status", {})


def reasons(world):
    return [reason for _, reason, _ in world.api.events()]


def test_each_moment_makes_a_job_a_tenth_of_a_second_later():
    async def script(world):
        put(world)
        await world.clock.sleep(1800.09)
        assert len(jobs(world)) == 2
        await world.clock.sleep(0.02)
        assert len(jobs(world)) == 3
        born = {int(found["metadata"]["name"].removeprefix("c-")) * 60 for found in jobs(world)}
        assert all(moment % 600 == 0 for moment in born)
        assert [r["name"] for r in status(world)["active"]] == [found["metadata"]["name"] for found in jobs(world)]
        assert status(world)["lastScheduleTime"] == rfc3339(max(born))

    play(script, cronjob.CONTROLLER)


def test_between_moments_a_second_look_writes_nothing():
    async def script(world):
        put(world)
        await world.clock.sleep(700)
        finish(world)
        await world.clock.sleep(1)
        world.api.writes.clear()
        world.manager.enqueue("cronjob-controller", "default/c")
        await world.clock.sleep(10)
        assert world.api.writes == []

    play(script, cronjob.CONTROLLER)


def test_a_day_keeps_the_last_jobs_only():
    async def script(world):
        put(world, successfulJobsHistoryLimit=2)
        await world.clock.sleep(1)
        for _ in range(24 * 6):
            await world.clock.sleep(600)
            finish(world)
        await world.clock.sleep(1)
        assert len(jobs(world)) == 2 and "active" not in status(world)
        counts = {reason: reasons(world).count(reason) for reason in ("SuccessfulCreate", "FailedDelete")}
        assert counts["FailedDelete"] == 0

    play(script, cronjob.CONTROLLER)


def test_replace_lets_only_the_newest_run():
    async def script(world):
        put(world, concurrencyPolicy="Replace")
        await world.clock.sleep(1801)
        [only] = jobs(world)
        assert [r["uid"] for r in status(world)["active"]] == [only["metadata"]["uid"]]
        assert "SuccessfulDelete" in reasons(world)

    play(script, cronjob.CONTROLLER)


def test_another_schedule_is_followed_from_its_next_moment_on():
    async def script(world):
        put(world, "0 0 1 1 *")
        await world.clock.sleep(1000)
        world.api.change(CRON_JOBS, "c", lambda found: found["spec"].update(schedule="*/10 * * * *"))
        await world.clock.sleep(1)
        assert jobs(world) == []
        await world.clock.sleep(600)
        assert len(jobs(world)) == 1

    play(script, cronjob.CONTROLLER)


def test_a_job_that_was_made_before_a_crash_is_recognised_and_not_made_twice():
    async def script(world):
        put(world)

        def refuse(verb, plural, obj):
            if (verb, plural) == ("PUT", "cronjobs"):
                raise Refused(409, "Conflict", "the object has been modified")

        world.api.refuse = refuse
        await world.clock.sleep(610)
        world.api.refuse = lambda *args: None
        await world.clock.sleep(100)
        assert len(jobs(world)) == 1
        assert [r["uid"] for r in status(world)["active"]] == [jobs(world)[0]["metadata"]["uid"]]

    play(script, cronjob.CONTROLLER)


def test_a_name_that_somebody_else_took_is_left_to_them():
    async def script(world):
        owner = put(world)
        moment = (int(world.clock.now()) // 600 + 1) * 600
        foreign = job(owner, f"c-{moment // 60}")
        del foreign["metadata"]["ownerReferences"]
        world.api.put(JOBS, foreign)
        await world.clock.sleep(650)
        assert len(jobs(world)) == 1 and "active" not in status(world)

    play(script, cronjob.CONTROLLER)


def test_a_refusal_is_an_event_and_is_retried():
    async def script(world):
        def refuse(verb, plural, obj):
            if (verb, plural) == ("POST", "jobs"):
                raise Refused(403, "Forbidden", "exceeded quota")

        world.api.refuse = refuse
        put(world)
        await world.clock.sleep(610)
        assert ("Warning", "FailedCreate", "Error creating job: exceeded quota") in world.api.events()
        world.api.refuse = lambda *args: None
        await world.clock.sleep(300)
        assert len(jobs(world)) == 1

    play(script, cronjob.CONTROLLER)
