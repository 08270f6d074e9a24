"""Asks the host's resolvers what the cluster does not know.

A resolver is asked by UDP; one that is silent for two seconds, or broken, gives way to the next. What does not fit
into a datagram comes back truncated, and its asker repeats the question by TCP, as do we.

Source: CoreDNS's plug-in ``forward`` (policy sequential, a thousand questions at once).
"""

import asyncio
import logging
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from pynetes.aio.clock import Clock

log = logging.getLogger(__name__)

PORT = 53
TIMEOUT_SECONDS = 2.0
MAX_AT_ONCE = 1000


class Unanswered(Exception):
    """No resolver answered, or there is none."""


def resolvers(path: Path, own: Sequence[str]) -> list[str]:
    """The name servers of a resolv.conf, but for the host's loopback, which a node cannot reach, and ourselves."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        log.warning("%s cannot be read: names outside the cluster are not resolved: %s", path, error)
        return []
    found = []
    for line in lines:
        words = line.split("#")[0].split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            address = ip_address(words[1].partition("%")[0])
        except ValueError:
            continue
        if not address.is_loopback and str(address) not in own:
            found.append(words[1])
    return found


class Forwarder:
    """``servers``: addresses, asked in this order."""

    def __init__(self, clock: Clock, servers: Sequence[str], port: int = PORT) -> None:
        self._clock = clock
        self._servers = servers
        self._port = port
        self._asking = 0

    async def ask(self, query: bytes, *, tcp: bool) -> bytes:
        """The answer to a packed question, with the question's id. Raises: Unanswered."""
        if self._asking >= MAX_AT_ONCE:
            raise Unanswered("too many questions at once")
        self._asking += 1
        try:
            return await self._ask(query, tcp)
        finally:
            self._asking -= 1

    async def _ask(self, query: bytes, tcp: bool) -> bytes:
        # an id of our own: it must not be known beforehand to whoever would like to answer in a resolver's place
        own = self._clock.token_bytes(2) + query[2:]
        for server in self._servers:
            try:
                asked = (_by_tcp if tcp else _by_udp)(server, self._port, own)
                answer = await self._clock.wait_for(asked, TIMEOUT_SECONDS)
            except (OSError, EOFError, TimeoutError) as error:
                log.debug("resolver %s: %s", server, str(error) or type(error).__name__)
                continue
            return query[:2] + answer[2:]
        raise Unanswered("no resolver answered" if self._servers else "no resolver is known")


async def _by_udp(server: str, port: int, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Asker(query, answer), remote_addr=(server, port))
    try:
        return await answer
    finally:
        transport.close()


class _Asker(asyncio.DatagramProtocol):
    """One question on a socket of its own, so that its port is one more thing to guess."""

    def __init__(self, query: bytes, answer: "asyncio.Future[bytes]") -> None:
        self._query = query
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.DatagramTransport", transport).sendto(self._query)  # uvloop's is none by name

    def datagram_received(self, data: bytes, addr: object) -> None:
        if len(data) >= 12 and data[:2] == self._query[:2] and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


async def _by_tcp(server: str, port: int, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(server, port)
    try:
        writer.write(len(query).to_bytes(2) + query)
        answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    finally:
        writer.close()
    if len(answer) < 12 or answer[:2] != query[:2]:
        raise ConnectionError("not an answer to the question")
    return answer
