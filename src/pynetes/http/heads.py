"""The heads of answers: status line, date and header lines, as bytes.

Source: RFC 9112, RFC 9110 section 5.6.7 (dates).
"""

from datetime import UTC, datetime
from http import HTTPStatus

from pynetes.aio.clock import Clock
from pynetes.http.types import Headers

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Heads:
    """Beginnings of heads, made once a second for each kind of answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._heads: dict[tuple[int, str], bytes] = {}

    def head(self, status: int, content_type: str) -> bytes:
        """The head up to the date and the content type, with no blank line."""
        second = int(self._clock.now())
        if second != self._second or len(self._heads) > 256:
            self._second = second
            self._heads.clear()
        head = self._heads.get((status, content_type))
        if head is None:
            text = f"HTTP/1.1 {status} {_phrase(status)}\r\nDate: {http_date(second)}\r\n"
            if content_type and status != 101:
                text += f"Content-Type: {content_type}\r\n"
            head = self._heads[status, content_type] = text.encode("latin-1")
        return head


def lines(headers: Headers) -> bytes:
    """Header lines; a line break in a value becomes a space, as in Go."""
    made = []
    for name, value in headers:
        if "\n" in value or "\r" in value:
            value = value.replace("\r", " ").replace("\n", " ")
        made.append(f"{name}: {value}\r\n")
    return "".join(made).encode("utf-8", "surrogateescape")


def http_date(second: int) -> str:
    """``Sun, 06 Nov 1994 08:49:37 GMT``."""
    at = datetime.fromtimestamp(second, UTC)
    return f"{DAYS[at.weekday()]}, {at.day:02} {MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S} GMT"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
