"""The revisions of a StatefulSet's template: the current one, and the one that it is updated to.

Source: pkg/controller/statefulset/stateful_set_control.go (getStatefulSetRevisions, truncateHistory).
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pynetes.client.kinds import STATEFUL_SETS
from pynetes.controllers import history
from pynetes.controllers.statefulset.identity import revision_of
from pynetes.kinds.core.pod_defaults import default_template
from pynetes.meta.objects import Object, annotations_of, name_of

HASH_LABEL = "controller.kubernetes.io/hash"


@dataclass(frozen=True, slots=True)
class Update:
    """What the set is updated to: ``revision`` is there already, to be renumbered unless ``number`` is its own, or
    it is to be made."""

    revision: Object | None
    number: int


def find_update(stateful_set: Object, revisions: Sequence[Object]) -> Update:
    """``revisions`` in order of their numbers."""
    wanted = history.next_number(revisions)
    if not revisions:
        return Update(None, wanted)
    data, latest = history.data_of(stateful_set), revisions[-1]
    equal = [revision for revision in revisions if revision.get("data") == data]
    if equal:
        return Update(latest, history.number(latest)) if latest.get("data") == data else Update(equal[-1], wanted)
    if _equal_by_default(stateful_set, latest):
        return Update(latest, history.number(latest))
    return Update(None, wanted)


def _equal_by_default(stateful_set: Object, revision: Object) -> bool:
    """Whether the templates differ only in defaults that are younger than the revision."""
    template = copy.deepcopy(template_of(revision))
    default_template(template)
    return bool(template == stateful_set["spec"]["template"])


def template_of(revision: Object) -> Object:
    """The template that the revision sets back."""
    template = dict(((revision.get("data") or {}).get("spec") or {}).get("template") or {})
    template.pop("$patch", None)
    return template


def new_revision(stateful_set: Object, number: int, collisions: int) -> Object:
    data = history.data_of(stateful_set)
    hash = history.hash_of(data, collisions)
    labels = (stateful_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
    labels = {**labels, HASH_LABEL: hash}
    return history.make(stateful_set, STATEFUL_SETS, number, hash, labels, annotations_of(stateful_set))


def find_current(stateful_set: Object, revisions: Iterable[Object], update: Object) -> Object:
    """The revision that the status names; the update's when that is gone or the set is new."""
    name = (stateful_set.get("status") or {}).get("currentRevision", "")
    return next((revision for revision in revisions if name_of(revision) == name), update)


def expendable(
    revisions: Sequence[Object], pods: Iterable[Object], in_use: Iterable[Object], limit: int
) -> Sequence[Object]:
    """Those that neither the set nor a pod uses, beyond the limit, lowest number first."""
    live = {name_of(revision) for revision in in_use} | {revision_of(pod) for pod in pods}
    rest = [revision for revision in revisions if name_of(revision) not in live]
    return rest[: max(0, len(rest) - limit)] if limit >= 0 else []
