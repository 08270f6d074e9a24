"""A pooled HTTP/1.1 client with keep-alive, TLS, Unix sockets, streams and upgrades."""

import ssl as ssl_module

from pynetes.aio.clock import Clock
from pynetes.http.types import Headers


class HTTPClient:
    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        ssl: ssl_module.SSLContext | None = None,
        unix: str | None = None,
        headers: Headers = (),
        limit: int = 64,
    ) -> None: ...
