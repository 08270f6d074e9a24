"""From a change to the connections of all who watch: a line is made once, framed once and written to each in turn.

Watchers that ask the same share a ``Group``. Its lines go out in rounds: a round is one chunk that every watcher gets,
and what is added while a round goes on waits for the next. So one watcher is told at once, and a thousand get as many
lines in one write as came while the last went round: the busier the server, the less each line costs. No timer is
involved.

Ordered: each watcher gets the group's lines in the order in which they were added. Bounded: a turn of the loop writes
``SLICE_BYTES``, then other requests are served; a group that falls behind by a whole round finishes one each turn, so
that whoever writes is slowed down instead. A watcher whose peer takes nothing is broken off once ``limit`` bytes wait
for it; they are the same bytes for all such watchers.

Source: apiserver ``pkg/storage/cacher/cache_watcher.go`` (a slow watcher is ended, never waited for).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from pynetes.apiserver.selection import Selection
from pynetes.http.types import Writer, frame
from pynetes.meta.encoding import Entry

ROUND_BYTES = 64 * 1024
"""What a round carries at most: four full TLS records. More would cost each watcher no less."""

SLICE_BYTES = 1024 * 1024
"""What a turn of the loop writes to a group: about half a millisecond's work."""

BEHIND_BYTES = 8 * 1024 * 1024
"""So much may wait in a group; more is written before anything else is served."""

Line = Callable[[Entry, str], bytes]
"""An event's line: the entry, the event's type."""


@dataclass(frozen=True, slots=True)
class WatchQuery:
    """What a watcher wants. Watchers of equal selection and ``form`` share their lines; form None: never shared."""

    selection: Selection
    form: Hashable | None
    line: Line
    bookmark: Callable[[int], bytes]


@dataclass(slots=True, eq=False)
class Watcher:
    """One open watch. ``limit``: so many bytes may wait in its writer."""

    writer: Writer
    group: "Group"
    bookmarks: bool
    limit: int


class Group:
    """Watchers that want the same lines. ``bookmarks``: how many of them want bookmarks too."""

    __slots__ = ("bookmarks", "exact", "framed", "key", "left", "lines", "query", "select", "waiting", "watchers")

    def __init__(self, key: Hashable, query: WatchQuery) -> None:
        self.key = key
        self.query = query
        self.select = None if query.selection.everything else query.selection.matches
        self.exact = next(((r.field, r.value) for r in query.selection.fields.requirements if r.equal), None)
        self.watchers: dict[Watcher, None] = {}
        self.bookmarks = 0
        # the next round: its lines and their size
        self.lines: deque[bytes] = deque()
        self.waiting = 0
        # the round that goes on: its chunk, and who has yet to get it
        self.framed = b""
        self.left: list[Watcher] = []

    def begin_round(self) -> None:
        """Make a chunk of the lines that wait, as many as a round carries but at least one."""
        if self.waiting <= ROUND_BYTES:
            lines = list(self.lines)
            self.lines.clear()
            self.waiting = 0
        else:
            lines, size = [], 0
            while not lines or (self.lines and size + len(self.lines[0]) <= ROUND_BYTES):
                lines.append(self.lines.popleft())
                size += len(lines[-1])
            self.waiting -= size
        self.framed = frame(lines[0] if len(lines) == 1 else b"".join(lines))
        self.left = list(self.watchers)


class Fanout:
    """All groups that have something to tell."""

    def __init__(self) -> None:
        self._busy: dict[Group, None] = {}
        self._scheduled = False

    def add(self, group: Group, line: bytes) -> None:
        """Tell the group's watchers, from the next turn of the loop on: what this one still brings joins the write."""
        group.lines.append(line)
        group.waiting += len(line)
        self._busy[group] = None
        self._schedule()

    def flush(self, group: Group) -> None:
        """Write all that waits to all watchers of the group now."""
        while group.left or group.lines:
            self._go_round(group, whole=True)
        self._busy.pop(group, None)

    def flush_all(self) -> None:
        for group in list(self._busy):
            self.flush(group)

    def forget(self, group: Group) -> None:
        """Nobody is left in it."""
        self._busy.pop(group, None)
        group.lines.clear()
        group.left.clear()
        group.waiting = 0

    def write(self, watchers: Iterable[Watcher], framed: bytes) -> None:
        slow = []
        for watcher in watchers:
            if watcher.writer.write_framed(framed) > watcher.limit:
                slow.append(watcher.writer)
        for writer in slow:
            writer.abort()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        for group in list(self._busy):
            if group not in self._busy:  # its last watcher was broken off just now
                continue
            self._go_round(group, whole=group.waiting > ROUND_BYTES)
            while group.waiting > BEHIND_BYTES:
                self._go_round(group, whole=True)
            if not group.left and not group.lines:
                self._busy.pop(group, None)
        if self._busy:
            self._schedule()

    def _go_round(self, group: Group, *, whole: bool) -> None:
        """Begin a round or go on with it: as far as a turn goes, or to its end."""
        if not group.left:
            group.begin_round()
        count = len(group.left) if whole else max(1, SLICE_BYTES // len(group.framed))
        part = group.left[:count]
        del group.left[:count]
        if not group.left:
            framed, group.framed = group.framed, b""
        else:
            framed = group.framed
        self.write(part, framed)
