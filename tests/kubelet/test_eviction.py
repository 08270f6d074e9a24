"""Limits on what a pod may keep on the node's disk, in the kubelet's words."""

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.kubelet.eviction import DiskLimits
from pynetes.kubelet.observed import PodRuntime
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.simulated import SimulatedVolumes
from pynetes.kubelet.volumes.manager import VolumeManager
from pynetes.meta.objects import Object
from pynetes.runtime.simulated import SimulatedRuntime
from pynetes.runtime.types import Container, ContainerConfig, ContainerState
from tests.kubelet.api import container, pod

MIB = 1024 * 1024


class Disk(SimulatedVolumes):
    def __init__(self, used: dict[str, int]) -> None:
        self.used = used

    async def usage(self, path: str) -> int:
        return next((size for end, size in self.used.items() if path.endswith(end)), 0)


class Runtime(SimulatedRuntime):
    async def writable_bytes(self, container_id: str) -> int:
        return 8 * MIB


def exceeded(subject: Object, used: dict[str, int]) -> str | None:
    disk = Disk(used)
    limits = DiskLimits(Runtime(VirtualClock()), disk, VolumeManager(disk, "/k"), Settings("n1"))
    config = ContainerConfig("c", 0, "busybox:1")
    observed = PodRuntime("uid-p", (), (Container("id", "s", config, ContainerState.RUNNING, 0),))
    return run_virtual(limits.exceeded(subject, observed), VirtualClock())


def limited(limit: str, size: str = "") -> Object:
    one = container("c", resources={"limits": {"ephemeral-storage": limit}} if limit else {})
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": size} if size else {}}]
    return pod("p", containers=[one], volumes=volumes)


@pytest.mark.parametrize(
    ("limit", "size", "used", "message"),
    [
        ("", "1Mi", {"v": 2 * MIB}, 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '),
        ("", "2Mi", {"v": 2 * MIB}, None),
        ("", "", {"v": 2 * MIB}, None),
        ("10Mi", "", {"v": 1 * MIB}, None),
        (
            "10Mi",
            "",
            {"v": 1 * MIB, "/c": 2 * MIB},
            "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ",
        ),
    ],
)
def test_a_limit_that_is_exceeded_is_told(limit: str, size: str, used: dict[str, int], message: str | None) -> None:
    assert exceeded(limited(limit, size), used) == message
