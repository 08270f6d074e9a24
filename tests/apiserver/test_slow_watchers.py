"""Watchers that do not read, over TLS and real sockets: what they cost, and that nobody else notices.

kubernetes.io, API concepts, "Efficient detection of changes": a client whose watch ends gets to know by its stream's
end and starts again. A server is free to end the watch of whoever does not keep up.
"""

import asyncio
import contextlib

import pytest

from pynetes.aio.clock import RealClock
from pynetes.apiserver.server import APIServer
from pynetes.apiserver.settings import Settings
from pynetes.http.server import Server
from pynetes.http.tls import client_context, server_context
from pynetes.meta.encoding import stored
from pynetes.pki.certificates import Authority
from pynetes.store.memory import MemoryStore

CLOCK = RealClock()
LIMIT = 1_000_000
OBJECT_BYTES = 100_000
WATCH = b"GET /api/v1/namespaces/default/configmaps?watch=1 HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def contexts():
    now = CLOCK.now()
    authority = Authority.make("kubernetes", now=now)
    pair = authority.issue("kube-apiserver", (), ("127.0.0.1",), ("server",), now=now)
    admin = authority.issue("admin", ("system:masters",), (), ("client",), now=now)
    server = server_context(pair.cert_pem, pair.key_pem, client_ca_pem=authority.cert_pem)
    return server, client_context(authority.cert_pem, certificate_pem=admin.cert_pem, key_pem=admin.key_pem)


class World:
    def __init__(self, api, store, server, port, client):
        self.api, self.store, self.server, self.port, self.client = api, store, server, port, client
        self.count = 0

    async def watch(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.client)
        writer.write(WATCH)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        return reader, writer

    async def write(self):
        self.count += 1
        metadata = {"name": f"c-{self.count}", "namespace": "default"}
        value = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"k": "v" * OBJECT_BYTES}}
        await self.store.put(f"/registry/configmaps/default/c-{self.count}".encode(), stored(value))

    @property
    def waiting(self):
        """Bytes that wait for each of the peers."""
        return [connection.buffered for connection in self.server._site.connections]


def run(contexts, scenario):
    async def main():
        store = MemoryStore(CLOCK)
        api = APIServer(store, CLOCK, Settings(watch_buffer_bytes=LIMIT))
        await api.start()
        server = Server(api.handle, CLOCK, ssl=contexts[0])
        port = await server.listen("127.0.0.1", 0)
        try:
            async with CLOCK.timeout(30):
                await scenario(World(api, store, server, port, contexts[1]))
        finally:
            await api.close()
            await server.close()
            await store.close()

    asyncio.run(main())


async def events(reader, count):
    """The names in so many events, as they come."""
    names = []
    while len(names) < count:
        size = int(await reader.readline(), 16)
        chunk = (await reader.readexactly(size + 2))[:-2]
        names += [line.split(b'"name":"')[1].split(b'"')[0].decode() for line in chunk.splitlines()]
    return names


def test_who_does_not_read_is_broken_off_at_the_limit_and_the_others_hear_everything(contexts):
    async def scenario(world):
        stuck = [await world.watch() for _ in range(3)]
        for reader, _ in stuck:
            reader._transport.pause_reading()
        good, writer = await world.watch()
        most = heard = 0
        while world.server.connections > 1:
            await world.write()
            heard += 1
            assert await events(good, 1) == [f"c-{heard}"]
            most = max(most, *world.waiting)
        # at the limit, give or take the one event that went over it
        assert most + OBJECT_BYTES > LIMIT and most <= LIMIT
        for reader, other in stuck:
            other.transport.resume_reading()
            with contextlib.suppress(ConnectionError, OSError):
                while await reader.read(1 << 20):
                    pass
            other.close()
        writer.close()

    run(contexts, scenario)


def test_what_waits_for_many_who_do_not_read_is_held_once(contexts):
    async def scenario(world):
        stuck = [await world.watch() for _ in range(5)]
        for reader, _ in stuck:
            reader._transport.pause_reading()
        # until something waits for each of them, in the server and not in the kernel
        while min(world.waiting) < 3 * OBJECT_BYTES:
            await world.write()
            await asyncio.sleep(0)
        last = {
            id(getattr(piece, "obj", piece))
            for connection in world.server._site.connections
            for piece in [connection._transport._backlog[-1]]
        }
        assert len(last) == 1
        for _, writer in stuck:
            writer.transport.abort()

    run(contexts, scenario)
