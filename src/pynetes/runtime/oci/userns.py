"""A pod's user namespace, and mounts that show files with the owners that the pod knows.

The namespaces of such a pod (its network, its host name ...) belong to its user namespace, so that its root rules them
and nothing else. They are made by ``unshare(1)``, whose process holds them until they are bound to files; this process
cannot make them itself, because a user namespace is closed to programs with threads.

A mapped mount writes to disk the ids that the pod sees: what it leaves behind belongs to no range of ids.

Source: man 7 user_namespaces; man 2 open_tree, mount_setattr (MOUNT_ATTR_IDMAP), move_mount; concepts/workloads/pods/
user-namespaces ("Before you begin": Linux 6.3, the first whose tmpfs can be mapped).
"""

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.aio.commands import Commands
from pynetes.runtime.types import IDRange

OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
"""System call numbers, the same on every machine."""
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH, MOUNT_ATTR_IDMAP = 0x1, 0x4, 0x100000
AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x1000, 0x8000

_libc = ctypes.CDLL(None, use_errno=True)


def supported() -> bool:
    """Whether this kernel has all that it takes."""
    release = os.uname().release.split("-")[0].split(".")
    try:
        new_enough = (int(release[0]), int(release[1])) >= (6, 3)
        return new_enough and int(Path("/proc/sys/user/max_user_namespaces").read_text()) > 0
    except (ValueError, IndexError, OSError):
        return False


@contextlib.asynccontextmanager
async def holder(commands: Commands, clock: Clock, users: IDRange) -> AsyncIterator[int]:
    """The process whose user, network, IPC and host name namespaces are new ones; it ends with the context.

    Raises: OSError.
    """
    (there_in, in_), (out, there_out) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    command = ["unshare", "--user", "--net", "--ipc", "--uts", "cat"]
    try:
        try:
            process = commands.spawn(command, stdin=there_in, stdout=there_out, stderr=null)
        finally:
            for fd in (there_in, there_out, null):
                os.close(fd)
        # cat answers: it has been left alone in the new namespaces
        os.write(in_, b"\n")
        if not await clock.in_thread(os.read, out, 1):
            raise OSError(f"{' '.join(command)}: exit code {await process.wait()}")
        _map(process.pid, users)
        yield process.pid
    finally:
        for fd in (in_, out):
            os.close(fd)
    await asyncio.shield(process.wait())


def _map(pid: int, users: IDRange) -> None:
    """Give the process's user namespace its ids: all of it, once."""
    for file in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{file}").write_text(f"0 {users.first} {users.count}\n")


def mount_mapped(source: str, target: Path, user_namespace: Path) -> None:
    """Show a file or directory, and what is mounted below, at ``target`` (which exists) with owners as in the user
    namespace. As with runc's ``idmap``, mounts below keep their owners. Raises: OSError."""
    tree = _call(source, OPEN_TREE, AT_FDCWD, os.fsencode(source), OPEN_TREE_CLONE | os.O_CLOEXEC | AT_RECURSIVE)
    try:
        namespace = os.open(user_namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            wanted = struct.pack("QQQQ", MOUNT_ATTR_IDMAP, 0, 0, namespace)
            _call(source, MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, wanted, len(wanted))
        finally:
            os.close(namespace)
        _call(str(target), MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(target), MOVE_MOUNT_F_EMPTY_PATH)
    finally:
        os.close(tree)


def _call(what: str, number: int, *arguments: int | bytes) -> int:
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"failed to map the users of {what}: {os.strerror(code)}")
    return result
