"""Rules of paths on disk, file modes, and references to a pod's own fields and resources.

Source: kubernetes ``pkg/apis/core/validation/validation.go``, ``pkg/apis/core/pods/helpers.go``, ``pkg/fieldpath``.
"""

from collections.abc import Collection

from pynetes.meta.fielderrors import Path, invalid, not_supported, required
from pynetes.meta.names import qualified_name
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.status import Cause

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_SIMULTANEOUS = "fieldRef and resourceFieldRef can not be specified simultaneously"

ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_FIELDS = frozenset(
    (*ENV_FIELDS, *VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host")
)
_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_HUGE_PAGES = ("requests.hugepages-", "limits.hugepages-")
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")


def no_backsteps(path: Path, text: str) -> list[Cause]:
    return [invalid(path, text, "must not contain '..'")] if ".." in text.split("/") else []


def descending(path: Path, text: str) -> list[Cause]:
    """Against a path below some directory."""
    causes = [invalid(path, text, "must be a relative path")] if text.startswith("/") else []
    return causes + no_backsteps(path, text)


def not_reserved(path: Path, text: str) -> list[Cause]:
    """Against a path in a volume that the kubelet writes, where names with two dots are its own."""
    causes = descending(path, text)
    if text.startswith("..") and not text.startswith("../"):
        causes.append(invalid(path, text, "must not start with '..'"))
    return causes


def mode(path: Path, value: int | None) -> list[Cause]:
    return [invalid(path, value, _MODE)] if value is not None and not 0 <= value <= 0o777 else []


def field_reference(path: Path, reference: Object, supported: Collection[str]) -> list[Cause]:
    """Against an ``ObjectFieldSelector``; ``supported`` in the order that messages list."""
    version, field = reference.get("apiVersion") or "", reference.get("fieldPath") or ""
    if not version:
        return [required(f"{path}.apiVersion")]
    if not field:
        return [required(f"{path}.fieldPath")]
    base, subscript = split_subscript(field)
    if problem := _conversion_problem(version, field, base, subscript):
        return [invalid(f"{path}.fieldPath", field, f"error converting fieldPath: {problem}")]
    if subscript is not None:
        key = subscript.lower() if base == "metadata.annotations" else subscript
        return [invalid(path, key, p) for p in qualified_name(key)]
    if field == "spec.host":
        field = "spec.nodeName"
    if field not in supported:
        return [not_supported(f"{path}.fieldPath", field, supported)]
    return []


def split_subscript(field: str) -> tuple[str, str | None]:
    """``metadata.labels['a']`` is ``metadata.labels`` and ``a``; without a subscript None."""
    base, bracket, rest = field.partition("['")
    if not field.endswith("']") or not bracket or not base:
        return field, None
    return base, rest[:-2]


def _conversion_problem(version: str, field: str, base: str, subscript: str | None) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscript is not None:
        if base in ("metadata.annotations", "metadata.labels"):
            return ""
        return f"field label does not support subscript: {field}"
    return "" if field in _FIELDS else f"field label not supported: {field}"


def resource_reference(path: Path, reference: Object, in_volume: bool) -> list[Cause]:
    """Against a ``ResourceFieldSelector``."""
    resource = reference.get("resource") or ""
    causes: list[Cause] = []
    if in_volume and not reference.get("containerName"):
        causes.append(required(f"{path}.containerName"))
    elif not resource:
        causes.append(required(f"{path}.resource"))
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        causes.append(not_supported(f"{path}.resource", resource, _RESOURCES))
    return causes + _divisor(f"{path}.divisor", resource, reference.get("divisor") or "0")


def _divisor(path: Path, resource: str, divisor: str) -> list[Cause]:
    if Quantity.parse(divisor).nanos == 0:
        return []
    if resource.endswith(".cpu"):
        if divisor in ("1m", "1"):
            return []
        return [invalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource")]
    names = {".memory": "memory", ".ephemeral-storage": "local ephemeral storage"}
    name = next((n for suffix, n in names.items() if resource.endswith(suffix)), "")
    if resource.startswith(_HUGE_PAGES):
        name = "hugepages"
    if not name or divisor in _SIZES:
        return []
    values = ", ".join(_SIZES)
    return [invalid(path, resource, f"only divisor's values {values} are supported with the {name} resource")]


def downward_file(path: Path, file: Object) -> list[Cause]:
    """Against a ``DownwardAPIVolumeFile``."""
    name = file.get("path") or ""
    causes = [] if name else [required(f"{path}.path")]
    causes += not_reserved(f"{path}.path", name)
    field, resource = file.get("fieldRef"), file.get("resourceFieldRef")
    if field is not None:
        causes += field_reference(f"{path}.fieldRef", field, VOLUME_FIELDS)
        if resource is not None:
            causes.append(invalid(path, "resource", _SIMULTANEOUS))
    elif resource is not None:
        causes += resource_reference(f"{path}.resourceFieldRef", resource, in_volume=True)
    else:
        causes.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return causes + mode(f"{path}.mode", file.get("mode"))
