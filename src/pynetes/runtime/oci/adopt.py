"""After a restart: take up what still runs, finish what was half-made or half-removed.

A directory without a record is garbage. A record tells the truth about all but what has happened since: exit files and
the processes themselves tell the rest.
"""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import orjson

from pynetes.network.cni import Attachment, CNIError
from pynetes.runtime.oci import remove, sandboxes
from pynetes.runtime.oci.endings import Endings
from pynetes.runtime.oci.state import Life, Live, State, process_start
from pynetes.runtime.oci.types import ContainerRecord, SandboxRecord, load

log = logging.getLogger(__name__)

MAKING_SECONDS = 5.0
"""How long a shim that was left alone may take to finish what it makes."""

LOOK_SECONDS = 0.2


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
    """A record that says created: a start may have been under way, and its shim may be at it still.

    A shim that has told of what it made, and lives, has its container let go. One that finds nobody to tell it to ends,
    and what it made would end unseen: that is cleared, and the container counts as never started, so that whoever
    wanted it starts another.
    """
    container_id = live.record.id
    begun = (state.paths.runc / container_id).exists() or (state.paths.exits / container_id).exists()
    told = live.record.pid > 0
    deadline = state.clock.monotonic() + MAKING_SECONDS
    while (shim := _has_shim(container_id)) or begun:
        status = await _status(state, container_id)
        if status == "created" and shim and told:
            await state.commands.run(state.runc("start", container_id), check=False)  # or its starter did, just now
            status = await _status(state, container_id)
        pid = _process(state.paths.container(container_id))
        if status in ("running", "stopped") and pid:
            state.change(live, pid=pid, start_ticks=process_start(pid), started_at=state.now())
            endings.follow(live)
            return
        if not shim or state.clock.monotonic() > deadline:
            log.warning("container %s was being started when its node was interrupted: cleared", container_id)
            await state.commands.run(state.runc("delete", "--force", container_id), check=False)
            (state.paths.exits / container_id).unlink(missing_ok=True)
            return
        told = told or status == "created"  # for if it still lives at the next look, it has told
        await state.clock.sleep(LOOK_SECONDS)


def _has_shim(container_id: str) -> bool:
    """Whether a conmon of this container is at work: it outlives whoever started it."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[0].endswith(b"conmon") and container_id.encode() in words:
                    return True
    return False


async def _status(state: State, container_id: str) -> str:
    """What runc calls its state; empty when it knows no such container."""
    done = await state.commands.run(state.runc("state", container_id), check=False)
    try:
        return str(orjson.loads(done.stdout)["status"])
    except (ValueError, KeyError):
        return ""


def _process(bundle: Path) -> int:
    try:
        return int((bundle / "pid").read_text())
    except (OSError, ValueError):
        return 0
