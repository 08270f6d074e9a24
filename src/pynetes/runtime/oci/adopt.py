"""After a restart: take up what still runs, finish what was half-made or half-removed.

A directory without a record is garbage. A record tells the truth about all but what has happened since: exit files and
the processes themselves tell the rest.
"""

import logging
from dataclasses import replace
from pathlib import Path

import orjson

from pynetes.aio.commands import Completed
from pynetes.network.cni import Attachment, CNIError
from pynetes.runtime.oci import remove, sandboxes
from pynetes.runtime.oci.endings import Endings
from pynetes.runtime.oci.state import UNKNOWN_EXIT_CODE, Life, Live, State, process_start
from pynetes.runtime.oci.types import ContainerRecord, SandboxRecord, load

log = logging.getLogger(__name__)


async def adopt(state: State, endings: Endings) -> None:
    """Fill the state from disk; afterwards every container that runs is followed."""
    for path in (state.paths.sandboxes, state.paths.containers, state.paths.exits, state.paths.runc):
        path.mkdir(parents=True, exist_ok=True)
    await state.clock.in_thread(state.images.open)
    await _sandboxes(state)
    endings.open()  # before looking at the exit files: what ends in between is seen twice, not missed
    await _containers(state, endings)
    for container_id, interface in state.cni.attachments():
        if container_id not in state.sandboxes:
            try:
                await state.cni.delete(Attachment(container_id, None, interface))
            except CNIError as error:
                log.warning("address of vanished sandbox %s stays reserved: %s", container_id, error)


async def _sandboxes(state: State) -> None:
    for directory in sorted(state.paths.sandboxes.iterdir()):
        try:
            record = load(SandboxRecord, directory / "record.json")
        except (OSError, ValueError):
            await sandboxes.discard(state, directory.name)
            continue
        if record.ready and not sandboxes.alive(state, record):
            record = replace(record, ready=False)
            state.keep_sandbox(record)
        state.sandboxes[record.id] = record


async def _containers(state: State, endings: Endings) -> None:
    for directory in sorted(state.paths.containers.iterdir()):
        try:
            record = load(ContainerRecord, directory / "record.json")
        except (OSError, ValueError):
            await remove.discard(state, directory.name)
            continue
        if record.sandbox_id not in state.sandboxes:
            (directory / "record.json").unlink()
            await remove.discard(state, directory.name, record.cgroup)
            continue
        live = Live(record)
        state.containers[record.id] = live
        if record.exited:
            live.ended.set()
        elif live.life is Life.CREATED:
            await _half_started(state, endings, live)
        else:
            endings.follow(live)


async def _half_started(state: State, endings: Endings, live: Live) -> None:
    """A record that says created: a start may have been under way, and may have come to its end meanwhile."""
    record = live.record
    runc_state = state.paths.runc / record.id
    if not runc_state.exists() and not (state.paths.exits / record.id).exists():
        return  # nothing was begun
    done = await state.commands.run(state.runc("state", record.id), check=False)
    pid = _process(done, state.paths.container(record.id))
    if _status(done) in ("running", "stopped") and pid:
        state.change(live, pid=pid, start_ticks=process_start(pid), started_at=state.now())
        endings.follow(live)
        return
    await state.commands.run(state.runc("delete", "--force", record.id), check=False)
    endings.end(live, UNKNOWN_EXIT_CODE, state.now(), "the node was interrupted while the container was being started")


def _status(done: Completed) -> str:
    try:
        return str(orjson.loads(done.stdout)["status"])
    except (ValueError, KeyError):
        return ""


def _process(done: Completed, bundle: Path) -> int:
    try:
        return int((bundle / "pid").read_text())
    except (OSError, ValueError):
        return 0
