"""Pods that take more disk than they may: why one has to go. One look at the disk, only for pods with a limit.

Source: kubernetes ``pkg/kubelet/eviction/eviction_manager.go`` (localStorageEviction), ``helpers.go``.

Caveats: pressure on the node as a whole evicts nobody yet.
"""

from pynetes.kubelet import pods
from pynetes.kubelet.container import log_directory
from pynetes.kubelet.host import Volumes
from pynetes.kubelet.observed import PodRuntime
from pynetes.kubelet.resources import pod_limits, whole
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.volumes.manager import VolumeManager
from pynetes.meta.objects import Object
from pynetes.runtime.types import Runtime

STORAGE = "ephemeral-storage"


class DiskLimits:
    """Asks the disk and the runtime what a pod takes."""

    def __init__(self, runtime: Runtime, disk: Volumes, volumes: VolumeManager, settings: Settings) -> None:
        self._runtime = runtime
        self._disk = disk
        self._volumes = volumes
        self._settings = settings

    async def exceeded(self, pod: Object, observed: PodRuntime) -> str | None:
        """The message of the first limit that is exceeded: of an emptyDir, of the pod, of a container."""
        sizes = _size_limits(pod)
        of_pod = whole(pod_limits(pod), STORAGE)
        if (not sizes and not of_pod) or pods.is_critical(pod):
            return None
        used = await self._volumes.disk_usage(pod)
        for name, limit in sizes.items():
            if used.get(name, 0) > whole({"size": limit}, "size") > 0:
                return f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
        if not of_pod:
            return None
        containers = await self._containers(pod, observed)
        if sum(used.values()) + sum(containers.values()) > of_pod:
            limit = pod_limits(pod)[STORAGE]
            return f"Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "
        for container in pods.containers(pod):
            limits = (container.get("resources") or {}).get("limits") or {}
            name = container["name"]
            if containers.get(name, 0) > whole(limits, STORAGE) > 0:
                return f'Container {name} exceeded its local ephemeral storage limit "{limits[STORAGE]}". '
        return None

    async def _containers(self, pod: Object, observed: PodRuntime) -> dict[str, int]:
        """The logs and writable layers of the pod's containers, by their names."""
        logs = log_directory(pod, self._settings)
        found: dict[str, int] = {}
        for container in observed.containers:
            name = container.config.name
            if name not in found:
                found[name] = await self._disk.usage(f"{logs}/{name}")
            found[name] += await self._runtime.writable_bytes(container.id)
        return found


def _size_limits(pod: Object) -> dict[str, str]:
    """By volume: the sizeLimit of each emptyDir on disk."""
    found = {}
    for volume in pod["spec"].get("volumes") or ():
        spec = volume.get("emptyDir") or {}
        if spec.get("sizeLimit") and spec.get("medium") != "Memory":
            found[volume["name"]] = str(spec["sizeLimit"])
    return found
