"""The automatic compactor: every interval it gives up what was superseded before the interval that ended.

Source: apiserver ``pkg/storage/etcd3/compact.go``: every 5 minutes, down to the revision of 5 minutes ago.
"""

import logging

from pynetes.aio.clock import Clock
from pynetes.store.types import Compacted, Store

log = logging.getLogger(__name__)


async def compact_forever(store: Store, clock: Clock, interval_seconds: float = 300.0) -> None:
    """Runs until it is cancelled. A full disk is logged, and tried again the next time."""
    revision = store.revision
    while True:
        await clock.sleep(interval_seconds)
        reached, revision = revision, store.revision
        if reached <= store.compacted:
            continue
        try:
            await store.compact(reached)
        except Compacted:
            pass  # another server of this store was earlier
        except OSError as error:
            log.warning("compaction up to revision %d failed: %s", reached, error)
