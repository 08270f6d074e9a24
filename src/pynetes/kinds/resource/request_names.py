"""The names of a claim's requests, and references to them: ``request`` or ``request/alternative``.

Source: kubernetes ``pkg/apis/resource/validation/validation.go``.
"""

from collections.abc import Mapping

from pynetes.kinds.resource.device_rules import label
from pynetes.meta.fielderrors import Path, invalid
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

_UNKNOWN = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"


def request_names(devices: Object) -> Mapping[str, frozenset[str]]:
    """By request the names of its alternatives."""
    return {
        request.get("name") or "": frozenset(a.get("name") or "" for a in request.get("firstAvailable") or ())
        for request in devices.get("requests") or ()
    }


def request_reference(path: Path, name: str, names: Mapping[str, frozenset[str]]) -> list[Cause]:
    segments = name.split("/")
    if len(segments) > 2:
        return [invalid(path, name, _UNKNOWN)]
    causes = [cause for segment in segments for cause in label(path, segment)]
    known = segments[0] in names and all(segment in names[segments[0]] for segment in segments[1:])
    return causes if known else [*causes, invalid(path, name, _UNKNOWN)]
