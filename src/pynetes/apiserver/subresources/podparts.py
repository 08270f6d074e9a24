"""pods/resize: read like the pod; writing is refused until kubelets honour it."""

from pynetes.apiserver.context import Context
from pynetes.apiserver.subresources import generic
from pynetes.http.types import Answer
from pynetes.meta import status


async def write(ctx: Context) -> Answer:
    raise status.not_implemented(f"pods/{ctx.info.subresource} is not implemented yet")


HANDLERS = {"get": generic.get, "update": write, "patch": write}
