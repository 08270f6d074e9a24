"""What is wrong with a persistent volume.

Source: kubernetes ``pkg/apis/core/validation/validation.go``: ``ValidatePersistentVolumeSpec`` and its neighbours.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence

from pynetes.kinds.core import volume_sources as sources
from pynetes.kinds.core.claim_validation import access_modes, basic_amount, volume_mode
from pynetes.kinds.core.node_labels import SUCCESSORS, node_term_warnings
from pynetes.kinds.core.resource_names import NOT_POSITIVE
from pynetes.kinds.core.scheduling import node_selector
from pynetes.kinds.internal import difference, internal_json
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import (
    FIELD_IMMUTABLE,
    Path,
    Raw,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    same,
)
from pynetes.meta.gotext import json_text
from pynetes.meta.names import dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause

_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_CLASS = "volumeAttributesClassName"
_MORE = "may not specify more than 1 volume type"
_ONLY_CSI = "has to be specified in the context of inline volumes"
_NOT_INLINE = "may not be specified in the context of inline volumes"
_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_MOUNTABLE = (
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "cinder",
    "cephfs",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
)
_RECYCLE = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
_DEPRECATED_ANNOTATIONS = {
    "volume.beta.kubernetes.io/storage-class": 'deprecated since v1.8; use "storageClassName" attribute instead',
    _MOUNT_OPTIONS: 'deprecated since v1.31; use "mountOptions" attribute instead',
}
_DEPRECATED = {
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
_MISSPELT = {"gcePersistentDisk": "persistentDisk"}
_MISSPELT_WHEN_SECOND = {"cephfs": "cephFS"}

RULES: Mapping[str, Callable[[Path, Object], list[Cause]]] = {
    "hostPath": sources.host_path,
    "gcePersistentDisk": sources.gce_disk,
    "awsElasticBlockStore": sources.aws_disk,
    "glusterfs": sources.glusterfs_pv,
    "flocker": sources.flocker,
    "nfs": sources.nfs,
    "rbd": sources.rbd,
    "quobyte": sources.quobyte,
    "cephfs": sources.cephfs,
    "iscsi": sources.iscsi,
    "cinder": sources.cinder_pv,
    "fc": sources.fibre_channel,
    "flexVolume": sources.flex,
    "azureFile": sources.azure_file_pv,
    "vsphereVolume": sources.vsphere,
    "photonPersistentDisk": sources.photon,
    "portworxVolume": sources.portworx,
    "azureDisk": sources.azure_disk,
    "scaleIO": sources.scale_io,
    "local": sources.local,
    "storageos": sources.storage_os_pv,
    "csi": sources.csi_pv,
}


def volume_spec(path: Path, spec: Object, name: str) -> list[Cause]:
    causes: list[Cause] = []
    if not spec.get("accessModes"):
        causes.append(required(f"{path}.accessModes"))
    causes += access_modes(f"{path}.accessModes", spec.get("accessModes") or ())
    causes += _capacity(f"{path}.capacity", spec.get("capacity"))
    policy = spec.get("persistentVolumeReclaimPolicy") or ""
    if policy and policy not in _RECLAIM_POLICIES:
        causes.append(not_supported(f"{path}.persistentVolumeReclaimPolicy", policy, _RECLAIM_POLICIES))
    if (affinity := spec.get("nodeAffinity")) is not None:
        causes += _node_affinity(f"{path}.nodeAffinity", affinity)
    causes += _source(path, spec, name)
    if _recycles_root(spec):
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        causes.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", detail))
    if class_name := spec.get("storageClassName"):
        causes += [invalid(f"{path}.storageClassName", class_name, p) for p in dns1123_subdomain(class_name)]
    causes += volume_mode(f"{path}.volumeMode", spec)
    return causes + _attributes_class(path, spec)


def inline_volume_spec(path: Path, spec: Object, name: str) -> list[Cause]:
    """Against a volume that is part of an attachment: it may be of a CSI driver only."""
    causes: list[Cause] = []
    if spec.get("claimRef") is not None:
        causes.append(forbidden(f"{path}.claimRef", _NOT_INLINE))
    if spec.get("capacity"):
        causes.append(forbidden(f"{path}.capacity", _NOT_INLINE))
    if spec.get("csi") is None:
        causes.append(required(f"{path}.csi", _ONLY_CSI))
    if not spec.get("accessModes"):
        causes.append(required(f"{path}.accessModes"))
    causes += access_modes(f"{path}.accessModes", spec.get("accessModes") or ())
    if spec.get("persistentVolumeReclaimPolicy") not in (None, "", "Retain"):
        detail = "may only be Retain in the context of inline volumes"
        causes.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", detail))
    if spec.get("nodeAffinity") is not None:
        causes.append(forbidden(f"{path}.nodeAffinity", _NOT_INLINE))
    causes += _source(path, spec, name)
    if spec.get("storageClassName"):
        causes.append(forbidden(f"{path}.storageClassName", _NOT_INLINE))
    if spec.get("volumeMode") not in (None, "Filesystem"):
        detail = "may not specify volumeMode other than Filesystem in the context of inline volumes"
        causes.append(forbidden(f"{path}.volumeMode", detail))
    return causes + _attributes_class(path, spec)


def _capacity(path: Path, capacity: Mapping[str, str] | None) -> list[Cause]:
    causes: list[Cause] = []
    if not capacity:
        causes.append(required(path))
    if not capacity or "storage" not in capacity or len(capacity) > 1:
        shown = Raw(json_text(dict(sorted(capacity.items()))) if capacity is not None else "null")
        causes.append(not_supported(path, shown, ("storage",)))
    for name, text in (capacity or {}).items():
        causes += basic_amount(f"{path}[{name}]", text)
        if Quantity.parse(text).nanos <= 0:
            causes.append(invalid(f"{path}[{name}]", text, NOT_POSITIVE))
    return causes


def _node_affinity(path: Path, affinity: Object) -> list[Cause]:
    selector = affinity.get("required")
    if selector is None:
        return [required(f"{path}.required", "must specify required node constraints")]
    return node_selector(f"{path}.required", selector)


def _source(path: Path, spec: Object, name: str) -> list[Cause]:
    causes: list[Cause] = []
    found = False
    for member, rule in RULES.items():
        source = spec.get(member)
        if source is None:
            continue
        if found and member != "flexVolume":
            causes.append(forbidden(f"{path}.{_MISSPELT_WHEN_SECOND.get(member, member)}", _MORE))
            continue
        found = True
        at = f"{path}.{_MISSPELT.get(member, member)}"
        causes += sources.iscsi(at, source, name) if member == "iscsi" else rule(at, source)
        if member == "local" and spec.get("nodeAffinity") is None:
            causes.append(required(f"{path}.nodeAffinity", "Local volume requires node affinity"))
    if not found:
        causes.append(required(path, "must specify a volume type"))
    return causes


def _recycles_root(spec: Object) -> bool:
    place = (spec.get("hostPath") or {}).get("path")
    return bool(
        place and spec.get("persistentVolumeReclaimPolicy") == "Recycle" and not posixpath.normpath(place).strip("/")
    )


def _attributes_class(path: Path, spec: Object) -> list[Cause]:
    name = spec.get(_CLASS)
    if name is None:
        return []
    causes = [invalid(f"{path}.{_CLASS}", name, p) for p in dns1123_subdomain(name)] if name else []
    if not name:
        causes.append(required(f"{path}.{_CLASS}", "an empty string is disallowed"))
    if spec.get("csi") is None:
        causes.append(required(f"{path}.csi", "has to be specified when using volumeAttributesClassName"))
    return causes


def validate_volume(volume: Object, context: WriteContext) -> Sequence[Cause]:
    return _rules(volume) + _mount_options(volume)


def _rules(volume: Object) -> list[Cause]:
    return object_meta(volume, False) + volume_spec("spec", volume["spec"], volume["metadata"].get("name") or "")


def validate_volume_update(volume: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    if context.subresource == "status":
        return object_meta_update(volume, old)
    own = _rules(volume)
    causes = own + _mount_options(volume) + own  # upstream's strategy asks twice
    spec, before = volume["spec"], old["spec"]
    new_source, old_source = _source_of(spec), _source_of(before)
    given, had = new_source.get("csi"), old_source.get("csi")
    if given is not None and had is not None and had.get("controllerExpandSecretRef") is None:
        new_source["csi"] = {k: v for k, v in given.items() if k != "controllerExpandSecretRef"}
    if not same(new_source, old_source):
        detail = "spec.persistentvolumesource is immutable after creation\n"
        detail += difference("PersistentVolumeSource", old_source, new_source)
        causes.append(forbidden("spec.persistentvolumesource", detail))
    causes += immutable("volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    causes += _pinned(spec.get("nodeAffinity"), before.get("nodeAffinity"))
    if before.get(_CLASS) is not None and spec.get(_CLASS) is None:
        causes.append(forbidden(f"spec.{_CLASS}", "update from non-nil value to nil is forbidden"))
    return causes


def _source_of(spec: Object) -> Object:
    return {name: spec[name] for name in RULES if spec.get(name) is not None}


def _pinned(affinity: Object | None, before: Object | None) -> list[Cause]:
    """Where the volume is does not change, but for a label of old that became its successor."""
    if before is None or same(_modern(affinity, before), affinity):
        return []
    detail = f"{FIELD_IMMUTABLE}, except for updating from beta label to GA"
    return [invalid("nodeAffinity", internal_json("VolumeNodeAffinity", affinity) if affinity else None, detail)]


def _modern(affinity: Object | None, before: Object) -> Object:
    """``before`` with the labels of old replaced where ``affinity`` replaces them."""
    new_terms = ((affinity or {}).get("required") or {}).get("nodeSelectorTerms") or []
    terms: list[Object] = []
    for i, term in enumerate((before.get("required") or {}).get("nodeSelectorTerms") or []):
        changed = dict(term)
        for member in ("matchExpressions", "matchFields"):
            now = (new_terms[i].get(member) or []) if i < len(new_terms) else []
            changed[member] = [
                {**r, "key": SUCCESSORS[r["key"]]}
                if j < len(now) and now[j].get("key") == SUCCESSORS.get(r.get("key", ""))
                else r
                for j, r in enumerate(term.get(member) or [])
            ]
        terms.append(changed)
    return {**before, "required": {**(before.get("required") or {}), "nodeSelectorTerms": terms}}


def _mount_options(volume: Object) -> list[Cause]:
    if any(volume["spec"].get(name) is not None for name in _MOUNTABLE):
        return []
    if _MOUNT_OPTIONS not in (volume["metadata"].get("annotations") or {}):
        return []
    return [forbidden(f"metadata.annotations.{_MOUNT_OPTIONS}", "may not specify mount options for this volume type")]


def volume_warnings(volume: Object) -> list[str]:
    """Source: kubernetes ``pkg/api/persistentvolume/util.go``."""
    spec, noted = volume["spec"], volume["metadata"].get("annotations") or {}
    found = [f"metadata.annotations[{name}]: {text}" for name, text in _DEPRECATED_ANNOTATIONS.items() if name in noted]
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(f"spec.persistentVolumeReclaimPolicy: {_RECYCLE}")
    selector = (spec.get("nodeAffinity") or {}).get("required") or {}
    for i, term in enumerate(selector.get("nodeSelectorTerms") or ()):
        found += node_term_warnings(f"spec.nodeAffinity.required.nodeSelectorTerms[{i}]", term)
    return found + [
        f"spec.{shown}: {text}" for name, (shown, text) in _DEPRECATED.items() if spec.get(name) is not None
    ]
