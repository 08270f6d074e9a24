"""How containers' ends become known, without polling: conmon writes an exit file, inotify tells.

A pidfd on each container's first process is the second witness: when conmon was killed, there is no exit file, and the
container counts as ended with an unknown code shortly after its process went.

Source: conmon(8) ``--exit-dir``; man 7 inotify, man 2 pidfd_open.
"""

import asyncio
import ctypes
import logging
import os
import struct
from pathlib import Path

from pynetes.runtime.oci.state import UNKNOWN_EXIT_CODE, Life, Live, State, open_pidfd
from pynetes.runtime.types import RuntimeEvent

log = logging.getLogger(__name__)

IN_CLOSE_WRITE, IN_MOVED_TO = 0x8, 0x80
GRACE_SECONDS = 5.0
"""How long conmon may take from the process's end to the exit file: it drains the output first."""

_libc = ctypes.CDLL(None, use_errno=True)


class Endings:
    """Watches the exit directory and the running containers' processes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._inotify = -1

    def open(self) -> None:
        """Watch from now on; what ended before is for ``settle`` to find."""
        fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if (
            fd < 0
            or _libc.inotify_add_watch(fd, os.fsencode(self._state.paths.exits), IN_CLOSE_WRITE | IN_MOVED_TO) < 0
        ):
            number = ctypes.get_errno()
            raise OSError(number, f"inotify on {self._state.paths.exits}: {os.strerror(number)}")
        self._inotify = fd
        asyncio.get_running_loop().add_reader(fd, self._changed)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        if self._inotify >= 0:
            loop.remove_reader(self._inotify)
            os.close(self._inotify)
            self._inotify = -1
        for live in self._state.containers.values():
            self._forget(live)

    def follow(self, live: Live) -> None:
        """Witness the end of a container that runs, or ran until a moment ago."""
        live.pidfd = open_pidfd(live.record.pid, live.record.start_ticks)
        if live.pidfd >= 0:
            asyncio.get_running_loop().add_reader(live.pidfd, self._process_gone, live)
        else:
            self._process_gone(live)

    def settle(self, live: Live) -> bool:
        """Take note of the container's end if its exit file is there."""
        if live.life is Life.EXITED:
            return True
        file = self._state.paths.exits / live.record.id
        try:
            # file systems stamp by the last tick of a coarse clock: never before the start
            code, finished = int(file.read_text()), max(file.stat().st_mtime_ns, live.record.started_at)
        except (OSError, ValueError):
            return False
        if live.life is not Life.RUNNING:
            return False  # its start still has the word
        self.end(live, code, finished)
        return True

    def end(self, live: Live, code: int, finished_at: int, error: str = "") -> None:
        """Write the end down, wake who waits for it, tell who listens."""
        self._forget(live)
        bundle = self._state.paths.container(live.record.id)
        # any process of it: also one whose end the first process has got over, as containerd says it
        oom = not error and ((bundle / "oom").exists() or self._state.cgroups.oom_kills(live.record.cgroup) > 0)
        self._state.change(
            live, exited=True, exit_code=code, finished_at=finished_at, oom_killed=oom, start_error=error
        )
        live.ended.set()
        self._state.announce(RuntimeEvent.STOPPED, live.record.sandbox_id, live.record.id)

    def _changed(self) -> None:
        try:
            data = os.read(self._inotify, 65536)
        except BlockingIOError:
            return
        offset = 0
        while offset < len(data):
            _, _, _, length = struct.unpack_from("iIII", data, offset)
            name = data[offset + 16 : offset + 16 + length].rstrip(b"\0").decode(errors="replace")
            offset += 16 + length
            if (live := self._state.containers.get(name)) is not None:
                self.settle(live)

    def _process_gone(self, live: Live) -> None:
        self._forget(live)
        if not self.settle(live):
            self._state.clock.call_later(GRACE_SECONDS, self._give_up, live)

    def _give_up(self, live: Live) -> None:
        if live.record.id in self._state.containers and not self.settle(live) and live.life is Life.RUNNING:
            log.warning("container %s ended without an exit file", live.record.id)
            self.end(live, UNKNOWN_EXIT_CODE, 0)

    def _forget(self, live: Live) -> None:
        if live.pidfd >= 0:
            asyncio.get_running_loop().remove_reader(live.pidfd)
            os.close(live.pidfd)
            live.pidfd = -1


def exit_file(state: State, container_id: str) -> Path:
    return state.paths.exits / container_id
