"""PEM as Go reads it: what is not a block is passed over. Source: Go ``encoding/pem``; RFC 1421, RFC 7468."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

_BEGIN = re.compile(rb"(?m)^-----BEGIN (.*?)-----[ \t\r]*\n")
_HEADER = re.compile(rb"[^:\n]*:[^\n]*\n")


@dataclass(frozen=True, slots=True)
class Block:
    kind: str
    data: bytes
    headed: bool = False


def blocks(text: bytes) -> Iterator[Block]:
    """Every block that is whole."""
    at = 0
    while (begin := _BEGIN.search(text, at)) is not None:
        body = begin.end()
        headed = False
        while (header := _HEADER.match(text, body)) is not None:
            headed, body = True, header.end()
        end = re.compile(rb"(?m)^-----END " + re.escape(begin[1]) + rb"-----[ \t\r]*$").search(text, body)
        if end is None:
            at = begin.end()
            continue
        try:
            data = base64.b64decode(re.sub(rb"[ \t\r\n]", b"", text[body : end.start()]), validate=True)
        except binascii.Error:
            at = begin.end()
            continue
        yield Block(begin[1].decode(errors="replace"), data, headed)
        at = end.end()
