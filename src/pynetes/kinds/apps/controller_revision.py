"""Controller revisions.

Source: kubernetes ``pkg/apis/apps/validation/validation.go`` ``ValidateControllerRevision``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import immutable, required
from pynetes.meta.objects import Object, controller_of
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import non_negative


def validate(revision: Object, context: WriteContext) -> Sequence[Cause]:
    causes = _rules(revision)
    data = revision.get("data")
    if data is None:
        causes.append(required("data", "data is mandatory"))
    elif not isinstance(data, dict):
        causes.append(required("data", "data must be a valid JSON object"))
    return causes


def _rules(revision: Object) -> list[Cause]:
    return object_meta(revision, True) + non_negative("revision", revision.get("revision"))


def validate_update(revision: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(revision, old) + _rules(revision)
    return causes + immutable("data", revision.get("data"), old.get("data"))


def table_row(revision: Object, now: float) -> list[Any]:
    owner = controller_of(revision)
    name = rows.NONE
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        kind = f"{owner['kind']}.{group}" if group else owner["kind"]
        name = f"{kind.lower()}/{owner['name']}"
    return [revision["metadata"]["name"], name, revision.get("revision", 0), rows.age(revision, now)]


HOOKS = Hooks(validate=validate, validate_update=validate_update, table_row=table_row)
