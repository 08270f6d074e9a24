"""Resource quotas: usage is counted whole when limits change and when something is given back."""

from pynetes.client.kinds import CONFIG_MAPS, PODS, RESOURCE_QUOTAS, SERVICES
from pynetes.controllers import resourcequota
from pynetes.controllers.resourcequota import evaluators_of, plan, usage
from pynetes.kinds.pods.resources import amounts
from pynetes.kinds.quota.types import texts

from .mini_api import play

NAME = "resourcequota-controller"


def quota(hard, status=None, **spec):
    return {
        "metadata": {"name": "q", "namespace": "default", "resourceVersion": "1"},
        "spec": {"hard": hard, **spec},
        "status": status or {},
    }


def pod(name="p", cpu="100m", **more):
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}, "status": {"phase": "Running"}, **more}


def written(actions):
    (update,) = actions
    assert (update.kind, update.subresource) == (RESOURCE_QUOTAS, "status")
    return update.object["status"]


def test_the_first_count_takes_over_the_limits():
    status = written(plan(quota({"pods": "2"}), amounts({"pods": "1"})))
    assert status == {"hard": {"pods": "2"}, "used": {"pods": "1"}}


def test_an_entry_that_is_no_longer_limited_goes_and_one_that_nothing_measures_stays():
    said = {"hard": {"pods": "2", "x.example.com/y": "3"}, "used": {"pods": "2", "x.example.com/y": "1"}}
    status = written(plan(quota({"x.example.com/y": "3"}, said), {}))
    assert status == {"hard": {"x.example.com/y": "3"}, "used": {"x.example.com/y": "1"}}


def test_what_is_already_said_is_not_written():
    said = {"hard": {"requests.cpu": "1000m"}, "used": {"requests.cpu": "0.5"}}
    assert not plan(quota({"requests.cpu": "1"}, said), amounts({"requests.cpu": "500m"}))


def test_usage_is_that_of_the_objects_in_scope_by_what_measures_them():
    hard = {"pods": "9", "requests.cpu": "9", "count/configmaps": "9"}
    measures = {measure.plural: measure for measure in evaluators_of(hard)}
    assert set(measures) == {"pods", "configmaps"}
    objects = {measures["pods"]: [pod(cpu="1"), pod(cpu="2")], measures["configmaps"]: [{}]}
    assert texts(usage(quota(hard), objects, 0.0)) == {"pods": "2", "requests.cpu": "3", "count/configmaps": "1"}
    # other objects have no scope, so that a quota with one counts none of them
    scoped = quota(hard, scopes=["BestEffort"])
    assert texts(usage(scoped, objects, 0.0)) == {"pods": "0", "requests.cpu": "0", "count/configmaps": "0"}


def test_usage_follows_deletes_and_ends_and_rests_in_between():
    async def script(world):
        def used():
            return world.api.get(RESOURCE_QUOTAS, "q")["status"].get("used")

        world.api.put(PODS, pod("a"))
        world.api.put(PODS, pod("b"))
        world.api.put(CONFIG_MAPS, {"metadata": {"name": "c"}})
        world.api.put(RESOURCE_QUOTAS, quota({"pods": "2", "count/configmaps": "5", "count/pods": "7"}))
        await world.clock.sleep(1)
        assert used() == {"count/configmaps": "1", "count/pods": "2", "pods": "2"}
        world.api.writes.clear()
        world.manager.enqueue(NAME, "default/q")
        await world.clock.sleep(60)
        assert world.api.writes == []
        world.api.change(PODS, "a", lambda p: p["status"].update(phase="Succeeded"))
        world.api.remove(CONFIG_MAPS, "c")
        await world.clock.sleep(1)
        assert used() == {"count/configmaps": "0", "count/pods": "2", "pods": "1"}
        world.api.remove(PODS, "b")
        await world.clock.sleep(1)
        assert used() == {"count/configmaps": "0", "count/pods": "1", "pods": "0"}

    play(script, resourcequota.CONTROLLER)


def test_new_limits_are_taken_over_at_once():
    async def script(world):
        world.api.put(RESOURCE_QUOTAS, quota({"services": "1"}))
        world.api.put(SERVICES, {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 1}]}})
        await world.clock.sleep(1)
        world.api.change(RESOURCE_QUOTAS, "q", lambda q: q["spec"].update(hard={"services.nodeports": "3"}))
        await world.clock.sleep(1)
        status = world.api.get(RESOURCE_QUOTAS, "q")["status"]
        assert status == {"hard": {"services.nodeports": "3"}, "used": {"services.nodeports": "1"}}

    play(script, resourcequota.CONTROLLER)


def test_what_went_unseen_is_found_by_the_count_of_every_five_minutes():
    async def script(world):
        world.api.put(RESOURCE_QUOTAS, quota({"pods": "3"}))
        await world.clock.sleep(1)
        # charged, and then the create failed: nothing tells of it
        world.api.change(RESOURCE_QUOTAS, "q", lambda q: q["status"].update(used={"pods": "1"}))
        await world.clock.sleep(290)
        assert world.api.get(RESOURCE_QUOTAS, "q")["status"]["used"] == {"pods": "1"}
        await world.clock.sleep(10)
        assert world.api.get(RESOURCE_QUOTAS, "q")["status"]["used"] == {"pods": "0"}

    play(script, resourcequota.CONTROLLER)


def test_a_count_that_lowers_usage_is_repeated():
    """It may have missed what admission had charged and was not stored yet."""

    async def script(world):
        world.api.put(RESOURCE_QUOTAS, quota({"count/configmaps": "3"}))
        await world.clock.sleep(1)
        world.api.muted = {"configmaps"}
        world.api.change(RESOURCE_QUOTAS, "q", lambda q: q["status"].update(used={"count/configmaps": "1"}))
        world.api.put(CONFIG_MAPS, {"metadata": {"name": "c"}})
        world.manager.enqueue(NAME, "default/q")
        await world.clock.sleep(1)
        assert world.api.get(RESOURCE_QUOTAS, "q")["status"]["used"] == {"count/configmaps": "0"}
        world.api.unmute()
        await world.clock.sleep(5)
        assert world.api.get(RESOURCE_QUOTAS, "q")["status"]["used"] == {"count/configmaps": "1"}

    play(script, resourcequota.CONTROLLER)


def test_a_limit_on_what_nobody_serves_has_no_usage():
    async def script(world):
        world.api.put(RESOURCE_QUOTAS, quota({"count/widgets.example.com": "3", "pods": "1"}))
        await world.clock.sleep(1)
        status = world.api.get(RESOURCE_QUOTAS, "q")["status"]
        assert status == {"hard": {"count/widgets.example.com": "3", "pods": "1"}, "used": {"pods": "0"}}

    play(script, resourcequota.CONTROLLER)
