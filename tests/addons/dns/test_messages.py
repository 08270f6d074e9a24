"""Messages on the wire, by a second reader of DNS: the same library, but the other direction."""

import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.addons.dns.messages import Question, Unreadable, records_in
from pynetes.addons.dns.records import NXDOMAIN, Answer, Record

NAME = "web.ns.svc.cluster.local."


def question(type: str = "A", edns: int = 0) -> Question:
    message = dnslib.DNSRecord.question(NAME, type)
    message.header.id = 4711
    if edns:
        message.add_ar(dnslib.EDNS0(udp_len=edns))
    return Question(message.pack())


def test_every_kind_of_record_can_be_read_back() -> None:
    records = (
        Record(NAME, "A", ("10.96.0.5",)),
        Record(NAME, "AAAA", ("fd00::5",)),
        Record(NAME, "CNAME", ("x.y.",)),
        Record(NAME, "PTR", ("x.y.",)),
        Record(NAME, "NS", ("x.y.",)),
        Record(NAME, "TXT", ("1.1.0",)),
        Record(NAME, "SRV", (0, 50, 80, "x.y.")),
        Record(NAME, "SOA", ("ns.y.", "mail.y.", 1, 7200, 1800, 86400, 30)),
    )
    read = dnslib.DNSRecord.parse(question().reply(Answer(records=records), 4096))
    assert (read.header.id, read.header.qr, read.header.aa, read.header.ra) == (4711, 1, 1, 1)
    assert [str(rr.rdata) for rr in read.rr] == [
        "10.96.0.5",
        "fd00::5",
        "x.y.",
        "x.y.",
        "x.y.",
        '"1.1.0"',
        "0 50 80 x.y.",
        "ns.y. mail.y. 1 7200 1800 86400 30",
    ]
    assert {rr.ttl for rr in read.rr} == {30}


def test_a_denial_carries_its_code() -> None:
    assert dnslib.DNSRecord.parse(question().reply(Answer(NXDOMAIN), 512)).header.rcode == 3


def test_what_does_not_fit_is_cut_and_says_so() -> None:
    """RFC 1035, 4.2.1: "Longer messages are truncated and the TC bit is set in the header"."""
    records = tuple(Record(NAME, "A", (f"10.1.{i // 250}.{i % 250}",)) for i in range(100))
    small = question()
    cut = dnslib.DNSRecord.parse(small.reply(Answer(records=records), small.udp_bytes))
    assert (cut.header.tc, cut.rr) == (1, [])
    large = question(edns=4096)
    whole = dnslib.DNSRecord.parse(large.reply(Answer(records=records), large.udp_bytes))
    assert (whole.header.tc, len(whole.rr)) == (0, 100)


@given(st.binary(max_size=64))
def test_no_bytes_do_harm(data: bytes) -> None:
    try:
        Question(data)
    except Unreadable as fault:
        assert fault.reply == b"" or fault.reply[:2] == data[:2]


def test_answers_are_not_answered() -> None:
    """Two servers that answer each other would never end."""
    with pytest.raises(Unreadable) as caught:
        Question(question().reply(Answer(), 512))
    assert caught.value.reply == b""


def test_addresses_are_read_from_another_servers_answer() -> None:
    data = question().reply(Answer(records=(Record(NAME, "CNAME", ("x.y.",)), Record("x.y.", "A", ("10.0.0.1",)))), 512)
    code, found = records_in(data, "A")
    assert code == 0
    assert [(r.name, r.type, r.data) for r in found] == [(NAME, "CNAME", ("x.y.",)), ("x.y.", "A", ("10.0.0.1",))]
