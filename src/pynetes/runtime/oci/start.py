"""Start a created container: conmon has runc create it, then runc lets its process go."""

from pathlib import Path

from pynetes.aio.commands import CommandFailed
from pynetes.runtime.oci import conmon
from pynetes.runtime.oci.endings import Endings
from pynetes.runtime.oci.state import Life, Live, State, process_start
from pynetes.runtime.types import RuntimeEvent, RuntimeFailure

START_ERROR_EXIT_CODE = 128


async def start(state: State, endings: Endings, container_id: str) -> None:
    """Raises: RuntimeFailure in containerd's words; the container then counts as ended, with the reason StartError."""
    live = state.container(container_id)
    async with live.lock:
        if live.life is not Life.CREATED:
            raise RuntimeFailure(f'container "{container_id}" is in {live.life.name} state')
        try:
            await _start(state, live)
        except (RuntimeFailure, CommandFailed, OSError) as error:
            message = (
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
                f"runc create failed: {_told(error)}"
            )
            await state.commands.run(state.runc("delete", "--force", container_id), check=False)
            endings.end(live, START_ERROR_EXIT_CODE, state.now(), message)
            raise RuntimeFailure(message) from error
    state.announce(RuntimeEvent.STARTED, live.record.sandbox_id, container_id)
    endings.follow(live)
    endings.settle(live)  # it may have ended before its start was written down


async def _start(state: State, live: Live) -> None:
    record = live.record
    log_path = _log_path(state, live)
    if log_path:
        Path(log_path).parent.mkdir(parents=True, exist_ok=True)
    (state.paths.exits / record.id).unlink(missing_ok=True)
    pid = await conmon.create(state, record, log_path)
    state.change(live, pid=pid, start_ticks=process_start(pid))
    begun = state.now()  # before: it may have ended when runc returns
    await state.commands.run(state.runc("start", record.id))
    state.change(live, started_at=begun)


def _log_path(state: State, live: Live) -> str:
    config = live.record.config
    directory = state.sandbox(live.record.sandbox_id).config.log_directory
    return str(Path(directory, config.log_path)) if directory and config.log_path else ""


def _told(error: Exception) -> str:
    text = str(error)
    return text.removeprefix("runc create failed: ")
