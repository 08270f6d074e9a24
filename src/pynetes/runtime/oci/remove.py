"""Remove a container and all that it left: its record first, so that what is left after a crash counts as garbage."""

import shutil

from pynetes.network import namespaces
from pynetes.runtime.oci.endings import Endings
from pynetes.runtime.oci.state import Life, State
from pynetes.runtime.oci.stop import kill
from pynetes.runtime.types import RuntimeEvent


async def remove(state: State, endings: Endings, container_id: str) -> None:
    """A running one is killed. What is gone is removed already."""
    live = state.containers.get(container_id)
    if live is None:
        return
    async with live.lock:
        if container_id not in state.containers:
            return
        if live.life is Life.RUNNING:
            await kill(state, live)
        (state.paths.container(container_id) / "record.json").unlink(missing_ok=True)
        await discard(state, container_id, live.record.cgroup)
        del state.containers[container_id]
    state.announce(RuntimeEvent.DELETED, live.record.sandbox_id, container_id)


async def discard(state: State, container_id: str, cgroup: str = "") -> None:
    """Clear what there is of a container, made by halves or done with."""
    if (state.paths.runc / container_id).exists():
        await state.commands.run(state.runc("delete", "--force", container_id), check=False)
    await state.clock.in_thread(erase, state, container_id)
    if cgroup:
        state.cgroups.remove(cgroup)


def erase(state: State, container_id: str) -> None:
    """On a thread: unmount and delete the files. The container's processes are gone."""
    bundle = state.paths.container(container_id)
    namespaces.unmount(bundle / "rootfs")
    for place in [*(bundle / "images").glob("*"), *(bundle / "mapped").glob("*")]:
        namespaces.unmount(place)
    # the work directory's mode keeps even its owner out; root does not mind
    shutil.rmtree(bundle, ignore_errors=True)
    shutil.rmtree(state.paths.runc / container_id, ignore_errors=True)
    (state.paths.exits / container_id).unlink(missing_ok=True)
    state.images.unpin(container_id)
