"""What is wrong with a container's mounts and block devices.

Source: kubernetes ``pkg/apis/core/validation/validation.go``.
"""

from collections.abc import Mapping, Sequence

from pynetes.kinds.core.field_paths import descending
from pynetes.meta.fielderrors import Path, forbidden, invalid, not_found, not_supported, required
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")
_BLOCK_ONLY = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"


def volume_mounts(path: Path, container: Object, volumes: Mapping[str, Object]) -> list[Cause]:
    """``volumes``: those of the pod that have no fault, by name."""
    causes: list[Cause] = []
    devices = {d.get("name", ""): d.get("devicePath", "") for d in container.get("volumeDevices") or ()}
    places = set()
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        at, name, place = f"{path}[{i}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            causes.append(required(f"{at}.name"))
        if name not in volumes:
            causes.append(not_found(f"{at}.name", name))
        if not place:
            causes.append(required(f"{at}.mountPath"))
        if place in places:
            causes.append(invalid(f"{at}.mountPath", place, "must be unique"))
        places.add(place)
        if name in devices:
            causes.append(invalid(f"{at}.name", name, "must not already exist in volumeDevices"))
        if place in devices.values():
            detail = "must not already exist as a path in volumeDevices"
            causes.append(invalid(f"{at}.mountPath", place, detail))
        causes += _options(path, at, mount, container)
    return causes


def _options(path: Path, at: Path, mount: Object, container: Object) -> list[Cause]:
    """The rarer members; upstream names most of them without the mount's index."""
    causes: list[Cause] = []
    sub_path, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    if sub_path:
        causes += descending(f"{path}.subPath", sub_path)
    if expression:
        if sub_path:
            detail = "subPathExpr and subPath are mutually exclusive"
            causes.append(invalid(f"{at}.subPathExpr", expression, detail))
        causes += descending(f"{path}.subPathExpr", expression)
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        where = f"{path}.mountPropagation"
        if propagation not in _PROPAGATIONS:
            causes.append(not_supported(where, propagation, _PROPAGATIONS))
        if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
            detail = "Bidirectional mount propagation is available only to privileged containers"
            causes.append(forbidden(where, detail))
    recursive = mount.get("recursiveReadOnly")
    if recursive in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            causes.append(forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true"))
        if propagation not in (None, "None"):
            detail = "may only be specified when mountPropagation is None or not specified"
            causes.append(forbidden(f"{path}.recursiveReadOnly", detail))
    elif recursive not in (None, "Disabled"):
        causes.append(not_supported(f"{path}.recursiveReadOnly", recursive, _RECURSIVE))
    return causes


def volume_devices(path: Path, container: Object, volumes: Mapping[str, Object]) -> list[Cause]:
    causes: list[Cause] = []
    mounts = {m.get("name", ""): m.get("mountPath", "") for m in container.get("volumeMounts") or ()}
    names: set[str] = set()
    places: set[str] = set()
    devices: Sequence[Object] = container.get("volumeDevices") or ()
    for i, device in enumerate(devices):
        at, name, place = f"{path}[{i}]", device.get("name") or "", device.get("devicePath") or ""
        if not name:
            causes.append(required(f"{at}.name"))
        if name in names:
            causes.append(invalid(f"{at}.name", name, "must be unique"))
        if name not in volumes:
            causes.append(not_found(f"{at}.name", name))
        elif volumes[name].get("persistentVolumeClaim") is None and volumes[name].get("ephemeral") is None:
            causes.append(invalid(f"{at}.name", name, _BLOCK_ONLY))
        if not place:
            causes.append(required(f"{at}.devicePath"))
        if place in places:
            causes.append(invalid(f"{at}.devicePath", place, "must be unique"))
        if ".." in place.split("/"):
            causes.append(invalid(f"{at}.devicePath", place, "can not contain backsteps ('..')"))
        else:
            places.add(place)
        if name in mounts:
            causes.append(invalid(f"{at}.name", name, "must not already exist in volumeMounts"))
        if place in mounts.values():
            detail = "must not already exist as a path in volumeMounts"
            causes.append(invalid(f"{at}.devicePath", place, detail))
        if name:
            names.add(name)
    return causes
