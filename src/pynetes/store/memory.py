"""The store of tests and of virtual clusters: everything in memory, nothing awaited, gone with the process."""

from collections.abc import Sequence

from pynetes.aio.clock import Clock
from pynetes.store.embedded import EmbeddedStore, Write
from pynetes.store.types import StoreEvent


class MemoryStore(EmbeddedStore):
    """Writes are published at the call; the log is the history, cut by ``compact``.

    ``keep_history``: past states stay readable (``past``, ``changes``) after the API may no longer read them.
    """

    def __init__(self, clock: Clock, *, keep_history: bool = False) -> None:
        super().__init__(clock, log_events=2**62)
        self._keep_history = keep_history

    async def compact(self, revision: int) -> None:
        self._check_compaction(revision)
        self._compacted = revision
        if self._keep_history:
            return
        while self._log and self._log[0].revision <= revision:
            self._log.popleft()
        self._log_start = self._retained = max(revision, self._log_start)

    async def _durable(self, write: Write) -> None:
        self._publish((write,))

    async def _settled(self, key: bytes) -> None:
        raise AssertionError("nothing is ever staged here when another write is decided")

    async def _history(self, start: bytes, end: bytes, after: int, upto: int) -> Sequence[StoreEvent]:
        # the log begins at revision 1: only a revision before the empty store comes here
        return self._logged(start, end, self._log_start, upto)
