"""Subresources that are the object itself, written under rules of their own: namespaces/finalize, approval of requests.

The rules are the kind's hooks, which see the subresource's name.
"""

from pynetes.apiserver import respond
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import get as getting
from pynetes.apiserver.verbs import patch as patching
from pynetes.apiserver.verbs import update as updating
from pynetes.http.types import Answer


async def get(ctx: Context) -> Answer:
    ctx.media = respond.negotiate(ctx)
    return respond.respond(ctx, getting.current(ctx))


async def update(ctx: Context) -> Answer:
    ctx.media = respond.negotiate(ctx)
    return await updating.update(ctx)


async def patch(ctx: Context) -> Answer:
    ctx.media = respond.negotiate(ctx)
    return await patching.patch(ctx)


HANDLERS = {"get": get, "update": update, "patch": patch}
