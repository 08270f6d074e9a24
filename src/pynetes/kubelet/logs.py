"""Container logs in the CRI format: one line is ``time stream F|P text``. Parsing, choosing, following.

Source: k8s.io/cri-client ``pkg/logs/logs.go``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pynetes.meta.times import parse_time


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What a reader asked for; -1 and None: not asked. ``since`` is in seconds since the epoch."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int = -1
    limit_bytes: int = -1
    since: float | None = None
    stream: str = "All"

    @staticmethod
    def parse(query: Mapping[str, str], now: float) -> "LogOptions":
        """Raises: ValueError."""
        since = None
        if query.get("sinceTime"):
            since = parse_time(query["sinceTime"])
        elif query.get("sinceSeconds"):
            since = now - int(query["sinceSeconds"])
        tail = query.get("tailLines", query.get("tail", ""))
        return LogOptions(
            follow=_flag(query, "follow"),
            previous=_flag(query, "previous"),
            timestamps=_flag(query, "timestamps"),
            tail_lines=int(tail) if tail and tail != "all" else -1,
            limit_bytes=int(query["limitBytes"]) if query.get("limitBytes") else -1,
            since=since,
            stream=query.get("stream") or "All",
        )


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "")
    if text.lower() in ("", "0", "f", "false"):
        # Go's form decoding takes an empty value of a bool for true only when the key is there
        return name in query and text == ""
    return True


class LogReader:
    """Turns log lines into what is sent. Keep one for a whole answer: it counts bytes and knows half lines."""

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._left = options.limit_bytes
        self._new_line = True

    @property
    def full(self) -> bool:
        return self._left == 0

    def take(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """What is sent for these raw lines (with or without their newline)."""
        for raw in lines:
            parts = raw.rstrip(b"\n").split(b" ", 3)
            if len(parts) < 3 or self.full:
                continue
            stamp, stream, tag = parts[:3]
            text = parts[3] if len(parts) == 4 else b""
            if not self._wanted(stamp, stream):
                continue
            whole = tag.split(b":")[0] != b"P"
            data = text + (b"\n" if whole else b"")
            if self._options.timestamps and self._new_line:
                data = stamp + b" " + data
            self._new_line = whole
            if self._left >= 0:
                data = data[: self._left]
                self._left -= len(data)
            if data:
                yield data

    def _wanted(self, stamp: bytes, stream: bytes) -> bool:
        options = self._options
        if options.stream != "All" and stream.decode().capitalize() != options.stream:
            return False
        if options.since is None:
            return True
        try:
            return parse_time(stamp.decode()) >= options.since
        except ValueError:
            return True


def tail(data: bytes, lines: int) -> bytes:
    """The last lines of a log; all of it for a negative number."""
    if lines < 0:
        return data
    if lines == 0:
        return b""
    at = len(data) - 1 if data.endswith(b"\n") else len(data)
    for _ in range(lines):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return data
    return data[at + 1 :]
