"""Events, of the core group and of events.k8s.io, which are one resource; objects here are in the core form.

Source: kubernetes ``pkg/apis/core/validation/events.go``, ``pkg/printers/internalversion/printers.go`` ``printEvent``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import FIELD_IMMUTABLE, invalid, required, same
from pynetes.meta.names import dns1123_subdomain, path_segment, qualified_name, size
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import metadata

_IMMUTABLE: Sequence[tuple[str, Any]] = (
    ("involvedObject", {}),
    ("reason", ""),
    ("message", ""),
    ("source", {}),
    ("firstTimestamp", None),
    ("lastTimestamp", None),
    ("count", 0),
    ("reason", ""),
    ("type", ""),
    ("eventTime", None),
    ("action", ""),
    ("related", None),
    ("reportingComponent", ""),
    ("reportingInstance", ""),
)
_TYPES = {"involvedObject": "ObjectReference", "source": "EventSource", "related": "ObjectReference"}
_SHOWN = {"reportingComponent": "reportingController"}
_MISMATCH = "does not match event.namespace"


def validate(event: Object, context: WriteContext) -> Sequence[Cause]:
    """The rules of the core group, for which clients of old are never too sloppy, and those of any metadata."""
    causes = _legacy_rules(event, "reportingComponent")
    return causes or metadata(event["metadata"], True, path_segment, "metadata")


def validate_update(event: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return _legacy_rules(event, "reportingComponent")


def validate_strictly(event: Object, context: WriteContext) -> Sequence[Cause]:
    """The rules of events.k8s.io."""
    causes = _legacy_rules(event, "reportingController") + object_meta(event, True) + _series(event)
    kind, source = event.get("type") or "", event.get("source") or {}
    if not event.get("eventTime"):
        causes.append(required("eventTime"))
    if kind not in ("Normal", "Warning"):
        causes.append(invalid("type", "", f"has invalid value: {kind}"))
    for name in ("firstTimestamp", "lastTimestamp", "count"):
        if event.get(name):
            causes.append(invalid(name, "", "needs to be unset"))
    if source.get("component") or source.get("host"):
        causes.append(invalid("source", "", "needs to be unset"))
    return causes


def validate_update_strictly(event: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = _legacy_rules(event, "reportingController") + object_meta_update(event, old)
    if not same(event.get("series"), old.get("series")):
        causes += _series(event)
    for name, zero in _IMMUTABLE:
        new = event.get(name) or zero
        if new == (old.get(name) or zero):
            continue
        type_name = _TYPES.get(name)
        if type_name is not None and new is not None:
            new = internal_json(type_name, new)
        causes.append(invalid(_SHOWN.get(name, name), new, FIELD_IMMUTABLE))
    return causes


def _series(event: Object) -> list[Cause]:
    series = event.get("series")
    causes: list[Cause] = []
    if series is not None and series.get("count", 0) < 2:
        causes.append(invalid("series.count", "", "should be at least 2"))
    if series is not None and not series.get("lastObservedTime"):
        causes.append(required("series.lastObservedTime"))
    return causes


def _legacy_rules(event: Object, controller_field: str) -> list[Cause]:
    namespace = event["metadata"].get("namespace") or ""
    about = (event.get("involvedObject") or {}).get("namespace") or ""
    causes: list[Cause] = []
    if not event.get("eventTime"):
        agrees = namespace in ("", "default") if not about else namespace == about
        if not agrees:
            causes.append(invalid("involvedObject.namespace", about, _MISMATCH))
    else:
        if not about and namespace not in ("default", "kube-system"):
            causes.append(invalid("involvedObject.namespace", about, _MISMATCH))
        controller = event.get("reportingComponent") or ""
        if not controller:
            causes.append(required(controller_field))
        causes += [invalid(controller_field, controller, p) for p in qualified_name(controller)]
        for name, needed, limit in (
            ("reportingInstance", True, 128),
            ("action", True, 128),
            ("reason", True, 128),
            ("message", False, 1024),
        ):
            text = event.get(name) or ""
            if needed and not text:
                causes.append(required(name))
            if size(text) > limit:
                causes.append(invalid(name, "", f"can have at most {limit} characters"))
    return causes + [invalid("namespace", namespace, p) for p in dns1123_subdomain(namespace)]


def table_row(event: Object, now: float) -> list[Any]:
    first = rows.since(event.get("firstTimestamp") or event.get("eventTime"), now)
    last = rows.since(event["lastTimestamp"], now) if event.get("lastTimestamp") else first
    count = event.get("count") or 1
    if series := event.get("series"):
        last, count = rows.since(series.get("lastObservedTime"), now), series.get("count", 0)
    about, source = event.get("involvedObject") or {}, event.get("source") or {}
    target = (about.get("kind") or "").lower()
    if about.get("name"):
        target += f"/{about['name']}"
    origin = [
        source.get("component") or event.get("reportingComponent") or "",
        source.get("host") or event.get("reportingInstance") or "",
    ]
    return [
        last,
        event.get("type") or "",
        event.get("reason") or "",
        target,
        about.get("fieldPath") or "",
        ", ".join(filter(None, origin)),
        (event.get("message") or "").strip(),
        first,
        count,
        event["metadata"]["name"],
    ]


def fields(event: Object) -> Mapping[str, str]:
    about, source = event.get("involvedObject") or {}, event.get("source") or {}
    controller = event.get("reportingComponent") or ""
    names = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    found = {f"involvedObject.{name}": about.get(name) or "" for name in names}
    found |= {f"regarding.{name}": about.get(name) or "" for name in names}
    return found | {
        "reason": event.get("reason") or "",
        "type": event.get("type") or "",
        "source": source.get("component") or controller,
        "reportingComponent": controller,
        "reportingController": controller,
    }


HOOKS = Hooks(validate=validate, validate_update=validate_update, table_row=table_row, fields=fields)

STRICT_HOOKS = Hooks(
    validate=validate_strictly,
    validate_update=validate_update_strictly,
    table_row=table_row,
    fields=fields,
)
