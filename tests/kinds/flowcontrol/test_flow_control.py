"""Source: kubernetes.io, "API Priority and Fairness": flow schemas, priority levels, mandatory objects."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from pynetes.kinds.flowcontrol.flow_control import LEVEL_HOOKS, SCHEMA_HOOKS
from pynetes.kinds.flowcontrol.mandatory import LEVELS, SCHEMAS
from pynetes.meta.resource import Hooks, WriteContext

Object = dict[str, Any]
USER = {"kind": "User", "user": {"name": "ada"}}
RULE = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]}


def refusals(hooks: Hooks, name: str, spec: Object) -> Sequence[str]:
    obj = {"metadata": {"name": name}, "spec": copy.deepcopy(spec)}
    assert hooks.default is not None and hooks.validate is not None
    hooks.default(obj)
    return [f"{cause.field}: {cause.message}" for cause in hooks.validate(obj, WriteContext())]


def schema(*rules: Object, **spec: Any) -> Sequence[str]:
    return refusals(SCHEMA_HOOKS, "s", {"priorityLevelConfiguration": {"name": "p"}, "rules": list(rules), **spec})


def test_the_mandatory_objects_are_valid_and_fixed() -> None:
    for hooks, specs in ((SCHEMA_HOOKS, SCHEMAS), (LEVEL_HOOKS, LEVELS)):
        for name, spec in specs.items():
            assert refusals(hooks, name, spec) == []
    (refusal,) = refusals(SCHEMA_HOOKS, "catch-all", {**SCHEMAS["catch-all"], "matchingPrecedence": 9999})
    assert refusal.startswith('spec: Invalid value: {"PriorityLevelConfiguration":{"Name":"catch-all"},')
    assert refusal.endswith("spec of 'catch-all' must equal the fixed value")


def test_the_exempt_level_may_change_its_own_part_only() -> None:
    exempt = {"nominalConcurrencyShares": 7, "lendablePercent": 50}
    assert refusals(LEVEL_HOOKS, "exempt", {"type": "Exempt", "exempt": exempt}) == []
    refused = refusals(LEVEL_HOOKS, "exempt", {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}})
    assert refused[0] == "spec.type: Invalid value: \"Limited\": must be 'Exempt' if and only if `name` is 'exempt'"
    assert refused[1].endswith("spec of 'exempt' except the 'spec.exempt' field must equal the fixed value")


def test_precedence_is_between_2_and_10000_but_for_the_exempt_schema() -> None:
    subject = {"subjects": [USER], "resourceRules": [RULE]}
    assert schema(subject) == []  # 1000 when it says none
    assert schema(subject, matchingPrecedence=1) == [
        "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"
    ]
    assert schema(subject, matchingPrecedence=10001) == [
        "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"
    ]


@pytest.mark.parametrize(
    ("subject", "refused"),
    [
        ({"kind": "Odd"}, 'kind: Unsupported value: "Odd": supported values: "Group", "ServiceAccount", "User"'),
        ({"kind": "User"}, "user: Required value: user is required when subject kind is 'User'"),
        (
            {**USER, "group": {"name": "g"}},
            "group: Forbidden: group is forbidden when subject kind is not 'Group'",
        ),
        (
            {"kind": "ServiceAccount", "serviceAccount": {"name": "*"}},
            "serviceAccount.namespace: Required value: must specify namespace for service account",
        ),
    ],
)
def test_a_subject_is_what_its_kind_says(subject: Object, refused: str) -> None:
    assert schema({"subjects": [subject], "resourceRules": [RULE]}) == [f"spec.rules[0].subjects[0].{refused}"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must not be empty"),
        ("x", "must start with slash"),
        ("/a b", "must not contain white-space"),
        ("/a//b", "must not contain double slash"),
        ("/a*", "wildcard can only do suffix matching"),
        ("/a/*/*", "wildcard can only do suffix matching"),
    ],
)
def test_a_path_is_absolute_and_has_a_star_at_its_end_only(url: str, problem: str) -> None:
    rule = {"subjects": [USER], "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/", "/healthz/*", url]}]}
    assert schema(rule) == [f'spec.rules[0].nonResourceRules[0].nonResourceURLs[2]: Invalid value: "{url}": {problem}']


def test_a_star_stands_alone() -> None:
    rule = {**RULE, "verbs": ["*", "get"], "namespaces": ["*", "n"]}
    at = "spec.rules[0].resourceRules[0]"
    assert schema({"subjects": [USER], "resourceRules": [rule]}) == [
        f'{at}.verbs: Invalid value: ["*","get"]: if \'*\' is present, must not specify other verbs',
        f'{at}.namespaces: Invalid value: ["*","n"]: if \'*\' is present, must not specify other namespaces',
    ]


def test_a_hand_fits_the_queues_and_their_hash() -> None:
    def level(**queuing: int) -> Sequence[str]:
        limited = {"limitResponse": {"type": "Queue", "queuing": queuing}}
        return refusals(LEVEL_HOOKS, "l", {"type": "Limited", "limited": limited})

    at = "spec.limited.limitResponse.queuing"
    assert level() == []  # 8 of 64, 50 long
    assert level(queues=4, handSize=5) == [f"{at}.handSize: Invalid value: 5: should not be greater than queues (4)"]
    assert level(queues=1024, handSize=7) == [
        f"{at}.handSize: Invalid value: 7: required entropy bits of deckSize 1024 and handSize 7 should not be "
        "greater than 60"
    ]
    assert level(queues=10_000_001, handSize=1) == [
        f"{at}.queues: Invalid value: 10000001: must not be greater than 10000000"
    ]


def test_a_status_has_each_condition_once() -> None:
    status = {"conditions": [{"type": "A"}, {"type": "A"}, {}]}
    obj = {"metadata": {"name": "s"}, "spec": {}, "status": status}
    assert SCHEMA_HOOKS.validate_update is not None
    causes = SCHEMA_HOOKS.validate_update(obj, obj, WriteContext(subresource="status"))
    assert [f"{cause.field}: {cause.message}" for cause in causes] == [
        'status.conditions[1].type: Duplicate value: "A"',
        "status.conditions[2].type: Required value",
    ]
