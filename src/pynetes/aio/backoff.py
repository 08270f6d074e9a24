"""Exponential back-off that remembers each key's failures."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Delays ``base * 2**n`` seconds, at most ``limit``, per key; a key quiet for ``2 * limit`` starts anew.

    Source: client-go ``util/flowcontrol/backoff.go``.
    """

    base: float
    limit: float
    _entries: dict[object, tuple[float, float]] = field(default_factory=dict)

    def delay(self, key: object, now: float) -> float:
        """The delay in force for a key; zero when it has none or was quiet long enough."""
        delay, updated = self._entries.get(key, (0.0, 0.0))
        return 0.0 if now - updated > 2 * self.limit else delay

    def is_waiting(self, key: object, now: float) -> bool:
        """Whether the key's last failure is less than its delay ago."""
        return now - self._entries.get(key, (0.0, now))[1] < self.delay(key, now)

    def next(self, key: object, now: float) -> float:
        """Record a failure at ``now`` and return the new delay."""
        delay = self.delay(key, now)
        delay = min(delay * 2, self.limit) if delay else self.base
        self._entries[key] = (delay, now)
        return delay

    def reset(self, key: object) -> None:
        self._entries.pop(key, None)

    def collect(self, now: float) -> None:
        """Forget the keys that have been quiet for longer than ``2 * limit``."""
        self._entries = {k: v for k, v in self._entries.items() if now - v[1] <= 2 * self.limit}
