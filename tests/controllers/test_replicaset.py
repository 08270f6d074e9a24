"""The ReplicaSet controller, decided purely and run against a small API."""

from collections import Counter

from pynetes.client.kinds import EVENTS, PODS, REPLICA_SETS
from pynetes.controllers import replicaset
from pynetes.controllers.replicaset import BURST, CreatePods, DeletePods, plan, status
from pynetes.controllers.slowstart import slow_start

from .mini_api import Refused, play

NOW = 1_767_225_600.0


def make_rs(replicas=3, **spec):
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"metadata": {"name": "web", "namespace": "default", "uid": "u1", "generation": 1}, "spec": spec}


def make_pod(name, ready=False, node="n1", phase="Running", labels=None, **metadata):
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": f"uid-{name}",
        "labels": labels or {"app": "web"},
        **metadata,
    }
    metadata.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
    spec = {"nodeName": node} if node else {}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase, "conditions": [condition]}}


def owned(pod, rs):
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web",
        "uid": rs["metadata"]["uid"],
        "controller": True,
    }
    pod["metadata"]["ownerReferences"] = [reference]
    return pod


def test_too_few_pods_are_created_at_most_a_burst_at_once():
    assert plan(make_rs(3), [make_pod("a")], (), NOW)[0].count == 2
    assert plan(make_rs(5000), [], (), NOW)[0].count == BURST


def test_a_new_pod_has_the_template_and_its_controller():
    [action] = plan(make_rs(1), [], (), NOW)
    assert isinstance(action, CreatePods)
    metadata = action.pod["metadata"]
    assert metadata["generateName"] == "web-"
    assert metadata["labels"] == {"app": "web"}
    assert metadata["ownerReferences"][0]["blockOwnerDeletion"] is True
    assert action.pod["spec"]["containers"][0]["image"] == "i"


def test_pods_without_a_node_go_first_then_pending_then_not_ready_ones():
    pods = [
        make_pod("ready", ready=True),
        make_pod("running"),
        make_pod("pending", phase="Pending"),
        make_pod("unassigned", node=""),
    ]
    [action] = plan(make_rs(0), pods, pods, NOW + 100)
    assert isinstance(action, DeletePods) and len(action.pods) == 4
    order = [p["metadata"]["name"] for p in plan(make_rs(1), pods, pods, NOW + 100)[0].pods]
    assert order == ["unassigned", "pending", "running"]


def test_of_equal_pods_one_on_the_fullest_node_goes_first():
    pods = [
        make_pod("a", ready=True, node="n1"),
        make_pod("b", ready=True, node="n2"),
        make_pod("c", ready=True, node="n2"),
    ]
    names = [p["metadata"]["name"] for p in plan(make_rs(2), pods, pods, NOW)[0].pods]
    assert names[0] in ("b", "c")


def test_a_lower_deletion_cost_goes_first():
    cheap = make_pod("cheap", ready=True, annotations={"controller.kubernetes.io/pod-deletion-cost": "-5"})
    pods = [make_pod("dear", ready=True), cheap]
    assert plan(make_rs(1), pods, pods, NOW)[0].pods == (cheap,)


def test_a_set_that_is_being_deleted_makes_nothing():
    rs = make_rs(3)
    rs["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert plan(rs, [], (), NOW) == []


def test_the_status_counts_ready_available_and_fully_labelled_pods():
    rs = make_rs(3, minReadySeconds=10)
    rs["spec"]["template"]["metadata"]["labels"] = {"app": "web", "tier": "x"}
    pods = [make_pod("a", ready=True, labels={"app": "web", "tier": "x"}), make_pod("b")]
    found = status(rs, pods, 1, None, NOW + 5)
    assert found == {
        "replicas": 2,
        "fullyLabeledReplicas": 1,
        "readyReplicas": 1,
        "terminatingReplicas": 1,
        "observedGeneration": 1,
    }
    assert status(rs, pods, 1, None, NOW + 10)["availableReplicas"] == 1


def test_a_failure_becomes_a_condition_once():
    rs = make_rs(3)
    rs["status"] = status(rs, [], 0, ValueError("quota"), NOW)
    [condition] = rs["status"]["conditions"]
    assert (condition["type"], condition["reason"], condition["message"]) == ("ReplicaFailure", "FailedCreate", "quota")
    assert status(rs, [], 0, ValueError("other"), NOW + 9) == rs["status"]
    assert "conditions" not in status(rs, [], 0, None, NOW)


def test_creation_starts_slowly_and_stops_at_the_first_failing_batch():
    batches = []

    async def script(world):
        calls = 0

        async def create():
            nonlocal calls
            calls += 1
            if calls > 4:
                raise ValueError("no more")

        batches.append(await slow_start(100, create))
        batches.append(calls)

    play(script)
    (succeeded, failure), calls = batches
    assert (succeeded, str(failure), calls) == (4, "no more", 7)


def test_a_set_gets_its_pods_status_and_events_and_then_rests():
    async def script(world):
        world.api.put(REPLICA_SETS, make_rs(3))
        await world.clock.sleep(10)
        pods = world.api.all(PODS)
        assert len(pods) == 3
        assert world.api.get(REPLICA_SETS, "web")["status"]["replicas"] == 3
        messages = Counter(reason for _, reason, _ in world.api.events())
        assert messages == {"SuccessfulCreate": 3}
        assert {m for _, _, m in world.api.events()} == {f"Created pod: {p['metadata']['name']}" for p in pods}
        world.api.writes.clear()
        world.manager.enqueue("replicaset-controller", "default/web")
        await world.clock.sleep(400)
        assert world.api.writes == []

    play(script, replicaset.CONTROLLER)


def test_a_slow_informer_never_makes_double_pods():
    async def script(world):
        await world.clock.sleep(1)
        world.api.muted = {"pods"}
        world.api.put(REPLICA_SETS, make_rs(3))
        await world.clock.sleep(5)
        world.api.change(REPLICA_SETS, "web", lambda rs: rs["metadata"].update(labels={"touched": "1"}))
        await world.clock.sleep(60)
        assert len(world.api.all(PODS)) == 3
        world.api.unmute()
        await world.clock.sleep(5)
        assert len(world.api.all(PODS)) == 3
        assert world.api.get(REPLICA_SETS, "web")["status"]["replicas"] == 3

    play(script, replicaset.CONTROLLER)


def test_orphans_that_match_are_adopted_and_owned_ones_that_do_not_are_released():
    async def script(world):
        world.api.put(PODS, make_pod("orphan"))
        rs = world.api.put(REPLICA_SETS, make_rs(2))
        world.api.put(PODS, owned(make_pod("strayed", labels={"app": "other"}), rs))
        await world.clock.sleep(5)
        assert world.api.get(PODS, "orphan")["metadata"]["ownerReferences"][0]["uid"] == rs["metadata"]["uid"]
        assert world.api.get(PODS, "strayed")["metadata"]["ownerReferences"] == []
        assert len(world.api.all(PODS)) == 3

    play(script, replicaset.CONTROLLER)


def test_scaling_down_deletes_and_says_so_and_waits_for_terminating_pods():
    async def script(world):
        rs = world.api.put(REPLICA_SETS, make_rs(3))
        for name in "abc":
            world.api.put(PODS, owned(make_pod(name, ready=name == "a"), rs))
        await world.clock.sleep(5)
        world.api.change(REPLICA_SETS, "web", lambda rs: rs["spec"].update(replicas=1))
        await world.clock.sleep(5)
        deleted = [p["metadata"]["name"] for p in world.api.all(PODS) if "deletionTimestamp" in p["metadata"]]
        assert sorted(deleted) == ["b", "c"]
        found = world.api.get(REPLICA_SETS, "web")["status"]
        assert (found["replicas"], found["terminatingReplicas"]) == (1, 2)
        assert ("Normal", "SuccessfulDelete", "Deleted pod: b") in world.api.events()

    play(script, replicaset.CONTROLLER)


def test_a_refusal_is_an_event_and_a_condition_and_is_retried():
    async def script(world):
        def refuse(verb, plural, obj):
            if (verb, plural) == ("POST", "pods"):
                raise Refused(403, "Forbidden", "pods is forbidden: exceeded quota")

        world.api.refuse = refuse
        world.api.put(REPLICA_SETS, make_rs(2))
        await world.clock.sleep(3)
        [condition] = world.api.get(REPLICA_SETS, "web")["status"]["conditions"]
        assert condition["reason"] == "FailedCreate"
        assert ("Warning", "FailedCreate", "Error creating: pods is forbidden: exceeded quota") in world.api.events()
        world.api.refuse = lambda *args: None
        await world.clock.sleep(20)
        assert len(world.api.all(PODS)) == 2
        assert "conditions" not in world.api.get(REPLICA_SETS, "web")["status"]

    play(script, replicaset.CONTROLLER)


def test_availability_is_looked_at_again_when_the_pod_has_been_ready_for_long_enough():
    async def script(world):
        rs = world.api.put(REPLICA_SETS, make_rs(1, minReadySeconds=30))
        world.api.put(PODS, owned(make_pod("a", ready=True), rs))
        await world.clock.sleep(29)
        assert "availableReplicas" not in world.api.get(REPLICA_SETS, "web")["status"]
        await world.clock.sleep(2)
        assert world.api.get(REPLICA_SETS, "web")["status"]["availableReplicas"] == 1

    play(script, replicaset.CONTROLLER)


def test_a_deleted_pod_is_replaced():
    async def script(world):
        world.api.put(REPLICA_SETS, make_rs(2))
        await world.clock.sleep(5)
        gone = world.api.all(PODS)[0]["metadata"]["name"]
        world.api.remove(PODS, gone)
        await world.clock.sleep(5)
        names = {p["metadata"]["name"] for p in world.api.all(PODS)}
        assert len(names) == 2 and gone not in names
        assert world.api.all(EVENTS)

    play(script, replicaset.CONTROLLER)
