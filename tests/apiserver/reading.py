"""A server over the in-memory store, without sockets: objects are put into the store, requests go to the handler."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import orjson

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.apiserver.server import APIServer
from pynetes.apiserver.settings import Settings
from pynetes.http.types import PeerCertificate, Request, Response, Stream
from pynetes.meta.encoding import stored
from pynetes.store.memory import MemoryStore

ADMIN = PeerCertificate("admin", ("system:masters",))


class Lines:
    """The open end of a watch: what was written, and what the peer does with it."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.buffered = 0
        self.closed = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.chunks.append(data)

    def write_framed(self, data: bytes) -> int:
        size, _, rest = data.partition(b"\r\n")
        assert len(rest) == int(size, 16) + 2
        self.chunks.append(rest[:-2])
        return self.buffered

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    async def drain(self) -> None:
        return

    async def wait_closed(self) -> None:
        return

    @property
    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in b"".join(self.chunks).splitlines()]

    @property
    def short(self) -> list[str]:
        """``ADDED a``, ``BOOKMARK 7``."""
        out = []
        for event in self.events:
            metadata = event["object"]["metadata"]
            out.append(f"{event['type']} {metadata.get('name') or metadata.get('resourceVersion', '')}")
        return out


class API:
    """One server with its store and clock."""

    def __init__(self, clock: VirtualClock, settings: Settings | None = None) -> None:
        self.clock = clock
        self.store = MemoryStore(clock)
        self.server = APIServer(self.store, clock, settings)

    async def put(self, plural: str, name: str, namespace: str = "default", *, group: str = "", **more: Any) -> int:
        """Write an object past the API; the revision."""
        resource = self.server.resources.get(group, plural)
        assert resource is not None
        metadata = {
            "name": name,
            **({"namespace": namespace} if resource.namespaced else {}),
            **more.pop("metadata", {}),
        }
        obj = {"kind": resource.kind, "apiVersion": resource.storage_api_version, "metadata": metadata, **more}
        return (await self.store.put(resource.storage_key(namespace, name), stored(obj))).mod_revision

    async def remove(self, plural: str, name: str, namespace: str = "default", *, group: str = "") -> int:
        resource = self.server.resources.get(group, plural)
        assert resource is not None
        return (await self.store.delete(resource.storage_key(namespace, name)))[0]

    async def ask(self, path: str, method: str = "GET", **headers: str) -> Response:
        path, _, query = path.partition("?")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.server.handle(Request(method, path, query, names, peer=ADMIN))
        if inspect.isawaitable(answer):
            answer = await answer
        assert isinstance(answer, Response), answer
        return answer

    async def json(self, path: str, **headers: str) -> Any:
        return orjson.loads((await self.ask(path, **headers)).body)

    def watch(self, path: str, **headers: str) -> Lines:
        """A watch that has begun."""
        path, _, query = path.partition("?")
        answer = self.server.handle(Request("GET", path, query, headers, peer=ADMIN))
        assert isinstance(answer, Stream), answer
        lines = Lines()
        answer.start(lines)
        lines.ended = answer.ended  # type: ignore[attr-defined]
        return lines


def run_api(main: Callable[[API], Coroutine[Any, Any, None]], settings: Settings | None = None) -> None:
    """Start a server under virtual time, run the test, close it."""
    clock = VirtualClock()

    async def whole() -> None:
        api = API(clock, settings)
        await api.server.start()
        try:
            await main(api)
        finally:
            await api.server.close()
            await api.store.close()

    run_virtual(whole(), clock)


async def settle() -> None:
    """Let what was scheduled for this turn of the loop happen."""
    for _ in range(3):
        await asyncio.sleep(0)
