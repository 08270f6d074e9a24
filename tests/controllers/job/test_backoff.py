"""Back-off of failed pods: concepts/workloads/controllers/job, "Pod backoff failure policy"; the cap is the code's."""

import pytest

from pynetes.controllers.job.backoff import Failures, ended_at

from .make import NOW, job, pod


@pytest.mark.parametrize(
    ("count", "seconds"), [(0, 0), (1, 10), (2, 20), (3, 40), (6, 320), (7, 600), (8, 600), (2000, 600)]
)
def test_the_delay_doubles_with_each_failure_up_to_ten_minutes(count, seconds):
    assert Failures(count, NOW).remaining(NOW) == seconds
    assert Failures(count, NOW - seconds).remaining(NOW) == 0


def failed(name, ago):
    return pod(job(), name, "Failed", ended=ago)


def succeeded(name, ago):
    return pod(job(), name, "Succeeded", ended=ago)


def test_failures_add_up_and_the_last_one_counts():
    assert Failures(2, NOW - 99).after([], [failed("a", 5), failed("b", 9)]) == Failures(4, NOW - 5)
    assert Failures(2, NOW - 99).after([], []) == Failures(2, NOW - 99)


def test_a_success_forgets_failures_before_it():
    before = Failures(3, NOW - 99)
    assert before.after([succeeded("s", 5)], []) == Failures()
    assert before.after([succeeded("s", 5)], [failed("a", 9), failed("b", 2), failed("c", 1)]) == Failures(2, NOW - 1)


def test_a_pod_ended_when_its_last_container_did():
    assert ended_at(failed("a", 7)) == NOW - 7


def test_a_pod_whose_containers_do_not_say_ended_when_it_was_no_longer_ready_or_was_deleted_or_created():
    unready = {"type": "Ready", "status": "False", "lastTransitionTime": "2025-12-31T23:59:50Z"}
    assert ended_at(pod(job(), phase="Failed", code=None, conditions=[unready], containerStatuses=[])) == NOW - 10
    running = [{"name": "c", "state": {"running": {}}}]
    gone = pod(job(), deleted=True, ended=3, containerStatuses=running)
    gone["metadata"]["deletionGracePeriodSeconds"] = 30
    assert ended_at(gone) == NOW - 33
    assert ended_at(pod(job(), containerStatuses=running)) == NOW - 3600


def test_sidecars_end_last_and_other_init_containers_do_not_count():
    owner = job(template={"initContainers": [{"name": "s", "restartPolicy": "Always"}, {"name": "i"}]})
    late = {"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:00:00Z"}}
    statuses = [{"name": "s", "state": late}, {"name": "i", "state": {}}]
    assert ended_at(pod(owner, phase="Failed", ended=50, initContainerStatuses=statuses)) == NOW
