"""Stop a container: its stop signal, a time to obey, then SIGKILL."""

import os
import signal

from pynetes.runtime.oci.state import Life, Live, State, same_process
from pynetes.runtime.types import RuntimeFailure


async def stop(state: State, container_id: str, timeout_seconds: float) -> None:
    """Returns when its end is known. What is gone, or never ran, is stopped already.

    Raises: RuntimeFailure when even SIGKILL did not end it in time.
    """
    live = state.containers.get(container_id)
    if live is None or live.life is not Life.RUNNING:
        return
    if timeout_seconds > 0:
        _signal(live, stop_signal(live.record.stop_signal))
        try:
            await state.clock.wait_for(live.ended.wait(), timeout_seconds)
            return
        except TimeoutError:
            pass
    await kill(state, live)


async def kill(state: State, live: Live) -> None:
    """SIGKILL to all of its processes: without a process namespace of its own they would outlive the first."""
    _signal(live, signal.SIGKILL)
    state.cgroups.kill(live.record.cgroup)
    try:
        await state.clock.wait_for(live.ended.wait(), state.settings.kill_seconds)
    except TimeoutError:
        raise RuntimeFailure(f'failed to kill container "{live.record.id}": its process does not end') from None


def stop_signal(name: str) -> int:
    """The number of ``SIGTERM``, ``TERM``, ``15`` or ``SIGRTMIN+3``; SIGTERM for none. Raises: RuntimeFailure."""
    if not name:
        return signal.SIGTERM
    if name.isdigit():
        return int(name)
    base, sign, offset = name.upper().partition("+") if "+" in name else name.upper().partition("-")
    full = base if base.startswith("SIG") else f"SIG{base}"
    try:
        number = int(signal.Signals[full])
    except KeyError:
        raise RuntimeFailure(f'failed to parse stop signal "{name}"') from None
    return number + int(sign + offset) if sign else number


def _signal(live: Live, number: int) -> None:
    record = live.record
    if live.pidfd >= 0:
        try:
            signal.pidfd_send_signal(live.pidfd, number)
        except ProcessLookupError:
            pass
    elif same_process(record.pid, record.start_ticks):
        os.kill(record.pid, number)
