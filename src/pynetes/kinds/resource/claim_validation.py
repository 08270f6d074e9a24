"""What makes a claim on devices invalid, or its template. Source: kubernetes ``pkg/apis/resource/validation``."""

from collections.abc import Mapping, Sequence

from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta, object_meta_update, only_labels_and_annotations
from pynetes.kinds.resource.claim_status_validation import validate_status
from pynetes.kinds.resource.device_rules import (
    MOST_CONFIGS,
    MOST_REQUESTS,
    admin_access,
    configuration,
    distinct,
    fully_qualified_name,
    items,
    label,
    selectors,
    toleration,
)
from pynetes.kinds.resource.request_names import request_names, request_reference
from pynetes.meta.fielderrors import FIELD_IMMUTABLE, Path, invalid, not_supported, required, same
from pynetes.meta.names import dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import annotations, labels

_MOST_CONSTRAINTS = 32
_MOST_ALTERNATIVES = 8
_MODES = ("All", "ExactCount")


def validate_claim(claim: Object, context: WriteContext) -> Sequence[Cause]:
    spec = claim.get("spec") or {}
    return _admin(spec, context) + object_meta(claim, True) + _devices("spec.devices", spec.get("devices") or {})


def validate_claim_update(claim: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    if context.subresource == "status":
        return validate_status(claim, old, context)
    return object_meta(claim, True) + object_meta_update(claim, old) + _fixed("ResourceClaimSpec", claim, old)


def validate_template(template: Object, context: WriteContext) -> Sequence[Cause]:
    spec = template.get("spec") or {}
    inner = spec.get("spec") or {}
    causes = _admin(inner, context) + object_meta(template, True)
    causes += _template_meta("spec.metadata", spec.get("metadata") or {})
    return causes + _devices("spec.spec.devices", inner.get("devices") or {})


def validate_template_update(template: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta_update(template, old) + _fixed("ResourceClaimTemplateSpec", template, old)


def _fixed(type_name: str, obj: Object, old: Object) -> list[Cause]:
    spec = obj.get("spec") or {}
    if same(spec, old.get("spec") or {}):
        return []
    return [invalid("spec", internal_json(type_name, spec), FIELD_IMMUTABLE)]


def _admin(spec: Object, context: WriteContext) -> list[Cause]:
    for i, request in enumerate((spec.get("devices") or {}).get("requests") or ()):
        if (request.get("exactly") or {}).get("adminAccess"):
            return admin_access(f"spec.devices.requests[{i}].adminAccess", context)
    return []


def _template_meta(path: Path, meta: Object) -> list[Cause]:
    causes = annotations(f"{path}.annotations", meta.get("annotations"))
    causes += labels(f"{path}.labels", meta.get("labels"))
    return causes + only_labels_and_annotations(path, meta)


def _devices(path: Path, devices: Object) -> list[Cause]:
    names = request_names(devices)
    causes = distinct(
        f"{path}.requests", devices.get("requests") or (), MOST_REQUESTS, _request, lambda r: r.get("name") or ""
    )

    def constraint(at: Path, value: Object) -> list[Cause]:
        return _constraint(at, value, names)

    def config(at: Path, value: Object) -> list[Cause]:
        return _references(f"{at}.requests", value, names) + configuration(at, value)

    causes += items(f"{path}.constraints", devices.get("constraints") or (), _MOST_CONSTRAINTS, constraint)
    return causes + items(f"{path}.config", devices.get("config") or (), MOST_CONFIGS, config)


def _references(path: Path, value: Object, names: Mapping[str, frozenset[str]]) -> list[Cause]:
    def check(at: Path, name: str) -> list[Cause]:
        return request_reference(at, name, names)

    return distinct(path, value.get("requests") or (), MOST_REQUESTS, check, lambda name: name)


def _constraint(path: Path, value: Object, names: Mapping[str, frozenset[str]]) -> list[Cause]:
    causes = _references(f"{path}.requests", value, names)
    for member in ("matchAttribute", "distinctAttribute"):
        if (name := value.get(member)) is not None:
            return causes + fully_qualified_name(f"{path}.{member}", name)
    detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
    return [*causes, required(path, detail)]


def _request(path: Path, request: Object) -> list[Cause]:
    causes = label(f"{path}.name", request.get("name") or "")
    exact, alternatives = request.get("exactly"), request.get("firstAvailable") or ()
    one = "exactly one of `exactly` or `firstAvailable` is required"
    if exact is None and not alternatives:
        causes.append(required(path, one))
    elif exact is not None and alternatives:
        causes.append(invalid(path, None, f"{one}, but multiple fields are set"))
    elif exact is not None:
        causes += _wanted(f"{path}.exactly", exact)
    else:
        at = f"{path}.firstAvailable"
        causes += distinct(at, alternatives, _MOST_ALTERNATIVES, _alternative, lambda r: r.get("name") or "")
    return causes


def _alternative(path: Path, request: Object) -> list[Cause]:
    return label(f"{path}.name", request.get("name") or "") + _wanted(path, request)


def _wanted(path: Path, request: Object) -> list[Cause]:
    name = request.get("deviceClassName") or ""
    causes = [] if name else [required(f"{path}.deviceClassName")]
    causes += [invalid(f"{path}.deviceClassName", name, p) for p in dns1123_subdomain(name) if name]
    causes += selectors(f"{path}.selectors", request.get("selectors") or ())
    mode, count = request.get("allocationMode") or "", request.get("count", 0)
    if mode == "All":
        if count:
            detail = "must not be specified when allocationMode is 'All'"
            causes.append(invalid(f"{path}.count", count, detail))
    elif mode == "ExactCount":
        if count <= 0:
            causes.append(invalid(f"{path}.count", count, "must be greater than zero"))
    else:
        causes.append(not_supported(f"{path}.allocationMode", mode, _MODES))
    for i, value in enumerate(request.get("tolerations") or ()):
        causes += toleration(f"{path}.tolerations[{i}]", value)
    return causes
