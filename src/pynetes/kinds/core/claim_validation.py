"""What is wrong with a claim.

Source: kubernetes ``pkg/apis/core/validation/validation.go``: ``ValidatePersistentVolumeClaimSpec`` and its neighbours.
"""

from collections.abc import Sequence

from pynetes.kinds.core import resource_names
from pynetes.kinds.core.resource_names import NOT_POSITIVE
from pynetes.kinds.internal import difference
from pynetes.kinds.metadata import object_meta, object_meta_update, only_labels_and_annotations
from pynetes.meta.fielderrors import Path, Raw, forbidden, immutable, invalid, not_supported, required, same
from pynetes.meta.names import dns1123_label, dns1123_subdomain, qualified_name
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import annotations, label_selector, labels

STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class"
_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_VOLUME_MODES = ("Block", "Filesystem")
_CLASS = "volumeAttributesClassName"
_FIXED = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
_RESIZE_STATUSES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)


def claim_spec(path: Path, spec: Object, any_selector: bool = False, any_group: bool = False) -> list[Cause]:
    """``any_selector`` and ``any_group`` let faults stand that the object had already."""
    causes: list[Cause] = []
    modes = spec.get("accessModes") or ()
    if not modes:
        causes.append(required(f"{path}.accessModes", "at least 1 access mode is required"))
    if (selector := spec.get("selector")) is not None:
        causes += label_selector(f"{path}.selector", selector, any_selector)
    causes += access_modes(f"{path}.accessModes", modes)
    causes += _storage(f"{path}.resources[storage]", spec)
    if name := spec.get("storageClassName"):
        causes += [invalid(f"{path}.storageClassName", name, p) for p in dns1123_subdomain(name)]
    causes += volume_mode(f"{path}.volumeMode", spec)
    causes += _data_sources(path, spec, any_group)
    if name := spec.get(_CLASS):
        causes += [invalid(f"{path}.{_CLASS}", name, p) for p in dns1123_subdomain(name)]
    return causes


def access_modes(path: Path, modes: Sequence[str]) -> list[Cause]:
    causes = [not_supported(path, mode, _ACCESS_MODES) for mode in modes if mode not in _ACCESS_MODES]
    known = {mode for mode in modes if mode in _ACCESS_MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        causes.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return causes


def volume_mode(path: Path, spec: Object) -> list[Cause]:
    mode = spec.get("volumeMode")
    return [] if mode is None or mode in _VOLUME_MODES else [not_supported(path, mode, _VOLUME_MODES)]


def _requested(spec: Object) -> str | None:
    requests = (spec.get("resources") or {}).get("requests") or {}
    found: str | None = requests.get("storage")
    return found


def _storage(path: Path, spec: Object) -> list[Cause]:
    text = _requested(spec)
    if text is None:
        return [required(path)]
    return [invalid(path, text, NOT_POSITIVE)] if Quantity.parse(text).nanos <= 0 else []


def _data_sources(path: Path, spec: Object, any_group: bool) -> list[Cause]:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    causes: list[Cause] = []
    if source is not None:
        causes += _data_source(f"{path}.dataSource", source, any_group)
    if reference is None:
        return causes
    causes += _data_source(f"{path}.dataSourceRef", reference, any_group)
    if namespace := reference.get("namespace"):
        causes += [invalid(f"{path}.dataSourceRef.namespace", namespace, p) for p in dns1123_label(namespace)]
        if source is not None:
            causes.append(invalid(path, Raw("{}"), "may not be specified when dataSourceRef.namespace is specified"))
    elif source is not None and any(source.get(m) != reference.get(m) for m in ("apiGroup", "kind", "name")):
        causes.append(invalid(path, Raw("{}"), "must match dataSourceRef"))
    return causes


def _data_source(path: Path, source: Object, any_group: bool) -> list[Cause]:
    causes = [required(f"{path}.{name}") for name in ("name", "kind") if not source.get(name)]
    group, kind = source.get("apiGroup") or "", source.get("kind") or ""
    if not group and kind != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        causes.append(invalid(path, kind, detail))
    if group and not any_group:
        causes += [invalid(f"{path}.apiGroup", group, p) for p in dns1123_subdomain(group)]
    return causes


def validate(claim: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(claim, True) + claim_spec("spec", claim["spec"])


def validate_update(claim: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(claim, old)
    if context.subresource == "status":
        return causes + _status(claim)
    spec, before = claim["spec"], old["spec"]
    any_selector = bool(label_selector("", before.get("selector")))
    any_group = any((before.get(name) or {}).get("apiGroup") is not None for name in ("dataSource", "dataSourceRef"))
    causes += object_meta(claim, True) + claim_spec("spec", spec, any_selector, any_group)
    causes += _class_annotation(claim, old)
    new_view, old_view = _comparable(claim, old)
    if not same(new_view, old_view):
        detail = _FIXED + difference("PersistentVolumeClaimSpec", old_view, new_view)
        causes.append(forbidden("spec", detail))
    size = Quantity.parse(_requested(spec) or "0")
    if size < Quantity.parse(_requested(before) or "0"):
        capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage", "0")
        if size <= Quantity.parse(capacity):
            detail = "field can not be less than status.capacity"
            causes.append(forbidden("spec.resources.requests.storage", detail))
    causes += immutable("volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    return causes + _attributes_class(spec, before, old.get("status") or {})


def _upgrades_class(claim: Object, old: Object) -> bool:
    """Whether the class moves from the annotation of old to the spec."""
    annotated = (old["metadata"].get("annotations") or {}).get(STORAGE_CLASS)
    if annotated is None or old["spec"].get("storageClassName") is not None:
        return False
    now = (claim["metadata"].get("annotations") or {}).get(STORAGE_CLASS, annotated)
    return bool(claim["spec"].get("storageClassName") == annotated == now)


def _class_annotation(claim: Object, old: Object) -> list[Cause]:
    if _upgrades_class(claim, old):
        return []
    new = (claim["metadata"].get("annotations") or {}).get(STORAGE_CLASS, "")
    before = (old["metadata"].get("annotations") or {}).get(STORAGE_CLASS, "")
    return immutable(f"metadata.annotations.{STORAGE_CLASS}", new, before)


def _comparable(claim: Object, old: Object) -> tuple[Object, Object]:
    """Both specs, where what may change is alike."""
    spec, before = dict(claim["spec"]), dict(old["spec"])
    if not before.get("volumeName") and spec.get("volumeName"):
        before["volumeName"] = spec["volumeName"]
    name, annotated = spec.get("storageClassName"), (old["metadata"].get("annotations") or {}).get(STORAGE_CLASS)
    named_now = name is not None and before.get("storageClassName") is None and annotated in (None, name)
    if _upgrades_class(claim, old) or named_now:
        spec.pop("storageClassName")
    if (claim.get("status") or {}).get("phase") == "Bound":
        if _requested(spec) is not None:
            requests = {**spec["resources"]["requests"], "storage": _requested(before) or "0"}
            spec["resources"] = {**spec["resources"], "requests": requests}
        spec[_CLASS] = before.get(_CLASS)
    return spec, before


def _attributes_class(spec: Object, before: Object, status: Object) -> list[Cause]:
    name = spec.get(_CLASS)
    if name == before.get(_CLASS) or status.get("currentVolumeAttributesClassName") is None or name:
        return []
    what = "nil" if name is None else "empty string"
    detail = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
    return [forbidden(f"spec.{_CLASS}", detail)]


def _status(claim: Object) -> list[Cause]:
    causes: list[Cause] = []
    if not claim["spec"].get("accessModes"):
        causes.append(required("Spec.accessModes"))
    status = claim.get("status") or {}
    for name, text in (status.get("capacity") or {}).items():
        causes += basic_amount(f"status.capacity[{name}]", text)
    at = "status.allocatedResourceStatuses"
    for name, value in (status.get("allocatedResourceStatuses") or {}).items():
        causes += _resource_key(at, name)
        if value not in _RESIZE_STATUSES:
            causes.append(not_supported(at, name, sorted(_RESIZE_STATUSES)))
    at = "status.allocatedResources"
    for name, text in (status.get("allocatedResources") or {}).items():
        causes += (
            _resource_key(at, name)
            or basic_amount(f"{at}[{name}]", text)
            or resource_names.amount(f"{at}[{name}]", "storage", text)
        )
    return causes


def _resource_key(path: Path, name: str) -> list[Cause]:
    if causes := [invalid(path, name, p) for p in qualified_name(name)]:
        return causes
    if resource_names.is_native(name) and name != "storage":
        return [not_supported(path, name, ("storage",))]
    return []


def basic_amount(path: Path, text: str) -> list[Cause]:
    amount = Quantity.parse(text)
    whole = -(-amount.nanos // 1_000_000_000)
    return [invalid(path, whole, "must be a valid resource quantity")] if whole < 0 else []


def claim_template(path: Path, template: Object) -> list[Cause]:
    """Against the template of an ephemeral volume."""
    meta = template.get("metadata") or {}
    causes = annotations(f"{path}.metadata.annotations", meta.get("annotations"))
    causes += labels(f"{path}.metadata.labels", meta.get("labels"))
    causes += only_labels_and_annotations(f"{path}.metadata", meta)
    return causes + claim_spec(f"{path}.spec", template.get("spec") or {})
