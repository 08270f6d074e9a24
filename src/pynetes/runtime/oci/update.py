"""Change a running container's limits."""

from dataclasses import replace

import orjson

from pynetes.aio.commands import CommandFailed
from pynetes.runtime.oci.spec import resources
from pynetes.runtime.oci.state import Life, State
from pynetes.runtime.types import Resources, RuntimeFailure


async def update(state: State, container_id: str, wanted: Resources) -> None:
    """A container that has not begun gets them by its record only when it is made again, so that is refused.

    Raises: RuntimeFailure with runc's words.
    """
    live = state.container(container_id)
    async with live.lock:
        if live.life is not Life.RUNNING:
            raise RuntimeFailure(f'container "{container_id}" is not running')
        limits = resources(wanted, state.cgroups.v2)
        try:
            await state.commands.run(state.runc("update", "--resources", "-", container_id), stdin=orjson.dumps(limits))
        except CommandFailed as error:
            raise RuntimeFailure(f"failed to update container resources: {error}") from error
        state.change(live, config=replace(live.record.config, resources=wanted))
