"""Evictions and the budgets that refuse them: concepts/scheduling-eviction/api-eviction."""

import copy
from typing import Any

import pytest

from pynetes.apiserver.subresources.eviction import decremented
from pynetes.meta.status import StatusError
from tests.apiserver.writing import MERGE, Writing, run_writing

PODS = "/api/v1/namespaces/n/pods"
BUDGETS = "/apis/policy/v1/namespaces/n/poddisruptionbudgets"
BUDGET = {
    "metadata": {"name": "b", "generation": 2},
    "status": {"observedGeneration": 2, "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2},
}


def allowed(**status: Any) -> dict[str, Any]:
    budget = copy.deepcopy(BUDGET)
    budget["status"] |= status
    return budget


def refusal(budget: dict[str, Any]) -> tuple[int, str, int]:
    with pytest.raises(StatusError) as error:
        decremented(budget, "p", 0.0)
    details = error.value.status["details"]
    causes = details.get("causes") or [{}]
    return error.value.code, causes[0].get("message", ""), details.get("retryAfterSeconds", 0)


def test_a_disruption_is_taken_and_the_pod_noted() -> None:
    found = decremented(allowed(disruptionsAllowed=2), "p", 0.0)["status"]
    assert (found["disruptionsAllowed"], found["disruptedPods"]) == (1, {"p": "1970-01-01T00:00:00Z"})
    assert "conditions" not in found


def test_the_last_one_makes_the_condition_false() -> None:
    found = decremented(allowed(), "p", 0.0)["status"]
    assert found["conditions"] == [
        {
            "type": "DisruptionAllowed",
            "status": "False",
            "reason": "InsufficientPods",
            "message": "",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
            "observedGeneration": 2,
        }
    ]


def test_refusals_say_why() -> None:
    assert refusal(allowed(observedGeneration=1)) == (
        429,
        "The disruption budget b is still being processed by the server.",
        10,
    )
    assert refusal(allowed(disruptionsAllowed=0, currentHealthy=2)) == (
        429,
        "The disruption budget b needs 2 healthy pods and has 2 currently",
        0,
    )
    failed = [{"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no scale"}]
    assert refusal(allowed(disruptionsAllowed=0, conditions=failed))[1] == (
        "The disruption budget b does not allow evicting pods currently because it failed sync: no scale"
    )
    assert refusal(allowed(disruptionsAllowed=-1))[0] == 403
    assert refusal(allowed(disruptedPods={str(number): "" for number in range(2001)}))[0] == 403


async def guarded(api: Writing, ready: str = "True", **spec: Any) -> None:
    """A running pod ``p`` under a budget ``b`` that allows nothing."""
    await api.make(PODS, "p", metadata={"labels": {"a": "b"}}, spec={"containers": [{"name": "c", "image": "i"}]})
    at = "2026-01-01T00:00:00Z"
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": at}
    status = {"status": {"phase": "Running", "conditions": [condition]}}
    await api.ask("PATCH", f"{PODS}/p/status", status, type=MERGE)
    await api.make(BUDGETS, "b", spec={"selector": {"matchLabels": {"a": "b"}}, "minAvailable": 1, **spec})


async def set_budget(api: Writing, **status: int) -> None:
    status = {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, **status}
    assert (await api.ask("PATCH", f"{BUDGETS}/b/status", {"status": status}, type=MERGE))[0] == 200


async def evict(api: Writing, **options: Any) -> tuple[int, Any]:
    body = {"metadata": {"name": "p"}, **({"deleteOptions": options} if options else {})}
    return await api.ask("POST", f"{PODS}/p/eviction", body)


def test_a_budget_refuses_and_then_allows() -> None:
    async def main(api: Writing) -> None:
        await guarded(api)
        assert (await evict(api))[0] == 429
        await set_budget(api)
        code, refused = await evict(api)
        assert (code, refused["message"]) == (429, "Cannot evict pod as it would violate the pod's disruption budget.")
        await set_budget(api, disruptionsAllowed=1, currentHealthy=2)
        assert (await evict(api))[0] == 201
        _, budget = await api.ask("GET", f"{BUDGETS}/b")
        assert (budget["status"]["disruptionsAllowed"], list(budget["status"]["disruptedPods"])) == (0, ["p"])

    run_writing(main)


def test_a_dry_run_takes_nothing() -> None:
    async def main(api: Writing) -> None:
        await guarded(api)
        await set_budget(api, disruptionsAllowed=1, currentHealthy=2)
        assert (await evict(api, dryRun=["All"]))[0] == 201
        _, budget = await api.ask("GET", f"{BUDGETS}/b")
        assert budget["status"]["disruptionsAllowed"] == 1
        assert (await api.ask("GET", f"{PODS}/p"))[0] == 200

    run_writing(main)


def test_a_pod_that_is_not_ready_goes_when_enough_others_are_healthy_or_the_policy_says_so() -> None:
    async def main(api: Writing) -> None:
        await guarded(api, ready="False")
        await set_budget(api, currentHealthy=0)
        assert (await evict(api))[0] == 429
        await set_budget(api)
        assert (await evict(api))[0] == 201
        _, budget = await api.ask("GET", f"{BUDGETS}/b")
        assert "disruptedPods" not in budget["status"]

    run_writing(main)


def test_always_allow_lets_pods_go_that_are_not_ready() -> None:
    async def main(api: Writing) -> None:
        await guarded(api, ready="False", unhealthyPodEvictionPolicy="AlwaysAllow")
        await set_budget(api, currentHealthy=0)
        assert (await evict(api))[0] == 201

    run_writing(main)


def test_pods_that_have_not_begun_or_have_ended_are_not_guarded() -> None:
    async def main(api: Writing) -> None:
        for phase in ("Pending", "Succeeded", "Failed"):
            await guarded(api)
            await set_budget(api)
            await api.ask("PATCH", f"{PODS}/p/status", {"status": {"phase": phase}}, type=MERGE)
            assert (await evict(api))[0] == 201
            await api.ask("DELETE", f"{BUDGETS}/b")

    run_writing(main)


def test_two_budgets_for_one_pod_are_an_error() -> None:
    async def main(api: Writing) -> None:
        await guarded(api)
        await api.make(BUDGETS, "c", spec={"selector": {}, "minAvailable": 1})
        code, said = await evict(api)
        text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        assert (code, said["message"]) == (500, text) and "reason" not in said

    run_writing(main)


def test_preconditions_are_kept() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p")
        assert (await evict(api, preconditions={"resourceVersion": "1"}))[0] == 409
        assert (await evict(api, preconditions={"uid": "another"}))[0] == 409
        _, pod = await api.ask("GET", f"{PODS}/p")
        assert (await evict(api, preconditions={"resourceVersion": pod["metadata"]["resourceVersion"]}))[0] == 201

    run_writing(main)


def test_an_unsafe_delete_is_refused() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p")
        code, said = await evict(api, ignoreStoreReadErrorWithClusterBreakingPotential=True)
        assert (code, said["reason"]) == (422, "Invalid")

    run_writing(main)
