"""Quotes: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation and
https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#maintenance-of-the-mandatory-and-suggested-configuration-objects.
"""

from typing import Any

from pynetes.apiserver import reconciliation

ROLE = {"metadata": {"name": "r", "labels": {"l": "1"}, "annotations": {reconciliation.AUTO_UPDATE: "true"}}}


def rule(verbs: str, resources: str = "pods", group: str = "") -> Any:
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}


def role(*rules: Any, **more: Any) -> Any:
    return {**ROLE, "rules": list(rules), **more}


def test_a_role_gets_back_what_it_lacks_and_keeps_what_was_added() -> None:
    # "At each start-up, the API server updates default cluster roles with any missing permissions"
    wanted = role(rule("get list", "pods secrets"))
    assert reconciliation.role(role(rule("get list watch", "pods secrets nodes")), wanted) is None
    assert reconciliation.role(role(rule("*", "*")), wanted) is None
    changed = reconciliation.role(role(rule("get", "pods secrets"), rule("delete")), wanted)
    assert changed is not None
    assert changed["rules"] == [
        rule("get", "pods secrets"),
        rule("delete"),
        rule("list", "pods"),
        rule("list", "secrets"),
    ]
    assert reconciliation.role(changed, wanted) is None


def test_labels_and_annotations_come_back_and_keep_what_they_say_now() -> None:
    bare = {"metadata": {"name": "r", "labels": {"l": "2", "own": "x"}}, "rules": []}
    changed = reconciliation.role(bare, role())
    assert changed is not None
    assert changed["metadata"]["labels"] == {"l": "2", "own": "x"}
    assert changed["metadata"]["annotations"] == {reconciliation.AUTO_UPDATE: "true"}


def test_a_role_that_opted_out_is_left_alone() -> None:
    # "set the rbac.authorization.kubernetes.io/autoupdate annotation on a default cluster role or default cluster
    # RoleBinding to false"
    own = {"metadata": {"name": "r", "annotations": {reconciliation.AUTO_UPDATE: "false"}}, "rules": []}
    assert reconciliation.role(own, role(rule("get"))) is None
    assert reconciliation.binding(own, {**ROLE, "subjects": [{"kind": "User", "name": "u"}]}) is None
    assert not reconciliation.is_of_another_role(own, {**ROLE, "roleRef": {"name": "x"}})


def test_an_aggregated_role_gets_its_selectors_and_its_rules_are_the_controllers() -> None:
    selectors = [{"matchLabels": {"a": "1"}}, {"matchLabels": {"b": "1"}}]
    wanted = {**ROLE, "rules": None, "aggregationRule": {"clusterRoleSelectors": selectors}}
    changed = reconciliation.role(role(aggregationRule={"clusterRoleSelectors": selectors[1:]}), wanted)
    assert changed is not None
    assert changed["aggregationRule"]["clusterRoleSelectors"] == [selectors[1], selectors[0]]
    plain = reconciliation.role(role(aggregationRule={"clusterRoleSelectors": selectors}), role())
    assert plain is not None
    assert "aggregationRule" not in plain


def test_a_binding_gets_back_its_subjects_and_keeps_others() -> None:
    mine, other = ({"kind": "User", "name": name} for name in "ab")
    wanted = {**ROLE, "roleRef": {"name": "x"}, "subjects": [mine]}
    changed = reconciliation.binding({**wanted, "subjects": [other]}, wanted)
    assert changed is not None
    assert changed["subjects"] == [other, mine]
    assert reconciliation.binding({**wanted, "subjects": [mine, other]}, wanted) is None
    assert reconciliation.is_of_another_role({**wanted, "roleRef": {"name": "y"}}, wanted)


def level(name: str, spec: Any, said: str | None = "true", generation: int = 1) -> Any:
    annotations = {} if said is None else {"annotations": {reconciliation.AUTO_UPDATE_SPEC: said}}
    return {"metadata": {"name": name, "generation": generation, **annotations}, "spec": spec}


def test_suggested_flow_objects_follow_while_they_say_so() -> None:
    # "a suggested configuration object's spec is ... overwritten if the annotation apf.kubernetes.io/autoupdate-spec is
    # true; if it is false, the kube-apiservers do not touch it"
    wanted = level("system", {"a": 1})
    assert reconciliation.flow_object(level("system", {"a": 1}), wanted) is None
    assert reconciliation.flow_object(level("system", {"a": 2}), wanted) == wanted
    assert reconciliation.flow_object(level("system", {"a": 2}, "false"), wanted) is None


def test_without_the_annotation_a_first_generation_follows_and_a_later_one_does_not() -> None:
    wanted = level("system", {"a": 1})
    assert reconciliation.flow_object(level("system", {"a": 2}, None), wanted) == wanted
    kept = reconciliation.flow_object(level("system", {"a": 2}, None, generation=2), wanted)
    assert kept == level("system", {"a": 2}, "false", generation=2)


def test_mandatory_flow_objects_always_follow_but_the_shares_of_exempt_are_free() -> None:
    wanted = level("catch-all", {"a": 1})
    assert reconciliation.flow_object(level("catch-all", {"a": 2}, "false"), wanted) == wanted
    exempt = level("exempt", {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0}})
    own = level("exempt", {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 9}})
    assert reconciliation.flow_object(own, exempt) is None
    assert reconciliation.flow_object(level("exempt", {"type": "Limited"}), exempt) == exempt


def test_a_flow_object_of_another_version_is_unwanted_unless_it_was_kept() -> None:
    assert reconciliation.is_unwanted(level("old", {}), {"system": 1})
    assert not reconciliation.is_unwanted(level("system", {}), {"system": 1})
    assert not reconciliation.is_unwanted(level("old", {}, "false"), {})
    assert not reconciliation.is_unwanted(level("mine", {}, None), {})
