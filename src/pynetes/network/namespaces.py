"""Network namespaces (and their like) by system calls: make, keep, enter and delete them without starting a program.

A namespace lives as long as something holds it: here a bind mount of its file, by convention ``/run/netns/NAME``, where
``ip netns`` sees it too. By the same convention that directory is a mount point of its own, shared; who comes first
makes it one. Whatever acts *inside* one does so on a thread of its own that ends with the act, or in a
process that entered it for good (a node's) before it started its threads.

Source: man 7 namespaces, man 2 setns, man 8 ip-netns.
"""

import array
import ctypes
import errno
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

RUN_NETNS = Path("/run/netns")

FLAGS = {"net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000}
"""What unshare(2) calls each kind of namespace that a thread may leave alone."""

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
MS_SHARED = 0x100000
MNT_DETACH, UMOUNT_NOFOLLOW = 0x2, 0x8
NSFS_MAGIC = 0x6E736673

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]


def mount(source: str, target: Path, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2). Raises: OSError with the target's name."""
    arguments = (source.encode(), os.fsencode(target), kind.encode(), flags, data.encode() or None)
    if _libc.mount(*arguments) != 0:
        raise _error(f"mount {target}")


def unmount(target: Path) -> bool:
    """Detach what is mounted there, at once even when it is in use. False: nothing was."""
    if _libc.umount2(os.fsencode(target), MNT_DETACH | UMOUNT_NOFOLLOW) == 0:
        return True
    if ctypes.get_errno() in (errno.EINVAL, errno.ENOENT):
        return False
    raise _error(f"umount {target}")


def hold(files: Mapping[str, Path], inside: Callable[[], object] = lambda: None) -> None:
    """Make a new namespace of each kind (net, ipc, uts), bind it to its file, and call ``inside`` within all of them.

    When anything fails nothing stays bound.
    """

    def make() -> None:
        if _libc.unshare(sum(FLAGS[kind] for kind in files)) != 0:
            raise _error("unshare")
        thread = f"/proc/self/task/{threading.get_native_id()}/ns/"
        for kind, file in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(exist_ok=True)
            mount(thread + kind, file, "none", MS_BIND)
        inside()

    try:
        on_own_thread(make)
    except BaseException:
        for file in files.values():
            release(file)
        raise


def hold_of(pid: int, files: Mapping[str, Path], inside: Callable[[], object] = lambda: None) -> None:
    """The same with the namespaces of a process, which may have a ``user`` one, too; ``inside`` is called within those
    that ``FLAGS`` names."""

    def act() -> None:
        for kind in files.keys() & FLAGS.keys():
            enter(files[kind], kind)
        inside()

    try:
        for kind, file in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(exist_ok=True)
            mount(f"/proc/{pid}/ns/{kind}", file, "none", MS_BIND)
        on_own_thread(act)
    except BaseException:
        for file in files.values():
            release(file)
        raise


def release(file: Path) -> None:
    """Let go of the namespace that is bound to this file; it ends with its last process. Nothing there is fine."""
    while unmount(file):  # a repeated start may have bound twice
        pass
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise  # else it is mounted once more where nobody can reach it: below a mount over its whole directory


def held(file: Path) -> bool:
    """Whether a namespace is bound to this file (after a reboot the file is there, the namespace is not)."""
    try:
        return _filesystem(file) == NSFS_MAGIC
    except FileNotFoundError:
        return False


def enter(file: Path, kind: str = "net") -> None:
    """Move the calling thread into the namespace: for a process that has just begun and has one thread only."""
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, FLAGS[kind]) != 0:
            raise _error(f"setns {file}")
    finally:
        os.close(fd)


def own_hostname(name: str) -> None:
    """Give the calling process a host name of its own, with the same condition as ``enter``; its children share it."""
    if _libc.unshare(FLAGS["uts"]) != 0:
        raise _error("unshare uts")
    socket.sethostname(name)


def run_inside(file: Path, function: Callable[..., T], *args: object) -> T:
    """The function's result, computed within the network namespace; the caller's thread stays where it is."""

    def act() -> T:
        enter(file)
        return function(*args)

    return on_own_thread(act)


def create(name: str) -> Path:
    """A network namespace under this name, with its loopback up. One that is there already stays as it is."""
    _share(RUN_NETNS)
    file = RUN_NETNS / name
    if not held(file):
        hold({"net": file}, loopback_up)
    return file


def _share(directory: Path) -> None:
    """Make the directory a shared mount of itself before anything is mounted in it.

    Otherwise the first ``ip netns add`` or CNI plug-in would do so later, above what we have mounted, and our names
    could never be removed. Source: iproute2 ``ip/ipnetns.c``, containernetworking ``pkg/testutils/netns_linux.go``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    try:
        mount("", directory, "none", MS_SHARED | MS_REC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        mount(str(directory), directory, "none", MS_BIND | MS_REC)
        mount("", directory, "none", MS_SHARED | MS_REC)


def delete(name: str) -> None:
    """Forget the name; what is not there is deleted already."""
    release(RUN_NETNS / name)


def names(prefix: str = "") -> list[str]:
    """The namespaces under ``/run/netns`` whose names begin so."""
    return sorted(_entries(prefix))


def _entries(prefix: str) -> Iterator[str]:
    try:
        with os.scandir(RUN_NETNS) as entries:
            yield from (e.name for e in entries if e.name.startswith(prefix))
    except FileNotFoundError:
        return


def loopback_up() -> None:
    """Set ``lo`` up in the calling thread's network namespace."""
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
        request = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack_from("H", fcntl.ioctl(s, siocgifflags, request), 16)[0]
        fcntl.ioctl(s, siocsifflags, struct.pack("16sH22x", b"lo", flags | iff_up))


def on_own_thread(function: Callable[[], T]) -> T:
    """Run on a thread that nobody uses again, so that it may leave namespaces; its result or its error."""
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(function())
        except BaseException as error:  # carried to the caller's thread, whatever it is
            errors.append(error)

    thread = threading.Thread(target=body, name="namespace")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _filesystem(file: Path) -> int:
    """The magic number of the file system that a file is on (statfs(2); Python's statvfs has no such field)."""
    buffer = array.array("L", [0] * 32)
    if _libc.statfs(os.fsencode(file), ctypes.c_void_p(buffer.buffer_info()[0])) != 0:
        raise _error(f"statfs {file}")
    return buffer[0]


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
