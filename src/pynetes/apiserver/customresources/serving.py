"""Follows the definitions: accepts their names, serves what is established, empties what is deleted.

*Watches* CustomResourceDefinitions, by the server's own loopback client. *Owns* their status (names, conditions), the
finalizer that holds a definition until its objects are gone, and the custom resources in the server's registry.
*Guarantees*: when ``start`` returns, all that was established is served; one definition is looked at by one task at a
time. *Caveats*: several API servers do the same work; what one wrote the others find done.

Source: apiextensions-apiserver ``pkg/controller/{status,establish,finalizer}``.
"""

import logging

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.apiserver.cache import Cache
from pynetes.apiserver.customresources import conditions
from pynetes.apiserver.customresources.resource import resource_of
from pynetes.apiserver.registry import Registry
from pynetes.client.client import Client
from pynetes.client.informer import Change, Informers
from pynetes.client.kinds import CUSTOM_RESOURCE_DEFINITIONS
from pynetes.client.types import Kind
from pynetes.client.workqueue import WorkQueue
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource
from pynetes.meta.status import StatusError

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0


class CustomResources:
    """One server's. ``close`` ends its tasks; what is served stays in the registry."""

    def __init__(self, client: Client, clock: Clock, registry: Registry, cache: Cache, tasks: Tasks) -> None:
        self._client = client
        self._clock = clock
        self._registry = registry
        self._cache = cache
        self._tasks = tasks
        self._informers = Informers(client, clock)
        self._definitions = self._informers.get(CUSTOM_RESOURCE_DEFINITIONS, indexes={"group": _group})
        self._queue: WorkQueue[str] = WorkQueue(clock)
        self._served: dict[str, tuple[object, Resource]] = {}
        """By the definition's name: what it was served from, and as what."""

    async def start(self) -> None:
        self._definitions.add_handler(self._changed)
        self._informers.start()
        await self._informers.synced()
        self._tasks.spawn(self._work(), "custom resources")

    async def close(self) -> None:
        self._queue.shut_down()
        await self._informers.close()

    def _changed(self, change: Change) -> None:
        name = change.key
        if change.new is None:
            self._serve(name, None)
        else:
            self._serve(name, change.new.object)
            self._queue.add(name)
        if change.new is None or change.old is None:
            # names may have become free
            definition = (change.new or change.old).object  # type: ignore[union-attr]
            for other in self._definitions.by_index("group", definition["spec"]["group"]):
                self._queue.add(other["metadata"]["name"])

    def _serve(self, name: str, definition: Object | None) -> None:
        """Bring the registry in step with one definition."""
        if definition is None or not conditions.is_served(definition):
            if (known := self._served.pop(name, None)) is not None:
                self._registry.remove(known[1].group, known[1].plural)
                self._cache.drop(known[1])
            return
        metadata, status = definition["metadata"], definition.get("status") or {}
        source = (
            metadata.get("generation"),
            metadata.get("deletionTimestamp"),
            status.get("acceptedNames"),
            status.get("storedVersions"),
        )
        known = self._served.get(name)
        if known is not None and known[0] == source:
            return
        resource = resource_of(definition)
        self._registry.add(resource)
        self._cache.of(resource)
        self._served[name] = (source, resource)
        if known is not None:
            self._cache.drop(known[1])

    async def _work(self) -> None:
        while (name := await self._queue.get()) is not None:
            try:
                await self._reconcile(name)
            except (StatusError, OSError) as error:
                log.info("custom resource definition %s: %s", name, error)
                self._queue.add_rate_limited(name)
            else:
                self._queue.forget(name)
            finally:
                self._queue.done(name)

    async def _reconcile(self, name: str) -> None:
        definition = self._definitions.get(name)
        if definition is None:
            return
        if definition["metadata"].get("deletionTimestamp"):
            await self._empty(definition)
            return
        group = self._definitions.by_index("group", definition["spec"]["group"])
        others = [other for other in group if other["metadata"]["name"] != name]
        status = conditions.wanted_status(definition, others, self._clock.now())
        if status != definition.get("status"):
            await self._client.update(CUSTOM_RESOURCE_DEFINITIONS, {**definition, "status": status}, "status")

    async def _empty(self, definition: Object) -> None:
        """Delete the objects; when none is left, let the definition go."""
        name, metadata = definition["metadata"]["name"], definition["metadata"]
        if conditions.FINALIZER not in (metadata.get("finalizers") or ()):
            return
        left = await self._delete_all(name)
        if left:
            status = conditions.terminating(
                definition.get("status") or {},
                "InstanceDeletionInProgress",
                "CustomResource deletion is in progress",
                self._clock.now(),
            )
            if status != definition.get("status"):
                await self._client.update(CUSTOM_RESOURCE_DEFINITIONS, {**definition, "status": status}, "status")
            self._queue.add_after(name, _AGAIN_SECONDS)
            return
        rest = [one for one in metadata["finalizers"] if one != conditions.FINALIZER]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": rest or None}}
        await self._client.patch(CUSTOM_RESOURCE_DEFINITIONS, name, patch)

    async def _delete_all(self, name: str) -> int:
        """How many objects are still there."""
        known = self._served.get(name)
        if known is None:
            return 0
        resource = known[1]
        version = next((v for v in resource.versions if v.served), None)
        if version is None:
            return 0
        kind = Kind(f"{resource.group}/{version.name}", resource.plural, resource.kind, resource.namespaced)
        items, _ = await self._client.list(kind)
        for item in items:
            meta = item["metadata"]
            if meta.get("deletionTimestamp"):
                continue
            try:
                await self._client.delete(kind, meta["name"], meta.get("namespace", ""))
            except StatusError as error:
                if error.code != 404:
                    raise
        return len((await self._client.list(kind))[0]) if items else 0


def _group(definition: Object) -> tuple[str]:
    return (definition["spec"]["group"],)
