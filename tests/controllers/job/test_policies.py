"""Pod failure policy and success policy: concepts/workloads/controllers/job."""

import pytest

from pynetes.controllers.job.indexes import Indexes
from pynetes.controllers.job.policies import judge, success_rule

from .make import indexed, job, pod


def with_rules(*rules):
    return job(podFailurePolicy={"rules": list(rules)})


def on_codes(action, operator="In", values=(42,), **more):
    return {"action": action, "onExitCodes": {"operator": operator, "values": list(values), **more}}


def on_condition(action, status="True"):
    return {"action": action, "onPodConditions": [{"type": "DisruptionTarget", "status": status}]}


def test_without_a_policy_every_failure_counts():
    assert judge(job(), pod(job(), phase="Failed")) == ("", True, "")


def test_a_rule_that_fails_the_job_says_why():
    owner = with_rules(on_condition("Ignore"), on_codes("FailJob"))
    message = "Container c for pod default/p failed with exit code 42 matching FailJob rule at index 1"
    assert judge(owner, pod(owner, code=42)) == (message, True, "FailJob")


def test_a_condition_matches_by_type_and_status():
    owner = with_rules(on_condition("FailJob"))
    message = "Pod default/p has condition DisruptionTarget matching FailJob rule at index 0"
    target = [{"type": "DisruptionTarget", "status": "True"}]
    assert judge(owner, pod(owner, phase="Failed", conditions=target)) == (message, True, "FailJob")
    other = [{"type": "DisruptionTarget", "status": "False"}]
    assert judge(owner, pod(owner, phase="Failed", conditions=other)) == ("", True, "")


@pytest.mark.parametrize(
    ("rule", "code", "matches"),
    [
        (on_codes("Ignore"), 42, True),
        (on_codes("Ignore"), 1, False),
        (on_codes("Ignore", "NotIn"), 1, True),
        (on_codes("Ignore", "NotIn"), 42, False),
        (on_codes("Ignore", "NotIn"), 0, False),
        (on_codes("Ignore", containerName="c"), 42, True),
        (on_codes("Ignore", containerName="other"), 42, False),
    ],
)
def test_exit_codes_match_by_operator_and_container_and_never_success(rule, code, matches):
    owner = with_rules(rule)
    assert judge(owner, pod(owner, code=code)).action == ("Ignore" if matches else "")


def test_the_first_rule_that_matches_decides():
    owner = with_rules(on_codes("Ignore"), on_codes("FailJob"))
    assert judge(owner, pod(owner, code=42)) == ("", False, "Ignore")


def test_a_success_policy_is_met_by_indexes_by_a_count_or_by_a_count_among_indexes():
    owner = indexed(
        9,
        successPolicy={
            "rules": [
                {"succeededIndexes": "0,2-3"},
                {"succeededIndexes": "4-6", "succeededCount": 2},
                {"succeededCount": 4},
            ]
        },
    )
    assert success_rule(owner, Indexes()) is None
    assert success_rule(owner, Indexes.of([0, 2])) is None
    assert success_rule(owner, Indexes.of([0, 2, 3])) == 0
    assert success_rule(owner, Indexes.of([4, 6])) == 1
    assert success_rule(owner, Indexes.of([1, 4, 7, 8])) == 2
