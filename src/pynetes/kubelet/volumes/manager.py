"""A pod's volumes: made before its containers, kept up to date, taken down after them.

Source: kubernetes ``pkg/kubelet/volumemanager``, ``pkg/volume``.
"""

import asyncio
from typing import NamedTuple

from pynetes.kubelet import pods
from pynetes.kubelet.host import MountError, Volumes
from pynetes.kubelet.volumes.content import Context, content
from pynetes.kubelet.volumes.mediums import medium_of
from pynetes.meta.objects import Object

PLUGINS = {
    "emptyDir": "kubernetes.io~empty-dir",
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
}


NO_GIT = (
    "git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate "
    "`GitRepoVolumeDriver`"
)
"""As upstream since v1.33: cloning as root ran what the repository said."""


class Failure(NamedTuple):
    """One volume that could not be set up."""

    volume: str
    message: str


class VolumeFailure(Exception):
    """Some volumes of a pod could not be set up."""

    def __init__(self, failures: list[Failure]) -> None:
        super().__init__("; ".join(f"{f.volume}: {f.message}" for f in failures))
        self.failures = failures


class VolumeManager:
    """``root`` is the kubelet's folder; a pod's volumes are below ``pods/<uid>/volumes``."""

    def __init__(self, volumes: Volumes, root: str) -> None:
        self._volumes = volumes
        self._root = root

    def pod_dir(self, uid: str) -> str:
        return f"{self._root}/pods/{uid}"

    def paths(self, pod: Object) -> dict[str, str]:
        """The host path of each volume by its name. Image volumes have none."""
        return {v["name"]: path for v in pod["spec"].get("volumes") or () if (path := self._path(pod, v))}

    def read_only(self, volume: Object) -> bool:
        """Projected volumes are never written by containers."""
        return any(k in volume for k in ("configMap", "secret", "downwardAPI", "projected"))

    async def set_up(self, pod: Object, context: Context) -> None:
        """Make or refresh the volumes that containers mount. A second call changes only what has other content.

        Raises: VolumeFailure naming each that failed; the others are there.
        """
        mounted = {mount["name"] for _, c in pods.all_containers(pod) for mount in c.get("volumeMounts") or ()}
        volumes = [volume for volume in pod["spec"].get("volumes") or () if volume["name"] in mounted]
        if not volumes:
            return
        results = await asyncio.gather(*(self._one(pod, v, context) for v in volumes), return_exceptions=True)
        failures = []
        for volume, result in zip(volumes, results, strict=True):
            if isinstance(result, MountError | OSError):
                failures.append(Failure(volume["name"], str(result)))
            elif isinstance(result, BaseException):
                raise result
        if failures:
            raise VolumeFailure(failures)

    async def tear_down(self, uid: str) -> None:
        await self._volumes.tear_down(self.pod_dir(uid))

    async def disk_usage(self, pod: Object) -> dict[str, int]:
        """The bytes that each emptyDir on disk takes, by the volume's name."""
        on_disk = [
            volume
            for volume in pod["spec"].get("volumes") or ()
            if volume.get("emptyDir") is not None and not volume["emptyDir"].get("medium")
        ]
        return {volume["name"]: await self._volumes.usage(self._path(pod, volume)) for volume in on_disk}

    def _path(self, pod: Object, volume: Object) -> str:
        if "hostPath" in volume:
            path: str = volume["hostPath"]["path"]
            return path
        plugin = next((PLUGINS[k] for k in PLUGINS if k in volume), None)
        if plugin is None:
            return ""
        return f"{self.pod_dir(pod['metadata']['uid'])}/volumes/{plugin}/{volume['name']}"

    async def _one(self, pod: Object, volume: Object, context: Context) -> None:
        path = self._path(pod, volume)
        group = _group(pod)
        if "hostPath" in volume:
            spec = volume["hostPath"]
            await self._volumes.host_path(spec["path"], spec.get("type") or "")
        elif "image" in volume:
            pass  # mounted by the runtime, for each container
        elif "gitRepo" in volume:
            raise MountError(NO_GIT)
        elif "emptyDir" in volume:
            medium = medium_of(pod, volume["emptyDir"], context.allocatable)
            await self._volumes.empty_dir(path, medium, fs_group=group)
        else:
            files = await content(pod, volume, context)
            if files is not None:
                await self._volumes.payload(path, files, memory="configMap" not in volume, fs_group=group)


def _group(pod: Object) -> int | None:
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return None if group is None else int(group)
