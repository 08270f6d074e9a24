"""PUT of namespaces/NAME/finalize: the namespace controller gives up a namespace; without finalizers it goes."""

from pynetes.apiserver import respond
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs.update import update
from pynetes.http.types import Response


async def finalize(ctx: Context) -> Response:
    ctx.media = respond.negotiate(ctx)
    return await update(ctx)
