"""Many watchers at once: how fast they hear of writes, what others get meanwhile, and what they cost while nothing happens."""

import asyncio
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from load import NAMESPACE, Result, Stopwatch, Target, ask, run
from objects import config_maps

EVENT_BYTES = 3000
"""Of the objects that watchers see, unless told: about a running pod's size."""


class Watcher(asyncio.Protocol):
    """The one watch that is decrypted: counts events by the ends of their lines, and bytes.

    ``delays``: from the n-th write's start to the n-th event. Writers that overtake one another only swap two of them.
    """

    def __init__(self, request: bytes, seen: Callable[[], None]) -> None:
        self.request, self.seen = request, seen
        self.events = self.size = 0
        self.broken_line = False
        self.sent: list[float] = []
        self.delays: list[float] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        count = data.count(b"}\n") + (self.broken_line and data.startswith(b"\n"))
        self.broken_line = data.endswith(b"}")
        now = time.perf_counter()
        self.delays += [now - begun for begun in self.sent[self.events : self.events + count]]
        self.events += count
        self.size += len(data)
        self.seen()

    def connection_lost(self, error: Exception | None) -> None:
        self.seen()


class Crowd(threading.Thread):
    """Many watchers that cost next to nothing: after handshake and request, bytes are counted by the kernel, not read.

    ``MSG_TRUNC`` drops what a TCP socket has received without copying it. Ciphertext is longer than what it hides, so
    a watcher that has received as many bytes as the decrypted one has read lacks less than an event.
    """

    BATCH_SECONDS = 0.002
    MOST = 4 << 20

    def __init__(self, target: Target, request: bytes, watchers: int) -> None:
        super().__init__(daemon=True)
        self.received: dict[int, int] = {}
        self.stopped = False
        self.broken = 0
        """Watchers that the server broke off: they count as errors, and their events not at all."""
        self.epoll = select.epoll()
        self.sockets = {}
        for _ in range(watchers):
            tls = target.connect()
            tls.sendall(request)
            raw = socket.socket(fileno=tls.detach())
            raw.setblocking(False)
            self.sockets[raw.fileno()] = raw
            self.received[raw.fileno()] = 0
            self.epoll.register(raw.fileno(), select.EPOLLIN)

    def run(self) -> None:
        dropped = bytearray(self.MOST)
        while not self.stopped:
            for number, _ in self.epoll.poll(0.1, max(len(self.sockets), 1)):
                try:
                    count = self.sockets[number].recv_into(dropped, self.MOST, socket.MSG_TRUNC)
                except ConnectionResetError:
                    count = 0
                if not count:
                    self.epoll.unregister(number)
                    self.broken += 1
                    self.received.pop(number)
                    continue
                self.received[number] += count
            time.sleep(self.BATCH_SECONDS)

    def forget(self) -> None:
        """What came until now (session tickets, heads) does not count."""
        for number in list(self.received):
            self.received[number] = 0

    def least(self) -> int:
        return min(list(self.received.values()), default=sys.maxsize)

    def close(self) -> None:
        self.stopped = True
        self.join()
        for raw in self.sockets.values():
            raw.close()


WARM_UP = 5000
"""Writes before the watches are opened: upstream sizes a watch's buffer by the writes of the last 75 seconds."""
WINDOW = 64
"""Events that the slowest watcher may lack: upstream breaks off whoever lacks more than 100 for long."""


@dataclass(frozen=True)
class Crowded:
    """So many watchers, who are told of so many objects of that size, written over so many connections."""

    watchers: int
    events: int
    size: int = EVENT_BYTES
    writers: int = 8


async def fan_out(target: Target, what: Crowded, started: Callable[[], None] = lambda: None) -> Result:
    """Write config maps while so many watchers look on; the rate is of events received by all of them."""
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"

    def written(bodies: Iterator[bytes]) -> Iterator[bytes]:
        return (target.request("POST", path, body) for body in bodies)

    await run(target, written(config_maps(f"warm-{time.time_ns()}", WARM_UP)), 32)
    _, answer = await ask(target, "GET", path + "?limit=1")
    revision = answer["metadata"]["resourceVersion"]
    watch = target.request("GET", f"{path}?watch=1&resourceVersion={revision}&timeoutSeconds=600")
    crowd = await asyncio.to_thread(Crowd, target, watch, what.watchers - 1)
    crowd.start()
    transport, reader = await loop.create_connection(
        lambda: Watcher(watch, seen.set), target.host, target.port, ssl=target.context, server_hostname=target.host
    )
    await asyncio.sleep(1)
    crowd.forget()
    reader.events = reader.size = 0

    def timed(requests: Iterator[bytes]) -> Iterator[bytes]:
        for request in requests:
            reader.sent.append(time.perf_counter())
            yield request

    def ahead() -> bool:
        slowest = min(crowd.least(), reader.size) * reader.events // reader.size if reader.size else 0
        return len(reader.sent) - slowest >= WINDOW

    started()
    begun = Stopwatch(target)
    bodies = config_maps(f"fan-{time.time_ns()}", what.events, what.size)
    answers = await run(target, timed(written(bodies)), what.writers, ahead)
    if answers.errors:
        raise ConnectionError(f"{answers.errors} of {what.events} config maps were refused")
    while reader.events < what.events:
        seen.clear()
        if transport.is_closing():
            raise ConnectionError("the server broke the decrypted watch off")
        await asyncio.wait_for(seen.wait(), 30)
    while crowd.least() < reader.size:
        if time.perf_counter() - begun.begun > 300:
            raise TimeoutError("not every watcher received every event")
        await asyncio.sleep(0.002)
    result = begun.result((what.watchers - crowd.broken) * what.events, reader.delays, crowd.broken)
    transport.abort()
    await asyncio.to_thread(crowd.close)
    return result


async def beside_fan_out(target: Target, what: Crowded, path: str) -> Result:
    """What readers on two connections get meanwhile.

    The processor time is nobody's: it was the watchers' and the readers'.
    """
    begun = asyncio.Event()
    going = True

    def requests() -> Iterator[bytes]:
        while going:
            yield target.request("GET", path)

    async def read() -> Result:
        await begun.wait()
        return await run(target, requests(), 2)

    reading = asyncio.ensure_future(read())
    await fan_out(target, what, begun.set)
    going = False
    return replace(await reading, server_cpu=0.0, own_cpu=0.0)


@dataclass(frozen=True)
class Idle:
    """What one open watch costs that nothing happens on."""

    watchers: int
    memory: float
    """In bytes."""
    cpu: float
    """Of one processor, for all of them together."""


async def idle_watches(target: Target, watchers: int, memory: Callable[[], int], seconds: float = 10.0) -> Idle:
    """Open so many watches, each on a connection of its own, and let them be."""
    watch = target.request("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps?watch=1&timeoutSeconds=600")
    before = memory()
    crowd = await asyncio.to_thread(Crowd, target, watch, watchers)
    crowd.start()
    await asyncio.sleep(3)
    server, begun = target.server_cpu(), time.perf_counter()
    await asyncio.sleep(seconds)
    cpu = (target.server_cpu() - server) / (time.perf_counter() - begun)
    result = Idle(watchers, (memory() - before) / watchers, cpu)
    await asyncio.to_thread(crowd.close)
    return result
