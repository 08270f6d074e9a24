"""A layer's archive, unpacked into a directory that overlayfs takes as a lower one.

Whiteouts become overlayfs's (a character device 0:0), opaque marks its ``trusted.overlay.opaque``. No entry may lead
out of the directory: names are cleaned, and symbolic links on the way to an entry are followed within the directory
only.

Source: OCI image specification, ``layer.md``; Linux ``Documentation/filesystems/overlayfs.rst``.
"""

import errno
import os
import shutil
import stat
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_XATTR = "SCHILY.xattr."
_MAX_LINKS = 255


def unpack(archive: BinaryIO, root: Path, below: Sequence[Path] = ()) -> int:
    """Unpack a plain tar stream into ``root``; the sum of the files' sizes.

    ``below``: the directories of the layers underneath, highest first: a directory that the archive uses without
    naming it looks as it does there.

    Raises: ValueError for an entry that cannot be honoured; OSError.
    """
    size = 0
    times: list[tuple[str, float]] = []
    with tarfile.open(fileobj=archive, mode="r|", errorlevel=2) as tar:
        for member in tar:
            parts = clean(member.name)
            if not parts:
                if member.isdir():
                    _attributes(str(root), member)
                continue
            parent = _parent(root, parts[:-1], below)
            name = parts[-1]
            if name == OPAQUE:
                os.setxattr(parent, "trusted.overlay.opaque", b"y")
            elif name.startswith(WHITEOUT):
                if name.startswith(".wh..wh."):
                    continue  # aufs's own bookkeeping
                _whiteout(os.path.join(parent, name[len(WHITEOUT) :]))
            else:
                target = os.path.join(parent, name)
                _create(root, target, member, tar)
                size += member.size if member.isreg() else 0
                if member.isdir():
                    times.append((target, member.mtime))
    for target, mtime in reversed(times):  # last, because files put into a directory touch it
        os.utime(target, (mtime, mtime))
    return size


def clean(name: str) -> list[str]:
    """The name's parts below the root. Raises: ValueError when it leads out of it."""
    parts: list[str] = []
    for part in name.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            raise ValueError(f"layer entry leads out of the image: {name!r}")
        parts.append(part)
    return parts


def within(root: Path, parts: Sequence[str]) -> str:
    """The path below ``root`` that the parts name, symbolic links on the way taken as inside a chroot.

    Also the last part is followed. What does not exist is taken literally.
    """
    todo = list(reversed(parts))
    done: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if done:
                done.pop()
            continue
        here = os.path.join(root, *done, part)
        try:
            target = os.readlink(here)
        except OSError:
            done.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, f"too many symbolic links: {'/'.join(parts)}")
        if target.startswith("/"):
            done.clear()
        todo.extend(reversed(target.split("/")))
    return os.path.join(root, *done)


def _parent(root: Path, parts: Sequence[str], below: Sequence[Path]) -> str:
    """The directory that an entry goes into, made as the lower layers have it where the archive did not name it."""
    path = within(root, parts)
    if os.path.isdir(path):
        return path
    relative = os.path.relpath(path, root).split("/")
    for depth in range(1, len(relative) + 1):
        step = os.path.join(root, *relative[:depth])
        try:
            os.mkdir(step, 0o755)
        except FileExistsError:
            if not os.path.isdir(step):
                os.unlink(step)
                os.mkdir(step, 0o755)
            continue
        os.chmod(step, 0o755)
        for layer in below:
            try:
                there = os.lstat(os.path.join(layer, *relative[:depth]))
            except OSError:
                continue
            if stat.S_ISDIR(there.st_mode):
                os.chown(step, there.st_uid, there.st_gid)
                os.chmod(step, stat.S_IMODE(there.st_mode))
            break
    return path


def _whiteout(target: str) -> None:
    """Hide what lies below, unless this very layer has put something there already."""
    if not os.path.lexists(target):
        os.mknod(target, stat.S_IFCHR | 0o600, 0)


def _create(root: Path, target: str, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
    hidden = False
    try:
        there = os.lstat(target)
    except FileNotFoundError:
        pass
    else:
        if not (stat.S_ISDIR(there.st_mode) and member.isdir()):
            hidden = stat.S_ISCHR(there.st_mode) and there.st_rdev == 0
            _remove(target, there)
    if member.isdir():
        if not os.path.isdir(target):
            os.mkdir(target)
        if hidden:  # a deleted directory made anew: nothing of the old one shows through
            os.setxattr(target, "trusted.overlay.opaque", b"y")
    elif member.isreg():
        source = tar.extractfile(member)
        assert source is not None
        with open(target, "xb") as out:
            shutil.copyfileobj(source, out, 1024 * 1024)
    elif member.issym():
        os.symlink(member.linkname, target)
    elif member.islnk():
        original = _link_source(root, member)
        os.link(original, target, follow_symlinks=False)
        return  # it shares the first name's attributes
    elif member.ischr() or member.isblk():
        kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
        os.mknod(target, kind | 0o600, os.makedev(member.devmajor, member.devminor))
    elif member.isfifo():
        os.mkfifo(target)
    else:
        raise ValueError(f"layer entry {member.name!r} is of an unknown type {member.type!r}")
    _attributes(target, member)


def _link_source(root: Path, member: tarfile.TarInfo) -> str:
    parts = clean(member.linkname)
    if not parts:
        raise ValueError(f"layer entry {member.name!r} is a hard link to nothing")
    original = os.path.join(within(root, parts[:-1]), parts[-1])
    if not os.path.lexists(original):
        raise ValueError(
            f"layer entry {member.name!r} is a hard link to {member.linkname!r}, which is not in the layer"
        )
    return original


def _attributes(target: str, member: tarfile.TarInfo) -> None:
    # the owner first: changing it clears set-user-id bits and capabilities
    os.lchown(target, member.uid, member.gid)
    if not member.issym():
        os.chmod(target, member.mode & 0o7777)
    for key, value in member.pax_headers.items():
        if key.startswith(_XATTR):
            try:
                os.setxattr(target, key[len(_XATTR) :], value.encode("utf-8", "surrogateescape"), follow_symlinks=False)
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EPERM):
                    raise
    if not member.isdir():
        os.utime(target, (member.mtime, member.mtime), follow_symlinks=False)


def _remove(target: str, there: os.stat_result) -> None:
    if stat.S_ISDIR(there.st_mode):
        shutil.rmtree(target)
    else:
        os.unlink(target)


def disk_usage(root: Path) -> int:
    """Bytes on disk of all below; hard links count once, what vanishes meanwhile not."""
    seen: set[int] = set()
    total = 0
    for directory, _, files in os.walk(root):
        for name in (".", *files):
            try:
                status = os.lstat(os.path.join(directory, name))
            except OSError:
                continue
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                total += status.st_blocks * 512
    return total
