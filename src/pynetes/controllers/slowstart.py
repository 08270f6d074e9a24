"""Creates in growing batches, so that a refusal is met early.

Source: pkg/controller/replicaset/replica_set.go (slowStartBatch).
"""

import asyncio
from collections.abc import Awaitable, Callable


async def slow_start(count: int, create: Callable[[], Awaitable[None]]) -> tuple[int, Exception | None]:
    """Call ``create`` ``count`` times, in batches of 1, 2, 4 ...; a batch with a failure is the last.

    Returns: how many succeeded, and the first failure.
    """
    succeeded, size = 0, 1
    while size := min(size, count - succeeded):
        outcomes = await asyncio.gather(*(create() for _ in range(size)), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        succeeded += size - len(failures)
        for failure in failures:
            if not isinstance(failure, Exception):
                raise failure
            return succeeded, failure
        size *= 2
    return succeeded, None
