"""kube-proxy's health: ``/healthz`` (also: is the node about to go?) and ``/livez`` on port 10256.

Healthy while no change has waited for longer than twice the sync period.

Source: Kubernetes ``pkg/proxy/healthcheck/proxy_health.go``; KEP-3836.
"""

import orjson

from pynetes.aio.clock import Clock
from pynetes.http.server import Server
from pynetes.http.types import Request, Response
from pynetes.meta.times import rfc3339
from pynetes.proxy.settings import Settings


class Healthz:
    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._server: Server | None = None
        self._synced_at = clock.now()
        self._queued_at: float | None = None

    async def listen(self) -> None:
        """Serve, where the settings name a port."""
        if self._settings.healthz_port is None:
            return
        self._server = Server(self.handle, self._clock)
        await self._server.listen(self._settings.healthz_host, self._settings.healthz_port)

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close(0)

    def queued(self) -> None:
        """A change waits."""
        if self._queued_at is None:
            self._queued_at = self._clock.now()

    def synced(self) -> None:
        """All that waited is in the kernel."""
        self._synced_at = self._clock.now()
        self._queued_at = None

    @property
    def healthy(self) -> bool:
        limit = 2 * self._settings.sync_period_seconds
        return self._queued_at is None or self._clock.now() - self._queued_at <= limit

    def handle(self, request: Request) -> Response:
        if request.path not in ("/healthz", "/livez"):
            return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
        now = self._clock.now()
        updated = now if self.healthy else self._synced_at
        body = {
            "lastUpdated": rfc3339(updated),
            "currentTime": rfc3339(now),
            "nodeEligible": True,
        }
        headers = (("X-Content-Type-Options", "nosniff"),)
        return Response(200 if self.healthy else 503, orjson.dumps(body), headers=headers)
