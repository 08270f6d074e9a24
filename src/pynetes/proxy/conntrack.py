"""Forget UDP flows whose endpoint is gone: the kernel would go on sending to it for as long as the client talks.

Netlink, because the program ``conntrack`` is seldom there: all flows are dumped, and those deleted that were sent to a
service's address and are answered from one that is not its endpoint any more.

Source: Kubernetes ``pkg/proxy/conntrack/cleanup.go``; Linux ``nfnetlink_conntrack.h``.
"""

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pynetes.proxy.services import ServicePort

NETLINK_NETFILTER = 12
CT_GET, CT_DELETE = (1 << 8) | 1, (1 << 8) | 2
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 0x2, 0x3
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY = 1, 2
CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2
CTA_IP = {4: (1, 2), 6: (3, 4)}
CTA_PROTO_NUM, CTA_PROTO_DST_PORT = 1, 3
UDP = 17


@dataclass(frozen=True, slots=True)
class Flow:
    """``original`` is its first direction as the kernel has it, by which it is deleted."""

    destination: str
    port: int
    answered_by: str
    original: bytes


def stale(flows: Sequence[Flow], services: Sequence[tuple[ServicePort, frozenset[str]]]) -> list[Flow]:
    """Pure: those that were sent to one of these services and are answered by none of its endpoints."""
    by_address: dict[tuple[str, int], frozenset[str]] = {}
    by_node_port: dict[int, frozenset[str]] = {}
    for port, allowed in services:
        for address in (port.cluster_ip, *port.external_ips, *port.load_balancer_ips):
            by_address[(address, port.port)] = allowed
        if port.node_port:
            by_node_port[port.node_port] = allowed
    doomed: list[Flow] = []
    for flow in flows:
        answering = by_address.get((flow.destination, flow.port), by_node_port.get(flow.port))
        if answering is not None and flow.answered_by not in answering:
            doomed.append(flow)
    return doomed


def forget_stale(services: Sequence[tuple[ServicePort, frozenset[str]]], family: int) -> int:
    """How many were forgotten. Blocking. Raises: OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER) as s:
        s.bind((0, 0))
        doomed = stale(list(_dump(s, family)), services)
        for number, flow in enumerate(doomed):
            s.send(_message(CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, family, number + 2, flow.original))
            s.recv(65536)  # an acknowledgement, or that it is gone already
        return len(doomed)


def parse(payload: bytes, family: int) -> Flow | None:
    """A flow of UDP from a message's payload behind its two headers; ``None`` for other protocols."""
    attributes = dict(_attributes(payload))
    original = attributes.get(CTA_TUPLE_ORIG)
    reply = attributes.get(CTA_TUPLE_REPLY)
    if original is None or reply is None:
        return None
    parts, answer = dict(_attributes(original)), dict(_attributes(reply))
    proto = dict(_attributes(parts.get(CTA_TUPLE_PROTO, b"")))
    if proto.get(CTA_PROTO_NUM, b"\0")[0] != UDP or CTA_PROTO_DST_PORT not in proto:
        return None
    source, destination = CTA_IP[family]
    there, back = dict(_attributes(parts[CTA_TUPLE_IP])), dict(_attributes(answer[CTA_TUPLE_IP]))
    if destination not in there or source not in back:
        return None
    return Flow(
        str(ipaddress.ip_address(there[destination])),
        struct.unpack("!H", proto[CTA_PROTO_DST_PORT])[0],
        str(ipaddress.ip_address(back[source])),
        _attribute(CTA_TUPLE_ORIG | 0x8000, original),
    )


def _dump(s: socket.socket, family: int) -> Iterator[Flow]:
    s.send(_message(CT_GET, NLM_F_REQUEST | NLM_F_DUMP, family, 1, b""))
    while True:
        data = s.recv(1 << 20)
        offset = 0
        while offset + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, offset)
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                number = -struct.unpack_from("=i", data, offset + 16)[0]
                raise OSError(number, f"listing flows: {os.strerror(number)}")
            flow = parse(data[offset + 20 : offset + length], family)
            if flow is not None:
                yield flow
            offset += (length + 3) & ~3


def _message(kind: int, flags: int, family: int, sequence: int, body: bytes) -> bytes:
    af = socket.AF_INET6 if family == 6 else socket.AF_INET
    payload = struct.pack("=BBH", af, 0, 0) + body
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 0) + payload


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            return
        yield kind & 0x3FFF, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)
