"""Splits a stream of byte pieces into lines, each byte looked at once and copied at most once."""


class Lines:
    """Feed pieces of any size; get the whole lines. ``limit`` bounds a line that has not ended yet.

    Raises: ValueError for a line longer than the limit.
    """

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that this piece ends, without newlines; empty lines are left out."""
        lines = piece.split(b"\n")
        rest = lines.pop()
        if lines and self._pieces:
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
        if rest:
            self._size += len(rest)
            if self._size > self._limit:
                raise ValueError(f"a line is longer than {self._limit} bytes")
            self._pieces.append(rest)
        return [line for line in lines if line]

    def rest(self) -> bytes:
        """What came after the last newline."""
        return b"".join(self._pieces)
