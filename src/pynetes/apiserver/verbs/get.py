"""GET of one object: from the cache, without waiting."""

from collections.abc import Awaitable

from pynetes.apiserver import listing
from pynetes.apiserver.context import Context
from pynetes.apiserver.respond import respond
from pynetes.http.types import Answer
from pynetes.meta import status
from pynetes.meta.encoding import Entry


def get(ctx: Context) -> Answer | Awaitable[Answer]:
    """The object as it is now. With a resourceVersion: at least as new as that."""
    wanted = listing.revision_of(ctx.param("resourceVersion")) if ctx.params else 0
    if wanted > ctx.server.cache.revision:
        return _later(ctx, wanted)
    return respond(ctx, current(ctx))


async def _later(ctx: Context, wanted: int) -> Answer:
    await listing.wait_for(ctx, wanted)
    return respond(ctx, current(ctx))


def current(ctx: Context) -> Entry:
    """The stored object that the path names. Raises: StatusError 404."""
    resource, info = ctx.resource, ctx.info
    assert resource is not None
    entry = ctx.server.cache.of(resource).get(resource.storage_key(info.namespace, info.name))
    if entry is None:
        raise status.not_found(info.group, info.resource, info.name)
    return entry
