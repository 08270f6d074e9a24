"""Answers DNS on a node: UDP and TCP, from the cluster's objects or by the host's resolvers.

*Watches* Services and EndpointSlices (the informers of the node's proxy). *Owns* its sockets. *Guarantees*: an answer
tells the state that the informers hold; answers are kept until that changes. *Caveats*: until the informers have
synced nothing is listened on, so that no name is denied that is only not known yet.

Source: CoreDNS (``server``, plug-ins ``kubernetes``, ``forward``, ``loadbalance``).
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from pynetes.addons.dns.forward import Forwarder, Unanswered, resolvers
from pynetes.addons.dns.messages import Question, Unreadable, query, records_in
from pynetes.addons.dns.records import SERVFAIL, Answer, Source
from pynetes.addons.dns.zone import SERVICE_LABEL, Zone
from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.client.informer import Change, Informer, Informers
from pynetes.client.kinds import ENDPOINT_SLICES, SERVICES
from pynetes.meta.objects import Object, namespace_of

log = logging.getLogger(__name__)

MAX_KEPT = 10_000
"""Answers; beyond that all are forgotten."""
MAX_TCP_BYTES = 65535
IDLE_SECONDS = 10.0
"""How long a TCP connection may say nothing."""
_MAX_CONNECTIONS = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """``addresses``: where to listen; ``service_address``: that of the Service ``kube-dns``."""

    addresses: tuple[str, ...]
    service_address: str
    domain: str = "cluster.local"
    port: int = 53
    resolv_conf: Path = Path("/etc/resolv.conf")


class ClusterDNS:
    """``run`` until cancelled, in the network namespace of this process. The informers belong to the caller."""

    def __init__(self, informers: Informers, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._services = informers.get(SERVICES, indexes={"cluster address": _cluster_addresses})
        self._slices = informers.get(ENDPOINT_SLICES, indexes={"service": _service_of, "address": _endpoint_addresses})
        self._informers = informers
        objects: Source = _Objects(self._services, self._slices)
        self._zone = Zone(objects, settings.domain, settings.service_address)
        own = (*settings.addresses, settings.service_address)
        self._forwarder = Forwarder(clock, resolvers(settings.resolv_conf, own))
        self._kept: dict[tuple[str, str], Answer | None] = {}
        self._tasks = Tasks()
        self._connections = 0

    async def run(self) -> None:
        for informer in (self._services, self._slices):
            informer.add_handler(self._changed)
        self._informers.start()
        await self._services.synced()
        await self._slices.synced()
        loop = asyncio.get_running_loop()
        transports, servers = [], []
        try:
            for address in self._settings.addresses:
                where = (address, self._settings.port)
                transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=where)
                transports.append(transport)
                servers.append(await asyncio.start_server(self._connected, *where))
            log.info("cluster DNS answers on %s port %d", ", ".join(self._settings.addresses), self._settings.port)
            await asyncio.Event().wait()
        finally:
            for transport in transports:
                transport.close()
            for server in servers:
                server.close()
            await self._tasks.close()

    def answer_now(self, data: bytes, limit: int) -> bytes | None:
        """The packed answer to a packed question, where nobody else must be asked. Empty: say nothing."""
        try:
            question = Question(data)
        except Unreadable as fault:
            return fault.reply
        answer = self._known(question.name, question.type)
        if answer is None or answer.chase:
            return None
        return question.reply(self._shuffled(answer), limit or question.udp_bytes)

    async def answer(self, data: bytes, *, tcp: bool) -> bytes:
        """The packed answer to a packed question that ``answer_now`` could not answer."""
        question = Question(data)
        known = self._known(question.name, question.type)
        try:
            if known is None:
                return await self._forwarder.ask(data, tcp=tcp)
            asked = await self._forwarder.ask(query(known.chase, question.type), tcp=True)
            code, found = records_in(asked, question.type)
        except (Unanswered, Unreadable):
            return question.fault(SERVFAIL)
        whole = Answer(code, (*known.records, *found))
        return question.reply(whole, MAX_TCP_BYTES if tcp else question.udp_bytes)

    def spawn_answer(self, data: bytes, transport: asyncio.DatagramTransport, peer: Any) -> None:
        async def act() -> None:
            answer = await self.answer(data, tcp=False)
            if not transport.is_closing():
                transport.sendto(answer, peer)

        self._tasks.spawn(act(), "dns question")

    def _known(self, name: str, type: str) -> Answer | None:
        key = (name, type)
        if key not in self._kept:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[key] = self._zone.answer(name, type)
        return self._kept[key]

    def _shuffled(self, answer: Answer) -> Answer:
        """Many ask once and take the first: let it be another each time. A CNAME stays before what it leads to."""
        if len(answer.records) < 2 or answer.records[0].type == "CNAME":
            return answer
        records = list(answer.records)
        self._clock.random.shuffle(records)
        return replace(answer, records=tuple(records))

    def _changed(self, change: Change) -> None:
        self._kept.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            while self._connections <= _MAX_CONNECTIONS:
                head = await self._clock.wait_for(reader.readexactly(2), IDLE_SECONDS)
                data = await self._clock.wait_for(reader.readexactly(int.from_bytes(head)), IDLE_SECONDS)
                answer = self.answer_now(data, MAX_TCP_BYTES)
                if answer is None:
                    answer = await self.answer(data, tcp=True)
                if not answer:
                    return
                writer.write(len(answer).to_bytes(2) + answer)
                await self._clock.wait_for(writer.drain(), IDLE_SECONDS)
        except (OSError, EOFError, TimeoutError):
            pass  # the peer went, or says nothing: that is its right
        finally:
            self._connections -= 1
            writer.close()


class _Objects:
    """What the zone looks up, in the informers."""

    def __init__(self, services: Informer, slices: Informer) -> None:
        self._services = services
        self._slices = slices

    def service(self, namespace: str, name: str) -> Object | None:
        return self._services.get(f"{namespace}/{name}")

    def has_services(self, namespace: str) -> bool:
        return bool(self._services.entries(namespace))

    def slices(self, namespace: str, name: str) -> Iterable[Object]:
        return self._slices.by_index("service", f"{namespace}/{name}")

    def services_at(self, address: str) -> Iterable[Object]:
        return self._services.by_index("cluster address", address)

    def slices_with(self, address: str) -> Iterable[Object]:
        return self._slices.by_index("address", address)


def _cluster_addresses(service: Object) -> Iterable[str]:
    return (service.get("spec") or {}).get("clusterIPs") or ()


def _service_of(piece: Object) -> Iterable[str]:
    name = (piece["metadata"].get("labels") or {}).get(SERVICE_LABEL)
    return (f"{namespace_of(piece)}/{name}",) if name else ()


def _endpoint_addresses(piece: Object) -> Iterable[str]:
    return (address for endpoint in piece.get("endpoints") or () for address in endpoint.get("addresses") or ())


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, dns: ClusterDNS) -> None:
        self._dns = dns
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's is none by name

    def datagram_received(self, data: bytes, addr: Any) -> None:
        answer = self._dns.answer_now(data, 0)
        if answer is None:
            self._dns.spawn_answer(data, self._transport, addr)
        elif answer:
            self._transport.sendto(answer, addr)
