"""What the runtime shows, kept per pod: refreshed for one pod when something happened to it, for all now and then.

Source: kubernetes ``pkg/kubelet/pleg``.
"""

from dataclasses import replace

from pynetes.kubelet.host import Host
from pynetes.kubelet.observed import TERMINATION_PATH, TERMINATION_POLICY, PodRuntime
from pynetes.runtime.types import Container, ContainerState, Runtime, Sandbox, SandboxState

MAX_MESSAGE = 4096
MAX_LOG_MESSAGE = 2048
MAX_LOG_LINES = 80


class Observer:
    """``PodRuntime`` by pod UID. Termination messages are read once, when a container is first seen to have ended."""

    def __init__(self, runtime: Runtime, host: Host) -> None:
        self._runtime = runtime
        self._host = host
        self._sandboxes: dict[str, dict[str, Sandbox]] = {}
        self._pods: dict[str, PodRuntime] = {}
        self._messages: dict[str, str] = {}

    def of(self, uid: str) -> PodRuntime:
        return self._pods.get(uid) or PodRuntime(uid)

    def uids(self) -> list[str]:
        """Every pod that has a sandbox."""
        return list(self._sandboxes)

    async def relist(self) -> list[str]:
        """Read everything anew; the UIDs of the pods that are not as they were known."""
        sandboxes: dict[str, dict[str, Sandbox]] = {}
        for sandbox in await self._runtime.list_sandboxes():
            sandboxes.setdefault(sandbox.config.uid, {})[sandbox.id] = sandbox
        by_sandbox: dict[str, list[Container]] = {}
        for container in await self._runtime.list_containers():
            by_sandbox.setdefault(container.sandbox_id, []).append(container)
        changed = [uid for uid in self._sandboxes if uid not in sandboxes]
        self._sandboxes = sandboxes
        for uid in changed:
            self._pods.pop(uid, None)
        for uid, found in sandboxes.items():
            containers = [c for s in found.values() for c in by_sandbox.get(s.id, ())]
            if await self._show(uid, containers):
                changed.append(uid)
        live = {c.id for p in self._pods.values() for c in p.containers}
        self._messages = {i: m for i, m in self._messages.items() if i in live}
        return changed

    async def refresh(self, uid: str) -> PodRuntime:
        """Read one pod's containers anew."""
        containers: list[Container] = []
        for sandbox_id in list(self._sandboxes.get(uid, {})):
            containers += await self._runtime.list_containers(sandbox_id)
        await self._show(uid, containers)
        return self.of(uid)

    async def refresh_sandboxes(self, uid: str) -> PodRuntime:
        """Also its sandboxes: something happened to one of them."""
        mine = {s.id: s for s in await self._runtime.list_sandboxes() if s.config.uid == uid}
        if mine:
            self._sandboxes[uid] = mine
        else:
            self._sandboxes.pop(uid, None)
        return await self.refresh(uid)

    async def add(self, sandbox: Sandbox) -> PodRuntime:
        self._sandboxes.setdefault(sandbox.config.uid, {})[sandbox.id] = sandbox
        return await self.refresh(sandbox.config.uid)

    async def stopped(self, uid: str, sandbox_id: str) -> None:
        """The kubelet itself has stopped this sandbox."""
        found = self._sandboxes.get(uid, {})
        if sandbox_id in found:
            found[sandbox_id] = replace(found[sandbox_id], state=SandboxState.NOT_READY)
        await self.refresh(uid)

    def forget(self, uid: str) -> None:
        self._sandboxes.pop(uid, None)
        pod = self._pods.pop(uid, None)
        for container in pod.containers if pod is not None else ():
            self._messages.pop(container.id, None)

    async def _show(self, uid: str, containers: list[Container]) -> bool:
        complete = [await self._with_message(uid, c) for c in containers]
        fresh = PodRuntime.of(uid, self._sandboxes.get(uid, {}).values(), complete)
        changed = self._pods.get(uid) != fresh
        if fresh.sandboxes:
            self._pods[uid] = fresh
        else:
            self._pods.pop(uid, None)
        return changed

    async def _with_message(self, uid: str, container: Container) -> Container:
        if container.state is not ContainerState.EXITED:
            return container
        message = self._messages.get(container.id)
        if message is None:
            message = self._messages[container.id] = await self._read_message(uid, container)
        return replace(container, message=message) if message else container

    async def _read_message(self, uid: str, container: Container) -> str:
        """The termination message: its file, or the end of the log of one that failed, if it is to fall back to it."""
        config = container.config
        path = config.annotations.get(TERMINATION_PATH)
        mount = next((m for m in config.mounts if m.container_path == path), None)
        data = b""
        if mount is not None:
            data = await self._host.read_file(mount.host_path, MAX_MESSAGE)
        falls_back = config.annotations.get(TERMINATION_POLICY) == "FallbackToLogsOnError"
        if not data and falls_back and container.exit_code != 0:
            sandbox = self._sandboxes.get(uid, {}).get(container.sandbox_id)
            if sandbox is not None:
                raw = await self._host.read_file(f"{sandbox.config.log_directory}/{config.log_path}", 65536, tail=True)
                data = log_tail(raw)
        return data.decode(errors="replace") or container.message


def log_tail(raw: bytes) -> bytes:
    """The last lines of a log in the CRI format, without its stamps: at most 80 lines and 2048 bytes."""
    lines = []
    for line in raw.splitlines()[-MAX_LOG_LINES:]:
        parts = line.split(b" ", 3)
        if len(parts) == 4:
            lines.append(parts[3] + (b"\n" if parts[2] == b"F" else b""))
    return b"".join(lines)[-MAX_LOG_MESSAGE:]
