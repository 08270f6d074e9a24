"""Our client and our server over loopback: no sleeping, milliseconds; plain, TLS and Unix."""

import asyncio
import contextlib
import gc

import pytest

from pynetes.aio.clock import RealClock
from pynetes.http.client import HTTPClient, UpgradeRefused
from pynetes.http.server import SHAKING_SWEEPS, Server
from pynetes.http.tls import client_context, server_context
from pynetes.http.types import PeerCertificate, Response, Stream, Takeover
from pynetes.http.websocket import accept, choose, connect
from pynetes.pki.certificates import Authority

CLOCK = RealClock()


@pytest.fixture(params=["asyncio", "uvloop"], scope="module")
def loop(request):
    if request.param == "uvloop":
        uvloop = pytest.importorskip("uvloop")
        made = uvloop.new_event_loop()
    else:
        made = asyncio.new_event_loop()
    yield made
    made.close()
    gc.collect()


@pytest.fixture(scope="module")
def authority():
    return Authority.make("kubernetes", now=CLOCK.now())


def serve(loop, handler, scenario, authority=None, **options):
    """Run ``scenario(client, server)`` against a server of the handler."""

    async def main():
        server_ssl = client_ssl = None
        if authority is not None:
            now = CLOCK.now()
            pair = authority.issue("server", (), ("127.0.0.1",), ("server",), now=now)
            mine = authority.issue("ada", ("system:masters",), (), ("client",), now=now)
            server_ssl = server_context(pair.cert_pem, pair.key_pem, client_ca_pem=authority.cert_pem)
            client_ssl = client_context(authority.cert_pem, certificate_pem=mine.cert_pem, key_pem=mine.key_pem)
        server = Server(handler, CLOCK, ssl=server_ssl, **options)
        port = await server.listen("127.0.0.1", 0)
        scheme = "https" if authority else "http"
        client = HTTPClient(f"{scheme}://127.0.0.1:{port}", CLOCK, ssl=client_ssl)
        try:
            async with CLOCK.timeout(10):
                await scenario(client, server)
        finally:
            await client.close()
            await server.close()

    loop.run_until_complete(main())


def echo(request):
    return Response(200, request.method.encode() + b" " + request.path.encode() + b" " + request.body, "text/plain")


@pytest.mark.parametrize("tls", [False, True])
def test_requests_share_a_kept_connection(loop, authority, tls):
    async def scenario(client, server):
        for _ in range(3):
            reply = await client.request("GET", "/x", "a=1", (("X-Y", "z"),))
            assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"GET /x ", "text/plain")
        reply = await client.request("POST", "/x", body=b"b" * 300_000)
        assert len(reply.body) == 300_008
        assert (await client.request("HEAD", "/x")).body == b""
        assert (await client.request("GET", "/x")).status == 200
        assert server.connections == 1

    serve(loop, echo, scenario, authority if tls else None)


def test_the_client_certificate_names_the_peer(loop, authority):
    seen = []

    def handler(request):
        seen.append(request.peer)
        return Response(200)

    async def scenario(client, server):
        await client.request("GET", "/")
        bare = HTTPClient(f"https://127.0.0.1:{client._port}", CLOCK, ssl=client_context(authority.cert_pem))
        await bare.request("GET", "/")
        await bare.close()

    serve(loop, handler, scenario, authority)
    assert isinstance(seen[0], PeerCertificate) and seen[1] is None
    assert (seen[0].common_name, seen[0].organizations) == ("ada", ("system:masters",))


def test_an_untrusted_server_is_an_os_error(loop, authority):
    async def scenario(client, server):
        other = Authority.make("other", now=CLOCK.now())
        stranger = HTTPClient(f"https://127.0.0.1:{client._port}", CLOCK, ssl=client_context(other.cert_pem))
        with pytest.raises(OSError):
            await stranger.request("GET", "/")

    serve(loop, echo, scenario, authority)


def test_many_requests_at_once_wait_for_their_turn(loop):
    async def slow(request):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        return echo(request)

    async def scenario(client, server):
        few = HTTPClient(f"http://127.0.0.1:{client._port}", CLOCK, limit=3)
        replies = await asyncio.gather(*(few.request("GET", f"/{i}") for i in range(30)))
        assert [r.body for r in replies] == [f"GET /{i} ".encode() for i in range(30)]
        assert server.connections <= 3
        await few.close()

    serve(loop, slow, scenario)


def test_connections_that_a_burst_has_left_are_let_go_once_they_are_old(loop, monkeypatch):
    async def scenario(client, server):
        await asyncio.gather(*(client.request("GET", "/x") for _ in range(5)))
        assert len(client._idle) == 5
        monkeypatch.setattr("pynetes.http.client.IDLE_SECONDS", 0.0)
        await client.request("GET", "/x")
        assert len(client._idle) == 1

    serve(loop, echo, scenario)


def test_a_connection_that_the_server_closed_is_replaced_unseen(loop):
    async def scenario(client, server):
        await client.request("GET", "/a")
        for connection in list(server._site.connections):
            connection.abort()
        # the client may or may not have heard of it: both ways a GET succeeds
        assert (await client.request("GET", "/b")).status == 200

    serve(loop, echo, scenario)


@pytest.mark.parametrize("tls", [False, True])
def test_a_stream_comes_piece_by_piece_and_leaving_it_ends_it_at_the_server(loop, authority, tls):
    ended = asyncio.Event()
    writers = []

    def start(writer):
        writers.append(writer)
        writer.write(b"first")

    async def scenario(client, server):
        async with client.stream("GET", "/watch") as (status, pieces):
            assert status == 200
            assert await anext(pieces) == b"first"
            writers[0].write(b"second")
            assert await anext(pieces) == b"second"
        await ended.wait()
        assert writers[0].closed

    serve(loop, lambda r: Stream(start, ended.set), scenario, authority if tls else None)


def test_a_whole_stream_may_be_read_as_a_request_and_a_broken_one_is_an_error(loop):
    def handler(request):
        def start(writer):
            for _ in range(100):
                writer.write(b"x" * 1000)
            if request.path == "/broken":
                writer.abort()
            else:
                writer.close()

        return Stream(start)

    async def scenario(client, server):
        assert len((await client.request("GET", "/whole")).body) == 100_000
        with pytest.raises(ConnectionError):
            await client.request("GET", "/broken")
        assert len((await client.request("GET", "/whole")).body) == 100_000

    serve(loop, handler, scenario)


def test_a_slow_reader_stops_a_stream_that_drains(loop):
    sent = []

    def handler(request):
        def start(writer):
            async def pump():
                for _ in range(400):
                    writer.write(b"x" * 65536)
                    sent.append(65536)
                    await writer.drain()
                writer.close()

            tasks.append(asyncio.ensure_future(pump()))

        return Stream(start)

    tasks = []

    async def scenario(client, server):
        async with client.stream("GET", "/") as (_, pieces):
            first = await anext(pieces)
            for _ in range(50):
                await asyncio.sleep(0)
            assert sum(sent) < 400 * 65536  # the socket's and our buffers are full, the pump waits
            total = len(first)
            async for piece in pieces:
                total += len(piece)
        assert total == 400 * 65536

    serve(loop, handler, scenario)


@pytest.mark.parametrize("tls", [False, True])
def test_an_upgrade_speaks_raw_bytes_both_ways(loop, authority, tls):
    async def talk(duplex):
        while data := await duplex.read():
            duplex.write(data.upper())
            await duplex.drain()

    def handler(request):
        if request.headers.get("upgrade") != "SPDY/3.1":
            return Response(403, b"no")
        return Takeover(talk, (("X-Chosen", "v4"),))

    async def scenario(client, server):
        duplex, headers = await client.upgrade_with_headers("/exec", headers=(("Upgrade", "SPDY/3.1"),), method="POST")
        assert headers["x-chosen"] == "v4"
        big = b"a" * 500_000
        duplex.write(big)
        got = b""
        while len(got) < len(big):
            got += await duplex.read()
        assert got == big.upper()
        duplex.close()
        with pytest.raises(UpgradeRefused) as refused:
            await client.upgrade("/exec", headers=(("Upgrade", "other"),))
        assert (refused.value.reply.status, refused.value.reply.body) == (403, b"no")

    serve(loop, handler, scenario, authority if tls else None)


def test_a_websocket_agrees_on_a_protocol_and_carries_whole_messages(loop):
    ends = []

    async def talk(socket):
        while (message := await socket.receive()) is not None:
            socket.send(message if isinstance(message, bytes) else message + "!")
            await socket.drain()
        ends.append(socket.close_code)

    def handler(request):
        return accept(request, ("v4.channel.k8s.io", "v5.channel.k8s.io"), talk)

    async def scenario(client, server):
        socket = await connect(client, CLOCK, "/exec", protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"))
        assert socket.subprotocol == "v5.channel.k8s.io"
        socket.send("text")
        assert await socket.receive() == "text!"
        socket.send(b"\x00" * 300_000)
        assert await socket.receive() == b"\x00" * 300_000
        socket.send(b"")
        assert await socket.receive() == b""
        socket.close(1000)
        with pytest.raises(UpgradeRefused):
            await connect(client, CLOCK, "/exec", protocols=("nope",))
        while not ends:
            await asyncio.sleep(0)

    serve(loop, handler, scenario)
    assert ends == [1000]


def test_the_first_protocol_of_the_client_that_is_supported_wins():
    assert choose(["b", "a"], ["a", "b"]) == "b"
    assert choose(["x"], ["a"]) is None
    assert choose([], ["a", ""]) == "" and choose([], []) == "" and choose([], ["a"]) is None


def test_a_unix_socket_serves_too_and_is_removed(loop, tmp_path):
    path = tmp_path / "s.sock"

    async def main():
        server = Server(echo, CLOCK)
        await server.listen_unix(str(path))
        client = HTTPClient("http://localhost", CLOCK, unix=str(path))
        assert (await client.request("GET", "/u")).body == b"GET /u "
        await client.close()
        await server.close()

    loop.run_until_complete(main())
    assert not path.exists()


def test_nobody_listening_is_an_os_error(loop):
    async def main():
        with pytest.raises(OSError):
            await HTTPClient("http://127.0.0.1:1", CLOCK).request("GET", "/")

    loop.run_until_complete(main())


def test_what_would_split_a_request_is_refused(loop):
    async def main():
        client = HTTPClient("http://127.0.0.1:1", CLOCK)
        with pytest.raises(ValueError):
            await client.request("GET", "/a b")
        with pytest.raises(ValueError):
            await client.request("GET", "/", headers=(("A", "b\r\nC: d"),))

    loop.run_until_complete(main())
    with pytest.raises(ValueError):
        HTTPClient("ftp://x", CLOCK)


def test_a_peer_that_stalls_in_the_handshake_is_broken_off_by_the_server_s_sweep(loop, authority):
    async def scenario(client, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", client._port)
        writer.write(b"\x16\x03\x01\x02\x00")
        while not server._secure[0].shaking:
            await asyncio.sleep(0)
        for _ in range(SHAKING_SWEEPS + 1):
            server.sweep()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()

    serve(loop, echo, scenario, authority)
