"""ComponentStatuses: three names from the days when everything ran on one machine; never stored.

Source: kubernetes ``pkg/registry/core/componentstatus``.
Differs: the store's health is asked for by a read; controller manager and scheduler are not probed and said to be
unknown.
"""

from pynetes.apiserver import listing, respond
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import list as listed
from pynetes.http.types import Answer
from pynetes.meta import encoding, status
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object

_NAMES = ("controller-manager", "etcd-0", "scheduler")


async def get(ctx: Context) -> Answer:
    ctx.media = respond.negotiate(ctx)
    if ctx.info.name not in _NAMES:
        raise status.not_found("", "componentstatus", ctx.info.name)
    return respond.respond(ctx, await _status(ctx, ctx.info.name))


async def list_all(ctx: Context) -> Answer:
    ctx.media = media = respond.negotiate(ctx)
    selection = listing.options(ctx, watch=False).selection
    items = [await _status(ctx, name) for name in _NAMES]
    items = [i for i in items if selection.matches(({}, {"metadata.name": i["metadata"]["name"]}))]
    if media.as_:
        return listed.encoded(ctx, [Entry(b"", encoding.stored(item), 0) for item in items], 0)
    bare = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in items]
    whole = {"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": bare}
    return respond.respond(ctx, whole)


async def _status(ctx: Context, name: str) -> Object:
    condition = {"type": "Healthy", "status": "Unknown", "message": "not probed"}
    if name == "etcd-0":
        condition = {"type": "Healthy", "status": "True", "message": "ok"}
        try:
            await ctx.server.store.get(b"/registry/health")
        except OSError as error:
            condition |= {"status": "False", "message": str(error)}
    return {"kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": name}, "conditions": [condition]}
