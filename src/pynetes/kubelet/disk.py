"""``LinuxVolumes``: volumes as folders, files, tmpfs and bind mounts. Blocking work is done in threads.

Source: kubernetes ``pkg/volume/{emptydir,hostpath}``, ``pkg/volume/util/subpath/subpath_linux.go``,
``pkg/volume/volume_linux.go`` (fsGroup).
"""

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.kubelet import mounts
from pynetes.kubelet.host import File, Medium, MountError
from pynetes.kubelet.volumes import atomic

CHECKS: Mapping[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "directory"),
    "File": (stat.S_ISREG, "file"),
    "FileOrCreate": (stat.S_ISREG, "file"),
    "Socket": (stat.S_ISSOCK, "socket file"),
    "CharDevice": (stat.S_ISCHR, "character device"),
    "BlockDevice": (stat.S_ISBLK, "block device"),
}


class LinuxVolumes:
    needs_tokens = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0

    async def directory(self, path: str, *, mode: int = 0o750) -> None:
        _directory(path, mode)

    async def empty_dir(self, path: str, medium: Medium, *, fs_group: int | None) -> None:
        await self._clock.in_thread(_empty_dir, path, medium, fs_group)

    async def payload(self, path: str, files: Mapping[str, File], *, memory: bool, fs_group: int | None) -> bool:
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        self._count += 1
        stamp = f"..{now:%Y_%m_%d_%H_%M_%S}.{self._count}"
        return await self._clock.in_thread(_payload, path, files, stamp, memory, fs_group)

    async def host_path(self, path: str, type_: str) -> None:
        _host_path(path, type_)

    async def sub_path(self, volume: str, sub_path: str, target: str) -> str:
        return await self._clock.in_thread(_sub_path, volume, sub_path, target)

    async def file(self, volume: str, path: str) -> bytes | None:
        return await self._clock.in_thread(_file, volume, path)

    async def usage(self, path: str) -> int:
        return await self._clock.in_thread(_usage, path)

    async def tear_down(self, pod_dir: str) -> None:
        await self._clock.in_thread(_tear_down, pod_dir)


def _directory(path: str, mode: int) -> None:
    if not os.path.isdir(path):
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)


def _empty_dir(path: str, medium: Medium, fs_group: int | None) -> None:
    if os.path.isdir(path) and (not medium.kind or mounts.is_mounted(path)):
        return
    _directory(path, 0o777)
    if medium.kind == "tmpfs":
        mounts.tmpfs(path, medium.size_bytes)
    elif medium.kind == "hugetlbfs":
        # the kernel's suffixes are binary without saying so
        mounts.mount("nodev", path, "hugetlbfs", 0, f"pagesize={medium.page_size.removesuffix('i')}")
    if fs_group is not None:
        _own(path, fs_group)


def _own(path: str, group: int) -> None:
    """The group owns the folder, and new files in it."""
    os.chown(path, -1, group)
    os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | 0o770 | stat.S_ISGID)


def _payload(path: str, files: Mapping[str, File], stamp: str, memory: bool, fs_group: int | None) -> bool:
    if not os.path.isdir(path):
        _directory(path, 0o777)
        if memory:
            try:
                mounts.tmpfs(path, 0)
            except PermissionError:
                pass  # without the right to mount it is on disk, readable by the same users
        if fs_group is not None:
            _own(path, fs_group)
    return atomic.write(Path(path), files, stamp, group=fs_group)


def _host_path(path: str, type_: str) -> None:
    if type_ in ("", "DirectoryOrCreate") and not os.path.lexists(path):
        os.makedirs(path, mode=0o755, exist_ok=True)
    elif type_ == "FileOrCreate" and not os.path.lexists(path):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    if not type_:
        return
    if type_ not in CHECKS:
        raise MountError(f"{type_} is an invalid volume type")
    check, word = CHECKS[type_]
    try:
        matches = check(os.stat(path).st_mode)
    except OSError:
        matches = False
    if not matches:
        raise MountError(f"hostPath type check failed: {path} is not a {word}")


def _sub_path(volume: str, sub_path: str, target: str) -> str:
    """Open the real place step by step without following links, then bind it: nobody can swap it under the runtime."""
    root = os.path.realpath(volume)
    wanted = os.path.realpath(os.path.join(root, sub_path))
    if wanted != root and not wanted.startswith(root + "/"):
        raise MountError("failed to prepare subPath")
    mode = stat.S_IMODE(os.stat(root).st_mode)
    if not os.path.lexists(wanted):
        try:
            _make_below(root, os.path.relpath(wanted, root), mode)
        except NotADirectoryError:
            raise MountError("failed to prepare subPath") from None
        except OSError:
            raise MountError("failed to create subPath directory") from None
    try:
        descriptor = _open_below(root, os.path.relpath(wanted, root))
    except OSError:
        raise MountError("failed to prepare subPath") from None
    try:
        return _bind(descriptor, wanted, target)
    finally:
        os.close(descriptor)


def _make_below(root: str, relative: str, mode: int) -> None:
    current = os.open(root, os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for part in relative.split("/"):
            try:
                os.mkdir(part, mode, dir_fd=current)
                fresh = os.open(part, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
                os.fchmod(fresh, mode)
                os.fchown(fresh, -1, os.fstat(current).st_gid)
            except FileExistsError:
                fresh = os.open(part, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = fresh
    finally:
        os.close(current)


def _open_below(root: str, relative: str) -> int:
    current = os.open(root, os.O_PATH | os.O_NOFOLLOW)
    for part in [] if relative == "." else relative.split("/"):
        try:
            following = os.open(part, os.O_PATH | os.O_NOFOLLOW, dir_fd=current)
        finally:
            os.close(current)
        current = following
        if stat.S_ISLNK(os.fstat(current).st_mode):
            os.close(current)
            raise MountError("failed to prepare subPath")
    return current


def _file(volume: str, path: str) -> bytes | None:
    """A container may be writing there: what is read is what was found to be inside, step by step."""
    root = os.path.realpath(volume)
    wanted = os.path.realpath(os.path.join(root, path))
    if not wanted.startswith(root + "/"):
        return None
    try:
        descriptor = _open_below(root, os.path.relpath(wanted, root))
    except (OSError, MountError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return Path(f"/proc/self/fd/{descriptor}").read_bytes()
    finally:
        os.close(descriptor)


def _bind(descriptor: int, wanted: str, target: str) -> str:
    if mounts.below(target):
        mounts.unmount(target)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o640))
    try:
        mounts.mount(f"/proc/self/fd/{descriptor}", target, "", mounts.MS_BIND)
    except PermissionError:
        return wanted  # without the right to mount the runtime binds the place itself
    return target


def _usage(path: str) -> int:
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                continue
    return total


def _tear_down(pod_dir: str) -> None:
    if not os.path.isdir(pod_dir):
        return
    for point in mounts.below(pod_dir):
        mounts.unmount(point)
    shutil.rmtree(pod_dir, ignore_errors=True)
