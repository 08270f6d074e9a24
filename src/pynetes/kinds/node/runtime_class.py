"""Runtime classes. Source: kubernetes ``pkg/apis/node/validation/validation.go``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.node_labels import DEPRECATED
from pynetes.kinds.core.pod_defaults import round_amounts
from pynetes.kinds.core.resources import resource_requirements
from pynetes.kinds.core.tolerations import tolerations
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import duplicate, immutable, invalid, required
from pynetes.meta.names import dns1123_label
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import labels


def default(obj: Object) -> None:
    if fixed := (obj.get("overhead") or {}).get("podFixed"):
        round_amounts(fixed)


def validate(obj: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(obj, False)
    handler = obj.get("handler") or ""
    if not handler:
        causes.append(required("handler"))
    else:
        causes += [invalid("handler", handler, p) for p in dns1123_label(handler)]
    if (overhead := obj.get("overhead")) is not None:
        causes += resource_requirements("overhead", {"limits": overhead.get("podFixed") or {}})
    if (scheduling := obj.get("scheduling")) is not None:
        causes += labels("scheduling.nodeSelector", scheduling.get("nodeSelector"))
        causes += _tolerations(scheduling.get("tolerations") or ())
    return causes


def _tolerations(values: Sequence[Object]) -> list[Cause]:
    path = "scheduling.tolerations"
    causes = tolerations(path, values)
    seen = set()
    for i, toleration in enumerate(values):
        key = tuple(toleration.get(name, "") for name in ("key", "operator", "value", "effect"))
        if key in seen:
            names = ("Key", "Operator", "Value", "Effect")
            shown: Object = {**dict(zip(names, key, strict=True))}
            shown["TolerationSeconds"] = toleration.get("tolerationSeconds")
            causes.append(duplicate(f"{path}[{i}]", shown))
        seen.add(key)
    return causes


def validate_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(obj, old)
    return causes + immutable("handler", obj.get("handler", ""), old.get("handler", ""))


def table_row(obj: Object, now: float) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("handler") or "", rows.age(obj, now)]


def warnings(obj: Object, old: Object | None) -> Sequence[str]:
    labels_used = (obj.get("scheduling") or {}).get("nodeSelector") or ()
    return [f"scheduling.nodeSelector: {DEPRECATED[label]}" for label in labels_used if label in DEPRECATED]


HOOKS = Hooks(
    default=default,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
)
