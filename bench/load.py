"""A load generator for any Kubernetes API server: raw HTTP/1.1 over TLS on uvloop, one closed loop a connection.

It parses no more than it must, so that it measures the server: status, length, and the number of watch events.
"""

import asyncio
import base64
import json
import re
import select
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools
import yaml

NAMESPACE = "bench"
EVENT_BYTES = 3000
"""Of the objects that watchers see, unless told: about a running pod's size."""


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


class Connection(asyncio.Protocol):
    """Sends the next request as soon as an answer is complete."""

    PAUSE_SECONDS = 0.001

    def __init__(self, requests: Iterator[bytes], done: "Done", paused: Callable[[], bool]) -> None:
        self.requests, self.done, self.paused = requests, done, paused
        self.parser = httptools.HttpResponseParser(self)
        self.started = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        if self.paused():
            asyncio.get_running_loop().call_later(self.PAUSE_SECONDS, self.next)
            return
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            return
        self.started = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.done.answered(self.parser.get_status_code(), time.perf_counter() - self.started)
        if self.parser.should_keep_alive():
            self.next()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.done.closed(error)


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

    def closed(self, error: Exception | None) -> None:
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
    loop = asyncio.get_running_loop()
    done = Done(connections)
    begun = Stopwatch(target)
    for _ in range(connections):
        await loop.create_connection(
            lambda: Connection(requests, done, paused),
            target.host,
            target.port,
            ssl=target.context,
            server_hostname=target.host,
        )
    await done.finished.wait()
    errors = sum(count for status, count in done.statuses.items() if status >= 300)
    return begun.result(len(done.latencies), done.latencies, errors)


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
            plain = socket.create_connection((target.host, target.port))
            tls = target.context.wrap_socket(plain, server_hostname=target.host)
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


async def handshakes(target: Target, count: int, workers: int = 8) -> Result:
    """One request on each of so many new connections."""
    latencies: list[float] = []
    errors = 0
    begun = Stopwatch(target)

    async def worker() -> None:
        nonlocal errors
        while len(latencies) < count:
            started = time.perf_counter()
            status, _ = await ask(target, "GET", "/version")
            latencies.append(time.perf_counter() - started)
            errors += status != 200

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


# --- what is sent


def config_maps(prefix: str, count: int, size: int = 100) -> Iterator[bytes]:
    for number in range(count):
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{prefix}-{number}"},
            "data": {"k": "v" * size},
        }
        yield json.dumps(body).encode()


def pods(prefix: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        container = {
            "name": "c",
            "image": "example.com/app:1",
            "ports": [{"containerPort": 8080}],
            "env": [{"name": "A", "value": "b"}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        }
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{prefix}-{number}", "labels": {"app": "bench"}},
            "spec": {"containers": [container], "schedulerName": "nobody", "automountServiceAccountToken": False},
        }
        yield json.dumps(body).encode()


async def prepare(target: Target) -> None:
    """The namespace, its service account, and nothing of an earlier run."""
    await ask(target, "DELETE", f"/api/v1/namespaces/{NAMESPACE}/configmaps")
    await ask(target, "DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods?gracePeriodSeconds=0")
    body = json.dumps({"metadata": {"name": NAMESPACE}}).encode()
    await ask(target, "POST", "/api/v1/namespaces", body)
    account = json.dumps({"metadata": {"name": "default"}}).encode()
    await ask(target, "POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
    first = json.dumps({"metadata": {"name": "first"}}).encode()
    while (await ask(target, "POST", f"/api/v1/namespaces/{NAMESPACE}/configmaps", first))[0] not in (201, 409):
        await asyncio.sleep(0.1)  # upstream's admission hears of a new namespace a little later


Measured = Callable[[], Coroutine[Any, Any, Result]]


@dataclass
class Bench:
    """All the rates, one after the other; those whose names ``only`` matches."""

    target: Target
    connections: int
    scale: float
    watchers: int
    only: str = ""
    size: int = EVENT_BYTES

    async def measure(self) -> list[Result]:
        await prepare(self.target)
        results = []
        for name, measured in self.rows().items():
            if not re.search(self.only, name):
                continue
            results.append(replace(await measured(), name=name))
        return results

    def rows(self) -> dict[str, Measured]:
        """What is measured, by its name. The pods that are read and patched are those that are created here."""
        base = f"/api/v1/namespaces/{NAMESPACE}"
        ask = self.target.request
        patch = b'{"metadata":{"annotations":{"n":"%d"}}}'

        def sent(requests: Iterator[bytes], connections: int = self.connections) -> Measured:
            return lambda: run(self.target, requests, connections)

        rows = {
            "CREATE config map": sent(
                ask("POST", f"{base}/configmaps", b) for b in config_maps("c", self._times(6000))
            ),
            "CREATE pod": sent(ask("POST", f"{base}/pods", b) for b in pods("p", 1000)),
            "GET pod": sent(ask("GET", f"{base}/pods/p-{i % 1000}") for i in range(self._times(20000))),
            "LIST 1,000 pods": sent(
                (ask("GET", f"{base}/pods") for _ in range(self._times(400))), min(self.connections, 8)
            ),
            "PATCH pod, 1 connection": sent(
                (
                    ask("PATCH", f"{base}/pods/p-{i % 1000}", patch % i, "application/merge-patch+json")
                    for i in range(self._times(3000))
                ),
                1,
            ),
        }
        rows["handshake, GET /version"] = lambda: handshakes(self.target, self._times(1000))
        if self.watchers:
            events = max(50, int(500 * self.scale))
            one, many = Crowded(1, events, self.size, 1), Crowded(self.watchers, events, self.size)
            beside = f"{base}/configmaps/first"
            rows["watch, 1 watcher, 1 writer"] = lambda: fan_out(self.target, one)
            rows[f"watch, {self.watchers} watchers"] = lambda: fan_out(self.target, many)
            rows[f"GET beside {self.watchers} watchers"] = lambda: beside_fan_out(self.target, many, beside)
        return rows

    def _times(self, number: int) -> int:
        return max(self.connections, int(number * self.scale))
