"""The kubelet's own HTTPS server: logs, exec, attach, port-forward, the pods; for the API server alone.

A peer is let in by its client certificate: its common name or one of its organizations must be named by the settings.

Source: kubernetes ``pkg/kubelet/server/server.go``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qs

import orjson

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.http.server import Server
from pynetes.http.spdy import Tunnel
from pynetes.http.tls import server_context
from pynetes.http.types import Answer, Duplex, Request, Response, Stream, Takeover, Writer
from pynetes.http.websocket import WebSocket, accept
from pynetes.kubelet import pods, portforward
from pynetes.kubelet.channels import PROTOCOLS as SPDY_PROTOCOLS
from pynetes.kubelet.channels import Channels
from pynetes.kubelet.host import Host
from pynetes.kubelet.logs import LogOptions, LogReader, tail
from pynetes.kubelet.observed import PodRuntime
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.streaming import PROTOCOLS, Socket, serve
from pynetes.kubelet.workers import Worker
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, ContainerState, Runtime, RuntimeFailure, Streams

log = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.1
"""How long a follower sleeps at the end of a log."""

STREAMS_SECONDS = 30.0
"""How long a SPDY client may take to open its streams, and to hang up at the end."""

TEXT = "text/plain; charset=utf-8"


class Kubelet(Protocol):
    """What the server asks of its kubelet."""

    @property
    def settings(self) -> Settings: ...

    def pods(self) -> list[Object]:
        """The pods of this node with the statuses that the kubelet gives them."""

    def worker(self, namespace: str, name: str) -> Worker | None:
        """The newest worker of this name."""

    def observed(self, uid: str) -> PodRuntime:
        """What the runtime has of a pod."""


class KubeletServer:
    """``handle`` is the http handler; ``listen`` serves it with the certificates of the settings."""

    def __init__(self, kubelet: Kubelet, runtime: Runtime, host: Host, clock: Clock) -> None:
        self._kubelet = kubelet
        self._runtime = runtime
        self._host = host
        self._clock = clock
        self._tasks = Tasks()
        self._server: Server | None = None

    async def listen(self, host: str, port: int) -> int:
        s = self._kubelet.settings
        context = server_context(s.serving_certificate, s.serving_key, client_ca_pem=s.client_ca)
        self._server = Server(self.handle, self._clock, ssl=context)
        return await self._server.listen(host, port)

    async def close(self) -> None:
        await self._tasks.close()
        if self._server is not None:
            await self._server.close(0)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        parts = request.path.strip("/").split("/")
        if parts == ["healthz"]:
            return Response(200, b"ok", TEXT)
        refused = self._refuse(request)
        if refused is not None:
            return refused
        handler = self._handler(request.method, parts)
        if handler is None:
            return Response(404, b"404 page not found\n", TEXT)
        return handler(request, parts[1:])

    def _handler(
        self, method: str, parts: list[str]
    ) -> Callable[[Request, list[str]], Answer | Awaitable[Answer]] | None:
        """By the first word of the path and the number of those behind it."""
        count = len(parts) - 1
        if parts[0] in ("pods", "runningpods") and not count:
            return self._pods
        if parts[0] == "containerLogs" and count == 3 and method == "GET":
            return self._logs
        if parts[0] == "exec" and count in (3, 4):
            return self._exec
        if parts[0] == "attach" and count in (3, 4):
            return self._attach
        if parts[0] == "portForward" and count in (2, 3):
            return self._port_forward
        if parts[0] == "run" and count in (3, 4) and method == "POST":
            return self._run
        return None

    def _refuse(self, request: Request) -> Response | None:
        settings, peer = self._kubelet.settings, request.peer
        if peer is None:
            return Response(401, b"Unauthorized", TEXT)
        if peer.common_name in settings.client_names or settings.client_organizations & set(peer.organizations):
            return None
        user = peer.common_name
        verb = {"GET": "get", "POST": "create"}.get(request.method, request.method.lower())
        message = f"Forbidden (user={user}, verb={verb}, resource=nodes, subresource(s)=[proxy])"
        return Response(403, message.encode(), TEXT)

    def _pods(self, request: Request, parts: list[str]) -> Response:
        body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self._kubelet.pods()}
        return Response(200, orjson.dumps(body))

    def _find(self, parts: list[str]) -> tuple[Worker, str]:
        """The worker and container of a path. Raises: LookupError with the text to answer."""
        namespace, name, container = parts[0], parts[1], parts[-1]
        worker = self._kubelet.worker(namespace, name)
        if worker is None or (len(parts) == 4 and worker.uid != parts[2]):
            raise LookupError(f'pod "{name}" does not exist')
        if pods.find_container(worker.pod, container) is None:
            raise LookupError(f'container "{container}" not found in pod "{name}"')
        return worker, container

    def _running(self, parts: list[str]) -> Container:
        worker, name = self._find(parts)
        latest = self._kubelet.observed(worker.uid).latest(name)
        if latest is None or latest.state is not ContainerState.RUNNING:
            raise LookupError(f'container not found ("{name}")')
        return latest

    async def _logs(self, request: Request, parts: list[str]) -> Answer:
        query = _query(request)
        try:
            worker, name = self._find(parts)
        except LookupError as error:
            return Response(404, str(error.args[0]).encode(), TEXT)
        try:
            options = LogOptions.parse(query, self._clock.now())
        except ValueError:
            return Response(400, b'{"message": "Unable to decode query."}', TEXT)
        try:
            container, directory = self._logged(worker, name, options.previous)
        except LookupError as error:
            return Response(400, str(error.args[0]).encode(), TEXT)
        path = f"{directory}/{container.config.log_path}"
        if options.follow:
            return self._follow(worker.uid, container, path, options)
        data = await self._host.read_file(path)
        if not data:
            data = await self._host.read_file(f"{path}.1")
        elif options.tail_lines < 0 or data.count(b"\n") < options.tail_lines:
            data = await self._host.read_file(f"{path}.1") + data  # a log that was cut lately goes on before it
        lines = tail(data, options.tail_lines).splitlines()
        return Response(200, b"".join(LogReader(options).take(lines)), TEXT)

    def _logged(self, worker: Worker, name: str, previous: bool) -> tuple[Container, str]:
        """The container whose log is meant, and its pod's log folder. Raises: LookupError in the kubelet's words."""
        observed = self._kubelet.observed(worker.uid)
        pod_name = worker.pod["metadata"]["name"]
        ended = [c for c in observed.containers if c.config.name == name and c.state is ContainerState.EXITED]
        latest = observed.latest(name)
        if previous:
            older = [c for c in ended if latest is None or c.id != latest.id] or (
                ended if name in worker.waiting else []
            )
            if not older:
                raise LookupError(f'previous terminated container "{name}" in pod "{pod_name}" not found')
            latest = older[0]
        elif latest is None or not latest.started_at:
            if not worker.admitted:
                raise LookupError(f'container "{name}" in pod "{pod_name}" is not available')
            raise LookupError(_why_waiting(worker, name, pod_name))
        sandbox = next((s for s in observed.sandboxes if s.id == latest.sandbox_id), observed.sandbox)
        if sandbox is None:
            raise LookupError(f'container "{name}" in pod "{pod_name}" is not available')
        return latest, sandbox.config.log_directory

    def _follow(self, uid: str, container: Container, path: str, options: LogOptions) -> Stream:
        ended: list[bool] = []

        async def send(writer: Writer) -> None:
            reader = LogReader(options)
            position, rest, first = 0, b"", True
            while not ended and not writer.closed:
                over = self._is_over(uid, container.id)  # asked before reading: what came last is still read
                data = await self._host.read_file(path)
                if len(data) < position:
                    position, rest = 0, b""  # the log was cut
                fresh = rest + data[position:]
                position = len(data)
                if first:
                    fresh, first = tail(fresh, options.tail_lines), False
                lines = fresh.split(b"\n")
                rest = lines.pop()
                for piece in reader.take(lines):
                    writer.write(piece)
                if over or reader.full:
                    break
                await writer.drain()
                await self._clock.sleep(FOLLOW_SECONDS)
            writer.close()

        def start(writer: Writer) -> None:
            self._tasks.spawn(send(writer), f"log of {container.id}")

        return Stream(start, lambda: ended.append(True), content_type=TEXT)

    def _is_over(self, uid: str, container_id: str) -> bool:
        found = next((c for c in self._kubelet.observed(uid).containers if c.id == container_id), None)
        return found is None or found.state is not ContainerState.RUNNING

    def _exec(self, request: Request, parts: list[str]) -> Answer:
        query = parse_qs(request.query, keep_blank_values=True)
        command = query.get("command", [])
        if not command:
            return Response(400, b"you must specify at least 1 of command", TEXT)
        return self._streams(
            request,
            parts,
            lambda container, tty, stdin: self._runtime.exec(container.id, command, tty=tty, stdin=stdin),
            f"{command}",
        )

    def _attach(self, request: Request, parts: list[str]) -> Answer:
        return self._streams(
            request,
            parts,
            lambda container, tty, stdin: self._runtime.attach(container.id, tty=tty, stdin=stdin),
            "attach",
        )

    def _streams(
        self,
        request: Request,
        parts: list[str],
        begin: Callable[[Container, bool, bool], Awaitable[Streams]],
        what: str,
    ) -> Answer:
        query = _query(request)
        stdin, tty = _asked(query, "input", "stdin"), _asked(query, "tty")
        stdout, stderr = _asked(query, "output", "stdout"), _asked(query, "error", "stderr") and not tty
        if not (stdin or stdout or stderr):
            return Response(400, b"you must specify at least 1 of stdin, stdout, stderr", TEXT)
        try:
            container = self._running(parts)
        except LookupError as error:
            return Response(404, str(error.args[0]).encode(), TEXT)

        async def run(socket: Socket) -> None:
            await serve(socket, lambda: begin(container, tty, stdin), stdin, stdout, stderr, what)

        if not _is_spdy(request):
            return accept(request, PROTOCOLS, run)
        wanted = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "resize": tty, "error": True}

        async def over_spdy(duplex: Duplex) -> None:
            channels = Channels(duplex, [name for name, is_on in wanted.items() if is_on])
            reading = self._tasks.spawn(channels.run(), "exec over SPDY")
            try:
                async with self._clock.timeout(STREAMS_SECONDS):
                    await channels.opened()
                await run(channels)
                await channels.drain()
                async with self._clock.timeout(STREAMS_SECONDS):
                    await asyncio.wait({reading})  # the peer hangs up when it has read all
            except TimeoutError:
                log.info("exec over SPDY: the peer did not open its streams, or did not hang up")
            finally:
                await channels.tasks.close()
                channels.session.close()

        return _take_over_spdy(request, over_spdy, SPDY_PROTOCOLS)

    def _port_forward(self, request: Request, parts: list[str]) -> Answer:
        namespace, name = parts[0], parts[1]
        worker = self._kubelet.worker(namespace, name)
        if worker is None or (len(parts) == 3 and worker.uid != parts[2]):
            return Response(404, f'pod "{name}" does not exist'.encode(), TEXT)
        sandbox = self._kubelet.observed(worker.uid).sandbox
        if sandbox is None:
            return Response(500, f'pod "{name}" is not running'.encode(), TEXT)

        async def run(duplex: Duplex) -> None:
            def dial(port: int) -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
                return self._runtime.dial(sandbox.id, port)

            await portforward.serve(duplex, self._clock, dial, f"{name}_{namespace}, uid {worker.uid}")

        async def tunnel(socket: WebSocket) -> None:
            await run(Tunnel(socket))

        if _is_spdy(request):
            return _take_over_spdy(request, run, (portforward.PROTOCOL,))
        return accept(request, (portforward.TUNNEL_PROTOCOL,), tunnel)

    async def _run(self, request: Request, parts: list[str]) -> Answer:
        """Run a command without streams; what it wrote."""
        command = _query(request).get("cmd", "").split()
        try:
            result = await self._runtime.exec_sync(self._running(parts).id, command, 0)
        except LookupError as error:
            return Response(404, str(error.args[0]).encode(), TEXT)
        except RuntimeFailure as error:
            return Response(500, str(error).encode(), TEXT)
        return Response(200, result.stdout + result.stderr, TEXT)


def _is_spdy(request: Request) -> bool:
    return request.headers.get("upgrade", "").lower() == "spdy/3.1"


def _take_over_spdy(
    request: Request, run: Callable[[Duplex], Awaitable[None]], protocols: tuple[str, ...]
) -> Takeover | Response:
    """101 with the first protocol of the client's that is spoken; a client that names none is served."""
    asked = [p.strip() for p in request.headers.get("x-stream-protocol-version", "").split(",") if p.strip()]
    chosen = next((p for p in asked if p in protocols), "" if not asked else None)
    if chosen is None:
        text = f"unable to upgrade: unable to negotiate protocol: client supports {asked}, server accepts {protocols}"
        return Response(403, text.encode(), TEXT)
    named = [("X-Stream-Protocol-Version", chosen)] if chosen else []
    return Takeover(run, (("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), *named))


def _query(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.query, keep_blank_values=True).items()}


def _asked(query: dict[str, str], *names: str) -> bool:
    return any(query.get(name, "").lower() in ("1", "true", "t") for name in names)


def _why_waiting(worker: Worker, name: str, pod_name: str) -> str:
    reason = worker.waiting.get(name, ("", ""))[0]
    if reason == "ErrImagePull":
        return f'container "{name}" in pod "{pod_name}" is waiting to start: image can\'t be pulled'
    if reason == "ImagePullBackOff":
        return f'container "{name}" in pod "{pod_name}" is waiting to start: trying and failing to pull image'
    if not reason:
        initial: Object = {"reason": "PodInitializing" if pods.init_containers(worker.pod) else "ContainerCreating"}
        reason = initial["reason"]
    return f'container "{name}" in pod "{pod_name}" is waiting to start: {reason}'
