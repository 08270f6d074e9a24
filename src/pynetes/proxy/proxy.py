"""Keeps a node's packet filter in step with Services and EndpointSlices.

*Watches* Services, EndpointSlices, its own Node (zone). *Owns* what its mode (``backend.MODES``) writes to its network
namespace. *Guarantees*: a change is in the kernel within the minimal sync period of the last sync; what somebody
flushed is back within the sync period; a restart changes nothing that is right already; the loop has its turns while
the rules of thousands of services are made. *Caveats*: nftables and ipvs are not there yet.

Source: Kubernetes ``pkg/proxy/iptables/proxier.go``, ``pkg/proxy/runner``, ``pkg/proxy/config/config.go``.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pynetes.aio.clock import Clock
from pynetes.aio.commands import CommandFailed, Commands, RealCommands
from pynetes.aio.turns import Turns
from pynetes.client.client import Client
from pynetes.client.informer import Change, Informer, Informers
from pynetes.client.kinds import ENDPOINT_SLICES, NODES, SERVICES
from pynetes.meta.objects import Object
from pynetes.proxy import conntrack
from pynetes.proxy.backend import MODES, Backend
from pynetes.proxy.endpoints import SERVICE_LABEL, ZONE_LABEL
from pynetes.proxy.healthz import Healthz
from pynetes.proxy.services import ServicePort
from pynetes.proxy.settings import Settings
from pynetes.proxy.wanted import Wanted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Family:
    """One IP family: what services want of it, and what brings the kernel there."""

    number: int
    wanted: Wanted
    backend: Backend


class Proxy:
    """kube-proxy of one node. ``run`` acts in the network namespace of this process."""

    def __init__(
        self, client: Client, informers: Informers, clock: Clock, settings: Settings, commands: Commands | None = None
    ) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings
        self._commands = commands or RealCommands(clock)
        self._families = [
            _Family(f, Wanted(f, settings.node_name), MODES[settings.mode](f, settings, self._commands, clock))
            for f in settings.families
        ]
        self._services = informers.get(SERVICES)
        self._slices = informers.get(ENDPOINT_SLICES, indexes={"service": _service_of})
        self._nodes = informers.get(NODES, fields=f"metadata.name={settings.node_name}")
        self._informers = informers
        self._changed: set[str] | None = None  # None: everything
        self._wake = asyncio.Event()
        self._zone = ""
        self.health = Healthz(clock, settings)

    async def run(self) -> None:
        """Until cancelled."""
        for informer, handler in (
            (self._services, self._service_changed),
            (self._slices, self._slice_changed),
            (self._nodes, self._node_changed),
        ):
            informer.add_handler(handler)
        self._informers.start()
        for informer in (self._services, self._slices):
            await informer.synced()
        for family in self._families:
            await family.backend.prepare()
        await self.health.listen()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sync_forever(), name="proxy sync")
                group.create_task(self._watch_for_flushes(), name="proxy canary")
        finally:
            await self.health.close()

    async def sync(self) -> None:
        """Once, now. Raises: CommandFailed; then the next one looks at everything."""
        changed, self._changed = self._changed, set()
        source = _Informed(self._services, self._slices)
        try:
            for family in self._families:
                await family.wanted.refresh(source, changed, self._zone, Turns(self._clock))
                await family.backend.sync(family.wanted, changed)
        except BaseException:
            self._changed = None
            raise
        self.health.synced()
        await self._forget_flows(changed)

    async def cleanup(self) -> None:
        """Take all of our rules out of the kernel."""
        for family in self._families:
            await family.backend.cleanup()

    async def _sync_forever(self) -> None:
        self.health.queued()
        full_at = self._clock.monotonic()
        while True:
            begun = self._clock.monotonic()
            if begun >= full_at:
                self._changed = None
            full = self._changed is None
            try:
                await self.sync()
                if full:
                    full_at = self._clock.monotonic() + self._settings.full_sync_period_seconds
            except (CommandFailed, OSError) as error:
                log.error("rules were not written, again in %s s: %s", self._settings.min_sync_period_seconds, error)
                self._wake.set()
            await self._clock.sleep(max(0.0, begun + self._settings.min_sync_period_seconds - self._clock.monotonic()))
            try:
                await self._clock.wait_for(self._wake.wait(), max(0.0, full_at - self._clock.monotonic()))
            except TimeoutError:
                pass
            self._wake.clear()

    async def _watch_for_flushes(self) -> None:
        while True:
            await self._clock.sleep(self._settings.sync_period_seconds)
            for family in self._families:
                if not await family.backend.intact():
                    log.warning("somebody flushed the rules: writing all of them again")
                    self._all_changed()

    async def _forget_flows(self, changed: set[str] | None) -> None:
        """UDP flows remember an endpoint that is gone until they are told to forget it."""
        for family in self._families:
            udp = _udp_services(family.wanted, changed)
            if udp:
                forgotten = await self._clock.in_thread(conntrack.forget_stale, udp, family.number)
                if forgotten:
                    log.info("%d stale UDP flows forgotten", forgotten)

    def _service_changed(self, change: Change) -> None:
        self._note(change.key)

    def _slice_changed(self, change: Change) -> None:
        for entry in (change.old, change.new):
            if entry is not None:
                for key in _service_of(entry.object):
                    self._note(key)

    def _node_changed(self, change: Change) -> None:
        labels = (change.new.object["metadata"].get("labels") or {}) if change.new else {}
        zone = labels.get(ZONE_LABEL, "")
        if zone != self._zone:
            self._zone = zone
            self._all_changed()

    def _note(self, key: str) -> None:
        if self._changed is not None:
            self._changed.add(key)
        self._wake.set()
        self.health.queued()

    def _all_changed(self) -> None:
        self._changed = None
        self._wake.set()
        self.health.queued()


class _Informed:
    """Services and slices from informers."""

    def __init__(self, services: Informer, slices: Informer) -> None:
        self._services = services
        self._slices = slices

    def keys(self) -> Iterable[str]:
        return self._services.keys()

    def service(self, key: str) -> Object | None:
        return self._services.get(key)

    def slices(self, key: str) -> Sequence[Object]:
        return list(self._slices.by_index("service", key))


def _udp_services(wanted: Wanted, changed: Collection[str] | None) -> list[tuple[ServicePort, frozenset[str]]]:
    """These services' UDP ports (``None``: of all) with the addresses that may answer for them."""
    return [
        (entry.port, frozenset(e.ip for e in entry.endpoints))
        for key in (wanted if changed is None else changed)
        for entry in wanted.get(key, ())
        if entry.port.protocol == "udp"
    ]


def _service_of(piece: Object) -> list[str]:
    """The key of the Service that an EndpointSlice belongs to."""
    metadata = piece["metadata"]
    name = (metadata.get("labels") or {}).get(SERVICE_LABEL)
    return [f"{metadata['namespace']}/{name}"] if name else []
