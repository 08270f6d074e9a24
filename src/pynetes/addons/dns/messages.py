"""DNS messages to and from bytes. Source: RFC 1035, RFC 2782 (SRV), RFC 6891 (EDNS)."""

from collections.abc import Iterable

import dnslib

from pynetes.addons.dns.records import NOERROR, Answer, Record

MIN_UDP_BYTES = 512
MAX_UDP_BYTES = 4096
_FORMAT_ERROR, _NOT_IMPLEMENTED = 1, 4
_CLASSES = (1, 255)


class Unreadable(Exception):
    """``reply``: what to answer; empty: nothing, for it is no question at all."""

    def __init__(self, reply: bytes = b"") -> None:
        super().__init__("not a question that can be answered")
        self.reply = reply


class Question:
    """A query with exactly one question."""

    def __init__(self, data: bytes) -> None:
        """Raises: Unreadable."""
        try:
            self.message = dnslib.DNSRecord.parse(data)
        except Exception:  # the parser raises what it meets in hostile bytes: struct.error, IndexError, its own
            raise Unreadable(_fault(data, _FORMAT_ERROR)) from None
        header = self.message.header
        if header.qr:
            raise Unreadable
        if header.opcode != 0:
            raise Unreadable(_fault(data, _NOT_IMPLEMENTED))
        if len(self.message.questions) != 1 or self.message.q.qclass not in _CLASSES:
            raise Unreadable(_fault(data, _FORMAT_ERROR))
        self.name = str(self.message.q.qname)
        self.type: str = dnslib.QTYPE.forward.get(self.message.q.qtype, str(self.message.q.qtype))

    @property
    def udp_bytes(self) -> int:
        """How long an answer the asker takes by UDP."""
        sizes = [rr.rclass for rr in self.message.ar if rr.rtype == dnslib.QTYPE.OPT]
        return max(MIN_UDP_BYTES, min(sizes[0], MAX_UDP_BYTES)) if sizes else MIN_UDP_BYTES

    def reply(self, answer: Answer, limit: int) -> bytes:
        """Packed; what is longer than ``limit`` goes without records and says that it was cut."""
        message = self._bare(answer.code)
        for section, records in (
            (message.add_answer, answer.records),
            (message.add_auth, answer.authority),
            (message.add_ar, answer.additional),
        ):
            section(*_packed(records))
        self._add_edns(message)
        data: bytes = message.pack()
        if len(data) <= limit:
            return data
        message = self._bare(answer.code)
        message.header.tc = 1
        self._add_edns(message)
        return bytes(message.pack())

    def fault(self, code: int) -> bytes:
        return self.reply(Answer(code), MAX_UDP_BYTES)

    def _bare(self, code: int) -> dnslib.DNSRecord:
        message = self.message.reply(ra=1, aa=1)
        message.header.rcode = code
        return message

    def _add_edns(self, message: dnslib.DNSRecord) -> None:
        if any(rr.rtype == dnslib.QTYPE.OPT for rr in self.message.ar):
            message.add_ar(dnslib.EDNS0(udp_len=MAX_UDP_BYTES))


def query(name: str, type: str) -> bytes:
    """A packed question of our own; its id is for the sender to choose."""
    return bytes(dnslib.DNSRecord.question(name, type).pack())


def records_in(data: bytes, type: str) -> tuple[int, tuple[Record, ...]]:
    """The code of an answer, and its records of a type and CNAMEs. Raises: Unreadable."""
    try:
        message = dnslib.DNSRecord.parse(data)
        found = tuple(
            Record(str(rr.rname), kind, (str(rr.rdata),), rr.ttl)
            for rr in message.rr
            if (kind := dnslib.QTYPE.forward.get(rr.rtype, "")) in (type, "CNAME")
        )
    except Exception:  # as above: what a resolver sent need not be an answer
        raise Unreadable from None
    return message.header.rcode, found


def _packed(records: Iterable[Record]) -> Iterable[dnslib.RR]:
    for record in records:
        kind = getattr(dnslib, record.type)
        match record.type:
            case "SOA":
                data = kind(record.data[0], record.data[1], record.data[2:])
            case _:
                data = kind(*record.data)
        yield dnslib.RR(record.name, getattr(dnslib.QTYPE, record.type), ttl=record.ttl, rdata=data)


def _fault(data: bytes, code: int) -> bytes:
    """A header alone: the id that was sent, and what is wrong."""
    if len(data) < 12 or data[2] & 0x80:
        return b""
    return data[:2] + bytes((0x80 | data[2] & 0x79, 0x80 | code)) + bytes(8)


__all__ = ["MAX_UDP_BYTES", "NOERROR", "Question", "Unreadable", "query", "records_in"]
