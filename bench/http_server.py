#!/usr/bin/env python3
"""Requests per second of our HTTP server, plain and TLS: `python bench/http_server.py [--seconds 3] [--connections 32]`.

One server process on one core, one client process on another (raw asyncio protocols that send one GET and wait for the
answer), so that the server's cost is what is measured. `cpu us` is the server's own CPU time for one request: it holds
also where the client is the slower end, and on a machine that others use too.
"""

import argparse
import asyncio
import multiprocessing
import os
import platform
import resource
import ssl
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from pynetes.aio.clock import RealClock
from pynetes.http.server import Server
from pynetes.http.tls import client_context, server_context
from pynetes.http.types import Request, Response, Stream, Writer, frame

CLOCK = RealClock()
HEADERS = (
    b"Host: 127.0.0.1\r\nUser-Agent: kubectl/v1.36.3 (linux/amd64) kubernetes/abcdef0\r\n"
    b"Accept: application/json\r\nAccept-Encoding: identity\r\n\r\n"
)
REQUEST = b"GET /api/v1/namespaces/default/pods/web-0 HTTP/1.1\r\n" + HEADERS
WATCH = b"GET /watch HTTP/1.1\r\n" + HEADERS


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop


# --- the server's process


def serve(pipe: Connection, loop: str, pair: tuple[bytes, bytes] | None, body: int, core: int) -> None:
    pin(core)
    answer = Response(200, b"x" * body)
    event = frame(b"x" * body)
    writers: list[Writer] = []

    async def later() -> Response:
        return answer

    def handle(request: Request) -> object:
        if request.path == "/watch":
            return Stream(writers.append)
        if request.path == "/task":
            return later()
        return answer

    async def main() -> None:
        server = Server(handle, CLOCK, ssl=server_context(*pair) if pair else None)  # type: ignore[arg-type]
        pipe.send(await server.listen("127.0.0.1", 0))
        running = asyncio.get_running_loop()
        commands: asyncio.Queue[str] = asyncio.Queue()
        running.add_reader(pipe.fileno(), lambda: commands.put_nowait(pipe.recv()))
        while (command := await commands.get()) != "stop":
            if command == "cpu":
                pipe.send(cpu_seconds())
            else:
                for _ in range(int(command)):
                    for writer in writers:
                        writer.write_framed(event)
                    for writer in writers:
                        await writer.drain()
        await server.close()

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        runner.run(main())


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def pin(core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


# --- the client


class Asker(asyncio.Protocol):
    """Sends a request, waits for an answer of a known length, sends the next."""

    answered = 0
    length = 0
    request = REQUEST

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.got = 0
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.got += len(data)
        if self.got >= Asker.length:
            self.got -= Asker.length
            Asker.answered += 1
            self.transport.write(self.request)  # type: ignore[attr-defined]


class Measurer(asyncio.Protocol):
    """Learns the length of one answer."""

    def __init__(self, body: int, done: "asyncio.Future[int]") -> None:
        self.body, self.done, self.data = body, done, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(REQUEST)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end >= 0 and len(self.data) >= end + 4 + self.body and not self.done.done():
            self.done.set_result(end + 4 + self.body)


class Watcher(asyncio.Protocol):
    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(WATCH)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        Watcher.taken += len(data)


async def ask(port: int, tls: ssl.SSLContext | None, body: int, connections: int, seconds: float, pipe: Connection):
    loop = asyncio.get_running_loop()
    options = {"ssl": tls, "server_hostname": "127.0.0.1"} if tls else {}
    measured: asyncio.Future[int] = loop.create_future()
    transport, _ = await loop.create_connection(lambda: Measurer(body, measured), "127.0.0.1", port, **options)
    Asker.length = await measured
    transport.close()
    transports = [(await loop.create_connection(Asker, "127.0.0.1", port, **options))[0] for _ in range(connections)]
    await CLOCK.sleep(0.3)
    answered, cpu, begun = Asker.answered, tell(pipe, "cpu"), CLOCK.monotonic()
    await CLOCK.sleep(seconds)
    count, cpu, took = Asker.answered - answered, tell(pipe, "cpu") - cpu, CLOCK.monotonic() - begun
    for transport in transports:
        transport.abort()
    return count / took, cpu / count * 1e6


async def watch(port: int, tls: ssl.SSLContext | None, body: int, connections: int, rounds: int, pipe: Connection):
    loop = asyncio.get_running_loop()
    options = {"ssl": tls, "server_hostname": "127.0.0.1"} if tls else {}
    transports = [(await loop.create_connection(Watcher, "127.0.0.1", port, **options))[0] for _ in range(connections)]
    await CLOCK.sleep(0.3)
    begun, cpu = CLOCK.monotonic(), tell(pipe, "cpu")
    events = connections * rounds
    Watcher.taken = 0
    pipe.send(str(rounds))
    while Watcher.taken < events * body:
        await CLOCK.sleep(0.01)
    took = CLOCK.monotonic() - begun
    cpu = tell(pipe, "cpu") - cpu
    for transport in transports:
        transport.abort()
    return events / took, cpu / events * 1e6


def tell(pipe: Connection, command: str) -> float:
    pipe.send(command)
    return float(pipe.recv())


def run(loop: str, tls: bool, body: int, what: str, args: argparse.Namespace) -> tuple[float, float]:
    pair = context = None
    if tls:
        from pynetes.pki.certificates import Authority

        authority = Authority.make("bench", now=CLOCK.now())
        issued = authority.issue("server", (), ("127.0.0.1",), ("server",), now=CLOCK.now())
        pair, context = (issued.cert_pem, issued.key_pem), client_context(authority.cert_pem)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs, loop, pair, body, 0), daemon=True)
    process.start()
    port = ours.recv()
    Asker.request = REQUEST if what == "GET" else b"GET /task HTTP/1.1\r\n" + HEADERS
    with asyncio.Runner(loop_factory=loop_factory("uvloop")) as runner:
        if what == "watch":
            result = runner.run(watch(port, context, body, args.connections, args.rounds, ours))
        else:
            result = runner.run(ask(port, context, body, args.connections, args.seconds, ours))
    ours.send("stop")
    process.join(5)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--body", type=int, default=1400, help="bytes of an answer or event")
    parser.add_argument("--rounds", type=int, default=1000, help="events that each watch is sent")
    parser.add_argument("--loops", default="uvloop,asyncio")
    args = parser.parse_args()
    import uvloop

    multiprocessing.set_start_method("spawn")
    pin(1)
    print(
        f"python {platform.python_version()}, uvloop {uvloop.__version__}, {ssl.OPENSSL_VERSION}, "
        f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores for the client, 1 for the server; "
        f"{args.connections} connections, bodies of {args.body} bytes"
    )
    print(f"{'what':<28} {'loop':<8} {'':<6} {'per second':>11} {'server cpu us':>14}")
    names = {"GET": "GET, answered at once", "task": "GET, answered by a task", "watch": "watch events"}
    for loop in args.loops.split(","):
        for tls in (False, True):
            for what, name in names.items():
                rate, cpu = run(loop, tls, args.body, what, args)
                print(f"{name:<28} {loop:<8} {'TLS' if tls else 'plain':<6} {rate:>11,.0f} {cpu:>14.1f}", flush=True)


if __name__ == "__main__":
    main()
