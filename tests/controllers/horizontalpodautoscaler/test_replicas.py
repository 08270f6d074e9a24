"""How many replicas a measured value asks for."""

import pytest

from pynetes.controllers.horizontalpodautoscaler.observed import NotComputed, Sample, requested
from pynetes.controllers.horizontalpodautoscaler.replicas import (
    by_average,
    by_share,
    by_utilization,
    by_value,
    tolerances_of,
    total,
)

from .make import NOON, autoscaler, behavior, observation, pod, pods, samples


@pytest.mark.parametrize(
    ("number", "value", "target", "expected"),
    [
        (2, 90, 50, (4, 90, 90)),  # 1.8 times as much as wanted
        (2, 52, 50, (2, 52, 52)),  # within the tolerance
        (2, 55, 50, (2, 55, 55)),  # just within
        (2, 56, 50, (3, 56, 56)),
        (4, 10, 50, (1, 10, 10)),
        (4, 0, 50, (0, 0, 0)),
        (3, 33, 100, (1, 33, 33)),
    ],
)
def test_replicas_by_the_share_of_the_requests(number, value, target, expected):
    assert by_utilization(observation(pods(number)), samples(number, value), "cpu", "", target) == expected


def test_the_share_is_of_all_requests_together():
    found = [pod("p0", "100m"), pod("p1", "300m")]
    measured = {"p0": Sample(100, NOON, 60.0), "p1": Sample(60, NOON, 60.0)}
    assert by_utilization(observation(found), measured, "cpu", "", 40) == (2, 40, 80)


def test_what_is_measured_of_unknown_pods_does_not_count():
    measured = samples(2, 50) | {"other": Sample(5000, NOON, 60.0)}
    assert by_utilization(observation(pods(2)), measured, "cpu", "", 50) == (2, 50, 50)
    with pytest.raises(NotComputed, match="no metrics returned matched known pods"):
        by_utilization(observation([pod("p0", "0")]), samples(1, 50), "cpu", "", 50)


def test_pods_that_are_not_measured_count_against_the_change():
    # 150% of the two, nothing of the others: 75% of all, half as much again
    assert by_utilization(observation(pods(4)), samples(2, 150), "cpu", "", 50)[0] == 6
    # 10% of the two, 100% of the others: 55%, which is near enough
    assert by_utilization(observation(pods(4)), samples(2, 10), "cpu", "", 50)[0] == 4
    # as much as wanted by those that are measured: the others are asked nothing
    assert by_utilization(observation(pods(4)), samples(2, 50), "cpu", "", 50)[0] == 4
    # 60% of one, nothing of three: it would be fewer
    assert by_utilization(observation(pods(4)), samples(1, 60), "cpu", "", 50)[0] == 4


def test_for_targets_above_everything_unmeasured_pods_are_at_the_target():
    assert by_utilization(observation(pods(4)), samples(2, 10), "cpu", "", 200)[0] == 3
    assert by_utilization(observation(pods(10)), samples(9, 10), "cpu", "", 200)[0] == 2


def test_pods_that_are_not_ready_count_as_idle_when_there_should_be_more():
    found = [*pods(2), pod("p2", phase="Pending"), pod("p3", ready=False)]
    assert by_utilization(observation(found), samples(4, 150), "cpu", "", 50)[0] == 6


def test_pods_that_are_not_ready_do_not_count_when_there_should_be_fewer():
    found = [*pods(2), pod("p2", phase="Pending")]
    assert by_utilization(observation(found), samples(2, 10), "cpu", "", 50)[0] == 1


def test_pods_on_their_way_out_are_left_aside():
    found = [*pods(2), pod("p2", phase="Failed"), pod("p3", deletionTimestamp="2026-01-01T00:00:00Z")]
    assert by_utilization(observation(found, wanted=2), samples(4, 90), "cpu", "", 50) == (4, 90, 90)


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"started": NOON - 100, "since": NOON - 90}, True),
        ({"started": NOON - 100, "since": NOON - 50}, False),  # measured while it became ready
        ({"started": NOON - 100, "since": NOON - 90, "ready": False}, False),
        ({"started": NOON - 400, "since": NOON - 10}, True),  # long running: what it uses is its load
        ({"started": NOON - 400, "since": NOON - 10, "ready": False}, True),  # it was ready before
        ({"started": NOON - 400, "since": NOON - 380, "ready": False}, False),  # it never was
    ],
)
def test_what_a_pod_uses_while_it_starts_says_nothing(more, counts):
    found = [pod("p0", **more)]
    if counts:
        assert by_utilization(observation(found), samples(1, 90), "cpu", "", 50)[1] == 90
    else:
        with pytest.raises(NotComputed, match="did not receive metrics for targeted pods"):
            by_utilization(observation(found), samples(1, 90), "cpu", "", 50)
    assert by_average(observation(found), samples(1, 90), "memory", 50)[1] == 90  # only CPU is so


def test_no_pods_no_number():
    with pytest.raises(NotComputed, match="no pods returned by selector"):
        by_average(observation([]), samples(1, 1), "", 1)


@pytest.mark.parametrize(
    ("found", "container", "expected"),
    [
        ({"containers": [("c", "100m"), ("d", "50m")]}, "", 150),
        ({"containers": [("c", "100m"), ("d", None)]}, "", "missing request for cpu in container d of Pod p"),
        ({"containers": [("c", "100m"), ("d", None)]}, "c", 100),
        ({"containers": [("c", "100m")]}, "x", "container x not found in Pod p"),
        ({"containers": [("c", "100m")], "sidecar": "50m"}, "", 150),
        ({"containers": [("c", "100m")], "pod": {"cpu": "1"}}, "", 1000),
        ({"containers": [("c", "100m")], "pod": {"cpu": "1"}}, "c", 100),
        ({"containers": [("c", None)], "pod": {"memory": "1"}}, "", "missing pod-level request for cpu in Pod p"),
    ],
)
def test_what_a_pod_asks_for(found, container, expected):
    made = pod("p")
    made["spec"] = {
        "containers": [
            {"name": n, "resources": {"requests": {"cpu": cpu} if cpu else {}}} for n, cpu in found["containers"]
        ],
        "initContainers": [{"name": "init"}],
    }
    if "sidecar" in found:
        sidecar = {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": found["sidecar"]}}}
        made["spec"]["initContainers"].append(sidecar)
    if "pod" in found:
        made["spec"]["resources"] = {"requests": found["pod"]}
    if isinstance(expected, int):
        assert requested([made], container, "cpu") == {"p": expected}
    else:
        with pytest.raises(NotComputed, match=expected):
            requested([made], container, "cpu")


def test_replicas_by_an_average():
    assert by_average(observation(pods(2)), samples(2, 30), "", 10) == (6, 30)
    assert by_average(observation(pods(4)), samples(2, 5), "", 10) == (3, 5)  # the others at the target
    negative = {"p0": Sample(-5, NOON, 60.0), "p1": Sample(-2, NOON, 60.0)}
    assert by_average(observation(pods(2)), negative, "", 10)[1] == -3  # toward zero, as Go divides


def test_replicas_by_one_value():
    assert by_value(observation(pods(3)), 30_000, 10_000) == 9
    assert by_value(observation(pods(3)), 10_500, 10_000) == 3
    assert by_value(observation([*pods(2), pod("p2", ready=False)]), 30_000, 10_000) == 6  # of those that are ready
    assert by_value(observation(pods(3)), 2**62, 1) == 2**31 - 1
    with pytest.raises(NotComputed, match="unable to calculate ready pods: no pods returned by selector"):
        by_value(observation([], wanted=3), 30_000, 10_000)


def test_replicas_by_a_share_each():
    assert by_share(observation(pods(2)), 10_500, 3_000) == (4, 5_250)
    assert by_share(observation(pods(3)), 9_100, 3_000) == (3, 3_034)
    assert by_share(observation(pods(1), present=0), 9_000, 3_000) == (3, -(2**63))  # as upstream shows infinity


def test_a_sum_stays_within_bounds():
    assert total([1, 2]) == 3
    assert total([2**63 - 1, 5]) == 2**63 - 1


def test_tolerances_are_the_behaviors_or_the_usual_ones():
    own = tolerances_of(autoscaler(behavior=behavior(up={"tolerance": "0"}, down={"tolerance": "50m"})), 0.1)
    assert (own.up, own.down) == (0.0, 0.05)
    usual = tolerances_of(autoscaler(), 0.1)
    assert (usual.up, usual.down) == (0.1, 0.1)
