"""Attach to a container's first process through conmon."""

import asyncio
import os
import socket

from pynetes.runtime.oci.state import Life, State
from pynetes.runtime.oci.streams import AttachStreams
from pynetes.runtime.types import RuntimeFailure


async def attach(state: State, container_id: str, *, tty: bool, stdin: bool) -> AttachStreams:
    """Raises: RuntimeFailure when it does not run."""
    live = state.container(container_id)
    if live.life is not Life.RUNNING:
        raise RuntimeFailure(f"container is in {live.life.name} state")
    bundle = state.paths.container(container_id)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    connection.setblocking(False)
    # a socket's path has 107 bytes: the way through the directory's descriptor is always shorter
    directory = os.open(bundle, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        await asyncio.get_running_loop().sock_connect(connection, f"/proc/self/fd/{directory}/attach")
    except OSError as error:
        connection.close()
        raise RuntimeFailure(f'failed to attach to container "{container_id}": {error}') from error
    finally:
        os.close(directory)

    async def ended() -> int:
        await live.ended.wait()
        return live.record.exit_code

    return AttachStreams(connection, bundle, tty=tty, stdin=stdin and live.record.config.stdin, ended=ended)
