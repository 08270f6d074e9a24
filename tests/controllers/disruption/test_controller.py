"""The disruption controller against a small API."""

from pynetes.client.kinds import DEPLOYMENTS, POD_DISRUPTION_BUDGETS, PODS, REPLICA_SETS
from pynetes.controllers import disruption
from pynetes.meta.times import rfc3339
from tests.controllers.mini_api import play

from .make import OWNER, budget, pod, pods


def put_all(world, *found):
    for each in found:
        world.api.put(PODS, each)


def put_set(world, replicas, **metadata):
    world.api.put(REPLICA_SETS, {"metadata": {"name": "web", "uid": "rs", **metadata}, "spec": {"replicas": replicas}})


def status(world, name="b"):
    return world.api.get(POD_DISRUPTION_BUDGETS, name).get("status", {})


def test_a_budget_follows_its_pods_and_then_rests():
    async def script(world):
        world.api.put(POD_DISRUPTION_BUDGETS, budget(minAvailable=2))
        put_all(world, *pods(3))
        await world.clock.sleep(1)
        assert status(world)["disruptionsAllowed"] == 1
        world.api.change(PODS, "p0", lambda p: p["status"].update(conditions=[]))
        await world.clock.sleep(1)
        assert status(world)["disruptionsAllowed"] == 0
        world.api.writes.clear()
        world.manager.enqueue("disruption-controller", "default/b")
        await world.clock.sleep(400)
        assert world.api.writes == []

    play(script, disruption.CONTROLLER)


def test_a_share_is_of_what_the_set_asks_for():
    async def script(world):
        put_set(world, 10)
        world.api.put(POD_DISRUPTION_BUDGETS, budget(minAvailable="50%"))
        put_all(world, *pods(6))
        await world.clock.sleep(1)
        assert (status(world)["expectedPods"], status(world)["disruptionsAllowed"]) == (10, 1)

    play(script, disruption.CONTROLLER)


def test_a_set_of_a_deployment_counts_as_the_deployment():
    async def script(world):
        above = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": True}
        put_set(world, 6, ownerReferences=[above])
        world.api.put(DEPLOYMENTS, {"metadata": {"name": "web", "uid": "d"}, "spec": {"replicas": 8}})
        world.api.put(POD_DISRUPTION_BUDGETS, budget(maxUnavailable=1))
        put_all(world, *pods(6))
        await world.clock.sleep(1)
        assert status(world)["expectedPods"] == 8

    play(script, disruption.CONTROLLER)


def test_a_controller_that_is_gone_makes_the_count_fail_and_nothing_is_allowed():
    async def script(world):
        world.api.put(POD_DISRUPTION_BUDGETS, budget(maxUnavailable=1))
        put_all(world, pod("a", owner={**OWNER, "apiVersion": "example.com/v1", "kind": "Thing"}))
        await world.clock.sleep(1)
        [condition] = status(world)["conditions"]
        text = 'no matches for kind "Thing" in version "example.com/v1"'
        assert (condition["reason"], condition["message"]) == ("SyncFailed", text)
        message = f"Failed to calculate the number of expected pods: {text}"
        assert ("Warning", "CalculateExpectedPodCountFailed", message) in world.api.events()

    play(script, disruption.CONTROLLER)


def test_pods_that_lose_the_label_no_longer_count():
    async def script(world):
        world.api.put(POD_DISRUPTION_BUDGETS, budget(minAvailable=1))
        put_all(world, *pods(2))
        await world.clock.sleep(1)
        world.api.change(PODS, "p0", lambda p: p["metadata"].update(labels={}))
        await world.clock.sleep(1)
        assert (status(world)["expectedPods"], status(world)["disruptionsAllowed"]) == (1, 0)

    play(script, disruption.CONTROLLER)


def test_an_evicted_pod_that_stays_counts_again_after_two_minutes():
    async def script(world):
        at = rfc3339(world.clock.now())
        world.api.put(POD_DISRUPTION_BUDGETS, budget({"disruptedPods": {"p0": at}}, minAvailable=1))
        put_all(world, *pods(2))
        await world.clock.sleep(119)
        assert status(world)["currentHealthy"] == 1
        await world.clock.sleep(2)
        assert status(world)["currentHealthy"] == 2 and "disruptedPods" not in status(world)

    play(script, disruption.CONTROLLER)


def test_a_pod_of_two_budgets_is_a_warning_and_both_are_counted():
    async def script(world):
        world.api.put(POD_DISRUPTION_BUDGETS, budget(minAvailable=1))
        other = budget(minAvailable=1)
        other["metadata"]["name"] = "c"
        world.api.put(POD_DISRUPTION_BUDGETS, other)
        await world.clock.sleep(1)
        put_all(world, pod("a"))
        await world.clock.sleep(1)
        assert status(world)["currentHealthy"] == status(world, "c")["currentHealthy"] == 1
        text = 'Pod "default"/"a" matches multiple PodDisruptionBudgets.  Chose "b" arbitrarily.'
        assert ("Warning", "MultiplePodDisruptionBudgets", text) in world.api.events()

    play(script, disruption.CONTROLLER)


def test_a_mark_that_leads_to_nothing_is_taken_back_after_two_minutes():
    async def script(world):
        at = rfc3339(world.clock.now())
        mark = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
        put_all(world, pod("a", conditions=[{**mark, "lastTransitionTime": at}]))
        await world.clock.sleep(119)
        assert world.api.get(PODS, "a")["status"]["conditions"][0]["status"] == "True"
        await world.clock.sleep(2)
        assert world.api.get(PODS, "a")["status"]["conditions"][0]["status"] == "False"

    play(script, disruption.CONTROLLER)
