"""An HTTP/1.1 server over httptools, on uvloop or plain asyncio: listeners, the sweep of idle connections, the end.

What a connection guarantees stands in ``http/connection.py``.
"""

import asyncio
import math
import os
import socket
import ssl as ssl_module
import stat

from pynetes.aio.clock import Clock, Timer
from pynetes.http.connection import BODY_TOO_LARGE, Connection, Owed, Site
from pynetes.http.secure import BACKLOG, SecureListener
from pynetes.http.types import Handler, Response

SWEEP_SECONDS = 5.0
HEAD_SECONDS = 30.0
"""A connection's first request, and the rest of any head, must come within this (Go's server: 32)."""

READ_SECONDS = 60.0
"""A request that has begun must have come whole within this; so must the goodbye of a peer that was refused, unless it
goes on taking what was written to it."""

SHAKING_SWEEPS = 2
"""A handshake may take this many sweeps, 10 to 15 seconds (Go's server: 10)."""


class Server:
    """Serves one handler on any number of addresses.

    ``too_large`` answers a body above ``max_body_bytes``. ``close`` ends streams at once, lets other answers finish
    for ``grace_seconds``, then breaks what is left.
    """

    def __init__(
        self,
        handler: Handler,
        clock: Clock,
        *,
        ssl: ssl_module.SSLContext | None = None,
        max_body_bytes: int = 3 * 1024 * 1024,
        max_head_bytes: int = 1024 * 1024,
        keep_alive_seconds: float = 180.0,
        too_large: Response = BODY_TOO_LARGE,
    ) -> None:
        self._clock = clock
        self._ssl = ssl
        self._patience = {
            Owed.HEAD: HEAD_SECONDS,
            Owed.BODY: READ_SECONDS,
            Owed.REQUEST: keep_alive_seconds,
            Owed.GOODBYE: READ_SECONDS,
            Owed.NOTHING: math.inf,
        }
        self._site = _SweptSite(handler, clock, max_body_bytes, max_head_bytes, too_large)
        self._site.server = self
        self._listeners: list[asyncio.AbstractServer | SecureListener] = []
        self._secure: list[SecureListener] = []
        self._unix_paths: list[str] = []
        self._sweep_timer: Timer | None = None
        self._emptied: asyncio.Future[None] | None = None

    @property
    def connections(self) -> int:
        return len(self._site.connections)

    async def listen(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Bind and serve; the bound port (of the first address, where ``host`` names several)."""
        ports = [await self.adopt(sock) for sock in await _bound(host, port, reuse_port)]
        return ports[0]

    async def listen_unix(self, path: str) -> None:
        """Bind a Unix socket, in place of one that a dead server left; removed again by ``close``."""
        _remove_socket(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(path)
        await self.adopt(sock)
        self._unix_paths.append(path)

    async def adopt(self, sock: socket.socket) -> int:
        """Serve a stream socket that is bound already (in another namespace, by a parent process); returns its port."""
        sock.setblocking(False)
        name = sock.getsockname()
        loop = asyncio.get_running_loop()
        if self._ssl is not None:
            secure = SecureListener(sock, self._ssl, self._connection, self._clock, self.opened)
            self._secure.append(secure)
            self._listeners.append(secure)
        elif sock.family == socket.AF_UNIX:
            self._listeners.append(await loop.create_unix_server(self._connection, sock=sock, backlog=BACKLOG))
        else:
            self._listeners.append(await loop.create_server(self._connection, sock=sock, backlog=BACKLOG))
        return int(name[1]) if isinstance(name, tuple) else 0

    async def close(self, grace_seconds: float = 0.0) -> None:
        site = self._site
        site.stopping = True
        for listener in self._listeners:
            listener.close()
        for connection in list(site.connections):
            connection.stop()
        if site.connections and grace_seconds > 0:
            try:
                async with self._clock.timeout(grace_seconds):
                    await self._wait_emptied()
            except TimeoutError:
                pass
        for connection in list(site.connections):
            connection.abort()
        await site.tasks.close()
        if site.connections:
            await self._wait_emptied()
        for path in self._unix_paths:
            _remove_socket(path)
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()

    def _connection(self) -> Connection:
        return Connection(self._site)

    async def _wait_emptied(self) -> None:
        self._emptied = asyncio.get_running_loop().create_future()
        await self._emptied

    def opened(self) -> None:
        if self._sweep_timer is None:
            self._sweep_timer = self._clock.call_later(SWEEP_SECONDS, self.sweep)

    def emptied(self) -> None:
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def sweep(self) -> None:
        """Close what has been idle for too long, break what is too slow. One timer for all connections."""
        site = self._site
        site.tick += 1
        for connection in list(site.connections):
            if connection.has_taken():
                connection.tick = site.tick
            owed = connection.owes
            if (site.tick - connection.tick) * SWEEP_SECONDS <= self._patience[owed]:
                continue
            if owed is Owed.REQUEST:
                connection.hang_up()
            else:
                connection.abort()
        for listener in self._secure:
            listener.sweep(SHAKING_SWEEPS)
        self._sweep_timer = None
        if site.connections or any(listener.shaking for listener in self._secure):
            self.opened()


async def _bound(host: str, port: int, reuse_port: bool) -> list[socket.socket]:
    """A socket for each address of a host, all addresses where it is empty. Raises: OSError."""
    bound: list[socket.socket] = []
    addresses = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    try:
        for family, kind, protocol, _, address in dict.fromkeys(addresses):
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError:  # a family that this kernel lacks
                continue
            bound.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(address)
    except OSError:
        for sock in bound:
            sock.close()
        raise
    if not bound:
        raise OSError(f"{host or 'any address'}: no family that this kernel has")
    return bound


def _remove_socket(path: str) -> None:
    if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
        os.unlink(path)


class _SweptSite(Site):
    """A site whose server sweeps while there are connections."""

    server: Server

    def opened(self, connection: Connection) -> None:
        super().opened(connection)
        self.server.opened()

    def closed(self, connection: Connection) -> None:
        super().closed(connection)
        if not self.connections:
            self.server.emptied()
