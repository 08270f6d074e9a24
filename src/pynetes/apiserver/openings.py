"""What watches begin with, shared by those that begin alike within a few seconds.

After a restart of the server, or of a network, a thousand clients open their watches again, many of them with all that
there is (``sendInitialEvents``). All of those who ask the same get the same bytes, and hold them together until they
have taken them.
"""

from collections.abc import Callable, Hashable

from pynetes.aio.clock import Clock, Timer

KEPT_SECONDS = 5.0
KEPT_BYTES = 64 * 1024 * 1024


class Openings:
    """Chunks by what they are of, for as long as nothing has changed there, and not for long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Hashable, tuple[int, bytes]] = {}
        self._timer: Timer | None = None

    def get(self, key: Hashable, changed: int, make: Callable[[], bytes]) -> bytes:
        """The chunk that ``make`` makes. ``changed``: the revision of the last change of what it shows."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == changed:
            return kept[1]
        chunk = make()
        if sum(len(other) for _, other in self._kept.values()) + len(chunk) > KEPT_BYTES:
            self._kept.clear()
        self._kept[key] = changed, chunk
        if self._timer is None:
            self._timer = self._clock.call_later(KEPT_SECONDS, self.forget)
        return chunk

    def forget(self) -> None:
        self._kept.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
