"""Being told when something in a folder changes. Source: man 7 inotify."""

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable

CLOSE_WRITE, MOVED_FROM, MOVED_TO, DELETE = 0x8, 0x40, 0x80, 0x200
ONLYDIR = 0x1000000

_libc = ctypes.CDLL(None, use_errno=True)


def watch(folder: str, changed: Callable[[], None]) -> Callable[[], None]:
    """Call ``changed`` on the running loop after changes in ``folder``, once for several at a time; what is returned
    ends it. Raises: OSError."""
    descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    wanted = CLOSE_WRITE | MOVED_FROM | MOVED_TO | DELETE | ONLYDIR
    if descriptor < 0 or _libc.inotify_add_watch(descriptor, os.fsencode(folder), wanted) < 0:
        number = ctypes.get_errno()
        if descriptor >= 0:
            os.close(descriptor)
        raise OSError(number, f"inotify on {folder}: {os.strerror(number)}")

    def readable() -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(descriptor, 65536)
        changed()

    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, readable)

    def stop() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)

    return stop
