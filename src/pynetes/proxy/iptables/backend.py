"""The mode iptables: each service's rules are made once and kept as text until it wants something else.

*Owns* the chains named ``KUBE-...`` of its network namespace. *Guarantees*: at most one ``iptables-restore`` a sync,
atomic per table; a service's own chains are in it only when they changed, the chains that all share always; where
nothing changed there is none. *Caveats*: rules of a family that is served no more are only removed by ``cleanup``.

Source: Kubernetes ``pkg/proxy/iptables/proxier.go``.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from pynetes.aio.clock import Clock
from pynetes.aio.commands import Commands
from pynetes.aio.turns import Turns
from pynetes.proxy.iptables.kernel import Kernel
from pynetes.proxy.iptables.rules import (
    LARGE_CLUSTER_ENDPOINTS,
    NO_TEXT,
    Options,
    ServiceText,
    cleanup_text,
    missing_jumps,
    options,
    port_rules,
    restore_text,
    service_text,
    stale_chains,
)
from pynetes.proxy.services import of_family
from pynetes.proxy.settings import Settings
from pynetes.proxy.wanted import Wanted, WantedPort

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Made:
    """What a service wanted when its text was made."""

    ports: tuple[WantedPort, ...]
    text: ServiceText


class IPTables:
    def __init__(self, family: int, settings: Settings, commands: Commands, clock: Clock) -> None:
        self._family = family
        self._settings = settings
        self._clock = clock
        self._kernel = Kernel(commands, clock, family)
        self._made: dict[str, _Made] = {}
        self._large = False

    async def prepare(self) -> None:
        if not self._kernel.bridged_traffic_is_seen():
            log.warning("br_netfilter is missing: a pod cannot reach a service whose endpoint shares its bridge")
        if options(self._settings, self._family).localhost_node_ports:
            self._kernel.allow_localnet()

    async def sync(self, wanted: Wanted, changed: Collection[str] | None) -> None:
        large = wanted.endpoint_count > LARGE_CLUSTER_ENDPOINTS
        if large != self._large:
            self._large = large
            self._made.clear()  # their comments come or go
            changed = None
        opts = options(self._settings, self._family, large=large)
        if changed is None:
            await self._write_all(wanted, opts)
        else:
            await self._write_changed(wanted, changed, opts)

    async def intact(self) -> bool:
        return await self._kernel.canary()

    async def cleanup(self) -> None:
        text = cleanup_text(await self._kernel.saved())
        if text:
            await self._kernel.restore(text)

    async def _write_all(self, wanted: Wanted, opts: Options) -> None:
        turns = Turns(self._clock)
        made: dict[str, _Made] = {}
        for key in wanted:
            made[key] = self._make(wanted[key], opts, self._made.get(key))
            await turns.give()
        self._made = made
        everything = [entry.text for entry in made.values()]
        existing = await self._kernel.saved()
        text = restore_text(
            everything,
            opts,
            gone=stale_chains(existing, everything),
            jumps=missing_jumps(existing),
            node_port_ips=of_family(self._settings.node_addresses, self._family),
            canary=True,
            liberal=self._kernel.liberal(),
        )
        await self._kernel.restore(text)

    async def _write_changed(self, wanted: Wanted, changed: Collection[str], opts: Options) -> None:
        turns = Turns(self._clock)
        written: list[ServiceText] = []
        before: set[str] = set()
        differs = False
        for key in sorted(changed):
            old = self._made.pop(key, None)
            new = self._make(wanted[key], opts, old) if key in wanted else None
            if new is not None:
                self._made[key] = new
            old_text, new_text = old.text if old else NO_TEXT, new.text if new else NO_TEXT
            if new_text != old_text:
                differs = True
                before.update(old_text.chains)
                written.append(new_text)
            await turns.give()
        if not differs:
            return
        text = restore_text(
            [self._made[key].text for key in wanted],
            opts,
            changed=written,
            gone=sorted(before - {chain for text in written for chain in text.chains}),
            node_port_ips=of_family(self._settings.node_addresses, self._family),
            liberal=self._kernel.liberal(),
        )
        await self._kernel.restore(text)

    def _make(self, ports: tuple[WantedPort, ...], opts: Options, known: _Made | None) -> _Made:
        if known is not None and known.ports == ports:
            return known
        return _Made(ports, service_text([port_rules(p.port, p.usable, opts) for p in ports]))
