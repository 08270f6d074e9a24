"""What a proxy mode is to the proxy: it brings the kernel in step with what services want, for one IP family.

A mode is a folder beside this module with one class that satisfies ``Backend``, and a row of ``MODES``.
"""

from collections.abc import Callable, Collection
from typing import Protocol

from pynetes.aio.clock import Clock
from pynetes.aio.commands import Commands
from pynetes.proxy.iptables.backend import IPTables
from pynetes.proxy.settings import Settings
from pynetes.proxy.wanted import Wanted


class Backend(Protocol):
    """One family's rules in the network namespace of this process. Its methods never overlap, but for ``intact``."""

    async def prepare(self) -> None:
        """Set what the kernel needs for the rules to work, and warn of what it lacks. Once, before the first sync."""

    async def sync(self, wanted: Wanted, changed: Collection[str] | None) -> None:
        """Bring the kernel in step. ``changed``: the services that may want something else than at the last sync, or
        nothing any more; ``None``: all, whatever the kernel has now. It must not hold the loop while it makes the
        rules of many services.

        Raises: CommandFailed, OSError; then only a sync of all may follow.
        """

    async def intact(self) -> bool:
        """Whether what was written is still there: if not, somebody flushed it."""

    async def cleanup(self) -> None:
        """Take all that this mode ever writes out of the kernel."""


MODES: dict[str, Callable[[int, Settings, Commands, Clock], Backend]] = {
    "iptables": IPTables,
}
"""Upstream's names for ``--proxy-mode``."""
