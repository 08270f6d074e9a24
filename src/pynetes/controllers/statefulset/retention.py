"""Which owner references let a claim go with its set or its pod: ``persistentVolumeClaimRetentionPolicy``.

Source: KEP-1847; pkg/controller/statefulset/stateful_set_utils.go.
"""

from collections.abc import Iterable

from pynetes.client.kinds import PODS, STATEFUL_SETS
from pynetes.client.types import Kind
from pynetes.controllers.ownership import reference
from pynetes.controllers.statefulset.identity import ordinal_of, ordinals
from pynetes.meta.objects import Object, name_of, uid_of


def new_owners(claim: Object, stateful_set: Object, pod: Object) -> list[Object] | None:
    """The owner references that the claim should have instead; None when they are right or none of our business.

    A claim that names a set or pod of the same name and another uid belongs to one that is gone: it is not touched. One
    that another controller manages is only freed of us.
    """
    if is_stale(claim, stateful_set, STATEFUL_SETS) or is_stale(claim, pod, PODS):
        return None
    present = _owners(claim)
    ours = [owner for owner in present if owner["uid"] in (uid_of(stateful_set), uid_of(pod))]
    others = [
        owner for owner in present if not _names(owner, stateful_set, STATEFUL_SETS) and not _names(owner, pod, PODS)
    ]
    if has_foreign_controller(claim, stateful_set, pod):
        return others if ours else None
    wanted = _wanted(stateful_set, pod)
    if {owner["uid"] for owner in ours} == {owner["uid"] for owner in wanted} and all(
        o.get("controller") for o in ours
    ):
        return None
    return others + wanted


def is_stale(claim: Object, owner: Object, kind: Kind) -> bool:
    """Whether the claim names an owner of this kind and name that is not this one."""
    named = next((ref for ref in _owners(claim) if _names(ref, owner, kind)), None)
    return named is not None and named["uid"] != uid_of(owner)


def has_foreign_controller(claim: Object, stateful_set: Object, pod: Object) -> bool:
    """Whether somebody else manages a claim that a policy wants us to manage."""
    if policy(stateful_set) == ("Retain", "Retain"):
        return False
    for owner in _owners(claim):
        if _names(owner, stateful_set, STATEFUL_SETS):
            if owner["uid"] != uid_of(stateful_set):
                return True
        elif _names(owner, pod, PODS):
            if owner["uid"] != uid_of(pod):
                return True
        elif owner.get("controller"):
            return True
    return False


def policy(stateful_set: Object) -> tuple[str, str]:
    """``whenDeleted`` and ``whenScaled``."""
    found = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return found.get("whenDeleted", "Retain"), found.get("whenScaled", "Retain")


def _wanted(stateful_set: Object, pod: Object) -> list[Object]:
    when_deleted, when_scaled = policy(stateful_set)
    scaled_down = ordinal_of(pod) not in ordinals(stateful_set)
    if when_scaled == "Delete" and scaled_down:
        return [reference(pod, PODS)]
    return [reference(stateful_set, STATEFUL_SETS)] if when_deleted == "Delete" else []


def _owners(claim: Object) -> Iterable[Object]:
    found: Iterable[Object] = claim["metadata"].get("ownerReferences") or ()
    return found


def _names(owner: Object, obj: Object, kind: Kind) -> bool:
    return (owner["apiVersion"], owner["kind"], owner["name"]) == (kind.api_version, kind.kind, name_of(obj))
