"""DELETE of a collection: each object that the selectors choose, as ``delete`` would; answers the list of what they
were.

Source: apiserver ``pkg/endpoints/handlers/delete.go`` (``DeleteCollection``),
``pkg/registry/generic/registry/store.go``.
"""

from pynetes.apiserver import listing
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import list as listed
from pynetes.apiserver.verbs import writes
from pynetes.apiserver.verbs.delete import delete_object
from pynetes.apiserver.verbs.deleteoptions import delete_options
from pynetes.http.types import Response
from pynetes.meta.status import StatusError


async def deletecollection(ctx: Context) -> Response:
    """200 with the list of the objects as they were before."""
    assert ctx.resource is not None
    options = delete_options(ctx)
    cache = ctx.server.cache
    revision = cache.revision
    entries = cache.of(ctx.resource).select(listing.options(ctx, watch=False).selection)
    for entry in entries:
        meta = entry.object["metadata"]
        target = writes.target_of(ctx.server, ctx.resource, meta.get("namespace", ""), meta["name"])
        try:
            await delete_object(ctx, target, options)
        except StatusError as error:
            if error.code != 404:
                raise
    return listed.encoded(ctx, entries, revision)
