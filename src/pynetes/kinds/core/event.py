"""Events, of the core group and of events.k8s.io, which are one resource; objects here are in the core form.

Source: kubernetes ``pkg/apis/core/validation/events.go``, ``pkg/printers/internalversion/printers.go`` ``printEvent``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import dns1123_subdomain, invalid, qualified_name, required, size

_MISMATCH = "does not match event.namespace"


def validate(event: Object, context: WriteContext) -> Sequence[Cause]:
    """The rules of the core group; those of events.k8s.io besides are in ``pynetes.kinds.events``."""
    return legacy_rules(event, "reportingComponent")


def validate_update(event: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return legacy_rules(event, "reportingComponent")


def legacy_rules(event: Object, controller_field: str) -> list[Cause]:
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
