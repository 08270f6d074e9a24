"""How a Job counts, by objects: KEP-2307, "Job tracking with finalizers"."""

from pynetes.controllers.job.plan import plan
from pynetes.controllers.job.tracking import MOST_UNCOUNTED, Outcome, conclude, put_condition, track
from pynetes.meta.times import rfc3339

from .make import NOW, indexed, job, look, names, pod

AT = rfc3339(NOW)


def first_half(owner, *pods, outcome=None, **more):
    seen = look(owner, *pods, **more)
    made = plan(seen)
    return seen, track(seen, made, outcome or Outcome(len(made.create), len(made.delete)))


def both_halves(owner, *pods, freed=None, **more):
    seen, made = first_half(owner, *pods, **more)
    uids = [p["metadata"]["uid"] for p in made.pods] if freed is None else freed
    return conclude(seen, made, uids, made.status), made.events


def conditions(status):
    return [(c["type"], c["status"], c["reason"]) for c in status.get("conditions", ())]


def test_a_new_job_begins_and_counts_what_it_created():
    _, made = first_half(job(parallelism=2, completions=2))
    assert made.status == {
        "startTime": AT,
        "active": 2,
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
    }
    assert made.pods == []


def test_pods_that_ended_are_written_down_before_their_finalizers_go():
    owner = job(parallelism=3, completions=3)
    _, made = first_half(owner, pod(owner, "a", "Succeeded"), pod(owner, "b", "Failed"), pod(owner, "c"))
    assert made.status["uncountedTerminatedPods"] == {"succeeded": ["uid-a"], "failed": ["uid-b"]}
    assert "succeeded" not in made.status and "failed" not in made.status
    assert names(made.pods) == ["a", "b"]


def test_they_are_counted_when_their_finalizers_are_gone():
    owner = job(parallelism=3, completions=3)
    status, _ = both_halves(owner, pod(owner, "a", "Succeeded"), pod(owner, "b", "Failed"), freed=["uid-a"])
    assert status["uncountedTerminatedPods"] == {"failed": ["uid-b"]}
    assert status["succeeded"] == 1 and "failed" not in status


def test_a_pod_whose_finalizer_was_taken_in_an_earlier_pass_is_counted_by_its_uid_and_once():
    uncounted = {"uncountedTerminatedPods": {"succeeded": ["uid-a"]}, "startTime": AT}
    owner = job(completions=2, status=uncounted)
    for pods, freed in (((), ()), ([pod(owner, "a", "Succeeded", free=True)], ())):
        _, made = first_half(owner, *pods, freed=freed)
        assert (made.status["succeeded"], made.status["uncountedTerminatedPods"], made.pods) == (1, {}, [])
    _, made = first_half(owner, pod(owner, "a", "Succeeded"), freed=["uid-a"])
    assert (made.status["succeeded"], made.pods) == (1, [])
    _, made = first_half(owner, pod(owner, "a", "Succeeded"))
    assert made.status["uncountedTerminatedPods"] == {"succeeded": ["uid-a"]} and names(made.pods) == ["a"]


def test_a_job_is_complete_when_all_that_ended_are_counted():
    owner = job(status={"startTime": AT})
    status, events = both_halves(owner, pod(owner, "a", "Succeeded"))
    assert conditions(status) == [
        ("SuccessCriteriaMet", "True", "CompletionsReached"),
        ("Complete", "True", "CompletionsReached"),
    ]
    assert (status["succeeded"], status["completionTime"]) == (1, AT)
    assert events == [("Normal", "Completed", "Job completed")]
    status, events = both_halves(owner, pod(owner, "a", "Succeeded"), freed=[])
    assert conditions(status) == [("SuccessCriteriaMet", "True", "CompletionsReached")] and events == []


def test_a_job_with_a_work_queue_is_complete_when_one_pod_succeeded_and_none_is_left():
    owner = job(parallelism=2, completions=None)
    done = pod(owner, "a", "Succeeded")
    assert conditions(both_halves(owner, done, pod(owner, "b"))[0]) == []
    assert conditions(both_halves(owner, done, pod(owner, "b", "Failed"))[0])[-1][0] == "Complete"


def test_a_failed_job_counts_its_running_pods_as_failed_and_waits_until_they_ended():
    owner = job(backoffLimit=0, parallelism=2, completions=2)
    pods = [pod(owner, "a", "Failed"), pod(owner, "b")]
    status, events = both_halves(owner, *pods)
    assert conditions(status) == [("FailureTarget", "True", "BackoffLimitExceeded")]
    assert (status["failed"], status["terminating"], events) == (2, 1, [])
    ended = {**owner, "status": {**status, "terminating": 0}}
    status, events = both_halves(ended)
    assert conditions(status)[-1] == ("Failed", "True", "BackoffLimitExceeded")
    assert events == [("Warning", "BackoffLimitExceeded", "Job has reached the specified backoff limit")]


def test_a_job_does_not_end_while_pods_may_be_left_that_were_not_seen_or_deleted():
    owner = job(backoffLimit=0)
    pods = [pod(owner, "a", "Failed"), pod(owner, "b")]
    _, made = first_half(owner, *pods, outcome=Outcome(deleted=0))
    assert made.ending is None
    assert first_half(owner, *pods, outcome=Outcome(deleted=1))[1].ending is not None
    assert first_half(owner, *pods, outcome=Outcome(deleted=1), is_current=False)[1].ending is None


def test_indexes_are_counted_once_and_by_themselves():
    owner = indexed(3, status={"completedIndexes": "0", "succeeded": 1, "startTime": AT})
    _, made = first_half(owner, pod(owner, "a", "Succeeded", index=0), pod(owner, "b", "Succeeded", index=2))
    assert (made.status["completedIndexes"], made.status["succeeded"]) == ("0,2", 2)
    assert made.status["uncountedTerminatedPods"] == {} and names(made.pods) == ["a", "b"]


def test_failed_indexes_stand_in_the_status_also_when_there_are_none():
    assert first_half(indexed(1, backoffLimitPerIndex=0))[1].status["failedIndexes"] == ""
    assert "failedIndexes" not in first_half(indexed(1))[1].status


def test_the_last_failed_pod_of_an_index_is_kept_until_its_successor_is_there():
    owner = indexed(1, backoffLimitPerIndex=3)
    failed = pod(owner, "a", "Failed", index=0)
    assert first_half(owner, failed)[1].pods == []
    assert names(first_half(owner, failed, pod(owner, "b", index=0))[1].pods) == ["a"]


def test_what_a_rule_ignores_loses_its_finalizer_and_does_not_count():
    rules = [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}]
    owner = job(podFailurePolicy={"rules": rules})
    _, made = first_half(owner, pod(owner, "a", "Failed"))
    assert names(made.pods) == ["a"] and made.status["uncountedTerminatedPods"] == {}


def test_only_so_many_pods_are_counted_in_one_pass():
    owner = job(parallelism=900, completions=900)
    pods = [pod(owner, f"p{number}", "Succeeded") for number in range(MOST_UNCOUNTED + 10)]
    _, made = first_half(owner, *pods)
    assert len(made.pods) == MOST_UNCOUNTED and made.is_full


def test_suspending_stops_the_clock_and_resuming_starts_it_anew():
    running = job(suspend=True, status={"startTime": rfc3339(NOW - 99)})
    status, events = both_halves(running)
    assert conditions(status) == [("Suspended", "True", "JobSuspended")] and "startTime" not in status
    assert events == [("Normal", "Suspended", "Job suspended")]
    status, events = both_halves(job(status=status))
    assert conditions(status) == [("Suspended", "False", "JobResumed")] and status["startTime"] == AT
    assert events == [("Normal", "Resumed", "Job resumed")]


def test_more_successes_than_asked_for_are_a_warning():
    owner = job(status={"startTime": AT})
    _, events = both_halves(owner, pod(owner, "a", "Succeeded"), pod(owner, "b", "Succeeded"))
    text = "Too many succeeded pods running after completion count reached"
    assert events[0] == ("Warning", "TooManySucceededPods", text)


def test_pods_of_a_job_that_is_being_deleted_lose_their_finalizers():
    owner = job()
    owner["metadata"]["deletionTimestamp"] = AT
    _, made = first_half(owner, pod(owner, "a"))
    assert names(made.pods) == ["a"] and made.status["uncountedTerminatedPods"] == {}


def test_a_condition_that_is_false_and_was_never_there_is_not_put():
    status = {}
    assert not put_condition(status, {"type": "Suspended", "status": "False", "reason": "r", "message": "m"})
    assert status == {}
