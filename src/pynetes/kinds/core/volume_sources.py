"""What is wrong with one source of a volume, of a pod or of a persistent volume.

Source: kubernetes ``pkg/apis/core/validation/validation.go``, ``validateVolumeSource`` and what it calls.
"""

import re

from pynetes.kinds.core.field_paths import descending, downward_file, mode, no_backsteps, not_reserved
from pynetes.meta.fielderrors import Path, invalid, not_supported, required, too_long
from pynetes.meta.names import dns1123_label, dns1123_subdomain, inclusive_range_error, size
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

ISCSI_TOO_LONG = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if"
    " iscsi.initiatorName is specified."
)
_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_INITIATORS = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$", re.ASCII).search,
    "eui": re.compile(r"eui.[A-Za-z0-9]{16}").fullmatch,
    "naa": re.compile(r"naa.[A-Za-z0-9]{32}").fullmatch,
}
_RESERVED_OPTION = "kubernetes.io and k8s.io namespaces are reserved"
_REGISTRY = "must be a host:port pair or multiple pairs separated by commas"


def needs(path: Path, source: Object, *names: str) -> list[Cause]:
    """Against members that are absent or empty."""
    return [required(f"{path}.{name}") for name in names if not source.get(name)]


def host_path(path: Path, source: Object) -> list[Cause]:
    place = source.get("path") or ""
    if not place:
        return [required(f"{path}.path")]
    causes = no_backsteps(f"{path}.path", place)
    kind = source.get("type")
    if kind is not None and kind not in _HOST_PATH_TYPES:
        causes.append(not_supported(f"{path}.type", kind, _HOST_PATH_TYPES))
    return causes


def git_repo(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "repository") + descending(f"{path}.directory", source.get("directory") or "")


def _partition(path: Path, source: Object) -> list[Cause]:
    number = source.get("partition", 0)
    return [] if 0 <= number <= 255 else [invalid(f"{path}.partition", number, inclusive_range_error(1, 255))]


def gce_disk(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "pdName") + _partition(path, source)


def aws_disk(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "volumeID") + _partition(path, source)


def secret(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "secretName") + _files(path, source)


def config_map(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "name") + _files(path, source)


def _files(path: Path, source: Object) -> list[Cause]:
    causes = mode(f"{path}.defaultMode", source.get("defaultMode"))
    for i, item in enumerate(source.get("items") or ()):
        causes += key_to_path(f"{path}.items[{i}]", item)
    return causes


def key_to_path(path: Path, item: Object) -> list[Cause]:
    causes = needs(path, item, "key", "path")
    causes += not_reserved(f"{path}.path", item.get("path") or "")
    return causes + mode(f"{path}.mode", item.get("mode"))


def downward_api(path: Path, source: Object) -> list[Cause]:
    causes = mode(f"{path}.defaultMode", source.get("defaultMode"))
    for file in source.get("items") or ():
        causes += downward_file(path, file)
    return causes


def claim(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "claimName")


def nfs(path: Path, source: Object) -> list[Cause]:
    causes = needs(path, source, "server", "path")
    place = source.get("path") or ""
    if not place.startswith("/"):
        causes.append(invalid(f"{path}.path", place, "must be an absolute path"))
    return causes


def iscsi(path: Path, source: Object, pv_name: str | None = None) -> list[Cause]:
    """``pv_name`` is set for a persistent volume, whose messages are a little different."""
    causes = needs(path, source, "targetPortal")
    portal, initiator, iqn = source.get("targetPortal") or "", source.get("initiatorName"), source.get("iqn") or ""
    unknown = "must be valid format" if pv_name is not None else "must be valid format starting with iqn, eui, or naa"
    if pv_name is not None and initiator is not None and len(f"{pv_name}:{portal}") > 64:
        causes.append(invalid(f"{path}.targetportal", portal, ISCSI_TOO_LONG))
    if not iqn:
        causes.append(required(f"{path}.iqn"))
    else:
        causes += _initiator(f"{path}.iqn", iqn, unknown)
    lun = source.get("lun", 0)
    if not 0 <= lun <= 255:
        causes.append(invalid(f"{path}.lun", lun, inclusive_range_error(0, 255)))
    reference = source.get("secretRef")
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and reference is None:
        causes.append(required(f"{path}.secretRef"))
    if pv_name is not None and reference is not None:
        causes += needs(f"{path}.secretRef", reference, "name")
    if initiator is not None:
        causes += _initiator(f"{path}.initiatorname", initiator, unknown)
    return causes


def _initiator(path: Path, name: str, unknown: str) -> list[Cause]:
    matches = _INITIATORS.get(name[:3])
    if matches is None:
        return [invalid(path, name, unknown)]
    return [] if matches(name) else [invalid(path, name, "must be valid format")]


def fibre_channel(path: Path, source: Object) -> list[Cause]:
    names, ids, lun = source.get("targetWWNs") or [], source.get("wwids") or [], source.get("lun")
    causes = []
    if not names and not ids:
        causes.append(required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both"))
    if names and ids:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        causes.append(invalid(f"{path}.targetWWNs", names, detail))
    if names and lun is None:
        causes.append(required(f"{path}.lun", "lun is required if targetWWNs is specified"))
    elif names and lun is not None and not 0 <= lun <= 255:
        causes.append(invalid(f"{path}.lun", lun, inclusive_range_error(0, 255)))
    return causes


def glusterfs(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "endpoints", "path")


def glusterfs_pv(path: Path, source: Object) -> list[Cause]:
    causes = glusterfs(path, source)
    namespace = source.get("endpointsNamespace")
    if namespace == "":
        detail = "if the endpointnamespace is set, it must be a valid namespace name"
        causes.append(invalid(f"{path}.endpointsNamespace", "", detail))
    elif namespace is not None:
        causes += [invalid(f"{path}.endpointsNamespace", namespace, p) for p in dns1123_label(namespace)]
    return causes


def flocker(path: Path, source: Object) -> list[Cause]:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID") or ""
    causes = []
    if not name and not uuid:
        causes.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        causes.append(invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"))
    if "/" in name:
        causes.append(invalid(f"{path}.datasetName", name, "must not contain '/'"))
    return causes


def rbd(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "monitors", "image")


def cinder(path: Path, source: Object) -> list[Cause]:
    causes = needs(path, source, "volumeID")
    if (reference := source.get("secretRef")) is not None:
        causes += needs(f"{path}.secretRef", reference, "name")
    return causes


def cinder_pv(path: Path, source: Object) -> list[Cause]:
    causes = cinder(path, source)
    if (reference := source.get("secretRef")) is not None:
        causes += needs(f"{path}.secretRef", reference, "namespace")
    return causes


def cephfs(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "monitors")


def quobyte(path: Path, source: Object) -> list[Cause]:
    registry = source.get("registry") or ""
    causes = []
    if not registry:
        causes.append(required(f"{path}.registry", _REGISTRY))
    elif size(source.get("tenant") or "") >= 65:
        detail = "must be a UUID and may not exceed a length of 64 characters"
        causes.append(required(f"{path}.tenant", detail))
    else:
        pairs = (pair.rpartition(":") for pair in registry.split(","))
        wrong = (not colon or (":" in host and not host.startswith("[")) for host, colon, _ in pairs)
        causes += [invalid(f"{path}.registry", registry, _REGISTRY) for bad in wrong if bad]
    return causes + needs(path, source, "volume")


def flex(path: Path, source: Object) -> list[Cause]:
    causes = needs(path, source, "driver")
    for option in source.get("options") or ():
        namespace = "." + option.split("/")[0].lower()
        if namespace.endswith((".kubernetes.io", ".k8s.io")):
            causes.append(invalid(f"{path}.options[{option}]", option, _RESERVED_OPTION))
    return causes


def azure_file(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "secretName", "shareName")


def azure_file_pv(path: Path, source: Object) -> list[Cause]:
    causes = azure_file(path, source)
    if source.get("secretNamespace") == "":
        causes.append(required(f"{path}.secretNamespace"))
    return causes


def azure_disk(path: Path, source: Object) -> list[Cause]:
    causes = needs(path, source, "diskName", "diskURI")
    uri, caching, kind = source.get("diskURI") or "", source.get("cachingMode"), source.get("kind")
    if caching is not None and caching not in ("None", "ReadOnly", "ReadWrite"):
        causes.append(not_supported(f"{path}.cachingMode", caching, ("None", "ReadOnly", "ReadWrite")))
    if kind is not None and kind not in ("Dedicated", "Managed", "Shared"):
        causes.append(not_supported(f"{path}.kind", kind, ("Dedicated", "Managed", "Shared")))
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        form = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
        causes.append(not_supported(f"{path}.diskURI", uri, (form,)))
    if kind is not None and kind != "Managed" and not uri.startswith("https://"):
        form = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
        causes.append(not_supported(f"{path}.diskURI", uri, (form,)))
    return causes


def vsphere(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "volumePath")


def photon(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "pdID")


def portworx(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "volumeID")


def storage_os(path: Path, source: Object) -> list[Cause]:
    name, namespace = source.get("volumeName") or "", source.get("volumeNamespace") or ""
    causes = needs(path, source, "volumeName")
    if name:
        causes += [invalid(f"{path}.volumeName", name, p) for p in dns1123_label(name)]
    if namespace:
        causes += [invalid(f"{path}.volumeNamespace", namespace, p) for p in dns1123_label(namespace)]
    if (reference := source.get("secretRef")) is not None:
        causes += needs(f"{path}.secretRef", reference, "name")
    return causes


def storage_os_pv(path: Path, source: Object) -> list[Cause]:
    causes = storage_os(path, source)
    if (reference := source.get("secretRef")) is not None:
        causes += needs(f"{path}.secretRef", reference, "namespace")
    return causes


def scale_io(path: Path, source: Object) -> list[Cause]:
    return needs(path, source, "gateway", "system", "volumeName")


def csi(path: Path, source: Object) -> list[Cause]:
    causes = csi_driver_name(f"{path}.driver", source.get("driver") or "")
    if (reference := source.get("nodePublishSecretRef")) is not None:
        name = reference.get("name") or ""
        if not name:
            causes.append(required(f"{path}.nodePublishSecretRef.name"))
        else:
            causes += [invalid(f"{path}.name", name, p) for p in dns1123_subdomain(name)]
    return causes


def csi_driver_name(path: Path, name: str) -> list[Cause]:
    if not name:
        return [required(path)]
    causes = [too_long(path, 63)] if size(name) > 63 else []
    return causes + [invalid(path, name, p) for p in dns1123_subdomain(name.lower())]


def csi_pv(path: Path, source: Object) -> list[Cause]:
    causes = csi_driver_name(f"{path}.driver", source.get("driver") or "")
    causes += needs(path, source, "volumeHandle")
    for name in ("controllerPublish", "controllerExpand", "nodePublish", "nodeExpand"):
        if (reference := source.get(f"{name}SecretRef")) is not None:
            causes += _secret_reference(f"{path}.{name}SecretRef", reference)
    return causes


def _secret_reference(path: Path, reference: Object) -> list[Cause]:
    causes = []
    for member, rule in (("name", dns1123_subdomain), ("namespace", dns1123_label)):
        value = reference.get(member) or ""
        if not value:
            causes.append(required(f"{path}.{member}"))
        else:
            causes += [invalid(f"{path}.{member}", value, p) for p in rule(value)]
    return causes


def local(path: Path, source: Object) -> list[Cause]:
    place = source.get("path") or ""
    return no_backsteps(f"{path}.path", place) if place else [required(f"{path}.path")]
