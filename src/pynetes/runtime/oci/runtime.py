"""The embedded runtime as the kubelet sees it: the verbs, gathered behind ``pynetes.runtime.types.Runtime``."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pynetes import __version__
from pynetes.aio.clock import Clock
from pynetes.aio.commands import Commands, RealCommands
from pynetes.network.cni import CNI
from pynetes.runtime.oci import adopt, attach, create, dial, load, remove, sandboxes, start, stop, update, userns
from pynetes.runtime.oci import exec as execs
from pynetes.runtime.oci.endings import Endings
from pynetes.runtime.oci.images import ImageStore, as_image
from pynetes.runtime.oci.layers import disk_usage
from pynetes.runtime.oci.registry.pull import pull
from pynetes.runtime.oci.state import Live, State, as_container, as_sandbox
from pynetes.runtime.oci.types import Settings
from pynetes.runtime.types import (
    Container,
    ContainerConfig,
    Credentials,
    ExecResult,
    Features,
    Image,
    PodEvent,
    Resources,
    RuntimeFailure,
    Sandbox,
    SandboxConfig,
    Streams,
    Usage,
)

CONCURRENT_STARTS = 4
"""Sandboxes and containers that are being started at once: more only take turns on the kernel's locks."""


class OCIRuntime:
    """Sandboxes and containers under ``root``; images there too, or where the settings say.

    Acts in the network namespace that it is called in: a node's process is started inside of its node's.
    """

    name = "pynetes"
    version = __version__

    def __init__(
        self,
        clock: Clock,
        root: Path,
        cni: CNI,
        settings: Settings | None = None,
        *,
        commands: Commands | None = None,
    ) -> None:
        self.cni = cni
        # runc makes mounts read-only with all below since 1.1
        self.features = Features(recursive_read_only_mounts=True, user_namespaces=userns.supported())
        self._state = State(clock, root.absolute(), cni, settings or Settings(), commands or RealCommands(clock))
        self._endings = Endings(self._state)
        self._turns = asyncio.Semaphore(CONCURRENT_STARTS)

    @property
    def handlers(self) -> Sequence[str]:
        return self._state.settings.handlers

    @property
    def images(self) -> ImageStore:
        """The image store, for ``image load``, ``build`` and the like."""
        return self._state.images

    async def start(self) -> None:
        await adopt.adopt(self._state, self._endings)

    async def close(self) -> None:
        self._endings.close()
        await self._state.tasks.close()

    async def run_sandbox(self, config: SandboxConfig) -> Sandbox:
        async with self._turns:
            return as_sandbox(await sandboxes.run(self._state, config))

    async def stop_sandbox(self, sandbox_id: str) -> None:
        for live in self._state.of_sandbox(sandbox_id):
            await stop.stop(self._state, live.record.id, 0)
        await sandboxes.stop(self._state, sandbox_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self.stop_sandbox(sandbox_id)
        for live in self._state.of_sandbox(sandbox_id):
            await remove.remove(self._state, self._endings, live.record.id)
        await sandboxes.remove(self._state, sandbox_id)

    async def list_sandboxes(self) -> Sequence[Sandbox]:
        return [as_sandbox(record) for record in self._state.sandboxes.values()]

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        return await create.create(self._state, sandbox_id, config)

    async def start_container(self, container_id: str) -> None:
        async with self._turns:
            await start.start(self._state, self._endings, container_id)

    async def stop_container(self, container_id: str, timeout_seconds: float) -> None:
        await stop.stop(self._state, container_id, timeout_seconds)

    async def remove_container(self, container_id: str) -> None:
        await remove.remove(self._state, self._endings, container_id)

    async def list_containers(self, sandbox_id: str = "") -> Sequence[Container]:
        found = self._state.of_sandbox(sandbox_id) if sandbox_id else self._state.containers.values()
        return [self._shown(live) for live in found]

    async def container(self, container_id: str) -> Container:
        return self._shown(self._state.container(container_id))

    async def update_resources(self, container_id: str, resources: Resources) -> None:
        await update.update(self._state, container_id, resources)

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> ExecResult:
        return await execs.exec_sync(self._state, container_id, command, timeout_seconds)

    async def exec(self, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> Streams:
        return await execs.exec_(self._state, container_id, command, tty=tty, stdin=stdin)

    async def attach(self, container_id: str, *, tty: bool, stdin: bool) -> Streams:
        return await attach.attach(self._state, container_id, tty=tty, stdin=stdin)

    async def dial(self, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await dial.dial(self._state, sandbox_id, port)

    async def image(self, reference: str) -> Image | None:
        try:
            record = self._state.images.get(reference)
        except ValueError as error:
            raise RuntimeFailure(str(error), "InvalidImageName") from error
        return as_image(record) if record else None

    async def list_images(self) -> Sequence[Image]:
        return [as_image(record) for record in self._state.images.all()]

    async def pull_image(self, reference: str, credentials: Credentials | None = None) -> Image:
        """Differs: what was loaded or built by hand counts as pulled, so that no registry is needed for it."""
        record = self._state.images.get(reference)
        if record is None or not record.by_hand:
            folder = self._state.settings.registries
            record = await pull(self._state.clock, self._state.images, reference, credentials, folder)
        return as_image(record)

    async def remove_image(self, reference: str) -> None:
        await self._state.clock.in_thread(self._state.images.remove, reference)

    async def load_image(self, source: Path, tags: Sequence[str] = ()) -> Sequence[Image]:
        """Bring in the images of an archive or directory: see ``load``."""
        records = await self._state.clock.in_thread(load.load, self._state.images, source, tags)
        return [as_image(record) for record in records]

    async def usage(self, container_id: str) -> Usage:
        live = self._state.container(container_id)
        try:
            return self._state.cgroups.usage(live.record.cgroup)
        except OSError as error:
            raise RuntimeFailure(f'no usage of container "{container_id}": {error}') from error

    async def writable_bytes(self, container_id: str) -> int:
        live = self._state.containers.get(container_id)
        if live is None:
            return 0
        return await self._state.clock.in_thread(disk_usage, self._state.paths.container(container_id) / "upper")

    def events(self) -> AsyncIterator[PodEvent]:
        return self._state.events()

    def _shown(self, live: Live) -> Container:
        return as_container(live, self._state.images.of(live.record.image_id))
