"""What is wrong with CSI drivers, nodes, capacities and attachments.

Source: kubernetes ``pkg/apis/storage/validation/validation.go``.
"""

from collections.abc import Sequence

from pynetes.kinds.core.volume_sources import csi_driver_name
from pynetes.kinds.core.volume_validation import inline_volume_spec
from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import (
    FIELD_IMMUTABLE,
    NOT_NEGATIVE,
    Path,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    same,
    too_long,
)
from pynetes.meta.names import dns1123_subdomain, inclusive_range_error, qualified_name, size
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_selector, non_negative

_REQUIRED = {
    "attachRequired": "attachedRequired",
    "podInfoOnMount": "podInfoOnMount",
    "storageCapacity": "storageCapacity",
}
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Persistent", "Ephemeral")
_MAX_METADATA = 256 * 1024


def validate_driver(obj: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(obj, False) + _driver_spec("spec", obj["spec"])


def validate_driver_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    spec, before = obj["spec"], old["spec"]
    causes = object_meta_update(obj, old) + _driver_spec("spec", spec)
    causes += immutable("spec.attachedRequired", spec.get("attachRequired"), before.get("attachRequired"))
    modes = "volumeLifecycleModes"
    return causes + immutable(f"spec.{modes}", spec.get(modes), before.get(modes))


def _driver_spec(path: Path, spec: Object) -> list[Cause]:
    causes = [required(f"{path}.{shown}") for name, shown in _REQUIRED.items() if spec.get(name) is None]
    policy, requests = spec.get("fsGroupPolicy"), spec.get("tokenRequests") or ()
    if policy is not None and policy not in _GROUP_POLICIES:
        causes.append(not_supported(f"{path}.fsGroupPolicy", policy, _GROUP_POLICIES))
    causes += _token_requests(f"{path}.tokenRequests", requests)
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in _LIFECYCLES:
            causes.append(not_supported(f"{path}.volumeLifecycleModes", mode, _LIFECYCLES))
    if spec.get("seLinuxMount") is None:
        causes.append(required(f"{path}.seLinuxMount"))
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < 10:
        at = f"{path}.nodeAllocatableUpdatePeriodSeconds"
        causes.append(invalid(at, period, "must be greater than or equal to 10 seconds"))
    in_secrets = spec.get("serviceAccountTokenInSecrets")
    if in_secrets is not None and not requests:
        detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        causes.append(invalid(f"{path}.serviceAccountTokenInSecrets", in_secrets, detail))
    return causes


def _token_requests(path: Path, requests: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for i, request in enumerate(requests):
        audience, seconds = request.get("audience") or "", request.get("expirationSeconds")
        at = f"{path}[{i}].expirationSeconds"
        if audience in seen:
            causes.append(duplicate(f"{path}[{i}].audience", audience))
            continue
        seen.add(audience)
        if seconds is not None and seconds < 600:
            causes.append(invalid(at, seconds, "may not specify a duration less than 10 minutes"))
        if seconds is not None and seconds > 1 << 32:
            causes.append(invalid(at, seconds, "may not specify a duration larger than 2^32 seconds"))
    return causes


def validate_node(obj: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(obj, False)
    names: set[str] = set()
    for i, driver in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        at, name, node_id = f"spec.drivers[{i}]", driver.get("name") or "", driver.get("nodeID") or ""
        causes += csi_driver_name(f"{at}.name", name)
        if not node_id:
            causes.append(required(f"{at}.nodeID"))
        if size(node_id) > 256:
            causes.append(invalid(f"{at}.nodeID", node_id, "must be 256 characters or less"))
        causes += non_negative(f"{at}.allocatable.count", (driver.get("allocatable") or {}).get("count"))
        if name in names:
            causes.append(duplicate(f"{at}.name", name))
        names.add(name)
        causes += _topology_keys(at, driver.get("topologyKeys") or ())
    return causes


def _topology_keys(path: Path, keys: Sequence[str]) -> list[Cause]:
    causes: list[Cause] = []
    for i, key in enumerate(keys):
        if not key:
            causes.append(required(path))
        if key in keys[:i]:
            causes.append(duplicate(path, key))
        causes += [invalid(path, key, p) for p in qualified_name(key)]
    return causes


def validate_node_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = list(validate_node(obj, context))
    for before in (old.get("spec") or {}).get("drivers") or ():
        for driver in (obj.get("spec") or {}).get("drivers") or ():
            if driver.get("name") != before.get("name"):
                continue
            new = {**driver, "allocatable": None}
            if not same(new, {**before, "allocatable": None}):
                causes.append(invalid("spec.drivers", internal_json("CSINodeDriver", new), FIELD_IMMUTABLE))
    return causes


def validate_capacity(obj: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(obj, True) + label_selector("nodeTopology", obj.get("nodeTopology"))
    name, text = obj.get("storageClassName") or "", obj.get("capacity")
    causes += [invalid("storageClassName", name, p) for p in dns1123_subdomain(name)]
    if text is not None and Quantity.parse(text).nanos < 0:
        causes.append(invalid("capacity", text, NOT_NEGATIVE))
    return causes


def validate_capacity_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = [*validate_capacity(obj, context), *object_meta_update(obj, old)]
    topology, before = obj.get("nodeTopology"), old.get("nodeTopology")
    if (topology is None) != (before is None) or not same(topology, before):
        causes.append(invalid("nodeTopology", topology, FIELD_IMMUTABLE))
    return causes + immutable("storageClassName", obj.get("storageClassName"), old.get("storageClassName"))


def validate_attachment(obj: Object, context: WriteContext) -> Sequence[Cause]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    source, node = spec.get("source") or {}, spec.get("nodeName") or ""
    causes = object_meta(obj, False) + csi_driver_name("spec.attacher", spec.get("attacher") or "")
    causes += _attached_source("spec.source", source)
    causes += [invalid("spec.nodeName", node, p) for p in dns1123_subdomain(node)]
    metadata = status.get("attachmentMetadata") or {}
    if sum(size(key) + size(value) for key, value in metadata.items()) > _MAX_METADATA:
        causes.append(too_long("status.attachmentMetadata", _MAX_METADATA))
    for name in ("attachError", "detachError"):
        causes += _volume_error(f"status.{name}", status.get(name) or {})
    if (volume := source.get("persistentVolumeName")) is not None:
        causes += [invalid("spec.source.persistentVolumeName", volume, p) for p in dns1123_subdomain(volume)]
    return causes


def _attached_source(path: Path, source: Object) -> list[Cause]:
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if inline is None and name is None:
        return [required(path, one)]
    if inline is not None and name is not None:
        return [forbidden(path, one)]
    if inline is not None:
        return inline_volume_spec(f"{path}.inlineVolumeSpec", inline, "")
    return [] if name else [required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName")]


def _volume_error(path: Path, error: Object) -> list[Cause]:
    causes = [too_long(f"{path}.message", _MAX_METADATA)] if size(error.get("message") or "") > 1024 else []
    code = error.get("errorCode")
    if code is not None and code < 0:
        causes.append(invalid(f"{path}.errorCode", code, inclusive_range_error(0, (1 << 31) - 1)))
    return causes


def validate_attachment_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = list(validate_attachment(obj, context))
    if not same(obj.get("spec"), old.get("spec")):
        causes.append(invalid("spec", internal_json("VolumeAttachmentSpec", obj["spec"]), FIELD_IMMUTABLE))
    return causes
