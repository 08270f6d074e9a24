"""mount(2) and umount2(2), and what is mounted where."""

import ctypes
import os
from pathlib import Path

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    """Raises: OSError."""
    result = _libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {target}: {os.strerror(number)}")


def unmount(target: str) -> None:
    """Raises: OSError."""
    if _libc.umount2(target.encode(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unmount {target}: {os.strerror(number)}")


def below(folder: str) -> list[str]:
    """Mount points at or below a folder, the innermost first."""
    found = []
    prefix = folder.rstrip("/") + "/"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split(" ", 5)[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if point == folder or point.startswith(prefix):
            found.append(point)
    return list(reversed(found))


def is_mounted(path: str) -> bool:
    return path in below(path)


def tmpfs(path: str, size_bytes: int) -> None:
    """A tmpfs that is never swapped out where the kernel knows how. Raises: OSError."""
    size = f"size={size_bytes}" if size_bytes else ""
    try:
        mount("tmpfs", path, "tmpfs", 0, ",".join(filter(None, (size, "noswap"))))
    except OSError:
        mount("tmpfs", path, "tmpfs", 0, size)
