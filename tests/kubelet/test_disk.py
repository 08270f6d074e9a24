"""Volumes and cgroups as files: any folder will do."""

import os
from pathlib import Path

import pytest

from pynetes.kubelet import disk
from pynetes.kubelet.cgroups import Cgroups, weight
from pynetes.kubelet.host import File, MountError
from pynetes.kubelet.volumes import atomic
from tests.kubelet.api import container, pod


def test_a_projected_volume_changes_as_a_whole(tmp_path: Path) -> None:
    first = {"one": File(b"1", 0o400), "sub/two": File(b"2", 0o440)}
    assert atomic.write(tmp_path, first, "..a")
    assert os.readlink(tmp_path / "..data") == "..a"
    assert os.readlink(tmp_path / "sub") == "..data/sub"
    assert (tmp_path / "sub/two").read_bytes() == b"2"
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o400
    assert not atomic.write(tmp_path, first, "..b"), "the same content changes nothing"
    assert atomic.write(tmp_path, {"one": File(b"new", 0o644)}, "..c")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["..c", "..data", "one"]
    assert (tmp_path / "one").read_bytes() == b"new"


def test_host_paths_are_checked_by_their_type(tmp_path: Path) -> None:
    disk._host_path(str(tmp_path / "d"), "DirectoryOrCreate")
    disk._host_path(str(tmp_path / "f"), "FileOrCreate")
    assert (tmp_path / "d").is_dir() and (tmp_path / "f").is_file()
    with pytest.raises(MountError, match=f"^hostPath type check failed: {tmp_path} is not a file$"):
        disk._host_path(str(tmp_path), "File")
    with pytest.raises(MountError, match=r"is not a socket file$"):
        disk._host_path(str(tmp_path / "f"), "Socket")


def test_a_sub_path_cannot_leave_its_volume(tmp_path: Path) -> None:
    volume, outside = tmp_path / "v", tmp_path / "outside"
    volume.mkdir()
    outside.mkdir()
    (volume / "link").symlink_to(outside)
    with pytest.raises(MountError):
        disk._sub_path(str(volume), "link", str(tmp_path / "target"))


def unified(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    return tmp_path


GUARANTEED = {"limits": {"cpu": "200m", "memory": "64Mi"}, "requests": {"cpu": "200m", "memory": "64Mi"}}


def test_pod_cgroups_stand_below_their_qos_class_and_leave_nothing(tmp_path: Path) -> None:
    cgroups = Cgroups(str(unified(tmp_path)), "node-1")
    cgroups.start(2000)
    p = pod("p", container("c", resources=GUARANTEED))
    p["status"]["qosClass"] = "Guaranteed"
    assert cgroups.ensure(p) == "/node-1/kubepods/poduid-p"
    folder = tmp_path / "node-1/kubepods/poduid-p"
    assert (folder / "cpu.max").read_text() == "20000 100000"
    assert (folder / "memory.max").read_text() == str(64 << 20)
    assert (folder / "cpu.weight").read_text() == str(weight(204))
    assert cgroups.ensure(pod("q")).startswith("/node-1/kubepods/besteffort/")
    (folder / "child").mkdir()
    for uid in ("uid-p", "uid-q"):
        cgroups.remove(uid)
    assert not folder.exists() and not (tmp_path / "node-1/kubepods/besteffort/poduid-q").exists()


def test_version_1_has_a_tree_a_controller(tmp_path: Path) -> None:
    for controller in ("cpu", "memory", "pids"):
        (tmp_path / controller).mkdir()
    cgroups = Cgroups(str(tmp_path))
    cgroups.start(2000)
    burstable = {"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}}
    p = pod("p", container("c", resources=burstable))
    p["status"]["qosClass"] = "Burstable"
    path = cgroups.ensure(p).lstrip("/")
    assert (tmp_path / "cpu" / path / "cpu.shares").read_text() == "102"
    assert (tmp_path / "cpu" / path / "cpu.cfs_quota_us").read_text() == "50000"
    assert (tmp_path / "memory" / path / "memory.limit_in_bytes").read_text() == str(128 << 20)
    assert (tmp_path / "cpu/kubepods/burstable/cpu.shares").read_text() == "102"
    (tmp_path / "unified" / path / "container").mkdir(parents=True)  # as runc does in a hybrid hierarchy
    cgroups.remove("uid-p")
    assert not (tmp_path / "memory" / path).exists()
    assert not (tmp_path / "unified" / path).exists()
