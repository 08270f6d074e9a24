"""Storage classes.

Source: kubernetes ``pkg/apis/storage/v1/defaults.go``, ``pkg/apis/storage/validation/validation.go``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.node_labels import DEPRECATED
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.storage.class_validation import validate_class, validate_class_update
from pynetes.meta.objects import Object, annotations_of
from pynetes.meta.resource import Hooks

IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_BETA_IS_DEFAULT = "storageclass.beta.kubernetes.io/is-default-class"


def default(obj: Object) -> None:
    fill(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def is_default(obj: Object) -> bool:
    annotations = annotations_of(obj)
    return "true" in (annotations.get(IS_DEFAULT), annotations.get(_BETA_IS_DEFAULT))


def warnings(obj: Object, old: Object | None) -> Sequence[str]:
    found = []
    for i, topology in enumerate(obj.get("allowedTopologies") or ()):
        for j, expression in enumerate(topology.get("matchLabelExpressions") or ()):
            if text := DEPRECATED.get(expression.get("key", "")):
                found.append(f"allowedTopologies[{i}].matchLabelExpressions[{j}].key: {text}")
    return found


def table_row(obj: Object, now: float) -> list[Any]:
    return [
        obj["metadata"]["name"] + (" (default)" if is_default(obj) else ""),
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        rows.age(obj, now),
    ]


HOOKS = Hooks(
    default=default,
    validate=validate_class,
    validate_update=validate_class_update,
    warnings=warnings,
    table_row=table_row,
)
