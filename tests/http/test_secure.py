"""A TLS connection over its socket, against a blocking client in a thread; asyncio's loop and uvloop."""

import asyncio
import contextlib
import errno
import gc
import socket
import ssl

import pytest

from pynetes.aio.clock import RealClock, VirtualClock, run_virtual
from pynetes.http.secure import HIGH_WATER, SecureListener
from pynetes.http.tls import client_context, server_context
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
def contexts():
    now = CLOCK.now()
    authority = Authority.make("kubernetes", now=now)
    pair = authority.issue("server", (), ("127.0.0.1",), ("server",), now=now)
    mine = authority.issue("ada", ("system:masters",), (), ("client",), now=now)
    server = server_context(pair.cert_pem, pair.key_pem, client_ca_pem=authority.cert_pem)
    return server, client_context(authority.cert_pem, certificate_pem=mine.cert_pem, key_pem=mine.key_pem)


class Recorder(asyncio.Protocol):
    """Notes what it is told. ``greet``: bytes written as soon as there is a connection."""

    def __init__(self, greet=b""):
        self.greet = greet
        self.told = []
        self.received = b""
        self.changed = asyncio.Event()

    def tell(self, what):
        self.told.append(what)
        self.changed.set()

    def connection_made(self, transport):
        self.transport = transport
        self.tell("made")
        if self.greet:
            transport.write(self.greet)

    def data_received(self, data):
        self.received += data
        self.changed.set()

    def eof_received(self):
        self.tell("eof")

    def pause_writing(self):
        self.tell("pause")

    def resume_writing(self):
        self.tell("resume")

    def connection_lost(self, error):
        self.tell("lost" if error is None else type(error).__name__)

    async def until(self, condition):
        while not condition():
            self.changed.clear()
            await self.changed.wait()


class World:
    """A listener on loopback, its protocols, and clients."""

    def __init__(self, context, client, greet):
        self.protocols = []
        self.client = client
        self.some = asyncio.Event()

        def make():
            self.protocols.append(Recorder(greet))
            self.some.set()
            return self.protocols[-1]

        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        self.listener = SecureListener(bound, context, make, CLOCK, lambda: None)

    def plain(self):
        return socket.create_connection(self.listener.address)

    async def connect(self, **options):
        """A client that has shaken hands, and the protocol at the other end."""
        self.some.clear()
        peer = await asyncio.to_thread(
            lambda: self.client.wrap_socket(self.plain(), server_hostname="127.0.0.1", **options)
        )
        await self.some.wait()
        return peer, self.protocols[-1]


def serve(loop, contexts, scenario, greet=b""):
    async def main():
        world = World(*contexts, greet)
        try:
            async with CLOCK.timeout(20):
                await scenario(world)
        finally:
            world.listener.close()
            for protocol in world.protocols:
                protocol.transport.abort()

    loop.run_until_complete(main())


def read_all(peer, size):
    got = bytearray()
    while len(got) < size:
        data = peer.recv(1 << 20)
        if not data:
            break
        got += data
    return bytes(got)


def test_a_protocol_hears_of_the_connection_after_the_handshake_and_knows_who_it_is(loop, contexts):
    async def scenario(world):
        peer, protocol = await world.connect()
        assert protocol.told == ["made"]
        assert protocol.transport.get_extra_info("peername") == peer.getsockname()
        subject = protocol.transport.get_extra_info("peercert")["subject"]
        assert (("commonName", "ada"),) in subject
        assert not world.listener.shaking
        peer.close()
        await protocol.until(lambda: "lost" in protocol.told)

    serve(loop, contexts, scenario)


def test_bytes_of_any_length_arrive_whole_and_in_order(loop, contexts):
    async def scenario(world):
        peer, protocol = await world.connect()
        sizes = (1, 16383, 16384, 16385, 100_000, 3_000_000)
        sent = b"".join(bytes([n]) * size for n, size in enumerate(sizes))
        await asyncio.to_thread(peer.sendall, sent)
        await protocol.until(lambda: len(protocol.received) == len(sent))
        assert protocol.received == sent
        for n, size in enumerate(sizes):
            protocol.transport.write(bytes([n]) * size)
        assert await asyncio.to_thread(read_all, peer, len(sent)) == sent
        peer.close()

    serve(loop, contexts, scenario)


def test_what_a_peer_does_not_take_waits_as_it_was_written_and_goes_out_when_it_reads(loop, contexts):
    async def scenario(world):
        peers = [await world.connect() for _ in range(2)]
        shared = bytes(range(256)) * 40_000
        for _, protocol in peers:
            protocol.transport.write(shared)
            protocol.transport.write(b"the end")
            assert protocol.transport.get_write_buffer_size() > HIGH_WATER
            assert protocol.told == ["made", "pause"]
        held = {id(getattr(p.transport._backlog[0], "obj", p.transport._backlog[0])) for _, p in peers}
        assert held == {id(shared)}
        for peer, protocol in peers:
            assert await asyncio.to_thread(read_all, peer, len(shared) + 7) == shared + b"the end"
            await protocol.until(lambda p=protocol: "resume" in p.told)
            assert protocol.transport.get_write_buffer_size() == 0
            peer.close()

    serve(loop, contexts, scenario)


def test_nothing_is_read_while_reading_is_paused(loop, contexts):
    async def scenario(world):
        peer, protocol = await world.connect()
        protocol.transport.pause_reading()
        await asyncio.to_thread(peer.sendall, b"x" * 100_000)
        for _ in range(10):
            await asyncio.sleep(0)
        assert protocol.received == b""
        protocol.transport.resume_reading()
        await protocol.until(lambda: len(protocol.received) == 100_000)
        peer.close()

    serve(loop, contexts, scenario)


def test_close_sends_what_was_written_then_says_goodbye(loop, contexts):
    async def scenario(world):
        # without its goodbye a peer that does not suppress ragged ends sees an error
        peer, protocol = await world.connect(suppress_ragged_eofs=False)
        protocol.transport.write(b"y" * 5_000_000)
        protocol.transport.close()
        protocol.transport.write(b"too late")
        assert len(await asyncio.to_thread(read_all, peer, 5_000_001)) == 5_000_000
        await protocol.until(lambda: "lost" in protocol.told)
        peer.close()

    serve(loop, contexts, scenario)


def test_abort_breaks_the_connection_without_a_goodbye(loop, contexts):
    async def scenario(world):
        peer, protocol = await world.connect(suppress_ragged_eofs=False)
        protocol.transport.write(b"y" * 10_000_000)
        protocol.transport.abort()
        await protocol.until(lambda: "lost" in protocol.told)
        with pytest.raises(OSError, match=r"EOF|reset"):
            await asyncio.to_thread(read_all, peer, 10_000_000)
        peer.close()

    serve(loop, contexts, scenario)


def test_a_peer_that_says_goodbye_is_at_its_end_and_one_that_vanishes_too(loop, contexts):
    async def scenario(world):
        polite, first = await world.connect()
        await asyncio.to_thread(polite.unwrap)
        await first.until(lambda: "lost" in first.told)
        assert first.told == ["made", "eof", "lost"]
        rude, second = await world.connect()
        rude.close()
        await second.until(lambda: len(second.told) == 3)
        assert second.told[1:] == ["eof", "lost"]

    serve(loop, contexts, scenario)


def test_who_speaks_plain_http_is_told_so_in_go_s_words(loop, contexts):
    async def scenario(world):
        peer = world.plain()
        peer.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await asyncio.to_thread(read_all, peer, 1000)
        assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        assert answer.endswith(b"Client sent an HTTP request to an HTTPS server.\n")
        assert not world.protocols
        peer.close()

    serve(loop, contexts, scenario)


def test_who_does_not_finish_the_handshake_is_broken_off_by_the_sweep_and_no_protocol_is_made(loop, contexts):
    async def scenario(world):
        peer = world.plain()
        peer.sendall(b"\x16\x03\x01\x02\x00")
        while not world.listener.shaking:
            await asyncio.sleep(0)
        world.listener.sweep(1)
        assert len(world.listener.shaking) == 1
        world.listener.sweep(1)
        assert not world.listener.shaking
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(peer.recv, 100) == b""
        peer.close()
        assert not world.protocols

    serve(loop, contexts, scenario)


def test_a_certificate_of_a_stranger_fails_the_handshake(loop, contexts):
    now = CLOCK.now()
    other = Authority.make("other", now=now)
    mine = other.issue("eve", (), (), ("client",), now=now)
    strange = client_context(b"", certificate_pem=mine.cert_pem, key_pem=mine.key_pem, verify=False)

    async def scenario(world):
        def talk():
            peer = strange.wrap_socket(world.plain())
            peer.recv(1)  # in TLS 1.3 the client hears of it with its first read

        with pytest.raises(ssl.SSLError, match="unknown ca"):
            await asyncio.to_thread(talk)
        assert not world.protocols and not world.listener.shaking

    serve(loop, contexts, scenario)


@pytest.mark.parametrize("first, second", [("128", "256"), ("256", "128")])
def test_the_client_s_order_of_ciphers_counts(loop, contexts, first, second):
    async def scenario(world):
        world.client = client_context(verify=False)
        world.client.maximum_version = ssl.TLSVersion.TLSv1_2
        suites = {"128": "ECDHE-ECDSA-AES128-GCM-SHA256", "256": "ECDHE-ECDSA-AES256-GCM-SHA384"}
        world.client.set_ciphers(f"{suites[first]}:{suites[second]}")
        peer, _ = await world.connect()
        assert peer.cipher()[0] == suites[first]
        peer.close()

    serve(loop, contexts, scenario)


class Exhausted(socket.socket):
    """A listening socket whose accept fails for want of file descriptors."""

    tries = 0

    def accept(self):
        self.tries += 1
        raise OSError(errno.EMFILE, "Too many open files")


def test_without_file_descriptors_accepting_rests_for_a_second_instead_of_spinning(contexts):
    clock = VirtualClock()

    async def scenario():
        bound = Exhausted()
        bound.bind(("127.0.0.1", 0))
        listener = SecureListener(bound, contexts[0], Recorder, clock, lambda: None)
        peer = socket.create_connection(listener.address)
        begun = clock.monotonic()
        while bound.tries < 3:
            await clock.sleep(0.5)
        assert clock.monotonic() - begun >= 2.0
        peer.close()
        listener.close()

    run_virtual(scenario(), clock)
