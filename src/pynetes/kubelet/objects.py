"""ConfigMaps, Secrets and RuntimeClasses that this node's pods use, read one by one, as a node may.

A read begun before a pod was seen never answers for that pod: each start of a pod reads anew. Reads of one object at
the same time are one request.

Source: kubernetes ``pkg/kubelet/util/manager/cache_based_manager.go``.
"""

import asyncio

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.client.kinds import CONFIG_MAPS, RUNTIME_CLASSES, SECRETS
from pynetes.client.types import Kind
from pynetes.meta.objects import Object


class ObjectReader:
    """``Sources`` for environment and volumes."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._queued: dict[tuple[str, str, str], asyncio.Task[Object]] = {}

    async def config_map(self, namespace: str, name: str) -> Object:
        return await self._get(CONFIG_MAPS, namespace, name)

    async def secret(self, namespace: str, name: str) -> Object:
        return await self._get(SECRETS, namespace, name)

    async def runtime_handler(self, name: str) -> str:
        """The handler that a RuntimeClass names. Raises: StatusError."""
        handler: str = (await self._get(RUNTIME_CLASSES, "", name))["handler"]
        return handler

    async def _get(self, kind: Kind, namespace: str, name: str) -> Object:
        key = (kind.plural, namespace, name)
        task = self._queued.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._read(kind, key), name=f"read {'/'.join(key)}")
            self._queued[key] = task
        return await asyncio.shield(task)

    async def _read(self, kind: Kind, key: tuple[str, str, str]) -> Object:
        await self._clock.sleep(0)  # those who ask in this turn of the loop share the request
        self._queued.pop(key, None)
        return await self._client.get(kind, key[2], key[1])
