"""Exec and attach over SPDY: one stream a channel, shown as the messages that ``streaming`` carries over a WebSocket.

Source: kubernetes ``k8s.io/streaming/pkg/cri/streaming/remotecommand/httpstream.go``.
"""

import asyncio
from collections.abc import Collection

from pynetes.aio.tasks import Tasks
from pynetes.http.spdy import Session, SPDYStream
from pynetes.http.types import Duplex
from pynetes.kubelet.streaming import CLOSE, ERROR, RESIZE, STDERR, STDIN, STDOUT

PROTOCOLS = ("v4.channel.k8s.io",)
CHANNELS = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}
BUFFERED = 64
"""Messages from the peer that may wait; then its stream is not read."""


class Channels:
    """``streaming.Socket`` over SPDY. ``opened`` returns when all streams that are wanted have come."""

    def __init__(self, duplex: Duplex, wanted: Collection[str]) -> None:
        self.session = Session(duplex, server=True, on_stream=self._take)
        self.tasks = Tasks()
        self._duplex = duplex
        self._wanted = {CHANNELS[name] for name in wanted}
        self._streams: dict[int, SPDYStream] = {}
        self._all = asyncio.Event()
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue(BUFFERED)

    async def opened(self) -> None:
        await self._all.wait()

    async def receive(self) -> bytes | str | None:
        return await self._incoming.get()

    async def run(self) -> None:
        """Read until the peer goes. Raises: ProtocolError."""
        try:
            await self.session.run()
        finally:
            self._all.set()
            await self._incoming.put(None)

    def send(self, data: bytes | str) -> None:
        raw = data.encode() if isinstance(data, str) else data
        stream = self._streams.get(raw[0])
        if stream is not None and raw[1:]:
            stream.write(raw[1:])

    async def drain(self) -> None:
        await self.session.drain()

    def close(self, code: int = 1000, reason: str = "") -> None:
        for stream in self._streams.values():
            stream.close_write()

    def _take(self, stream: SPDYStream) -> None:
        channel = CHANNELS.get(stream.headers.get("streamtype", ""))
        if channel is None or channel in self._streams:
            stream.reset()
            return
        self._streams[channel] = stream
        if channel in (STDIN, RESIZE):
            self.tasks.spawn(self._read(channel, stream), f"channel {channel}")
        if self._wanted <= self._streams.keys():
            self._all.set()

    async def _read(self, channel: int, stream: SPDYStream) -> None:
        while data := await stream.read():
            await self._incoming.put(bytes([channel]) + data)
        if channel == STDIN:
            await self._incoming.put(bytes([CLOSE, STDIN]))
