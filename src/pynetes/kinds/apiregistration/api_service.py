"""API services. Source: kube-aggregator ``pkg/apis/apiregistration``, ``pkg/registry/apiservice``."""

import base64
from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.pods.lifecycle import find_condition
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import Path, invalid, not_supported, required
from pynetes.meta.gotext import quoted
from pynetes.meta.names import dns1035_label, dns1123_subdomain, path_segment, port_number
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

_STATUSES = ("True", "False", "Unknown")
_STRATEGY = Strategy(has_status=True, resets_metadata=True)


def default(obj: Object) -> None:
    service = (obj.get("spec") or {}).get("service")
    if service is not None:
        fill(service, port=443)


def validate(obj: Object, context: WriteContext) -> Sequence[Cause]:
    spec = obj.get("spec") or {}
    version, group = spec.get("version") or "", spec.get("group") or ""
    wanted = f"{version}.{group}"

    def named(name: str) -> list[str]:
        problems = path_segment(name)
        return problems or ([] if name == wanted else [f'must be `spec.version+"."+spec.group`: {quoted(wanted)}'])

    causes = object_meta(obj, False, named)
    if not group and version != "v1":
        causes.append(required("spec.group", "only v1 may have an empty group and it better be legacy kube"))
    causes += [invalid("spec.group", group, p) for p in dns1123_subdomain(group) if group]
    causes += [invalid("spec.version", version, p) for p in dns1035_label(version)]
    for name, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        if not 0 < spec.get(name, 0) <= most:
            causes.append(invalid(f"spec.{name}", spec.get(name, 0), f"must be positive and less than {most}"))
    return causes + _backend("spec", spec)


def validate_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(obj, old)
    if context.subresource != "status":
        return [*causes, *validate(obj, context)]
    for i, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        if (status := condition.get("status") or "") not in _STATUSES:
            causes.append(not_supported(f"status.conditions[{i}].status", status, _STATUSES))
    return causes


def _backend(path: Path, spec: Object) -> list[Cause]:
    """Against the service that answers, and how it is trusted; without one the server answers itself."""
    service, bundle, insecure = spec.get("service"), spec.get("caBundle") or "", spec.get("insecureSkipTLSVerify")
    causes: list[Cause] = []
    if service is None:
        if bundle:
            size = f"{len(base64.b64decode(bundle))} bytes"
            causes.append(invalid(f"{path}.caBundle", size, "local APIServices may not have a caBundle"))
        if insecure:
            detail = "local APIServices may not have insecureSkipTLSVerify"
            causes.append(invalid(f"{path}.insecureSkipTLSVerify", True, detail))
        return causes
    causes += [required(f"{path}.service.{name}") for name in ("namespace", "name") if not service.get(name)]
    port = service.get("port", 0)
    if problems := port_number(port):
        causes.append(invalid(f"{path}.service.port", port, f"port is not valid: {', '.join(problems)}"))
    if insecure and bundle:
        causes.append(invalid(f"{path}.insecureSkipTLSVerify", True, "may not be true if caBundle is present"))
    return causes


def table_row(obj: Object, now: float) -> list[Any]:
    service = (obj.get("spec") or {}).get("service")
    name = "Local" if service is None else f"{service.get('namespace', '')}/{service.get('name', '')}"
    available = find_condition((obj.get("status") or {}).get("conditions"), "Available")
    text = "Unknown"
    if available is not None:
        text = available.get("status", "")
        if text != "True":
            text = f"{text} ({available.get('reason', '')})"
    return [obj["metadata"]["name"], name, text, rows.age(obj, now)]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
)
