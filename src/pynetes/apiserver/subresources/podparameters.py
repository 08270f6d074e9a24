"""What log, exec, attach and port-forward share: the pod, its container, the numbers in a query.

Source: kubernetes ``pkg/registry/core/pod/strategy.go`` (``validateContainer``, ``LogLocation``, ``streamLocation``).
"""

from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import writes
from pynetes.kinds.pods.lifecycle import all_containers
from pynetes.meta import status
from pynetes.meta.gotext import parse_int64, quoted
from pynetes.meta.objects import Object


def pod_of(ctx: Context) -> Object:
    """The pod in the path. Raises: StatusError 404."""
    target = writes.target(ctx)
    entry = target.current()
    if entry is None:
        raise target.not_found()
    return entry.object


def container_of(pod: Object, name: str) -> str:
    """The container meant: the named one, or the only one. Raises: StatusError 400."""
    names = [str(container["name"]) for _, container in all_containers(pod)]
    pod_name = pod["metadata"]["name"]
    if name:
        if name not in names:
            raise status.bad_request(f"container {name} is not valid for pod {pod_name}")
        return name
    own: list[Object] = pod["spec"].get("containers") or []
    if len(own) == 1:
        only: str = own[0]["name"]
        return only
    text = f"a container name must be specified for pod {pod_name}"
    if own:
        in_order = [
            c["name"]
            for field in ("initContainers", "containers", "ephemeralContainers")
            for c in pod["spec"].get(field) or ()
        ]
        text += f", choose one of: [{' '.join(in_order)}]"
    raise status.bad_request(text)


def integer(ctx: Context, name: str) -> int | None:
    """Raises: StatusError 400."""
    text = ctx.param(name)
    if not text:
        return None
    number = parse_int64(text)
    if number is None:
        raise status.bad_request(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    return number


def boolean(ctx: Context, name: str) -> bool:
    return name in ctx.params and ctx.param(name).lower() not in ("false", "0")
