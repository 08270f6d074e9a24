"""Who owns a claim: KEP-1847, "PersistentVolumeClaim retention" of the StatefulSet's page."""

import pytest

from pynetes.client.kinds import PODS, STATEFUL_SETS
from pynetes.controllers.statefulset.retention import has_foreign_controller, is_stale, new_owners

from .make import claim, pod, stateful_set

SET = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u1", "controller": True}
POD = {"apiVersion": "v1", "kind": "Pod", "name": "db-0", "uid": "uid-0", "controller": True}
OTHER = {"apiVersion": "example.com/v1", "kind": "Backup", "name": "b", "uid": "u9"}


def owners(retain, *present, replicas=1):
    owner = stateful_set(replicas, claims=("data",), retain=retain)
    found = new_owners(claim(owner, 0, owners=present), owner, pod(owner, 0))
    return None if found is None else [reference["kind"] for reference in found]


@pytest.mark.parametrize(
    ("retain", "scaled_down", "kinds"),
    [
        (("Retain", "Retain"), False, []),
        (("Delete", "Retain"), False, ["StatefulSet"]),
        (("Delete", "Retain"), True, ["StatefulSet"]),
        (("Retain", "Delete"), False, []),
        (("Retain", "Delete"), True, ["Pod"]),
        (("Delete", "Delete"), False, ["StatefulSet"]),
        (("Delete", "Delete"), True, ["Pod"]),
    ],
)
def test_the_policy_says_who_owns_a_claim(retain, scaled_down, kinds):
    replicas = 0 if scaled_down else 1
    assert owners(retain, SET, POD, replicas=replicas) == kinds
    right = [reference for reference in (SET, POD) if reference["kind"] in kinds]
    assert owners(retain, *right, replicas=replicas) is None


def test_other_owners_stay():
    assert owners(("Delete", "Retain"), OTHER) == ["Backup", "StatefulSet"]


def test_an_owner_of_ours_that_is_no_controller_becomes_one():
    assert owners(("Delete", "Retain"), {**SET, "controller": False}) == ["StatefulSet"]


def test_claims_of_a_set_or_pod_that_is_gone_are_left_alone():
    assert owners(("Delete", "Retain"), {**SET, "uid": "before"}) is None
    assert owners(("Delete", "Retain"), {**POD, "uid": "before"}) is None


def test_where_another_controller_manages_the_claim_we_only_take_ourselves_off():
    manager = {**OTHER, "controller": True}
    assert owners(("Delete", "Retain"), manager) is None
    assert owners(("Delete", "Retain"), manager, SET) == ["Backup"]
    owner = stateful_set(1, claims=("data",), retain=("Delete", "Retain"))
    assert has_foreign_controller(claim(owner, 0, owners=[manager]), owner, pod(owner, 0))
    retaining = stateful_set(1, claims=("data",))
    assert not has_foreign_controller(claim(retaining, 0, owners=[manager]), retaining, pod(retaining, 0))


def test_a_claim_is_stale_when_it_names_a_namesake_of_another_uid():
    owner = stateful_set(1, claims=("data",))
    held = claim(owner, 0, owners=[{**POD, "uid": "before"}])
    assert is_stale(held, pod(owner, 0), PODS)
    assert not is_stale(held, owner, STATEFUL_SETS)
