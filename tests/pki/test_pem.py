"""Source: Go ``encoding/pem``, whose tests say what is passed over."""

import base64

from pynetes.pki.pem import Block, blocks

DATA = base64.b64encode(b"data").decode()


def made(kind: str = "A", body: str = DATA, end: str = "") -> bytes:
    return f"-----BEGIN {kind}-----\n{body}\n-----END {end or kind}-----\n".encode()


def test_blocks_are_found_among_other_text_in_order() -> None:
    text = b"before\n" + made("A") + b"between\n" + made("B C") + b"after"
    assert list(blocks(text)) == [Block("A", b"data"), Block("B C", b"data")]


def test_headers_are_told() -> None:
    assert list(blocks(made(body=f"Proc-Type: 4,ENCRYPTED\nX: y\n\n{DATA}"))) == [Block("A", b"data", headed=True)]


def test_line_ends_of_any_kind_and_an_empty_body_are_good() -> None:
    assert list(blocks(made().replace(b"\n", b"\r\n"))) == [Block("A", b"data")]
    assert list(blocks(made(body="").replace(b"\n\n", b"\n"))) == [Block("A", b"")]


def test_a_block_that_is_not_whole_is_passed_over() -> None:
    for broken in (made(end="B"), made(body="!!"), made()[:-10], b"  " + made()):
        assert list(blocks(broken + b"\n" + made("G"))) == [Block("G", b"data")]
