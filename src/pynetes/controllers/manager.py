"""Runs the controllers: one queue each, workers, retry with back-off, events and counts.

Contract: a key is never reconciled twice at once by one controller; a key added while it is being reconciled is
reconciled again afterwards; a failing key is retried after 5 ms, 10 ms ... 1000 s, or within the controller's own
bounds, until it succeeds; no controller starts before every informer it asked for has listed.

Source: cmd/kube-controller-manager/app and client-go ``util/workqueue``.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.client.client import Client
from pynetes.client.events import EventRecorder
from pynetes.client.informer import Informers
from pynetes.client.types import Transport
from pynetes.client.workqueue import WorkQueue
from pynetes.controllers import CONTROLLERS
from pynetes.controllers.accounts import Accounts
from pynetes.controllers.settings import Settings
from pynetes.controllers.types import Context, Controller, NotYet, Reconciler
from pynetes.meta.status import StatusError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """One controller's metrics so far."""

    reconciled: int = 0
    failed: int = 0
    seconds: float = 0.0


class Manager:
    """Owns the given controllers from ``run`` until it is cancelled. The informers belong to the caller.

    ``clients``: as whom a controller asks; as the manager itself unless given.
    """

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        controllers: Sequence[Controller],
        settings: Settings,
        clients: Callable[[Controller], Client] | None = None,
    ) -> None:
        self.counts: dict[str, Counts] = {}
        self._informers = informers
        self._clock = clock
        self._settings = settings
        self._running: list[tuple[Controller, Context, Reconciler]] = []
        for controller in controllers:
            own = client if clients is None else clients(controller)
            events = EventRecorder(own, clock, controller.component or controller.name)
            queue = WorkQueue[str](clock, base=controller.retry_base_seconds, limit=controller.retry_limit_seconds)
            context = Context(own, informers, clock, settings, events, queue)
            self.counts[controller.name] = Counts()
            self._running.append((controller, context, controller.make(context)))

    def enqueue(self, name: str, key: str) -> None:
        """Have a controller look at a key, whether or not anything happened to it."""
        for controller, context, _ in self._running:
            if controller.name == name:
                context.queue.add(key)

    async def run(self) -> None:
        """Run until cancelled."""
        self._informers.start()
        await self._informers.synced()
        tasks = Tasks()
        workers = [
            tasks.spawn(self._work(controller, context, reconciler), f"{controller.name}-{number}")
            for controller, context, reconciler in self._running
            for number in range(controller.workers or self._settings.concurrent_syncs)
        ]
        try:
            for worker in workers:
                await worker
        finally:
            for _, context, _ in self._running:
                context.queue.shut_down()
            await tasks.close()
            for _, context, _ in self._running:
                await context.events.close()

    async def _work(self, controller: Controller, context: Context, reconciler: Reconciler) -> None:
        queue, counts = context.queue, self.counts[controller.name]
        while (key := await queue.get()) is not None:
            begun = self._clock.monotonic()
            try:
                again = await reconciler.reconcile(key)
            except Exception as error:  # any failure is one key's failure: it is retried, the others go on
                counts.failed += 1
                _log_failure(controller.name, key, error)
                queue.add_rate_limited(key)
            else:
                queue.forget(key)
                if again is not None:
                    queue.add_after(key, again)
            finally:
                counts.reconciled += 1
                counts.seconds += self._clock.monotonic() - begun
                queue.done(key)


def _log_failure(name: str, key: str, error: Exception) -> None:
    """A conflict only means that the cache was behind; a refusal is news; anything else is a fault of ours."""
    if isinstance(error, NotYet):
        log.debug("%s: %s: %s", name, key, error)
    elif isinstance(error, StatusError):
        level = logging.DEBUG if error.code == 409 else logging.INFO
        log.log(level, "%s: %s: %s", name, key, error)
    else:
        log.error("%s: %s failed", name, key, exc_info=error)


async def run(
    client: Client, informers: Informers, clock: Clock, settings: Settings, transport: Transport | None = None
) -> None:
    """Run every controller that the settings enable, until cancelled.

    ``transport``: one without an identity, with which each controller acts by its own service account.
    """
    enabled = [controller for controller in CONTROLLERS if settings.enabled(controller.name)]
    clients = None if transport is None else Accounts(client, transport, clock).client
    await Manager(client, informers, clock, enabled, settings, clients).run()
