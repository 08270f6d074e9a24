"""The Deployment controller: rollouts as a whole, and the pure parts that decide them."""

import asyncio

import pytest

from pynetes.client.kinds import DEPLOYMENTS, PODS, REPLICA_SETS
from pynetes.controllers import deployment, replicaset
from pynetes.controllers.deployment.plan import plan
from pynetes.controllers.deployment.progress import next_check
from pynetes.controllers.deployment.sizes import fenceposts
from pynetes.controllers.templates import same_template, template_hash

from .mini_api import Refused, play

NOW = 1_767_225_600.0


def make(replicas=3, image="i:1", strategy=None, **spec):
    strategy = strategy or {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": template,
        "strategy": strategy,
    } | {
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        **spec,
    }
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}


def set_image(image):
    def change(obj):
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

    return change


def set_replicas(count):
    return lambda obj: obj["spec"].update(replicas=count)


async def kubelet(world, ready=lambda pod: True):
    """Plays the node: binds and readies pods, finishes deletions; a second at a time."""
    while True:
        await world.clock.sleep(1)
        for pod in world.api.all(PODS):
            name = pod["metadata"]["name"]
            if "deletionTimestamp" in pod["metadata"]:
                world.api.remove(PODS, name)
            elif pod["status"]["phase"] == "Pending" and ready(pod):
                world.api.change(PODS, name, make_ready)


def make_ready(pod):
    pod["spec"]["nodeName"] = "n1"
    pod["status"] = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    }


def conditions(obj):
    return {c["type"]: (c["status"], c["reason"]) for c in obj["status"]["conditions"]}


def roll(script, ready=lambda pod: True, settings=None):
    async def main(world):
        node = asyncio.get_running_loop().create_task(kubelet(world, ready))
        try:
            await script(world)
        finally:
            node.cancel()

    play(main, deployment.CONTROLLER, replicaset.CONTROLLER, settings=settings)


def scalings(world):
    return [m for _, reason, m in world.api.events() if reason == "ScalingReplicaSet"]


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [
        ("25%", "25%", 3, (1, 0)),
        ("25%", "25%", 10, (3, 2)),
        (0, "1%", 2, (0, 1)),
        (1, 0, 5, (1, 0)),
        ("100%", 9, 4, (4, 4)),
    ],
)
def test_surge_is_rounded_up_unavailable_down_and_never_are_both_zero(surge, unavailable, replicas, expected):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    assert fenceposts(make(replicas, strategy=strategy)) == expected


def test_the_hash_is_stable_short_without_vowels_and_differs_after_a_collision():
    template = make()["spec"]["template"]
    first = template_hash(template, None)
    assert first == template_hash(dict(reversed(template.items())), None)
    assert len(first) <= 10 and not set(first) & set("aeiou013")
    assert template_hash(template, 1) != first


def test_templates_are_compared_without_the_hash_label():
    template = make()["spec"]["template"]
    labelled = {**template, "metadata": {"labels": {"app": "web", "pod-template-hash": "x"}}}
    assert same_template(template, labelled)
    assert not same_template(template, make(image="i:2")["spec"]["template"])


def test_a_new_deployment_rolls_out_and_says_what_upstream_says():
    async def script(world):
        world.api.put(DEPLOYMENTS, make(3))
        await world.clock.sleep(10)
        found = world.api.get(DEPLOYMENTS, "web")
        [rs] = world.api.all(REPLICA_SETS)
        assert scalings(world) == [f"Scaled up replica set {rs['metadata']['name']} from 0 to 3"]
        assert found["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
        assert rs["metadata"]["annotations"] == {
            "deployment.kubernetes.io/revision": "1",
            "deployment.kubernetes.io/desired-replicas": "3",
            "deployment.kubernetes.io/max-replicas": "4",
        }
        assert conditions(found) == {
            "Available": ("True", "MinimumReplicasAvailable"),
            "Progressing": ("True", "NewReplicaSetAvailable"),
        }
        messages = {c["type"]: c["message"] for c in found["status"]["conditions"]}
        assert messages["Progressing"] == f'ReplicaSet "{rs["metadata"]["name"]}" has successfully progressed.'
        status = {k: v for k, v in found["status"].items() if k != "conditions"}
        counts = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
        assert status == {"observedGeneration": 1, "terminatingReplicas": 0, **counts}
        world.api.writes.clear()
        world.manager.enqueue("deployment-controller", "default/web")
        await world.clock.sleep(5)
        assert world.api.writes == []

    roll(script)


def test_a_rolling_update_keeps_within_its_bounds_and_ends_with_the_new_set():
    seen = []

    async def script(world):
        world.api.put(DEPLOYMENTS, make(10))
        await world.clock.sleep(20)
        world.api.change(DEPLOYMENTS, "web", set_image("i:2"))
        for _ in range(300):
            await world.clock.sleep(0.1)
            pods = [p for p in world.api.all(PODS) if "deletionTimestamp" not in p["metadata"]]
            ready = [p for p in pods if p["status"]["phase"] == "Running"]
            seen.append((len(pods), len(ready)))
        found = world.api.get(DEPLOYMENTS, "web")
        assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
        sizes = sorted(rs["spec"]["replicas"] for rs in world.api.all(REPLICA_SETS))
        assert sizes == [0, 10]
        assert conditions(found)["Progressing"] == ("True", "NewReplicaSetAvailable")
        new = next(rs for rs in world.api.all(REPLICA_SETS) if rs["spec"]["replicas"] == 10)
        assert scalings(world)[1] == f"Scaled up replica set {new['metadata']['name']} from 0 to 3"

    roll(script)
    assert max(count for count, _ in seen) <= 13
    assert min(ready for _, ready in seen) >= 8


def test_recreate_waits_until_the_old_pods_are_gone():
    seen = []

    async def script(world):
        world.api.put(DEPLOYMENTS, make(2, strategy={"type": "Recreate"}))
        await world.clock.sleep(10)
        world.api.change(DEPLOYMENTS, "web", set_image("i:2"))
        for _ in range(100):
            await world.clock.sleep(0.1)
            seen.append({p["spec"]["containers"][0]["image"] for p in world.api.all(PODS)})
        assert seen[-1] == {"i:2"}
        assert len(world.api.all(PODS)) == 2

    roll(script)
    assert {"i:1", "i:2"} not in seen


def test_going_back_to_an_old_template_reuses_its_set_and_notes_its_history():
    async def script(world):
        world.api.put(DEPLOYMENTS, make(1))
        await world.clock.sleep(10)
        for image in ("i:2", "i:1"):
            world.api.change(DEPLOYMENTS, "web", set_image(image))
            await world.clock.sleep(20)
        assert len(world.api.all(REPLICA_SETS)) == 2
        new = next(rs for rs in world.api.all(REPLICA_SETS) if rs["spec"]["replicas"] == 1)
        assert new["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
        assert new["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"

    roll(script)


def test_old_sets_beyond_the_history_limit_are_deleted_oldest_first():
    async def script(world):
        world.api.put(DEPLOYMENTS, make(1, revisionHistoryLimit=1))
        for number in range(2, 5):
            await world.clock.sleep(20)
            world.api.change(DEPLOYMENTS, "web", set_image(f"i:{number}"))
        await world.clock.sleep(20)
        images = {rs["spec"]["template"]["spec"]["containers"][0]["image"] for rs in world.api.all(REPLICA_SETS)}
        assert images == {"i:3", "i:4"}

    roll(script)


def test_scaling_amid_a_rollout_is_shared_in_proportion():
    """concepts/workloads/controllers/deployment, Proportional scaling: 10 replicas, surge 3, unavailable 2, then 15."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}

    async def script(world):
        world.api.put(DEPLOYMENTS, make(10, strategy=strategy))
        await world.clock.sleep(20)
        world.api.change(DEPLOYMENTS, "web", set_image("broken"))
        await world.clock.sleep(20)
        sizes = {
            rs["spec"]["template"]["spec"]["containers"][0]["image"]: rs["spec"]["replicas"]
            for rs in world.api.all(REPLICA_SETS)
        }
        assert sizes == {"i:1": 8, "broken": 5}
        world.api.change(DEPLOYMENTS, "web", set_replicas(15))
        await world.clock.sleep(20)
        sizes = {
            rs["spec"]["template"]["spec"]["containers"][0]["image"]: rs["spec"]["replicas"]
            for rs in world.api.all(REPLICA_SETS)
        }
        assert sizes == {"i:1": 11, "broken": 7}

    roll(script, ready=lambda pod: pod["spec"]["containers"][0]["image"] != "broken")


def test_a_rollout_without_progress_times_out_exactly_when_told():
    async def script(world):
        world.api.put(DEPLOYMENTS, make(1, progressDeadlineSeconds=60))
        await world.clock.sleep(59)
        assert conditions(world.api.get(DEPLOYMENTS, "web"))["Progressing"][0] == "True"
        await world.clock.sleep(5)
        assert conditions(world.api.get(DEPLOYMENTS, "web")) == {
            "Available": ("False", "MinimumReplicasUnavailable"),
            "Progressing": ("False", "ProgressDeadlineExceeded"),
        }

    roll(script, ready=lambda pod: False)


def test_a_paused_deployment_scales_but_does_not_roll():
    async def script(world):
        world.api.put(DEPLOYMENTS, make(2))
        await world.clock.sleep(10)
        world.api.change(DEPLOYMENTS, "web", lambda d: d["spec"].update(paused=True))
        world.api.change(DEPLOYMENTS, "web", set_image("i:2"))
        world.api.change(DEPLOYMENTS, "web", set_replicas(4))
        await world.clock.sleep(10)
        [rs] = world.api.all(REPLICA_SETS)
        assert rs["spec"]["replicas"] == 4
        assert conditions(world.api.get(DEPLOYMENTS, "web"))["Progressing"] == ("Unknown", "DeploymentPaused")
        world.api.change(DEPLOYMENTS, "web", lambda d: d["spec"].pop("paused"))
        await world.clock.sleep(20)
        assert len(world.api.all(REPLICA_SETS)) == 2

    roll(script)


def test_a_name_that_is_taken_gives_another_hash():
    async def script(world):
        wanted = make(1)
        name = "web-" + template_hash(wanted["spec"]["template"], None)
        world.api.put(
            REPLICA_SETS,
            {
                "metadata": {"name": name},
                "spec": {"replicas": 0, "template": {"spec": {}}, "selector": {"matchLabels": {"x": "y"}}},
            },
        )
        world.api.put(DEPLOYMENTS, wanted)
        await world.clock.sleep(20)
        assert world.api.get(DEPLOYMENTS, "web")["status"]["collisionCount"] == 1
        assert len(world.api.all(PODS)) == 1

    roll(script)


def test_a_set_that_cannot_be_made_is_told_in_condition_and_event():
    async def script(world):
        def refuse(verb, plural, obj):
            if (verb, plural) == ("POST", "replicasets"):
                raise Refused(403, "Forbidden", "no more sets")

        world.api.refuse = refuse
        world.api.put(DEPLOYMENTS, make(1))
        await world.clock.sleep(3)
        found = world.api.get(DEPLOYMENTS, "web")
        assert conditions(found)["Progressing"] == ("False", "ReplicaSetCreateError")
        message = found["status"]["conditions"][0]["message"]
        assert message.startswith('Failed to create new replica set "web-') and message.endswith('": no more sets')

    roll(script)


def test_a_deployment_at_rest_plans_nothing_and_needs_no_timer():
    async def script(world):
        world.api.put(DEPLOYMENTS, make(2))
        await world.clock.sleep(10)
        found = world.api.get(DEPLOYMENTS, "web")
        assert plan(found, world.api.all(REPLICA_SETS), world.api.all(PODS), world.clock.now()) == []
        assert next_check(found, world.clock.now()) is None

    roll(script)
