"""The Job controller against a small API, in virtual time."""

import itertools

from pynetes.client.kinds import JOBS, PODS
from pynetes.controllers import job as job_controller
from pynetes.meta.times import rfc3339
from tests.controllers.mini_api import Refused, play

from .make import indexed, job, pod

TRACKING = "batch.kubernetes.io/job-tracking"


def put(world, made):
    return world.api.put(JOBS, made)


def set_phase(world, name, phase, code=None):
    status = {"phase": phase}
    if code is not None:
        ended = {"exitCode": code, "finishedAt": rfc3339(world.clock.now())}
        status["containerStatuses"] = [{"name": "c", "state": {"terminated": ended}}]
    world.api.change(PODS, name, lambda p: p["spec"].update(nodeName="n1"))
    world.api.change(PODS, name, lambda p: p.update(status=status))


def pods(world):
    return sorted(world.api.all(PODS), key=lambda p: p["metadata"]["creationTimestamp"])


def finish(world, phase, code):
    for found in pods(world):
        if found["status"]["phase"] not in ("Succeeded", "Failed"):
            set_phase(world, found["metadata"]["name"], phase, code)


def status(world):
    return world.api.get(JOBS, "j")["status"]


def reasons(world):
    return [reason for _, reason, _ in world.api.events()]


def test_a_job_runs_its_pods_completes_and_then_rests():
    async def script(world):
        put(world, job(parallelism=2, completions=2))
        await world.clock.sleep(2)
        assert len(pods(world)) == 2 and status(world)["active"] == 2
        finish(world, "Succeeded", 0)
        await world.clock.sleep(5)
        found = status(world)
        assert (found["succeeded"], found["uncountedTerminatedPods"]) == (2, {}) and "active" not in found
        assert [c["type"] for c in found["conditions"]] == ["SuccessCriteriaMet", "Complete"]
        assert all(TRACKING not in p["metadata"].get("finalizers", []) for p in pods(world))
        assert reasons(world) == ["SuccessfulCreate", "SuccessfulCreate", "Completed"]
        world.api.writes.clear()
        world.manager.enqueue("job-controller", "default/j")
        await world.clock.sleep(400)
        assert world.api.writes == []

    play(script, job_controller.CONTROLLER)


def test_failed_pods_are_replaced_after_ten_twenty_and_forty_seconds():
    async def script(world):
        put(world, job(backoffLimit=3))
        born, failed = [], []
        while len(failed) < 4:
            await world.clock.sleep(0.5)
            for found in pods(world):
                if found["status"]["phase"] == "Pending":
                    born.append(world.clock.now())
                    set_phase(world, found["metadata"]["name"], "Failed", 1)
                    failed.append(world.clock.now())
        waits = [round(b - f) for f, b in zip(failed, born[1:], strict=False)]
        # what pods do is looked at a second later, and a pod's end is dated in whole seconds
        assert all(abs(wait - wanted) <= 1 for wait, wanted in zip(waits, (10, 20, 40), strict=True))
        await world.clock.sleep(5)
        assert status(world)["failed"] == 4
        assert [c["reason"] for c in status(world)["conditions"]] == ["BackoffLimitExceeded"] * 2
        message = "Job has reached the specified backoff limit"
        assert ("Warning", "BackoffLimitExceeded", message) in world.api.events()

    play(script, job_controller.CONTROLLER)


def test_a_thousand_indexes_are_worked_through():
    async def script(world):
        put(world, indexed(1000, parallelism=400))
        for _ in range(30):
            await world.clock.sleep(2)
            finish(world, "Succeeded", 0)
            if "completionTime" in status(world):
                break
        assert (status(world)["completedIndexes"], status(world)["succeeded"]) == ("0-999", 1000)
        indexes = sorted(int(p["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]) for p in pods(world))
        assert indexes == list(range(1000))

    play(script, job_controller.CONTROLLER)


def test_a_crash_between_the_finalizer_and_the_count_loses_and_doubles_nothing():
    """Every status write after the first is refused for a while: uids are in the status, finalizers are gone."""

    async def script(world):
        put(world, job(parallelism=3, completions=3))
        await world.clock.sleep(2)
        seen = itertools.count()

        def refuse(verb, plural, obj):
            if (verb, plural) == ("PUT", "jobs") and next(seen) % 2:
                raise Refused(409, "Conflict", "the object has been modified")

        world.api.refuse = refuse
        finish(world, "Succeeded", 0)
        await world.clock.sleep(30)
        world.api.refuse = lambda *args: None
        await world.clock.sleep(70)
        assert status(world)["succeeded"] == 3 and "completionTime" in status(world)

    play(script, job_controller.CONTROLLER)


def test_a_slow_informer_never_makes_double_pods():
    async def script(world):
        await world.clock.sleep(1)
        world.api.muted = {"pods"}
        put(world, job(parallelism=3, completions=3))
        await world.clock.sleep(5)
        world.api.change(JOBS, "j", lambda j: j["metadata"].update(labels={"touched": "1"}))
        await world.clock.sleep(60)
        assert len(pods(world)) == 3
        world.api.unmute()
        await world.clock.sleep(5)
        assert len(pods(world)) == 3 and status(world)["active"] == 3

    play(script, job_controller.CONTROLLER)


def test_suspending_deletes_the_pods_without_counting_them():
    async def script(world):
        put(world, job(parallelism=2, completions=2))
        await world.clock.sleep(2)
        world.api.change(JOBS, "j", lambda j: j["spec"].update(suspend=True))
        await world.clock.sleep(3)
        found = status(world)
        assert pods(world) == [] and "failed" not in found and "startTime" not in found
        assert reasons(world).count("SuccessfulDelete") == 2 and "Suspended" in reasons(world)

    play(script, job_controller.CONTROLLER)


def test_the_pods_of_a_job_that_is_gone_lose_their_finalizers():
    async def script(world):
        put(world, job())
        await world.clock.sleep(2)
        world.api.remove(JOBS, "j")
        await world.clock.sleep(1)
        assert [p["metadata"].get("finalizers", []) for p in pods(world)] == [[]]

    play(script, job_controller.CONTROLLER)


def test_a_pod_that_lost_its_owner_loses_its_finalizer():
    async def script(world):
        orphan = pod(job(), "orphan")
        del orphan["metadata"]["ownerReferences"]
        world.api.put(PODS, orphan)
        await world.clock.sleep(1)
        assert world.api.get(PODS, "orphan")["metadata"]["finalizers"] == []

    play(script, job_controller.CONTROLLER)


def test_an_orphan_that_matches_is_adopted_and_tracked():
    async def script(world):
        orphan = pod(job(), "orphan", free=True)
        del orphan["metadata"]["ownerReferences"]
        world.api.put(PODS, orphan)
        put(world, job())
        await world.clock.sleep(3)
        metadata = world.api.get(PODS, "orphan")["metadata"]
        assert metadata["finalizers"] == [TRACKING] and metadata["ownerReferences"][0]["kind"] == "Job"
        assert len(pods(world)) == 1

    play(script, job_controller.CONTROLLER)


def test_a_job_that_another_controller_manages_is_left_alone():
    async def script(world):
        put(world, job(managedBy="example.com/x"))
        held = pod(job(), "held", deleted=True)
        world.api.put(PODS, held)
        await world.clock.sleep(5)
        assert world.api.writes == []

    play(script, job_controller.CONTROLLER)


def test_the_deadline_ends_a_job_on_the_second():
    async def script(world):
        put(world, job(activeDeadlineSeconds=60))
        await world.clock.sleep(2)
        for found in pods(world):
            set_phase(world, found["metadata"]["name"], "Running")
        await world.clock.sleep(57)
        assert "conditions" not in status(world)
        await world.clock.sleep(2)
        assert status(world)["conditions"][0]["reason"] == "DeadlineExceeded"

    play(script, job_controller.CONTROLLER)


def test_a_refusal_is_an_event_and_is_retried():
    async def script(world):
        def refuse(verb, plural, obj):
            if (verb, plural) == ("POST", "pods"):
                raise Refused(403, "Forbidden", "exceeded quota")

        world.api.refuse = refuse
        put(world, job())
        await world.clock.sleep(3)
        assert ("Warning", "FailedCreate", "Error creating: exceeded quota") in world.api.events()
        world.api.refuse = lambda *args: None
        await world.clock.sleep(70)
        assert len(pods(world)) == 1

    play(script, job_controller.CONTROLLER)
