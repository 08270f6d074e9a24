"""The scale of whatever an autoscaler scales.

Source: client-go ``scale/client.go``; pkg/controller/podautoscaler/horizontal.go (``scaleForResourceMappings``).
"""

from pynetes.client.client import Client
from pynetes.client.types import Kind
from pynetes.controllers.discovery import Kinds
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, namespace_of
from pynetes.meta.status import StatusError

_TRIES = 5
_PAUSE_SECONDS = 0.01


class Unreachable(Exception):
    """Why there is no scale to read, in upstream's words."""


class Targets:
    """Reads and sets scales."""

    def __init__(self, client: Client, kinds: Kinds) -> None:
        self._client = client
        self._kinds = kinds

    async def read(self, autoscaler: Object) -> tuple[Kind, Object]:
        """The target's kind and its scale. Raises: Unreachable."""
        target = autoscaler["spec"]["scaleTargetRef"]
        version = target.get("apiVersion", "")
        if version.count("/") > 1:
            raise Unreachable(f"unexpected GroupVersion string: {version}")
        group = version.rpartition("/")[0]
        try:
            kind = await self._kinds.find(group, target["kind"])
            if kind is None:
                raise Unreachable(f"no matches for kind {quoted(target['kind'])} in group {quoted(group)}")
            return kind, await self._client.get(kind, target["name"], namespace_of(autoscaler), subresource="scale")
        except (StatusError, OSError) as error:
            raise Unreachable(str(error)) from error

    async def set(self, kind: Kind, scale: Object, replicas: int) -> None:
        """Once more if somebody else changed the target meanwhile. Raises: StatusError, OSError."""
        for left in reversed(range(_TRIES)):
            try:
                await self._client.update(kind, _with(scale, replicas), "scale")
                return
            except StatusError as error:
                if error.code != 409 or not left:
                    raise
            await self._client.clock.sleep(_PAUSE_SECONDS)
            metadata = scale["metadata"]
            scale = await self._client.get(kind, metadata["name"], metadata["namespace"], subresource="scale")


def _with(scale: Object, replicas: int) -> Object:
    return {**scale, "spec": {**(scale.get("spec") or {}), "replicas": replicas}}
