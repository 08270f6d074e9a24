"""From the number that is asked for to the one that is set."""

import pytest

from pynetes.controllers.horizontalpodautoscaler.limits import Bounds, Memory, limited

from .make import NOON, behavior

STEADY = "ReadyForNewScale"


def result(asked, current=4, least=1, most=20, memory=None, rules=None):
    made = limited(rules, Bounds(current, least, most), asked, memory or Memory(), 300.0, NOON)
    return made.replicas, made.able[0], made.limit[0], made.is_limited


@pytest.mark.parametrize(
    ("asked", "current", "expected"),
    [
        (6, 4, (6, STEADY, "DesiredWithinRange", False)),
        (9, 4, (8, STEADY, "ScaleUpLimit", True)),
        (9, 1, (4, STEADY, "ScaleUpLimit", True)),
        (30, 15, (20, STEADY, "TooManyReplicas", True)),
        (1, 4, (2, STEADY, "TooFewReplicas", True)),
    ],
)
def test_bounds_and_the_usual_rate(asked, current, expected):
    assert result(asked, current, least=2) == expected


def test_fewer_only_when_nothing_more_was_asked_for_lately():
    memory = Memory(((6, NOON - 301), (5, NOON - 300), (3, NOON - 10)))
    assert result(2, memory=memory) == (5, "ScaleDownStabilized", "DesiredWithinRange", False)
    made = limited(None, Bounds(4, 1, 9), 2, memory, 300.0, NOON)
    assert made.memory.recommendations == ((5, NOON - 300), (3, NOON - 10), (2, NOON))


def test_the_first_recommendation_is_what_was_found():
    begun = Memory().begun(4, NOON - 15)
    assert begun.begun(9, NOON) == begun
    assert result(1, memory=begun)[:2] == (4, "ScaleDownStabilized")


def test_windows_of_a_behavior():
    rules = behavior(up={"stabilizationWindowSeconds": 60}, down={"stabilizationWindowSeconds": 120})
    memory = Memory(((3, NOON - 100), (6, NOON - 30)))
    assert result(9, memory=memory, rules=rules)[:2] == (6, "ScaleUpStabilized")
    assert result(2, memory=memory, rules=rules)[:2] == (4, "ScaleDownStabilized")
    assert result(2, memory=Memory(((3, NOON - 100),)), rules=rules)[:2] == (3, "ScaleDownStabilized")
    without = behavior(down={"stabilizationWindowSeconds": 0})
    assert result(2, memory=memory, rules=without)[:2] == (2, STEADY)


def test_a_window_that_a_behavior_does_not_name_is_the_usual_one():
    assert result(2, memory=Memory(((4, NOON - 299),)), rules=behavior())[0] == 4
    assert result(2, memory=Memory(((4, NOON - 300),)), rules=behavior())[0] == 2


@pytest.mark.parametrize(
    ("up", "asked", "expected"),
    [
        ({}, 20, (8, "ScaleUpLimit")),
        ({"selectPolicy": "Disabled"}, 20, (4, "ScaleUpLimit")),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}, 20, (5, "ScaleUpLimit")),
        ({"policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}, 20, (5, "ScaleUpLimit")),
        ({"policies": [{"type": "Pods", "value": 99, "periodSeconds": 60}]}, 30, (20, "TooManyReplicas")),
        (
            {
                "selectPolicy": "Min",
                "policies": [
                    {"type": "Pods", "value": 1, "periodSeconds": 60},
                    {"type": "Percent", "value": 100, "periodSeconds": 60},
                ],
            },
            20,
            (5, "ScaleUpLimit"),
        ),
    ],
)
def test_policies_for_more(up, asked, expected):
    replicas, _, why, _ = result(asked, rules=behavior(up=up))
    assert (replicas, why) == expected


@pytest.mark.parametrize(
    ("down", "asked", "expected"),
    [
        ({}, 1, (2, "TooFewReplicas")),
        ({"selectPolicy": "Disabled"}, 1, (4, "ScaleDownLimit")),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}, 2, (3, "ScaleDownLimit")),
        ({"policies": [{"type": "Percent", "value": 30, "periodSeconds": 60}]}, 1, (2, "TooFewReplicas")),
        (
            {
                "selectPolicy": "Min",
                "policies": [
                    {"type": "Pods", "value": 1, "periodSeconds": 60},
                    {"type": "Percent", "value": 100, "periodSeconds": 60},
                ],
            },
            2,
            (3, "ScaleDownLimit"),
        ),
    ],
)
def test_policies_for_fewer(down, asked, expected):
    replicas, _, why, _ = result(asked, least=2, rules=behavior(down=down))
    assert (replicas, why) == expected


def test_policies_count_what_was_done_in_their_period():
    rules = behavior(up={"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]})
    memory = Memory().scaled(rules, 2, 4, NOON - 59)
    assert result(20, memory=memory, rules=rules)[0] == 6  # two at the start of the period, and four more
    memory = Memory().scaled(rules, 2, 4, NOON - 60)
    assert result(20, memory=memory, rules=rules)[0] == 8
    many = Memory().scaled(rules, 1, 9, NOON - 30)
    assert result(20, current=9, memory=many, rules=rules)[0] == 9  # never fewer, if more is asked for


def test_only_what_a_policy_may_look_back_to_is_kept():
    rules = behavior(down={"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]})
    memory = Memory().scaled(rules, 4, 3, NOON - 61).scaled(rules, 3, 1, NOON)
    assert memory.downs == ((2, NOON),)
    assert Memory().scaled(None, 4, 3, NOON) == Memory()
