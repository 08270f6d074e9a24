"""What a StatefulSet does next, by objects: concepts/workloads/controllers/statefulset."""

from pynetes.controllers.statefulset.plan import CreatePod, is_news, plan, status

from .make import NOW, claim, decide, look, pod, pods, revision, stateful_set

# --- "Deployment and Scaling Guarantees", ordered


def test_pods_are_created_in_order_each_when_all_before_it_are_available():
    owner = stateful_set()
    assert decide(owner, []) == ["create db-0"]
    assert decide(owner, pods(owner, 0, ready=False)) == []
    assert decide(owner, pods(owner, 0)) == ["create db-1"]
    assert decide(owner, pods(owner, 0, 1, 2)) == []


def test_a_pod_must_have_been_ready_for_min_ready_seconds_before_the_next_is_created():
    owner = stateful_set(minReadySeconds=3600)
    assert decide(owner, pods(owner, 0), now=NOW - 1) == []
    assert decide(owner, pods(owner, 0)) == ["create db-1"]


def test_a_missing_pod_in_the_middle_comes_before_those_behind_it():
    owner = stateful_set()
    assert decide(owner, pods(owner, 0, 2)) == ["create db-1"]


def test_pods_are_deleted_from_the_last_on_one_at_a_time():
    owner = stateful_set(1)
    assert decide(owner, pods(owner, 0, 1, 2)) == ["delete db-2"]
    assert decide(owner, [*pods(owner, 0, 1), pod(owner, 2, deleted=True)]) == []


def test_no_pod_is_deleted_while_one_before_it_is_not_available():
    owner = stateful_set(1)
    assert decide(owner, [*pods(owner, 0, ready=False), *pods(owner, 1, 2)]) == []


def test_while_scaling_down_the_first_sick_pod_may_go_and_a_healthy_one_behind_it():
    owner = stateful_set(1)
    assert decide(owner, [*pods(owner, 0), *pods(owner, 1, ready=False), *pods(owner, 2)]) == ["delete db-2"]
    assert decide(owner, [*pods(owner, 0), *pods(owner, 1, 2, ready=False)]) == []


def test_scaling_down_waits_for_missing_pods_to_come_back():
    owner = stateful_set(2)
    assert decide(owner, pods(owner, 1, 2)) == ["create db-0"]


def test_a_pod_that_ended_is_deleted_and_made_anew_when_it_is_gone():
    owner = stateful_set(2)
    for phase in ("Failed", "Succeeded"):
        assert decide(owner, [pod(owner, 0, phase=phase), pod(owner, 1)]) == ["delete db-0"]
        assert decide(owner, [pod(owner, 0, phase=phase, deleted=True), pod(owner, 1)]) == []


def test_ordinals_may_start_elsewhere():
    owner = stateful_set(2, ordinals={"start": 5})
    assert decide(owner, []) == ["create db-5"]
    assert decide(owner, pods(owner, 5)) == ["create db-6"]
    assert decide(owner, pods(owner, 5, 6, 4)) == ["delete db-4"]


def test_a_set_that_is_being_deleted_does_nothing():
    owner = stateful_set()
    owner["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert decide(owner, []) == []


def test_a_pod_knows_its_name_place_and_revision():
    [action] = plan(look(stateful_set(), [])).actions()
    assert isinstance(action, CreatePod)
    metadata, spec = action.pod["metadata"], action.pod["spec"]
    assert metadata["labels"] == {
        "app": "db",
        "statefulset.kubernetes.io/pod-name": "db-0",
        "apps.kubernetes.io/pod-index": "0",
        "controller-revision-hash": revision(stateful_set())["metadata"]["name"],
    }
    assert (metadata["generateName"], metadata["name"]) == ("db-", "db-0")
    assert (spec["hostname"], spec["subdomain"]) == ("db-0", "db")
    assert "volumes" not in spec


# --- "Parallel Pod Management"


def test_a_parallel_set_creates_and_deletes_all_at_once():
    owner = stateful_set(3, parallel=True)
    assert decide(owner, pods(owner, 1, ready=False)) == ["create db-0", "create db-2"]
    owner = stateful_set(1, parallel=True)
    assert decide(owner, [*pods(owner, 0, 1, ready=False), *pods(owner, 2)]) == ["delete db-2", "delete db-1"]


# --- "Update strategies"


def rollout(present, partition=0, old_replicas=3, **more):
    """A set that goes from image i to j; ``present`` says for each ordinal o(ld) or n(ew), capital: not ready."""
    before, owner = stateful_set(old_replicas), stateful_set(len(present), "j", partition=partition, **more)
    current, update = revision(before), revision(owner, 2)
    found = []
    for ordinal, letter in enumerate(present):
        if letter != ".":
            of = update if letter in "nN" else current
            found.append(pod(owner, ordinal, of, ready=letter.islower(), deleted=letter == "x"))
    return owner, found, current, update


def test_a_rollout_replaces_pods_from_the_last_on_one_at_a_time():
    assert decide(*rollout("ooo")) == ["delete db-2"]
    assert decide(*rollout("oox")) == []
    assert decide(*rollout("oo.")) == ["create db-2"]
    assert decide(*rollout("ooN")) == []
    assert decide(*rollout("oon")) == ["delete db-1"]
    assert decide(*rollout("nnn")) == []


def test_below_the_partition_pods_keep_their_revision_also_when_they_are_made_anew():
    assert decide(*rollout("oon", partition=2)) == []
    owner, found, current, update = rollout(".nn", partition=1)
    [action] = plan(look(owner, found, current, update)).actions()
    assert action.pod["metadata"]["labels"]["controller-revision-hash"] == current["metadata"]["name"]
    assert action.pod["spec"]["containers"][0]["image"] == "i"
    owner, found, current, update = rollout("o.o", partition=1)
    [action] = plan(look(owner, found, current, update)).actions()
    assert action.pod["metadata"]["labels"]["controller-revision-hash"] == update["metadata"]["name"]


def test_an_ordered_rollout_is_stuck_behind_a_sick_pod_until_it_is_deleted_by_hand():
    """ "Forced rollback": it waits for a broken pod to become ready, which never happens."""
    assert decide(*rollout("oON")) == []


def test_on_delete_replaces_nothing_by_itself():
    owner, found, current, update = rollout("ooo")
    owner["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert decide(owner, found, current, update) == []


def test_a_parallel_rollout_goes_one_by_one_too():
    assert decide(*rollout("ooo", parallel=True)) == ["delete db-2"]
    assert decide(*rollout("ooN", parallel=True)) == []


def test_max_unavailable_lets_several_go_at_once():
    owner, found, current, update = rollout("oooo", old_replicas=4)
    owner["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = 2
    assert decide(owner, found, current, update) == ["delete db-3", "delete db-2"]
    owner["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = "10%"
    assert decide(owner, found, current, update) == ["delete db-3"]


# --- "Stable Storage", "PersistentVolumeClaim retention"


def test_claims_are_made_before_their_pod_and_are_its_volumes():
    owner = stateful_set(1, claims=("data", "log"))
    assert decide(owner, []) == ["claim data-db-0", "claim log-db-0", "create db-0"]
    actions = list(plan(look(owner, [])).actions())
    assert actions[0].missing[0]["metadata"]["labels"] == {"app": "db"}
    assert actions[1].pod["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}},
        {"name": "log", "persistentVolumeClaim": {"claimName": "log-db-0"}},
    ]


def test_a_claim_that_is_there_is_used():
    owner = stateful_set(1, claims=("data",))
    assert decide(owner, [], claims=[claim(owner, 0)]) == ["create db-0"]


def test_a_claim_that_is_being_deleted_holds_its_pod_up():
    owner = stateful_set(1, claims=("data",))
    going = claim(owner, 0, deletionTimestamp="2026-01-01T00:00:00Z")
    assert decide(owner, [], claims=[going]) == ["await data-db-0", "create db-0"]


def test_a_claim_that_a_waiting_pod_lost_is_made_anew():
    owner = stateful_set(1, claims=("data",))
    assert decide(owner, pods(owner, 0, phase="Pending", ready=False)) == ["claim data-db-0"]


def test_a_claim_goes_with_its_set_where_the_policy_says_so():
    owner = stateful_set(1, claims=("data",), retain=("Delete", "Retain"))
    assert decide(owner, pods(owner, 0), claims=[claim(owner, 0)]) == ["own data-db-0 by db", "update db-0"]


def test_a_claim_goes_with_a_pod_that_is_scaled_away_where_the_policy_says_so():
    owner = stateful_set(1, claims=("data",), retain=("Retain", "Delete"))
    claims = [claim(owner, 0), claim(owner, 1)]
    assert decide(owner, pods(owner, 0, 1), claims=claims) == ["own data-db-1 by db-1", "delete db-1"]


def test_a_claim_that_goes_with_the_pod_before_holds_its_successor_up():
    owner = stateful_set(1, claims=("data",), retain=("Retain", "Delete"))
    before = {"apiVersion": "v1", "kind": "Pod", "name": "db-0", "uid": "before", "controller": True}
    assert decide(owner, [], claims=[claim(owner, 0, owners=[before])]) == []


def test_a_pod_that_lost_its_name_label_gets_it_back():
    owner = stateful_set(1)
    [lost] = pods(owner, 0)
    del lost["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"]
    assert decide(owner, [lost]) == ["update db-0"]


# --- status


def test_the_status_counts_pods_by_state_and_revision():
    owner, found, current, update = rollout("ooN")
    assert status(look(owner, found, current, update), 0, 0) == {
        "replicas": 3,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "currentReplicas": 2,
        "updatedReplicas": 1,
        "currentRevision": current["metadata"]["name"],
        "updateRevision": update["metadata"]["name"],
        "collisionCount": 0,
        "observedGeneration": 1,
    }
    assert status(look(owner, found, current, update), 1, 0)["currentReplicas"] == 1


def test_when_all_pods_are_updated_and_ready_the_updates_revision_is_current():
    owner, found, current, update = rollout("nnn")
    made = status(look(owner, found, current, update), 0, 0)
    assert (made["currentRevision"], made["currentReplicas"]) == (update["metadata"]["name"], 3)
    owner, found, current, update = rollout("nnN")
    made = status(look(owner, found, current, update), 0, 0)
    assert made["currentRevision"] == current["metadata"]["name"] and "currentReplicas" not in made


def test_only_counts_and_revisions_are_news():
    made = status(look(stateful_set(), []), 0, 0)
    assert not is_news({**made, "conditions": [], "collisionCount": 3}, made)
    assert is_news({**made, "replicas": 1}, made)
