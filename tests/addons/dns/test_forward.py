import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import dnslib
import pytest

from pynetes.addons.dns.forward import Forwarder, Unanswered, resolvers
from pynetes.addons.dns.messages import query, records_in
from pynetes.aio.clock import RealClock, VirtualClock, run_virtual


def test_the_hosts_resolvers_are_taken_but_for_its_loopback_and_ourselves(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# made by hand\nnameserver 127.0.0.53\nsearch example.test\nnameserver 192.0.2.53 # first\n"
        "nameserver 10.96.0.10\nnameserver nonsense\nnameserver\nnameserver fe80::1%eth0\n"
    )
    assert resolvers(file, ["10.96.0.10"]) == ["192.0.2.53", "fe80::1%eth0"]


def test_a_host_without_resolvers_has_none(tmp_path: Path) -> None:
    assert resolvers(tmp_path / "absent", []) == []


class Resolver(asyncio.DatagramProtocol):
    """A resolver on loopback that says every name has one address, or nothing."""

    def __init__(self, silent: bool = False) -> None:
        self.silent = silent
        self.ids: list[int] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.silent:
            self.transport.sendto(self.answer(data), addr)

    def answer(self, data: bytes) -> bytes:
        message = dnslib.DNSRecord.parse(data)
        self.ids.append(message.header.id)
        reply = message.reply()
        reply.add_answer(dnslib.RR(message.q.qname, rdata=dnslib.A("192.0.2.7"), ttl=5))
        return bytes(reply.pack())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = self.answer(await reader.readexactly(int.from_bytes(await reader.readexactly(2))))
        writer.write(len(answer).to_bytes(2) + answer)
        writer.close()


def with_resolver(resolver: Resolver, ask: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        server = await asyncio.start_server(resolver.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: resolver, local_addr=("127.0.0.1", port))
        try:
            await ask(port)
        finally:
            transport.close()
            server.close()

    asyncio.run(main())


@pytest.mark.parametrize("tcp", [False, True])
def test_a_question_is_passed_on_under_an_id_of_our_own(tcp: bool) -> None:
    resolver = Resolver()

    async def ask(port: int) -> None:
        question = (4711).to_bytes(2) + query("example.test.", "A")[2:]
        answer = await Forwarder(RealClock(), ["127.0.0.1"], port).ask(question, tcp=tcp)
        assert records_in(answer, "A")[1][0].data == ("192.0.2.7",)
        assert answer[:2] == question[:2]

    with_resolver(resolver, ask)
    assert len(resolver.ids) == 1


def test_a_resolver_that_refuses_gives_way_to_the_next() -> None:
    async def ask(port: int) -> None:
        # nobody listens on the first address
        forwarder = Forwarder(RealClock(), ["127.0.0.2", "127.0.0.1"], port)
        assert records_in(await forwarder.ask(query("example.test.", "A"), tcp=False), "A")[0] == 0

    with_resolver(Resolver(), ask)


def test_where_nobody_can_be_asked_the_question_stays_unanswered() -> None:
    with pytest.raises(Unanswered, match="no resolver is known"):
        asyncio.run(Forwarder(RealClock(), []).ask(query("example.test.", "A"), tcp=False))


def test_a_silent_resolver_is_left_after_two_seconds() -> None:
    clock = VirtualClock()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Resolver(silent=True), local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        with pytest.raises(Unanswered, match="no resolver answered"):
            await Forwarder(clock, ["127.0.0.1"], port).ask(query("example.test.", "A"), tcp=False)
        assert clock.monotonic() == 2.0
        transport.close()

    run_virtual(main(), clock)
