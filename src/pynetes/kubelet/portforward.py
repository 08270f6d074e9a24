"""Port-forward: a pair of SPDY streams for each connection, one for its bytes, one for what went wrong.

Over a raw SPDY connection, or over one inside of a WebSocket; both speak ``portforward.k8s.io``.

Source: kubernetes ``k8s.io/streaming/pkg/cri/streaming/portforward/httpstream.go``; KEP-4006.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.http.spdy import ProtocolError, Session, SPDYStream
from pynetes.http.types import Duplex

log = logging.getLogger(__name__)

PROTOCOL = "portforward.k8s.io"
TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io"
PAIR_SECONDS = 30.0
"""How long the second stream of a pair may take."""

CHUNK = 64 * 1024

Dial = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def serve(duplex: Duplex, clock: Clock, dial: Dial, pod: str) -> None:
    """Carry connections until the peer goes away. ``pod``: its name and uid, for texts."""
    forwards = _Forwards(clock, dial, pod)
    session = Session(duplex, server=True, on_stream=forwards.take)
    try:
        await session.run()
    except ProtocolError as error:
        log.warning("port-forward to %s: %s", pod, error)
    finally:
        await forwards.tasks.close()


class _Forwards:
    def __init__(self, clock: Clock, dial: Dial, pod: str) -> None:
        self.tasks = Tasks()
        self._clock = clock
        self._dial = dial
        self._pod = pod
        self._pairs: dict[str, dict[str, SPDYStream]] = {}

    def take(self, stream: SPDYStream) -> None:
        """One stream of a pair; with the second the connection is made."""
        kind, request = stream.headers.get("streamtype", ""), _request(stream)
        if kind not in ("error", "data") or not stream.headers.get("port", "").isdigit():
            stream.reset()
            return
        pair = self._pairs.setdefault(request, {})
        pair[kind] = stream
        if len(pair) == 2:
            del self._pairs[request]
            self.tasks.spawn(self._forward(pair["data"], pair["error"]), f"port-forward {request} to {self._pod}")
        else:
            self.tasks.spawn(self._give_up(request, pair), f"port-forward {request} waits")

    async def _give_up(self, request: str, pair: dict[str, SPDYStream]) -> None:
        await self._clock.sleep(PAIR_SECONDS)
        if self._pairs.get(request) is pair:
            del self._pairs[request]
            for stream in pair.values():
                stream.reset()

    async def _forward(self, data: SPDYStream, errors: SPDYStream) -> None:
        port = int(data.headers["port"])
        try:
            reader, writer = await self._dial(port)
        except OSError as error:
            why = f"failed to connect to localhost:{port} inside namespace: {_why(error)}"
            errors.write(f"error forwarding port {port} to pod {self._pod}: {why}".encode())
            errors.close()
            data.close()
            return
        copies = [asyncio.ensure_future(_in(data, writer)), asyncio.ensure_future(_out(reader, data))]
        try:
            # the pod's side has the last word: a client that has said all may still read
            await asyncio.wait(copies[1:])
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            writer.close()
            errors.close()
            data.close()


async def _in(data: SPDYStream, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await data.read():
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _out(reader: asyncio.StreamReader, data: SPDYStream) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(CHUNK):
            data.write(piece)
            await data.drain()
    data.close_write()


def _why(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)


def _request(stream: SPDYStream) -> str:
    """What pairs two streams. Clients that are older than the header open them one after the other."""
    if found := stream.headers.get("requestid"):
        return found
    return str(stream.id if stream.headers.get("streamtype") == "error" else stream.id - 2)
