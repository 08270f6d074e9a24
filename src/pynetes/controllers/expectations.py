"""What a controller has asked for and not yet seen in its informer, so that a slow informer never makes double pods.

Contract: ``satisfied(key)`` is true when every create and delete that was announced for the key has been observed, or
five minutes have passed since the announcement, or nothing was announced. Observations beyond what was announced are
ignored. Deletions are told apart by the deleted object's key and uid, so that one seen twice counts once.

Source: pkg/controller/controller_utils.go (UIDTrackingControllerExpectations).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pynetes.aio.clock import Clock

TIMEOUT_SECONDS = 300.0


@dataclass(slots=True)
class _Expected:
    since: float
    creations: int = 0
    deletions: set[str] = field(default_factory=set)


class Expectations:
    """Of one controller, by the key of what it reconciles."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._expected: dict[str, _Expected] = {}

    def expect(self, key: str, creations: int, deletions: Iterable[str]) -> None:
        """Announce creates and deletes; replaces what was expected before."""
        self._expected[key] = _Expected(self._clock.monotonic(), creations, set(deletions))

    def expect_creations(self, key: str, count: int) -> None:
        """Announce ``count`` creates; replaces what was expected before."""
        self.expect(key, count, ())

    def expect_deletions(self, key: str, deleted: Iterable[str]) -> None:
        """Announce deletes; replaces what was expected before."""
        self.expect(key, 0, deleted)

    def creation_observed(self, key: str) -> None:
        if (expected := self._expected.get(key)) is not None:
            expected.creations = max(0, expected.creations - 1)

    def deletion_observed(self, key: str, deleted: str) -> None:
        if (expected := self._expected.get(key)) is not None:
            expected.deletions.discard(deleted)

    def satisfied(self, key: str) -> bool:
        expected = self._expected.get(key)
        if expected is None or (expected.creations == 0 and not expected.deletions):
            return True
        return self._clock.monotonic() - expected.since > TIMEOUT_SECONDS

    def forget(self, key: str) -> None:
        self._expected.pop(key, None)
