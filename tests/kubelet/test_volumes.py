"""Volumes: on what an emptyDir is kept, what of a volume a container may reach, who owns its files."""

import os
from pathlib import Path

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.kubelet.disk import LinuxVolumes
from pynetes.kubelet.host import File, Medium, MountError
from pynetes.kubelet.volumes import atomic
from pynetes.kubelet.volumes.content import Context
from pynetes.kubelet.volumes.manager import VolumeFailure, VolumeManager
from pynetes.kubelet.volumes.mediums import medium_of
from pynetes.meta.objects import Object
from pynetes.meta.status import not_found
from tests.kubelet.api import container, pod

MIB = 1024 * 1024


def limited(memory: str = "", **more: str) -> Object:
    limits = {**({"memory": memory} if memory else {}), **more}
    return pod("p", container("c", resources={"limits": limits, "requests": limits}))


@pytest.mark.parametrize(
    ("size", "memory", "bytes_"),
    [
        ("", "", 1024 * MIB),
        ("10Mi", "", 10 * MIB),
        ("", "64Mi", 64 * MIB),
        ("10Mi", "64Mi", 10 * MIB),
        ("100Mi", "64Mi", 64 * MIB),
    ],
)
def test_a_memory_volume_is_as_large_as_it_says_its_pod_may_be_or_the_node_is(
    size: str, memory: str, bytes_: int
) -> None:
    """concepts/storage/volumes, emptyDir: without a size "memory-backed volumes are sized to node allocatable memory"."""
    spec = {"medium": "Memory", **({"sizeLimit": size} if size else {})}
    assert medium_of(limited(memory), spec, {"memory": "1Gi"}) == Medium("tmpfs", bytes_)


def test_huge_pages_are_of_the_size_that_the_pod_asks_for() -> None:
    """tasks/manage-hugepages: a medium without a size needs requests of one size only."""
    one, two = limited(**{"hugepages-2Mi": "4Mi"}), limited(**{"hugepages-2Mi": "4Mi", "hugepages-1Gi": "1Gi"})
    assert medium_of(one, {"medium": "HugePages"}, {}) == Medium("hugetlbfs", page_size="2Mi")
    assert medium_of(two, {"medium": "HugePages-1Gi"}, {}) == Medium("hugetlbfs", page_size="1Gi")
    for subject, medium, message in (
        (two, "HugePages", "medium: HugePages can't be used if container requests multiple huge page sizes"),
        (limited(), "HugePages", "medium HugePages: hugePages storage requested, but there is no resource request for"),
        (one, "HugePages-1Gi", "medium HugePages-1Gi: hugePages storage requested, but there is no resource request"),
    ):
        with pytest.raises(MountError) as caught:
            medium_of(subject, {"medium": medium}, {})
        assert str(caught.value).startswith(message)


def sub_path(volume: Path, path: str) -> str:
    volumes = LinuxVolumes(VirtualClock())
    return run_virtual(volumes.sub_path(str(volume), path, f"{volume}-bound"), VirtualClock())


def read(volume: Path, path: str) -> bytes | None:
    return run_virtual(LinuxVolumes(VirtualClock()).file(str(volume), path), VirtualClock())


def test_a_sub_path_leads_nowhere_else_and_says_no_more_than_that(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (tmp_path / "outside").mkdir()
    (volume / "link").symlink_to(tmp_path)
    (volume / "file").touch()
    for path in ("link/outside", "link/new", "file/below"):
        with pytest.raises(MountError) as caught:
            sub_path(volume, path)
        assert str(caught.value) == "failed to prepare subPath"
    assert not (tmp_path / "new").exists()


def test_a_file_of_a_volume_is_read_through_its_links_but_not_beyond_it(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    (volume / "data").mkdir(parents=True)
    (volume / "data" / "env").write_text("A='1'")
    (volume / "env").symlink_to("data/env")
    (tmp_path / "secret").write_text("no")
    (volume / "out").symlink_to("../secret")
    (volume / "pipe").symlink_to("/dev/zero")
    assert read(volume, "env") == b"A='1'"
    assert [read(volume, path) for path in ("out", "../secret", "pipe", "data", "none")] == [None] * 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_token_belongs_to_the_one_user_of_its_pod_and_to_the_pods_group(tmp_path: Path) -> None:
    atomic.write(tmp_path, {"token": File(b"t", 0o600, 1000), "a/b": File(b"x", 0o644)}, "..1", group=2000)
    link = (tmp_path / "token").lstat()
    token = (tmp_path / "token").stat()
    assert (link.st_uid, link.st_gid) == (token.st_uid, token.st_gid) == (1000, 2000)
    assert token.st_mode & 0o777 == 0o640
    assert (tmp_path / "a" / "b").stat().st_gid == 2000


class NoConfigMaps:
    async def config_map(self, namespace: str, name: str) -> Object:
        raise not_found("", "configmaps", name)


@pytest.mark.parametrize(("where", "fails"), [("", False), ("containers", True), ("initContainers", True)])
def test_a_volume_that_no_container_mounts_keeps_nobody_waiting(tmp_path: Path, where: str, fails: bool) -> None:
    """A kubelet v1.36.3 starts a pod whose volume names a ConfigMap that is not there, when nothing mounts it."""
    subject = pod(
        "p", container("c"), initContainers=[container("i")], volumes=[{"name": "v", "configMap": {"name": "no"}}]
    )
    if where:
        subject["spec"][where][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    clock = VirtualClock()
    manager = VolumeManager(LinuxVolumes(clock), str(tmp_path))
    work = manager.set_up(subject, Context(NoConfigMaps(), None, {}))  # type: ignore[arg-type]
    if not fails:
        run_virtual(work, clock)
        return
    with pytest.raises(VolumeFailure) as failed:
        run_virtual(work, clock)
    assert [failure.volume for failure in failed.value.failures] == ["v"]
