"""What a CronJob does next, by objects: concepts/workloads/controllers/cron-jobs."""

import pytest

from pynetes.controllers.cronjob.missed import missed, seconds_until_next
from pynetes.controllers.cronjob.plan import absent, plan, started, strangers
from pynetes.kinds.batch.schedules import parse_schedule
from pynetes.meta.times import rfc3339

from .make import NOON, cron_job, job, ref


def decide(owner, jobs=(), gone=(), now=NOON + 0.1):
    return plan(owner, list(jobs), gone, now)


def reasons(made):
    return [reason for _, reason, _ in made.events]


# --- "Schedule syntax", "Job creation", "Time zones"


def test_a_moment_makes_a_job_that_is_named_after_it():
    made = decide(cron_job(status={"lastScheduleTime": rfc3339(NOON - 600)}))
    metadata = made.create["metadata"]
    assert metadata["name"] == f"c-{int(NOON) // 60}"
    assert metadata["labels"] == {"a": "b"}
    assert metadata["annotations"] == {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T12:00:00Z"}
    assert metadata["ownerReferences"][0]["kind"] == "CronJob"
    assert made.create["spec"] == cron_job()["spec"]["jobTemplate"]["spec"]
    assert made.again == pytest.approx(600)


def test_the_moment_is_told_in_the_time_zone_of_the_spec():
    made = decide(cron_job("0 13 * * *", timeZone="Europe/Berlin"))
    stamp = made.create["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert stamp == "2026-01-01T13:00:00+01:00"


def test_between_two_moments_there_is_nothing_to_do():
    made = decide(cron_job(status={"lastScheduleTime": rfc3339(NOON)}), now=NOON + 60)
    assert made.create is None and made.again == pytest.approx(540.1)


def test_a_moment_that_was_answered_is_not_answered_again():
    owner = cron_job(status={"lastScheduleTime": rfc3339(NOON - 600), "active": [ref(f"c-{int(NOON) // 60}")]})
    assert decide(owner).create is None


def test_the_time_of_creation_is_where_schedules_begin():
    assert decide(cron_job(created=NOON + 1), now=NOON + 5).create is None
    assert decide(cron_job(created=NOON - 1), now=NOON + 5).create is not None


def test_a_zone_that_nobody_knows_is_a_warning():
    made = decide(cron_job(timeZone="Mars/Olympus"))
    message = 'invalid timeZone: "Mars/Olympus": unknown time zone Mars/Olympus'
    assert made.events == [("Warning", "UnknownTimeZone", message)] and made.again is None


def test_a_zone_in_the_schedule_is_followed_with_a_warning():
    made = decide(cron_job("TZ=Europe/Berlin 0 13 * * *"))
    assert reasons(made) == ["UnsupportedSchedule"] and made.create is not None


def test_schedules_that_cannot_be_read_or_never_come_are_warnings():
    made = decide(cron_job("x"))
    message = 'unparseable schedule: "x" : expected exactly 5 fields, found 1: [x]'
    assert made.events == [("Warning", "UnparseableSchedule", message)]
    made = decide(cron_job("0 0 31 2 *"))
    message = "invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second"
    assert made.events == [("Warning", "InvalidSchedule", message)]


def test_a_suspended_cron_job_waits():
    made = decide(cron_job(suspend=True))
    assert (made.create, made.events, made.again) == (None, [], None)


def test_one_that_is_being_deleted_makes_no_jobs_any_more():
    owner = cron_job()
    owner["metadata"]["deletionTimestamp"] = rfc3339(NOON)
    assert decide(owner).create is None


# --- "Deadline for delayed job start", missed schedules


def test_of_several_missed_moments_only_the_last_is_made_up_for():
    made = decide(cron_job(created=NOON - 3600), now=NOON + 5)
    assert made.at == NOON and made.events == []


def test_more_than_a_hundred_missed_moments_are_a_warning():
    made = decide(cron_job("* * * * *", created=NOON - 7200))
    assert reasons(made) == ["TooManyMissedTimes"] and made.at == NOON


def test_a_deadline_bounds_how_far_is_looked_back():
    owner = cron_job("* * * * *", created=NOON - 7200, startingDeadlineSeconds=600)
    assert reasons(decide(owner)) == [] and decide(owner).at == NOON


def test_a_job_that_could_not_begin_in_time_is_missed():
    owner = cron_job("0 12 * * *", created=NOON - 600, startingDeadlineSeconds=30)
    assert decide(owner, now=NOON + 29).create is not None
    assert decide(owner, now=NOON + 90).create is None


def test_irregular_schedules_are_made_up_for_too():
    schedule = parse_schedule("30 6-16/4 * * 1-5")
    found = missed(cron_job(created=NOON - 9 * 86400), schedule, NOON, "UTC", within_deadline=True)
    assert rfc3339(found.last) == "2026-01-01T10:30:00Z"


def test_the_next_look_is_a_tenth_of_a_second_behind_the_next_moment():
    schedule = parse_schedule("*/10 * * * *")
    assert seconds_until_next(cron_job(created=NOON), schedule, NOON + 1, "UTC") == pytest.approx(599.1)


# --- "Concurrency policy"


def running(policy):
    return cron_job(concurrencyPolicy=policy, status={"lastScheduleTime": rfc3339(NOON - 600), "active": [ref("old")]})


def test_jobs_may_run_beside_one_another():
    made = decide(running("Allow"), [job(cron_job(), "old")])
    assert made.create is not None and made.replace == []


def test_forbid_skips_a_moment_while_a_job_runs():
    made = decide(running("Forbid"), [job(cron_job(), "old")])
    message = "Not starting job because prior execution is running and concurrency policy is Forbid"
    assert made.create is None and made.events == [("Normal", "JobAlreadyActive", message)]
    assert made.again == pytest.approx(600)


def test_replace_deletes_what_runs():
    made = decide(running("Replace"), [job(cron_job(), "old")])
    assert made.create is not None and made.replace == [ref("old")]


# --- status


def test_a_job_that_ended_is_no_longer_active():
    owner = cron_job(suspend=True, status={"active": [ref("a"), ref("b"), ref("c")]})
    jobs = [job(owner, "a", "Complete"), job(owner, "b", "Failed"), job(owner, "c")]
    made = decide(owner, jobs)
    assert made.status == {"active": [ref("c")], "lastSuccessfulTime": rfc3339(NOON)}
    assert made.events == [
        ("Normal", "SawCompletedJob", "Saw completed job: a, condition: Complete"),
        ("Normal", "SawCompletedJob", "Saw completed job: b, condition: Failed"),
    ]


def test_the_last_success_is_the_latest():
    owner = cron_job(suspend=True, status={"lastSuccessfulTime": rfc3339(NOON - 5)})
    assert decide(owner, [job(owner, "a", "Complete", at=NOON - 60)]).status["lastSuccessfulTime"] == rfc3339(NOON - 5)
    assert decide(owner, [job(owner, "a", "Complete", at=NOON)]).status["lastSuccessfulTime"] == rfc3339(NOON)


def test_a_job_that_nobody_told_of_is_a_warning():
    owner = cron_job(suspend=True)
    made = decide(owner, [job(owner, "x")])
    message = "Saw a job that the controller did not create or forgot: x"
    assert made.events == [("Warning", "UnexpectedJob", message)] and made.status == {}
    assert strangers(owner, [job(owner, "x"), job(owner, "y", "Failed")]) == [job(owner, "x")]


def test_an_active_job_that_is_gone_is_forgotten():
    owner = cron_job(suspend=True, status={"active": [ref("a"), ref("b")]})
    assert absent(owner, [job(owner, "b")]) == [ref("a")]
    made = decide(owner, [job(owner, "b")], gone={"uid-a"})
    assert made.status == {"active": [ref("b")]}
    assert made.events == [("Normal", "MissingJob", "Active job went missing: a")]


def test_a_job_that_began_is_written_down():
    status = {}
    started(status, job(cron_job(), "a"), int(NOON))
    assert status == {"active": [{**ref("a"), "resourceVersion": "7"}], "lastScheduleTime": rfc3339(NOON)}


# --- "Jobs history limits"


def test_finished_jobs_beyond_the_limits_go_those_that_began_first_first():
    owner = cron_job(suspend=True, successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0)
    jobs = [
        job(owner, "late", "Complete", begun=NOON - 60),
        job(owner, "early", "Complete", begun=NOON - 600),
        job(owner, "bad", "Failed"),
        job(owner, "runs"),
    ]
    assert [found["metadata"]["name"] for found in decide(owner, jobs).discard] == ["early", "bad"]
