"""Events have two shapes over one storage: core/v1 (stored) and events.k8s.io/v1.

Source: kubernetes ``pkg/apis/events/v1/conversion.go``.
"""

from pynetes.meta.objects import Object

_CORE_TO_NEW = {
    "involvedObject": "regarding",
    "source": "deprecatedSource",
    "message": "note",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_NEW_TO_CORE = {new: core for core, new in _CORE_TO_NEW.items()}

NEW_FIELDS = {
    "regarding.kind": "involvedObject.kind",
    "regarding.namespace": "involvedObject.namespace",
    "regarding.name": "involvedObject.name",
    "regarding.uid": "involvedObject.uid",
    "regarding.apiVersion": "involvedObject.apiVersion",
    "regarding.resourceVersion": "involvedObject.resourceVersion",
    "regarding.fieldPath": "involvedObject.fieldPath",
    "reportingController": "reportingComponent",
}
"""The field selectors of events.k8s.io, by the names that core has for them."""


def convert_event(obj: Object, api_version: str) -> Object:
    """The event in that apiVersion. A new dict (its values shared), or the object itself when it already is."""
    if obj.get("apiVersion") == api_version:
        return obj
    names = _NEW_TO_CORE if api_version == "v1" else _CORE_TO_NEW
    out = {names.get(key, key): value for key, value in obj.items()}
    out["apiVersion"] = api_version
    if api_version == "v1":
        out.setdefault("involvedObject", {})
        out.setdefault("source", {})
        out.setdefault("firstTimestamp", None)
        out.setdefault("lastTimestamp", None)
        out.setdefault("reportingComponent", "")
        out.setdefault("reportingInstance", "")
        out.setdefault("eventTime", None)
    else:
        for field in ("reportingController", "reportingInstance", "reason", "note", "type", "action"):
            if out.get(field) == "":
                del out[field]
    return out
