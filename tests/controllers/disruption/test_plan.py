"""What a budget allows, by objects: tasks/run-application/configure-pdb."""

import pytest

from pynetes.controllers.disruption.plan import failed, plan, stale_after, unmarked
from pynetes.meta.times import rfc3339

from .make import NOW, budget, pod, pods


def counts(*args, **more):
    status = plan(*args, now=NOW, **more).status
    return tuple(status[name] for name in ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed"))


@pytest.mark.parametrize(
    ("spec", "healthy", "scale", "expected"),
    [
        ({"minAvailable": 2}, 3, 9, (3, 3, 2, 1)),
        ({"minAvailable": 5}, 3, 9, (3, 3, 5, 0)),
        ({"minAvailable": "50%"}, 7, 7, (7, 7, 4, 3)),
        ({"minAvailable": "100%"}, 3, 3, (3, 3, 3, 0)),
        ({"maxUnavailable": 1}, 3, 4, (4, 3, 3, 0)),
        ({"maxUnavailable": "30%"}, 7, 7, (7, 7, 4, 3)),
        ({"maxUnavailable": 9}, 3, 3, (3, 3, 0, 3)),
        ({}, 3, 3, (0, 3, 0, 0)),
    ],
)
def test_what_is_allowed_is_what_is_healthy_beyond_what_must_be(spec, healthy, scale, expected):
    assert counts(budget(**spec), pods(healthy), {"rs": scale}) == expected


def test_pods_that_are_not_ready_or_going_or_evicted_are_not_healthy():
    found = [pod("a"), pod("b", ready=False), pod("c", deleted=True), pod("d")]
    evicted = budget(status={"disruptedPods": {"d": rfc3339(NOW - 60)}}, minAvailable=1)
    made = plan(evicted, found, {}, NOW)
    assert made.status["currentHealthy"] == 1
    assert (made.status["disruptedPods"], made.again) == ({"d": rfc3339(NOW - 60)}, 60)


def test_an_evicted_pod_that_was_not_deleted_for_two_minutes_counts_again():
    evicted = budget(status={"disruptedPods": {"a": rfc3339(NOW - 121), "gone": rfc3339(NOW)}}, minAvailable=0)
    made = plan(evicted, [pod("a")], {}, NOW)
    assert made.status["currentHealthy"] == 1 and "disruptedPods" not in made.status
    [report] = made.reports
    assert (report.reason, report.object["metadata"]["name"]) == ("NotDeleted", "a")
    assert report.message == "Pod was expected by PDB default/default to be deleted but it wasn't"


def test_the_condition_says_whether_anything_is_allowed():
    status = plan(budget(minAvailable=1), pods(2), {}, NOW).status
    condition = {
        "type": "DisruptionAllowed",
        "status": "True",
        "reason": "SufficientPods",
        "message": "",
        "lastTransitionTime": rfc3339(NOW),
        "observedGeneration": 1,
    }
    assert status["conditions"] == [condition]
    assert plan(budget(status, minAvailable=1), pods(2), {}, NOW + 9).status == status
    later = plan(budget(status, minAvailable=2), pods(2), {}, NOW + 9).status
    assert later["conditions"] == [
        {**condition, "status": "False", "reason": "InsufficientPods", "lastTransitionTime": rfc3339(NOW + 9)}
    ]


def test_no_pods_and_pods_that_nobody_controls_are_events():
    [report] = plan(budget(minAvailable=1), [], {}, NOW).reports
    assert (report.type, report.reason, report.message) == ("Normal", "NoPods", "No matching pods found")
    [report] = plan(budget(maxUnavailable=1), pods(1, owner=None), {}, NOW).reports
    assert (report.type, report.reason) == ("Warning", "UnmanagedPods")
    selector = "&LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},}"
    assert f"(selector: {selector})" in report.message
    assert plan(budget(minAvailable=1), pods(1, owner=None), {}, NOW).reports == []


def test_when_the_count_failed_nothing_is_allowed():
    before = plan(budget(minAvailable=1), pods(2), {}, NOW).status
    status = failed(budget(before, minAvailable=1), ValueError("why"), NOW + 5)
    assert (status["disruptionsAllowed"], status["currentHealthy"]) == (0, 2)
    [condition] = status["conditions"]
    assert (condition["reason"], condition["message"], condition["status"]) == ("SyncFailed", "why", "False")


def marked(seconds_ago, **more):
    at = rfc3339(NOW - seconds_ago)
    mark = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "lastTransitionTime": at}
    return pod("a", conditions=[{**mark, **more.pop("mark", {})}], **more)


def test_a_mark_is_stale_after_two_minutes():
    assert stale_after(marked(50), NOW) == 70
    assert stale_after(marked(500), NOW) == 0
    assert stale_after(pod("a"), NOW) is None
    assert stale_after(marked(500, deleted=True), NOW) is None
    assert stale_after(marked(500, phase="Failed"), NOW) is None
    assert stale_after(marked(500, mark={"reason": "TerminationByKubelet"}), NOW) is None
    assert stale_after(marked(500, mark={"status": "False"}), NOW) is None


def test_a_mark_that_is_taken_back_is_false():
    [mark] = unmarked(marked(500), NOW)["conditions"]
    wanted = {"type": "DisruptionTarget", "status": "False", "lastProbeTime": None, "lastTransitionTime": rfc3339(NOW)}
    assert mark == wanted
