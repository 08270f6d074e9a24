"""pods/ephemeralcontainers and pods/resize: read like the pod; writing is refused until kubelets honour it."""

from pynetes.apiserver import respond
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import get as getting
from pynetes.http.types import Answer
from pynetes.meta import status


async def read(ctx: Context) -> Answer:
    ctx.media = respond.negotiate(ctx)
    answer = getting.get(ctx)
    return answer if not hasattr(answer, "__await__") else await answer


async def write(ctx: Context) -> Answer:
    raise status.not_implemented(f"pods/{ctx.info.subresource} is not implemented yet")


HANDLERS = {"get": read, "update": write, "patch": write}
