"""The scheduler: decides for every pod without a node on which node it runs, and binds it there."""

from typing import TYPE_CHECKING

from pynetes.scheduler.settings import Settings

if TYPE_CHECKING:
    from pynetes.aio.clock import Clock
    from pynetes.client.client import Client
    from pynetes.client.informer import Informers

__all__ = ["Settings", "run"]


async def run(client: "Client", informers: "Informers", clock: "Clock", settings: Settings | None = None) -> None:
    """Schedule until cancelled. NumPy is imported here, not when the package is."""
    from pynetes.scheduler.scheduler import Scheduler

    await Scheduler(client, informers, clock, settings or Settings()).run()
