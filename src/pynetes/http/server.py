"""An HTTP/1.1 server over httptools, on any event loop."""

import socket
import ssl as ssl_module

from pynetes.aio.clock import Clock
from pynetes.http.types import Handler


class Server:
    def __init__(
        self,
        handler: Handler,
        clock: Clock,
        *,
        ssl: ssl_module.SSLContext | None = None,
        max_body_bytes: int = 3 * 1024 * 1024,
        keep_alive_seconds: float = 180.0,
    ) -> None: ...

    async def listen(self, host: str, port: int) -> int:
        raise NotImplementedError

    async def listen_unix(self, path: str) -> None:
        raise NotImplementedError

    async def adopt(self, sock: socket.socket) -> int:
        """Serve a socket that is bound already; returns its port."""
        raise NotImplementedError

    async def close(self, grace_seconds: float = 0.0) -> None: ...
