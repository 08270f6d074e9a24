"""Events about objects, recorded in the background; the same thing said again becomes a count.

Source: client-go ``tools/record`` (``event.go``, ``events_cache.go``).
"""

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.meta.objects import Object


class EventRecorder:
    """``component`` and ``host`` name who says it."""

    def __init__(self, client: Client, clock: Clock, component: str, host: str = "") -> None:
        self._client = client

    def event(self, obj: Object, type: str, reason: str, message: str, field_path: str = "") -> None:
        """Record ``Normal`` or ``Warning``; returns at once, never raises. ``obj`` may be an ObjectReference."""

    async def flush(self) -> None:
        """Wait until what was recorded so far was written or given up."""

    async def close(self) -> None: ...
