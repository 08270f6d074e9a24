"""What a controller is: a record that names it and makes its acting half.

A controller's file holds a pure ``plan`` and an acting class whose ``reconcile(key)`` reads from the informers, plans
and applies. The manager owns everything else: the queue, retries, back-off, events, metrics.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pynetes.aio.clock import Clock
from pynetes.controllers.settings import Settings

if TYPE_CHECKING:
    from pynetes.client.client import Client
    from pynetes.client.events import EventRecorder
    from pynetes.client.informer import Informers
    from pynetes.client.workqueue import WorkQueue


@dataclass(frozen=True, slots=True)
class Context:
    """What one controller is given. The queue is its own; keys are whatever the controller says they are."""

    client: "Client"
    informers: "Informers"
    clock: Clock
    settings: Settings
    events: "EventRecorder"
    queue: "WorkQueue[str]"


class NotYet(Exception):
    """What a key needs is not there, and nobody is at fault: it is tried again with back-off, and nobody told."""


class Reconciler(Protocol):
    """The acting half. Its constructor gets its informers and adds its handlers; it starts nothing."""

    async def reconcile(self, key: str) -> float | None:
        """Bring one key closer to what is wanted. Returns the seconds after which to look again, if any.

        Raises: whatever went wrong; the manager logs it and tries again with back-off.
        """


@dataclass(frozen=True, slots=True)
class Controller:
    """``name`` is upstream's (kube-controller-manager --controllers), ``component`` the source of its events."""

    name: str
    make: Callable[[Context], Reconciler]
    component: str = ""
    workers: int = 0
    """Keys reconciled at once; 0: the settings' ``concurrent_syncs``."""
    retry_base_seconds: float = 0.005
    retry_limit_seconds: float = 1000.0
    """A key that fails waits ``base``, then twice as long each time, up to ``limit``."""
