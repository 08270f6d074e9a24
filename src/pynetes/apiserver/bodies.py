"""Kept bodies of whole lists: a LIST of what has not changed is one lookup.

A list's body is a head, which holds the revision, and a tail, which holds the items. The tail stays as long as nothing
in the list's scope changes; the head is written anew when the store's revision has moved on.
"""

import zlib
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from pynetes.meta import encoding

KEPT_BYTES = 16 * 1024 * 1024
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_END = b"]}"


class Body:
    """One list. ``changed``: the revision of the last change in its scope, when it was made."""

    __slots__ = ("_api_version", "_body", "_custom", "_deflated", "_head_size", "_kind", "_revision", "changed", "size")

    def __init__(
        self, kind: str, api_version: str, items: Sequence[bytes], changed: int, *, custom: bool = False
    ) -> None:
        self.changed = changed
        self._custom = custom
        self._kind = kind
        self._api_version = api_version
        self._revision = 0
        head = self._head(0)
        self._head_size = len(head)
        self._body = b"".join((head, b",".join(items), _END, b"\n"))
        self._deflated: bytes | None = None
        self.size = len(self._body)

    def _head(self, revision: int) -> bytes:
        return encoding.list_body(self._kind, self._api_version, revision, (), custom=self._custom)[: -len(_END)]

    def at(self, revision: int) -> bytes:
        """The body at a revision. Kept until another one is asked for."""
        if revision != self._revision:
            head = self._head(revision)
            self._body = b"".join((head, memoryview(self._body)[self._head_size :]))
            self._head_size = len(head)
            self._revision = revision
        return self._body

    def gzipped(self, revision: int) -> bytes:
        """Compressed; the tail once for as long as it is kept.

        Both parts are deflated on their own: the head ends at a byte (a full flush), the tail does not look back. Only
        the checksum runs over everything each time.
        """
        body = self.at(revision)
        if self._deflated is None:
            tail = zlib.compressobj(1, zlib.DEFLATED, -15)
            self._deflated = tail.compress(memoryview(body)[self._head_size :]) + tail.flush()
            self.size += len(self._deflated)
        head = zlib.compressobj(1, zlib.DEFLATED, -15)
        first = head.compress(body[: self._head_size]) + head.flush(zlib.Z_FULL_FLUSH)
        checksum, size = zlib.crc32(body), len(body) & 0xFFFFFFFF
        return b"".join((_GZIP_HEAD, first, self._deflated, checksum.to_bytes(4, "little"), size.to_bytes(4, "little")))


class Bodies:
    """The bodies used last, up to ``KEPT_BYTES`` in all; a longer one is not kept."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[Hashable, Body] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, changed: int) -> Body | None:
        body = self._bodies.get(key)
        if body is None:
            return None
        if body.changed != changed:
            self._drop(key)
            return None
        self._bodies.move_to_end(key)
        return body

    def keep(self, key: Hashable, body: Body) -> None:
        if body.size > KEPT_BYTES // 2:
            return
        if key in self._bodies:
            self._drop(key)
        self._bodies[key] = body
        self._bytes += body.size
        while self._bytes > KEPT_BYTES:
            self._drop(next(iter(self._bodies)))

    def _drop(self, key: Hashable) -> None:
        self._bytes -= self._bodies.pop(key).size
