"""One ``up`` or ``down`` of a host acts at a time."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pynetes.cluster.config import ConfigError, home

ROOTS_LOCK = Path("/run/pynetes")
"""Root's clusters share the host's networks, whatever their homes: one lock for all."""


@contextmanager
def locked(waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """One ``up`` or ``down`` of this host acts at a time; another waits, after ``waiting`` was called.

    The lock is a directory's, which is there anyway or is taken away by its last holder. Raises: ConfigError when the
    directory cannot be made.
    """
    place = ROOTS_LOCK if os.geteuid() == 0 else home()
    descriptor = _locked(place, waiting)
    try:
        yield
    finally:
        if place == ROOTS_LOCK:
            with suppress(OSError):
                place.rmdir()  # it stays where it holds something
        os.close(descriptor)


def _locked(place: Path, waiting: Callable[[], None]) -> int:
    while True:
        try:
            place.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # its last holder has just taken it away
        except OSError as error:
            raise ConfigError(f"cannot write in {place}: {error.strerror}; set PYNETES_HOME") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == place.stat().st_ino:
                return descriptor
        os.close(descriptor)
