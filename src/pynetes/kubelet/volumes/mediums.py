"""What an emptyDir is kept on: the node's disk, memory of a size, huge pages of a size. Pure.

Source: kubernetes ``pkg/volume/emptydir/empty_dir.go`` (calculateEmptyDirMemorySize, getPageSizeMountOption).
"""

from collections.abc import Iterator, Mapping

from pynetes.kubelet.cgroups import pod_limits_of
from pynetes.kubelet.host import Medium, MountError
from pynetes.kubelet.resources import whole
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity

HUGE_PAGES = "HugePages"
RESOURCE = "hugepages-"


def medium_of(pod: Object, spec: Object, allocatable: Mapping[str, str]) -> Medium:
    """Raises: MountError."""
    medium = spec.get("medium") or ""
    if not medium:
        return Medium()
    if medium == "Memory":
        return Medium("tmpfs", _memory(pod, spec, allocatable))
    if medium == HUGE_PAGES or medium.startswith(f"{HUGE_PAGES}-"):
        return Medium("hugetlbfs", page_size=_page_size(pod, medium))
    raise MountError(f"unknown storage medium {medium}")


def _memory(pod: Object, spec: Object, allocatable: Mapping[str, str]) -> int:
    """As much as its pod may have, or less where it says so; 0: as the kernel likes."""
    sizes = [whole(allocatable, "memory"), pod_limits_of(pod).memory]
    if spec.get("sizeLimit"):
        sizes.append(whole({"size": spec["sizeLimit"]}, "size"))
    return min((size for size in sizes if size > 0), default=0)


def _page_size(pod: Object, medium: str) -> str:
    """The one size that the pod asks pages of, or that the medium names and the pod asks for."""
    asked = {Quantity.parse(name.removeprefix(RESOURCE)).canonical() for name in _page_requests(pod)}
    if medium == HUGE_PAGES and len(asked) > 1:
        raise MountError(f"medium: {medium} can't be used if container requests multiple huge page sizes")
    if medium != HUGE_PAGES:
        asked &= {Quantity.parse(medium.removeprefix(f"{HUGE_PAGES}-")).canonical()}
    if not asked:
        text = "hugePages storage requested, but there is no resource request for huge pages"
        raise MountError(f"medium {medium}: {text}")
    return asked.pop()


def _page_requests(pod: Object) -> Iterator[str]:
    spec = pod["spec"]
    for owner in (spec, *(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        requests = (owner.get("resources") or {}).get("requests") or {}
        yield from (name for name in requests if name.startswith(RESOURCE))
