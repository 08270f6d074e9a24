"""What is wrong with probes and lifecycle hooks.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``validateProbe``.
"""

from pynetes.kinds.core.service_validation import port_number_or_name
from pynetes.meta.fielderrors import Path, forbidden, invalid, not_supported, required
from pynetes.meta.names import http_header_name
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.validation import non_negative

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def probes(path: Path, container: Object, grace_period: int | None) -> list[Cause]:
    """Against a container's three probes."""
    causes: list[Cause] = []
    for name in PROBES:
        if (value := container.get(name)) is not None:
            causes += _probe(f"{path}.{name}", name, value, grace_period)
    return causes


def _probe(path: Path, name: str, value: Object, grace_period: int | None) -> list[Cause]:
    causes = handler(path, value, grace_period)
    for count in _COUNTS:
        causes += non_negative(f"{path}.{count}", value.get(count))
    seconds = value.get("terminationGracePeriodSeconds")
    at = f"{path}.terminationGracePeriodSeconds"
    if seconds is not None and seconds <= 0:
        causes.append(invalid(at, seconds, "must be greater than 0"))
    if name == "readinessProbe":
        if seconds is not None:
            causes.append(invalid(at, seconds, "must not be set for readinessProbes"))
    elif value.get("successThreshold") != 1:
        causes.append(invalid(f"{path}.successThreshold", value.get("successThreshold", 0), "must be 1"))
    return causes


def lifecycle(path: Path, value: Object, grace_period: int | None) -> list[Cause]:
    causes: list[Cause] = []
    for name in ("postStart", "preStop"):
        if (hook := value.get(name)) is not None:
            causes += handler(f"{path}.{name}", hook, grace_period)
    return causes


def handler(path: Path, value: Object, grace_period: int | None) -> list[Cause]:
    """Against the one action that a probe or hook must have."""
    given = [name for name in _HANDLERS if value.get(name) is not None]
    if not given:
        return [required(path, "must specify a handler type")]
    first, *others = given
    causes = _action(f"{path}.{first}", first, value[first], grace_period)
    return causes + [forbidden(f"{path}.{name}", "may not specify more than 1 handler type") for name in others]


def _action(path: Path, name: str, action: Object, grace_period: int | None) -> list[Cause]:
    match name:
        case "exec":
            return [] if action.get("command") else [required(f"{path}.command")]
        case "httpGet":
            return _http(path, action)
        case "sleep":
            seconds = action.get("seconds", 0)
            if grace_period is None or 0 <= seconds <= grace_period:
                return []
            detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_period})"
            return [invalid(path, seconds, detail)]
    return port_number_or_name(f"{path}.port", action.get("port", 0))


def _http(path: Path, action: Object) -> list[Cause]:
    causes = [] if action.get("path") else [required(f"{path}.path")]
    causes += port_number_or_name(f"{path}.port", action.get("port", 0))
    scheme = action.get("scheme") or ""
    if scheme not in ("HTTP", "HTTPS"):
        causes.append(not_supported(f"{path}.scheme", scheme, ("HTTP", "HTTPS")))
    for header in action.get("httpHeaders") or ():
        name = header.get("name") or ""
        causes += [invalid(f"{path}.httpHeaders", name, p) for p in http_header_name(name)]
    return causes
