"""SPDY/3.1 sessions: streams both ways over one connection, however its bytes are cut."""

import asyncio
import hashlib
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.http.spdy import DICTIONARY, READ_LIMIT, ProtocolError, Session


class Wire:
    """One end of an in-memory connection; ``cut`` sizes what a read gives."""

    def __init__(self, cut=1 << 30):
        self.cut = cut
        self.buffer = bytearray()
        self.closed = False
        self.arrived = asyncio.Event()
        self.other = None

    @staticmethod
    def pair(cut=1 << 30):
        one, two = Wire(cut), Wire(cut)
        one.other, two.other = two, one
        return one, two

    async def read(self):
        while not self.buffer:
            if self.closed or self.other.closed:
                return b""
            self.arrived.clear()
            await self.arrived.wait()
        data = bytes(self.buffer[: self.cut])
        del self.buffer[: self.cut]
        return data

    def write(self, data):
        if not self.closed:
            self.other.buffer += data
            self.other.arrived.set()

    async def drain(self):
        pass

    def close(self):
        self.closed = True
        self.arrived.set()
        self.other.arrived.set()


def run(scenario, cut=1 << 30, on_stream=None):
    clock = VirtualClock()

    async def main():
        near, far = Wire.pair(cut)
        accepted = []
        client = Session(near, server=False)
        server = Session(far, server=True, on_stream=on_stream or accepted.append)
        tasks = [asyncio.ensure_future(s.run()) for s in (client, server)]
        result = await scenario(client, server, accepted, clock)
        client.close()
        await asyncio.gather(*tasks)
        return result

    return run_virtual(main(), clock)


def test_the_dictionary_is_the_protocols():
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2
    assert hashlib.sha256(DICTIONARY).hexdigest().startswith("51d27341373f923f")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 50), st.lists(st.binary(max_size=200), max_size=5))
def test_streams_carry_headers_and_bytes_both_ways_however_they_are_cut(cut, pieces):
    async def scenario(client, server, accepted, clock):
        streams = [client.open({"StreamType": kind, "port": "80"}) for kind in ("error", "data")]
        for stream in streams:
            await stream.replied()
        assert [s.headers for s in accepted] == [{"streamtype": k, "port": "80"} for k in ("error", "data")]
        for piece in pieces:
            streams[1].write(piece)
        streams[1].close_write()
        got = b""
        while data := await accepted[1].read():
            got += data
        assert got == b"".join(pieces)
        accepted[1].write(b"answer")
        accepted[1].close_write()
        assert await streams[1].read() == b"answer"
        assert await streams[1].read() == b""
        accepted[0].close()
        assert await streams[0].read() == b""

    run(scenario, cut)


def test_a_refused_stream_and_a_reset_one_end():
    def refuse_second(stream):
        if stream.id == 3:
            stream.reset()

    async def scenario(client, server, accepted, clock):
        first, second = client.open({"a": "b"}), client.open({"a": "b"})
        await first.replied()
        await clock.sleep(1)
        with pytest.raises(ConnectionRefusedError):
            await second.replied()
        first.reset()
        assert await first.read() == b"" and first.was_reset

    run(scenario, on_stream=refuse_second)


def test_a_slow_reader_stops_the_session_and_reading_lets_it_go_on():
    async def scenario(client, server, accepted, clock):
        stream = client.open({})
        await stream.replied()
        total = 4 * READ_LIMIT
        stream.write(b"x" * total)
        stream.close_write()
        await clock.sleep(1)
        assert accepted[0]._size < 2 * READ_LIMIT
        got = 0
        while data := await accepted[0].read():
            got += len(data)
        assert got == total

    run(scenario, cut=65536)


def test_the_end_of_a_session_ends_its_streams():
    async def scenario(client, server, accepted, clock):
        stream = client.open({})
        await stream.replied()
        server.close()
        assert await stream.read() == b""
        stream.write(b"ignored")

    run(scenario)


def test_a_ping_is_answered_and_an_answer_is_not():
    async def scenario(client, server, accepted, clock):
        sent = []
        server._duplex.write = sent.append
        client.send_control(6, 0, struct.pack(">I", 1))
        client.send_control(6, 0, struct.pack(">I", 2))
        await clock.sleep(1)
        assert sent == [b"\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01"]
        del server._duplex.write

    run(scenario)


@pytest.mark.parametrize(
    "wire",
    [
        b"\x80\x02\x00\x01\x00\x00\x00\x00",  # version 2
        b"\x80\x03\x00\x01\x00\x00\x00\x02ab",  # too short
        b"\x80\x03\x00\x01\x00\x00\x00\x0c" + b"\x00" * 3 + b"\x01" + b"\x00" * 6 + b"zz",  # no zlib
        b"\x80\x03\x00\x01\x00\xff\xff\xff",  # too long
    ],
)
def test_what_is_no_spdy_ends_the_session(wire):
    async def main():
        near, far = Wire.pair()
        near.write(wire)
        with pytest.raises(ProtocolError):
            await Session(far, server=True).run()
        assert far.closed

    run_virtual(main(), VirtualClock())
