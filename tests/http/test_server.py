"""The server's connection, driven by a transport that is a list: no socket, virtual time."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.http.budget import Budget
from pynetes.http.connection import BODY_TOO_LARGE, Connection
from pynetes.http.peers import peer_certificate
from pynetes.http.server import HEAD_SECONDS, READ_SECONDS, SWEEP_SECONDS, Server
from pynetes.http.types import PeerCertificate, Response, Stream, Takeover, frame

GET = b"GET /x?a=1 HTTP/1.1\r\nHost: h\r\n\r\n"


class FakeTransport(asyncio.Transport):
    def __init__(self):
        super().__init__({"peername": ("10.0.0.1", 4321)})
        self.out = b""
        self.writes = 0
        self.closing = False
        self.aborted = False
        self.paused = False
        self.protocol = None
        self.waiting = 0

    def write(self, data):
        assert not self.closing
        self.out += data
        self.writes += 1

    def close(self):
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self):
        self.aborted = True
        self.close()

    def is_closing(self):
        return self.closing

    def can_write_eof(self):
        return False

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False

    def get_write_buffer_size(self):
        return self.waiting


class Peer:
    """A server with one connection."""

    def __init__(self, handler, clock, **options):
        self.server = Server(handler, clock, **options)
        self.connection = Connection(self.server._site)
        self.transport = FakeTransport()
        self.transport.protocol = self.connection
        self.connection.connection_made(self.transport)

    def send(self, data):
        self.connection.data_received(data)

    @property
    def out(self):
        return self.transport.out


def run(scenario):
    clock = VirtualClock()
    return run_virtual(scenario(clock), clock)


def echo(request):
    return Response(200, f"{request.method} {request.path}?{request.query}|".encode() + request.body, "text/plain")


def split_answers(out):
    """(status, headers, body) of each answer that has a length."""
    answers = []
    while out:
        head, _, out = out.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers.get("content-length", 0))
        answers.append((int(first.split()[1]), headers, out[:size]))
        out = out[size:]
    return answers


def test_a_synchronous_answer_is_written_at_once_in_one_write_with_a_date():
    async def scenario(clock):
        peer = Peer(echo, clock)
        peer.send(GET)
        assert peer.transport.writes == 1
        return peer.out

    [(status, headers, body)] = split_answers(run(scenario))
    assert (status, body) == (200, b"GET /x?a=1|")
    assert headers == {
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "content-type": "text/plain",
        "content-length": "11",
    }


def test_the_handler_sees_decoded_path_lower_case_headers_and_the_same_state_each_time():
    seen = []

    def handler(request):
        request.state["count"] = request.state.get("count", 0) + 1
        seen.append((request.path, request.headers, request.remote, dict(request.state)))
        return Response(200)

    async def scenario(clock):
        peer = Peer(handler, clock)
        request = b"GET /a%20b/%C3%A9 HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\nx-twice: 2\r\nWarning: \xc3\xa9\r\n\r\n"
        peer.send(request + request)

    run(scenario)
    headers = {"host": "h", "x-twice": "1, 2", "warning": "é"}
    assert seen == [
        ("/a b/é", headers, "10.0.0.1:4321", {"count": 1}),
        ("/a b/é", headers, "10.0.0.1:4321", {"count": 2}),
    ]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_split_of_the_bytes_gives_the_same_answers(data):
    bodies = [b"", b"hello", bytes(range(256)) * 4]
    wire = b""
    for body in bodies:
        wire += b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    wire += (
        b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + frame(b"one")
        + frame(b"two")
        + b"0\r\n\r\n"
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))

    async def scenario(clock):
        peer = Peer(echo, clock)
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
            if start < end:
                peer.send(wire[start:end])
        return peer.out

    answers = [body for _, _, body in split_answers(run(scenario))]
    assert answers == [b"POST /p?|" + body for body in bodies] + [b"POST /c?|onetwo"]


def test_pipelined_requests_are_answered_in_order_whatever_takes_longer():
    async def slow(request, clock):
        await clock.sleep(5)
        return echo(request)

    async def scenario(clock):
        peer = Peer(lambda r: slow(r, clock) if r.path == "/slow" else echo(r), clock)
        peer.send(GET.replace(b"/x?a=1", b"/slow") + GET + GET.replace(b"/x?a=1", b"/slow"))
        assert peer.out == b""
        await clock.sleep(11)
        return peer.out

    assert [body for *_, body in split_answers(run(scenario))] == [b"GET /slow?|", b"GET /x?a=1|", b"GET /slow?|"]


def test_reading_pauses_behind_a_full_pipeline_and_goes_on():
    async def wait(clock):
        await clock.sleep(1)
        return Response(200)

    async def scenario(clock):
        peer = Peer(lambda r: wait(clock), clock)
        peer.send(GET * 40)
        assert peer.transport.paused
        await clock.sleep(60)
        assert not peer.transport.paused
        return len(split_answers(peer.out))

    assert run(scenario) == 40


def test_head_has_the_length_but_no_body():
    async def scenario(clock):
        peer = Peer(lambda r: Response(200, b"body"), clock)
        peer.send(GET.replace(b"GET", b"HEAD"))
        return peer.out

    out = run(scenario)
    assert b"Content-Length: 4\r\n" in out and out.endswith(b"\r\n\r\n")


def test_a_body_above_the_limit_is_refused_by_length_and_by_what_comes():
    async def scenario(clock, wire):
        peer = Peer(echo, clock, max_body_bytes=10)
        peer.send(wire)
        assert not peer.transport.closing
        peer.send(b"more that nobody reads")
        await clock.sleep(1)
        assert peer.transport.closing
        return split_answers(peer.out)

    head = b"POST / HTTP/1.1\r\nHost: h\r\n"
    for wire in (
        head + b"Content-Length: 11\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n" + frame(b"x" * 6) + frame(b"y" * 6),
    ):
        [(status, headers, body)] = run(lambda clock, wire=wire: scenario(clock, wire))
        assert (status, headers["connection"], body) == (413, "close", BODY_TOO_LARGE.body)


def test_a_head_above_the_limit_and_malformed_requests_are_refused():
    async def scenario(clock, wire):
        peer = Peer(echo, clock, max_head_bytes=100)
        peer.send(wire)
        return split_answers(peer.out)[-1][0]

    def status(wire):
        return run(lambda clock: scenario(clock, wire))

    assert status(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 200) == 431
    assert status(b"nonsense\r\n\r\n") == 400
    assert status(b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") == 400
    assert status(b"GET / HTTP/1.1\r\n\r\n") == 400
    assert status(b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n") == 400


def test_an_expected_100_continue_is_sent_before_the_body_and_not_for_one_too_large():
    async def scenario(clock, length):
        peer = Peer(echo, clock, max_body_bytes=10)
        peer.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)
        return peer.out

    assert run(lambda clock: scenario(clock, 5)) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert run(lambda clock: scenario(clock, 50)).startswith(b"HTTP/1.1 413 ")


def test_a_failing_handler_is_a_500_and_the_connection_lives():
    async def broken(request):
        raise RuntimeError("no")

    def broken_now(request):
        raise RuntimeError("no")

    async def scenario(clock, handler):
        peer = Peer(handler, clock)
        peer.send(GET)
        await clock.sleep(1)
        assert not peer.transport.closing
        return split_answers(peer.out)[0][0]

    assert run(lambda clock: scenario(clock, broken)) == 500
    assert run(lambda clock: scenario(clock, broken_now)) == 500


def test_connection_close_and_http_1_0_end_the_connection():
    async def scenario(clock, wire):
        peer = Peer(echo, clock)
        peer.send(wire)
        return peer.transport.closing, split_answers(peer.out)[0][1].get("connection")

    assert run(lambda c: scenario(c, GET.replace(b"Host", b"Connection: close\r\nHost"))) == (True, "close")
    assert run(lambda c: scenario(c, b"GET / HTTP/1.0\r\n\r\n")) == (True, "close")


def test_a_client_that_goes_away_cancels_the_handler():
    ended = []

    async def forever(request):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(request.path)

    async def scenario(clock):
        peer = Peer(forever, clock)
        peer.send(GET)
        await clock.sleep(1)
        peer.connection.connection_lost(None)
        await clock.sleep(1)

    run(scenario)
    assert ended == ["/x"]


def test_a_stream_is_chunked_and_the_connection_serves_on_after_its_end():
    writers = []
    ended = []

    def handler(request):
        if request.path == "/x":
            return Stream(writers.append, lambda: ended.append(1))
        return echo(request)

    async def scenario(clock):
        peer = Peer(handler, clock)
        peer.send(GET + GET.replace(b"/x?a=1", b"/next"))
        writers[0].write(b"one")
        writers[0].write_framed(frame(b"two") + frame(b"three"))
        writers[0].close()
        writers[0].write(b"ignored")
        assert ended == [1] and writers[0].closed
        await writers[0].wait_closed()
        await clock.sleep(0)
        return peer.out

    head, _, rest = run(scenario).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    chunks, _, next_answer = rest.partition(b"0\r\n\r\n")
    assert chunks == frame(b"one") + frame(b"two") + frame(b"three")
    assert split_answers(next_answer)[0][2] == b"GET /next?|"


def test_a_stream_for_http_1_0_has_no_chunks():
    async def scenario(clock):
        peer = Peer(lambda r: Stream(lambda w: (w.write(b"a"), w.write_framed(frame(b"b")), w.close())), clock)
        peer.send(b"GET / HTTP/1.0\r\n\r\n")
        assert peer.transport.closing
        return peer.out

    assert run(scenario).endswith(b"\r\n\r\nab")


def test_a_stream_hears_of_its_peers_end_and_an_abort_breaks_the_connection():
    ended = []
    writers = []

    async def scenario(clock):
        peer = Peer(lambda r: Stream(writers.append, lambda: ended.append(1)), clock)
        peer.send(GET)
        peer.connection.connection_lost(None)
        assert ended == [1] and writers[0].closed
        other = Peer(lambda r: Stream(writers.append, lambda: ended.append(2)), clock)
        other.send(GET)
        writers[1].abort()
        assert ended == [1, 2] and other.transport.aborted
        await clock.sleep(1)

    run(scenario)
    assert ended == [1, 2]


def test_a_stream_drains_when_the_peer_has_taken_enough():
    writers = []

    async def scenario(clock):
        peer = Peer(lambda r: Stream(writers.append), clock)
        peer.send(GET)
        peer.connection.pause_writing()
        drained = asyncio.ensure_future(writers[0].drain())
        await clock.sleep(1)
        assert not drained.done()
        peer.connection.resume_writing()
        await drained
        peer.connection.pause_writing()
        drained = asyncio.ensure_future(writers[0].drain())
        await clock.sleep(0)
        peer.connection.connection_lost(None)
        await drained

    run(scenario)


UPGRADE = b"GET /exec HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"


@pytest.mark.parametrize("waiting", [False, True])
def test_a_takeover_hands_over_the_bytes_that_came_with_the_request(waiting):
    async def talk(duplex):
        first = await duplex.read()
        duplex.write(b"got " + first)
        await duplex.drain()
        second = await duplex.read()
        duplex.write(b" and " + second)

    takeover = Takeover(talk, (("X-Stream-Protocol-Version", "v4.channel.k8s.io"),))

    async def scenario(clock):
        async def later(request):
            await clock.sleep(2)
            return takeover

        peer = Peer(later if waiting else lambda r: takeover, clock)
        peer.send(UPGRADE + b"raw")
        await clock.sleep(3)
        peer.send(b"more")
        await clock.sleep(1)
        assert peer.transport.closing
        return peer.out

    head, _, rest = run(scenario).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Upgrade: SPDY/3.1" in head and b"Connection: Upgrade" in head
    assert b"X-Stream-Protocol-Version: v4.channel.k8s.io" in head
    assert rest == b"got raw and more"


@pytest.mark.parametrize("waiting", [False, True])
def test_a_refused_upgrade_is_answered_once_and_http_goes_on(waiting):
    async def scenario(clock):
        async def later(request):
            await clock.sleep(2)
            return echo(request)

        peer = Peer(later if waiting else echo, clock)
        peer.send(UPGRADE + GET)
        peer.send(GET)
        await clock.sleep(30)
        return peer.out

    bodies = [body for *_, body in split_answers(run(scenario))]
    assert bodies == [b"GET /exec?|", b"GET /x?a=1|", b"GET /x?a=1|"]


def test_a_takeover_that_nobody_asked_for_is_a_400():
    async def scenario(clock):
        peer = Peer(lambda r: Takeover(lambda d: clock.sleep(0)), clock)
        peer.send(GET)
        return split_answers(peer.out)[0][0]

    assert run(scenario) == 400


def test_idle_connections_are_closed_by_one_sweep_and_slow_requests_are_broken():
    async def scenario(clock):
        idle = Peer(echo, clock, keep_alive_seconds=20)
        idle.send(GET)
        slow = Peer(echo, clock)
        slow.send(b"GET / HTTP/1.1\r\n")
        await clock.sleep(20 + SWEEP_SECONDS - 1)
        assert not idle.transport.closing
        await clock.sleep(2)
        assert idle.transport.closing and not idle.transport.aborted
        slow.send(b"Host: h\r\n")  # a byte now and then does not help
        await clock.sleep(READ_SECONDS)
        assert slow.transport.aborted

    run(scenario)


def test_a_first_request_must_begin_and_every_head_end_within_half_a_minute():
    async def scenario(clock):
        silent, begun = Peer(echo, clock), Peer(echo, clock)
        begun.send(GET)
        begun.send(b"GET / HTTP/1.1\r\n")
        await clock.sleep(HEAD_SECONDS)
        assert not silent.transport.closing and not begun.transport.closing
        await clock.sleep(2 * SWEEP_SECONDS)
        assert silent.transport.aborted and begun.transport.aborted

    run(scenario)


def test_a_body_must_have_come_within_a_minute_however_it_trickles():
    async def scenario(clock):
        peer = Peer(echo, clock)
        peer.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(int(READ_SECONDS) - 1):
            peer.send(b"x")
            await clock.sleep(1)
        assert not peer.transport.closing
        await clock.sleep(2 * SWEEP_SECONDS)
        assert peer.transport.aborted

    run(scenario)


def test_a_peer_that_takes_the_rest_of_its_answer_slowly_may_and_one_that_takes_nothing_is_broken():
    async def scenario(clock):
        slow, stuck = Peer(echo, clock), Peer(echo, clock)
        for peer in (slow, stuck):
            peer.transport.waiting = 1_000_000
            peer.transport.close = lambda: None  # it waits for what is left
            peer.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        for _ in range(int(3 * READ_SECONDS)):
            slow.transport.waiting -= 1
            await clock.sleep(1)
        assert stuck.transport.aborted and not slow.transport.aborted

    run(scenario)


def post(size, body=b""):
    return b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (size, body)


def crowd(clock, handler, count, room):
    """Peers of one server that holds so many bytes of bodies."""
    first = Peer(handler, clock)
    first.server._site.bodies = Budget(room)
    peers = [first]
    for _ in range(count - 1):
        peer = Peer.__new__(Peer)
        peer.server = first.server
        peer.connection = Connection(first.server._site)
        peer.transport = FakeTransport()
        peer.transport.protocol = peer.connection
        peer.connection.connection_made(peer.transport)
        peers.append(peer)
    return peers


def test_long_bodies_are_read_as_far_as_there_is_room_for_all_and_short_ones_always():
    async def scenario(clock):
        first, second, third, small = peers = crowd(clock, echo, 4, 200_000)
        for peer in (first, second, third):
            peer.send(post(100_000, b"x"))
        small.send(post(5, b"small"))
        assert split_answers(small.out)[0][2].endswith(b"small")
        assert [p.transport.paused for p in peers] == [False, False, True, False]
        # who waits for room is not slow
        await clock.sleep(READ_SECONDS + 2 * SWEEP_SECONDS)
        assert [p.transport.aborted for p in peers] == [True, True, False, False]
        assert not third.transport.paused
        # and has its whole time from then on
        await clock.sleep(2 * SWEEP_SECONDS)
        assert not third.transport.aborted
        third.send(b"x" * 99_999)
        assert split_answers(third.out)[0][0] == 200
        assert first.server._site.bodies.free == 200_000

    run(scenario)


def test_a_body_in_chunks_gets_room_for_the_longest_once_it_is_long():
    async def scenario(clock):
        [peer] = crowd(clock, echo, 1, 10_000_000)
        bodies = peer.server._site.bodies
        peer.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + frame(b"x" * 60_000))
        assert bodies.free == 10_000_000
        peer.send(frame(b"x" * 60_000))
        assert bodies.free == 10_000_000 - 3 * 1024 * 1024
        peer.send(b"0\r\n\r\n")
        assert split_answers(peer.out)[0][0] == 200
        assert bodies.free == 10_000_000

    run(scenario)


def test_a_long_body_behind_an_answer_that_goes_on_holds_no_room():
    async def scenario(clock):
        writers = []

        def handler(request):
            return Stream(writers.append) if request.method == "GET" else echo(request)

        greedy, other = crowd(clock, handler, 2, 100_000)
        greedy.send(GET + post(100_000, b"x"))
        assert greedy.transport.paused
        other.send(post(100_000, b"y" * 100_000))
        assert split_answers(other.out)[0][0] == 200
        writers[0].close()
        await clock.sleep(0)
        assert not greedy.transport.paused
        greedy.send(b"x" * 99_999)
        assert b"HTTP/1.1 200" in greedy.out.split(b"0\r\n\r\n", 1)[1]

    run(scenario)


def test_who_waits_for_room_is_told_to_continue_once_there_is_some():
    async def scenario(clock):
        first, second = crowd(clock, echo, 2, 100_000)
        first.send(post(100_000, b"x"))
        second.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 90000\r\n\r\n")
        assert second.out == b""
        first.transport.abort()
        await clock.sleep(0)
        assert second.out == b"HTTP/1.1 100 Continue\r\n\r\n"

    run(scenario)


def test_a_long_body_that_came_with_its_head_needs_no_room():
    async def scenario(clock):
        first, second = crowd(clock, echo, 2, 100_000)
        first.send(post(100_000, b"x"))
        second.send(post(70_000, b"y" * 70_000) + GET)
        assert [answer[0] for answer in split_answers(second.out)] == [200, 200]
        assert not second.transport.paused

    run(scenario)


def test_a_closing_server_ends_streams_lets_answers_finish_and_breaks_the_rest():
    ended = []

    async def scenario(clock):
        async def handler(request):
            await clock.sleep(2 if request.path == "/soon" else 100)
            return Response(200, b"done")

        def route(request):
            if request.path == "/x":
                return Stream(lambda w: None, lambda: ended.append("stream"))
            return handler(request)

        server = Server(route, clock)
        peers = []
        for path in (b"/x", b"/soon", b"/late", b"/idle"):
            peer = Peer.__new__(Peer)
            peer.connection = Connection(server._site)
            peer.transport = FakeTransport()
            peer.transport.protocol = peer.connection
            peer.connection.connection_made(peer.transport)
            if path != b"/idle":
                peer.send(GET.replace(b"/x?a=1", path))
            peers.append(peer)
        begun = clock.monotonic()
        await server.close(10)
        assert clock.monotonic() - begun == 10
        assert server.connections == 0
        return peers

    stream, soon, late, idle = run(scenario)
    assert ended == ["stream"] and stream.out.endswith(b"0\r\n\r\n")
    [(status, headers, body)] = split_answers(soon.out)
    assert (status, headers["connection"], body) == (200, "close", b"done")
    assert late.out == b"" and late.transport.aborted
    assert idle.transport.closing and not idle.transport.aborted


def test_line_breaks_in_header_values_cannot_split_an_answer():
    async def scenario(clock):
        peer = Peer(lambda r: Response(200, headers=(("Warning", '299 - "a\r\nEvil: 1"'),)), clock)
        peer.send(GET)
        return peer.out

    assert b'Warning: 299 - "a  Evil: 1"\r\n' in run(scenario)


def test_the_subject_of_a_verified_certificate_names_user_and_groups():
    certificate = {
        "subject": (
            (("organizationName", "system:masters"),),
            (("organizationName", "dev"),),
            (("commonName", "ada"),),
        ),
        "serialNumber": "0A",
        "notAfter": "Jan  1 00:00:00 2026 GMT",
    }
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert peer_certificate(certificate, b"abc") == PeerCertificate(
        "ada", ("system:masters", "dev"), "0A", 1767225600.0, sha256
    )
