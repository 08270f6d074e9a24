"""The revisions of a DaemonSet's template: which is current, which are its doubles, and what to mend.

Source: pkg/controller/daemon/update.go (constructHistory).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pynetes.client.kinds import CONTROLLER_REVISIONS, DAEMON_SETS, PODS
from pynetes.controllers import history
from pynetes.controllers.actions import MERGE, Delete, Patch, Update
from pynetes.controllers.ownership import named
from pynetes.controllers.templates import template_hash
from pynetes.meta.objects import Object, annotations_of, labels_of, name_of, namespace_of


@dataclass(slots=True)
class Revisions:
    """``current``: None when it must be made, with the number ``wanted``. ``duplicates`` say what ``current`` does."""

    current: Object | None
    duplicates: list[Object]
    old: list[Object]
    wanted: int


def sort_revisions(daemon_set: Object, revisions: Iterable[Object]) -> Revisions:
    data = history.data_of(daemon_set)
    same: list[Object] = []
    old: list[Object] = []
    for revision in revisions:
        (same if revision.get("data") == data else old).append(revision)
    current = max(same, key=history.number) if same else None
    return Revisions(current, [r for r in same if r is not current], old, history.next_number(old))


def tidy(revisions: Revisions, pods: Iterable[Object]) -> list[Patch | Update | Delete]:
    """Label revisions of old, take pods over from duplicates, raise the number of a revision that is current again."""
    current = revisions.current
    known = [*revisions.old, *revisions.duplicates, *([current] if current else ())]
    actions: list[Patch | Update | Delete] = [
        _labelled(revision) for revision in known if history.HASH_LABEL not in labels_of(revision)
    ]
    if current is None:
        return actions
    if revisions.duplicates:
        hash = hash_of(current)
        strays = [pod for pod in pods if labels_of(pod).get(history.HASH_LABEL) != hash]
        patch = {"metadata": {"labels": {history.HASH_LABEL: hash}}}
        actions += [Patch(PODS, namespace_of(pod), name_of(pod), patch, patch_type=MERGE) for pod in strays]
        actions += [Delete(CONTROLLER_REVISIONS, namespace_of(r), name_of(r)) for r in revisions.duplicates]
    if history.number(current) < revisions.wanted:
        raised = {**named(CONTROLLER_REVISIONS, current), "revision": revisions.wanted}
        actions.append(Update(CONTROLLER_REVISIONS, raised))
    return actions


def _labelled(revision: Object) -> Patch:
    patch = {"metadata": {"labels": {history.HASH_LABEL: hash_of(revision)}}}
    return Patch(CONTROLLER_REVISIONS, namespace_of(revision), name_of(revision), patch, patch_type=MERGE)


def hash_of(revision: Object) -> str:
    """What its pods are labelled with."""
    return labels_of(revision).get(history.HASH_LABEL) or name_of(revision)


def new_revision(daemon_set: Object, number: int) -> Object:
    template = daemon_set["spec"]["template"]
    hash = template_hash(template, (daemon_set.get("status") or {}).get("collisionCount"))
    labels = {**((template.get("metadata") or {}).get("labels") or {}), history.HASH_LABEL: hash}
    return history.make(daemon_set, DAEMON_SETS, number, hash, labels, annotations_of(daemon_set))
