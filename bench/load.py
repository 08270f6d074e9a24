"""A load generator for any Kubernetes API server: raw HTTP/1.1 over TLS, one closed loop a connection.

It parses no more than it must, so that it measures the server: status, length, and the number of watch events.
"""

import asyncio
import base64
import json
import socket
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools
import yaml

NAMESPACE = "bench"


@dataclass
class Target:
    """An API server and its administrator's credentials."""

    host: str
    port: int
    context: ssl.SSLContext
    headers: str = ""
    server_cpu: Callable[[], float] = lambda: 0.0
    """The processor time that the server has taken until now, in seconds, where it can be told."""

    @classmethod
    def from_kubeconfig(cls, path: str) -> "Target":
        config = yaml.safe_load(Path(path).read_text())

        def named(section: str, name: str) -> dict[str, Any]:
            return next(e for e in config[section + "s"] if e["name"] == name)[section]

        context = named("context", config["current-context"])
        cluster, user = named("cluster", context["cluster"]), named("user", context["user"])
        url = urlsplit(cluster["server"])
        tls = ssl.create_default_context(cafile=_file(cluster, "certificate-authority"))
        if "client-certificate" in user or "client-certificate-data" in user:
            tls.load_cert_chain(_file(user, "client-certificate"), _file(user, "client-key"))
        token = f"Authorization: Bearer {user['token']}\r\n" if "token" in user else ""
        return cls(url.hostname or "", url.port or 443, tls, token)

    def connect(self) -> ssl.SSLSocket:
        """A connection that has shaken hands; blocks."""
        plain = socket.create_connection((self.host, self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(plain, server_hostname=self.host)

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAccept: application/json\r\n{self.headers}"
        )
        if body:
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


def _file(entry: dict[str, Any], key: str) -> str:
    if key in entry:
        return str(entry[key])
    with tempfile.NamedTemporaryFile(delete=False) as out:
        out.write(base64.b64decode(entry[key + "-data"]))
    return out.name


class Connection:
    """Sends the next request as soon as an answer is complete.

    OpenSSL has the socket itself, without an event loop's buffers between: a load generator that takes two milliseconds to read a
    list measures itself.
    """

    PAUSE_SECONDS = 0.001
    RECORD = 16 * 1024
    _buffer = memoryview(bytearray(RECORD))

    def __init__(
        self, sock: ssl.SSLSocket, requests: Iterator[bytes], done: "Done", paused: Callable[[], bool]
    ) -> None:
        sock.setblocking(False)
        self.socket, self.requests, self.done, self.paused = sock, requests, done, paused
        self.parser = httptools.HttpResponseParser(self)
        self.started = 0.0
        self.loop = asyncio.get_running_loop()
        self.loop.add_reader(sock.fileno(), self.readable)
        self.next()

    def next(self) -> None:
        if self.paused():
            self.loop.call_later(self.PAUSE_SECONDS, self.next)
            return
        request = next(self.requests, None)
        if request is None:
            self.close()
            return
        self.started = time.perf_counter()
        if self.socket.send(request) != len(request):
            raise BufferError("the request is longer than what the kernel takes at once")

    def readable(self) -> None:
        size = self.RECORD
        while size == self.RECORD and self.socket.fileno() >= 0:
            try:
                size = self.socket.recv_into(self._buffer)
            except ssl.SSLWantReadError:
                return
            if not size:
                self.close()
                return
            self.parser.feed_data(self._buffer[:size])

    def on_message_complete(self) -> None:
        self.done.answered(self.parser.get_status_code(), time.perf_counter() - self.started)
        if self.parser.should_keep_alive():
            self.next()
        else:
            self.close()

    def close(self) -> None:
        self.loop.remove_reader(self.socket.fileno())
        self.socket.close()
        self.done.closed()


@dataclass
class Done:
    """Counts the answers of one run."""

    connections: int
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def answered(self, status: int, seconds: float) -> None:
        self.latencies.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def closed(self) -> None:
        self.connections -= 1
        if self.connections == 0:
            self.finished.set()


@dataclass(frozen=True)
class Result:
    """``rate`` per second; latencies in seconds; processor time in seconds for each of what is counted."""

    rate: float
    median: float
    p99: float
    server_cpu: float
    own_cpu: float
    errors: int
    name: str = ""


class Stopwatch:
    """Time and processor time from here on."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.server_cpu = target.server_cpu()
        self.own_cpu = time.process_time()
        self.begun = time.perf_counter()

    def result(self, count: int, latencies: list[float], errors: int) -> Result:
        seconds = time.perf_counter() - self.begun
        server, own = self.target.server_cpu() - self.server_cpu, time.process_time() - self.own_cpu
        ordered = sorted(latencies)
        p99 = ordered[int(len(ordered) * 0.99)]
        return Result(count / seconds, statistics.median(ordered), p99, server / count, own / count, errors)


async def run(
    target: Target, requests: Iterator[bytes], connections: int, paused: Callable[[], bool] = lambda: False
) -> Result:
    """Send all requests over that many connections, in closed loops; none is sent while ``paused``."""
    done = Done(connections)
    sockets = [await asyncio.to_thread(target.connect) for _ in range(connections)]
    begun = Stopwatch(target)
    for sock in sockets:
        Connection(sock, requests, done, paused)
    await done.finished.wait()
    errors = sum(count for status, count in done.statuses.items() if status >= 300)
    return begun.result(len(done.latencies), done.latencies, errors)


async def handshakes(target: Target, count: int, workers: int = 8) -> Result:
    """One request on each of so many new connections."""
    latencies: list[float] = []
    request = target.request("GET", "/version").replace(b"Accept:", b"Connection: close\r\nAccept:", 1)
    errors = 0

    def once() -> bytes:
        with target.connect() as sock:
            sock.sendall(request)
            first = sock.recv(16)
            while sock.recv(1 << 16):
                pass
        return first

    async def worker() -> None:
        nonlocal errors
        while len(latencies) < count:
            started = time.perf_counter()
            first = await asyncio.to_thread(once)
            latencies.append(time.perf_counter() - started)
            errors += not first.startswith(b"HTTP/1.1 200 ")

    begun = Stopwatch(target)
    await asyncio.gather(*(worker() for _ in range(workers)))
    return begun.result(len(latencies), latencies, errors)


async def ask(target: Target, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=target.context)
    writer.write(target.request(method, path, body).replace(b"Accept:", b"Connection: close\r\nAccept:", 1))
    parser_body: list[bytes] = []

    class Whole:
        def on_body(self, data: bytes) -> None:
            parser_body.append(data)

    parser = httptools.HttpResponseParser(Whole())
    while data := await reader.read(1 << 20):
        parser.feed_data(data)
    writer.close()
    return parser.get_status_code(), json.loads(b"".join(parser_body) or b"{}")
