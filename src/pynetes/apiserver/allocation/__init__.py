"""What objects are given that exists once: cluster addresses and node ports of Services.

``allocate_new`` and ``allocate_changed`` run before an object is prepared and validated, as upstream's BeginCreate and
BeginUpdate do; what they took is given back by ``revert`` when the write fails, and by ``services.release`` when the
object is deleted.

Source: kubernetes ``pkg/registry/core/service/storage/storage.go``.
"""

from typing import Protocol

from pynetes.apiserver.allocation import services
from pynetes.apiserver.parts import Parts
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource


class Allocation(Protocol):
    """What one write took and what it will give back once it has succeeded."""

    async def commit(self) -> None: ...

    async def revert(self) -> None: ...


async def allocate_new(server: Parts, resource: Resource, obj: Object, dry_run: bool) -> Allocation | None:
    """Raises: StatusError 422 when what the object asks for is not to be had."""
    if resource.plural != "services" or resource.group:
        return None
    return await services.allocate_new(server, obj, dry_run)


async def allocate_changed(
    server: Parts, resource: Resource, obj: Object, old: Object, dry_run: bool
) -> Allocation | None:
    """Likewise for an update. Raises: StatusError 422."""
    if resource.plural != "services" or resource.group:
        return None
    return await services.allocate_changed(server, obj, old, dry_run)
