"""What a Job does next, by objects: concepts/workloads/controllers/job."""

import pytest

from pynetes.controllers.job.backoff import Failures
from pynetes.controllers.job.plan import MOST, plan
from pynetes.controllers.job.pods import new_pod
from pynetes.meta.times import rfc3339

from .make import NOW, indexed, job, look, names, pod


def ending(*args, **more):
    condition = plan(look(*args, **more)).ending
    return (condition["type"], condition["reason"], condition["message"]) if condition else None


def created_indexes(made):
    return [int(p["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]) for p in made.create]


# --- "Parallel execution for Jobs"


def test_as_many_pods_run_at_once_as_parallelism_says_and_never_more_than_are_left_to_complete():
    assert len(plan(look(job(parallelism=2, completions=5))).create) == 2
    owner = job(parallelism=4, completions=5, status={"succeeded": 3})
    assert len(plan(look(owner, pod(owner))).create) == 1
    assert len(plan(look(job(parallelism=900, completions=900))).create) == MOST


def test_with_a_work_queue_no_pod_is_added_after_the_first_success():
    owner = job(parallelism=2, completions=None)
    assert len(plan(look(owner, pod(owner))).create) == 1
    assert plan(look(owner, pod(owner), pod(owner, "done", "Succeeded"))).create == []


def test_too_many_pods_are_deleted_those_that_did_least_first_and_do_not_count():
    owner = job(parallelism=1, completions=3)
    young, old = pod(owner, "young"), pod(owner, "old")
    young["metadata"]["creationTimestamp"] = rfc3339(NOW)
    made = plan(look(owner, old, young, pod(owner, "pending", "Pending")))
    assert names(made.delete) == ["pending", "young"]
    assert made.free_first


def test_a_job_that_is_being_deleted_makes_no_pods():
    owner = job()
    owner["metadata"]["deletionTimestamp"] = rfc3339(NOW)
    assert not plan(look(owner)).manages


def test_while_earlier_creates_were_not_seen_none_are_made():
    assert not plan(look(job(), is_current=False)).manages


def test_a_pod_has_the_template_the_finalizer_and_its_controller():
    [made] = plan(look(job())).create
    metadata = made["metadata"]
    assert metadata["generateName"] == "j-"
    assert metadata["finalizers"] == ["batch.kubernetes.io/job-tracking"]
    assert metadata["ownerReferences"][0]["kind"] == "Job"


# --- "Completion mode"


def test_each_index_has_one_pod_with_its_index_in_name_label_annotation_and_environment():
    made = plan(look(indexed(3, parallelism=2)))
    assert created_indexes(made) == [0, 1]
    pod = made.create[1]
    assert pod["metadata"]["generateName"] == "j-1-"
    assert pod["metadata"]["annotations"] == {"batch.kubernetes.io/job-completion-index": "1"}
    assert pod["spec"]["hostname"] == "j-1"
    source = {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/job-completion-index']"}}
    assert pod["spec"]["containers"][0]["env"] == [{"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]


def test_a_variable_of_that_name_is_left_as_it_is():
    mine = [{"name": "JOB_COMPLETION_INDEX", "value": "x"}]
    owner = indexed(1, template={"containers": [{"name": "c", "image": "i", "env": mine}]})
    assert plan(look(owner)).create[0]["spec"]["containers"][0]["env"] == mine


def test_a_long_name_is_cut_so_that_the_index_stays_whole():
    owner = indexed(1)
    owner["metadata"]["name"] = "x" * 60
    made = new_pod(owner, 1234, None)
    assert made["metadata"]["generateName"] == "x" * 52 + "-1234-" and len(made["metadata"]["generateName"]) == 58


def test_only_indexes_that_are_neither_done_nor_worked_on_get_a_pod():
    owner = indexed(6, parallelism=6, status={"completedIndexes": "0,1", "succeeded": 2})
    assert created_indexes(plan(look(owner, pod(owner, index=3), pod(owner, "q", "Succeeded", index=4)))) == [2, 5]


def test_doubles_of_an_index_and_pods_without_a_valid_one_are_deleted():
    owner = indexed(2)
    pods = [pod(owner, "a", index=0), pod(owner, "b", "Pending", index=0), pod(owner, "c", index=7)]
    stray = pod(owner, "d", index=1)
    del stray["metadata"]["annotations"]
    assert sorted(names(plan(look(owner, *pods, stray)).delete)) == ["b", "c", "d"]


def test_an_elastic_job_gives_up_the_indexes_that_it_no_longer_has():
    owner = indexed(1, status={"completedIndexes": "0,2", "succeeded": 2})
    assert look(owner, pod(owner, index=1)).succeeded == 1


# --- "Pod backoff failure policy"


def test_failed_pods_are_replaced_after_their_back_off():
    owner = job()
    made = plan(look(owner, pod(owner, phase="Failed", ended=4)))
    assert (made.create, made.again) == ([], [6.0])
    assert len(plan(look(owner, pod(owner, phase="Failed", ended=10))).create) == 1
    assert plan(look(owner, failures=Failures(2, NOW - 19.5))).again == [1.0]


def test_more_failures_than_the_limit_fail_the_job():
    owner = job(backoffLimit=1, status={"failed": 1})
    said = ("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    assert ending(owner, pod(owner, phase="Failed")) == said
    assert ending(job(backoffLimit=2, status={"failed": 1}), pod(owner, phase="Failed")) is None


def test_all_active_pods_of_a_failed_job_are_deleted_and_count():
    owner = job(backoffLimit=0, parallelism=3, completions=3)
    made = plan(look(owner, pod(owner, "a", "Failed"), pod(owner, "b"), pod(owner, "c")))
    assert names(made.delete) == ["b", "c"] and not made.free_first


@pytest.mark.parametrize(("limit", "restarts", "fails"), [(2, 1, False), (2, 2, True), (0, 0, False), (0, 1, True)])
def test_restarts_in_place_count_towards_the_limit(limit, restarts, fails):
    owner = job(backoffLimit=limit, template={"restartPolicy": "OnFailure"})
    running = pod(owner, containerStatuses=[{"name": "c", "restartCount": restarts, "state": {}}])
    assert (ending(owner, running) is not None) is fails


def test_a_deleted_pod_has_failed_unless_only_ended_ones_are_replaced():
    owner = job(backoffLimit=0)
    assert ending(owner, pod(owner, deleted=True))[1] == "BackoffLimitExceeded"
    assert ending(job(backoffLimit=0, podReplacementPolicy="Failed"), pod(owner, deleted=True)) is None


# --- "Job termination and cleanup"


def test_a_job_that_was_active_for_too_long_fails():
    started = {"startTime": rfc3339(NOW - 60)}
    owner = job(activeDeadlineSeconds=60, status=started)
    said = ("FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline")
    assert ending(owner, pod(owner)) == said
    made = plan(look(job(activeDeadlineSeconds=90, status=started), pod(owner)))
    assert (made.ending, made.again) == (None, [30.0])


def test_while_suspended_no_deadline_runs():
    owner = job(activeDeadlineSeconds=60, suspend=True, status={"startTime": rfc3339(NOW - 90)})
    assert ending(owner) is None


# --- "Backoff limit per index"


def test_an_index_that_failed_too_often_is_given_up_and_the_others_go_on():
    owner = indexed(2, backoffLimitPerIndex=1)
    fresh = pod(owner, phase="Failed", index=0, ended=60)
    [again] = plan(look(owner, fresh, pod(owner, "q", index=1))).create
    assert again["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "1"
    failed = {"batch.kubernetes.io/job-index-failure-count": "1"}
    worn = pod(owner, phase="Failed", index=0, ended=60, annotations=failed)
    seen = look(owner, worn, pod(owner, "q", index=1))
    assert str(seen.failed_indexes) == "0" and plan(seen).create == []


def test_each_index_has_a_back_off_of_its_own():
    owner = indexed(2, backoffLimitPerIndex=5)
    made = plan(look(owner, pod(owner, "a", "Failed", index=0, ended=4), pod(owner, "b", "Failed", index=1, ended=60)))
    assert (created_indexes(made), made.again) == ([1], [])
    made = plan(look(owner, pod(owner, "a", "Failed", index=0, ended=4), pod(owner, "b", "Failed", index=1, ended=2)))
    assert (created_indexes(made), made.again) == ([], [6.0])


def test_a_job_with_failed_indexes_fails_when_all_others_succeeded_or_too_many_failed():
    done = {"completedIndexes": "1", "succeeded": 1, "failedIndexes": "0"}
    assert ending(indexed(2, backoffLimitPerIndex=0, status=done)) == (
        "FailureTarget",
        "FailedIndexes",
        "Job has failed indexes",
    )
    many = {"failedIndexes": "0,1"}
    assert ending(indexed(9, backoffLimitPerIndex=0, maxFailedIndexes=1, status=many)) == (
        "FailureTarget",
        "MaxFailedIndexesExceeded",
        "Job has exceeded the specified maximal number of failed indexes",
    )


def test_a_rule_may_give_an_index_up_at_once():
    rules = [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [7]}}]
    owner = indexed(2, backoffLimitPerIndex=3, podFailurePolicy={"rules": rules})
    assert str(look(owner, pod(owner, phase="Failed", code=7, index=1)).failed_indexes) == "1"


# --- "Pod failure policy", "Success policy"


def test_a_rule_may_fail_the_job_or_leave_a_failure_uncounted():
    rules = [
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    ]
    owner = job(backoffLimit=0, podFailurePolicy={"rules": rules})
    assert ending(owner, pod(owner, phase="Failed", code=1)) is None
    assert ending(owner, pod(owner, phase="Failed", code=42))[:2] == ("FailureTarget", "PodFailurePolicy")


def test_a_success_policy_ends_the_job_early():
    owner = indexed(3, successPolicy={"rules": [{"succeededIndexes": "1"}]})
    done, rest = pod(owner, "a", "Succeeded", index=1), pod(owner, "b", index=0)
    said = ("SuccessCriteriaMet", "SuccessPolicy", "Matched rules at index 0")
    assert ending(owner, done, rest) == said
    assert names(plan(look(owner, done, rest)).delete) == ["b"]


def test_what_was_decided_stands():
    target = {"type": "FailureTarget", "status": "True", "reason": "PodFailurePolicy", "message": "why"}
    assert ending(job(status={"conditions": [target]})) == ("Failed", "PodFailurePolicy", "why")
    met = {"type": "SuccessCriteriaMet", "status": "True", "reason": "SuccessPolicy", "message": "how"}
    assert ending(job(backoffLimit=0, status={"failed": 9, "conditions": [met]}))[0] == "SuccessCriteriaMet"


# --- "Suspending a Job", "Delayed creation of replacement pods"


def test_a_suspended_job_has_no_pods():
    owner = job(parallelism=2, completions=2, suspend=True)
    made = plan(look(owner, pod(owner, "a"), pod(owner, "b")))
    assert (names(made.delete), made.create, made.free_first) == (["a", "b"], [], True)
    assert look(owner).started == ""


def test_a_pod_that_terminates_is_replaced_at_once_or_only_when_it_has_ended():
    owner = job(backoffLimit=9)
    leaving = pod(owner, deleted=True, ended=60)
    assert len(plan(look(owner, leaving)).create) == 1
    assert plan(look(job(podReplacementPolicy="Failed"), leaving)).create == []
    held = indexed(2, podReplacementPolicy="Failed")
    assert created_indexes(plan(look(held, pod(held, index=0, deleted=True)))) == [1]
