"""Keeps a node's packet filter in step with Services and EndpointSlices.

*Watches* Services, EndpointSlices, its own Node (zone). *Owns* the chains named ``KUBE-...`` of its network namespace.
*Guarantees*: at most one ``iptables-restore`` per family and sync, atomic per table; a change is in the kernel within
the minimal sync period of the last sync; what somebody flushed is back within the sync period; a restart changes
nothing that is right already. *Caveats*: nftables and ipvs are not there yet; rules of a removed family are only
removed by ``cleanup``.

Source: Kubernetes ``pkg/proxy/iptables/proxier.go``, ``pkg/proxy/runner``.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from pynetes.aio.clock import Clock
from pynetes.aio.commands import CommandFailed, Commands, RealCommands
from pynetes.client.client import Client
from pynetes.client.informer import Change, Informer, Informers
from pynetes.client.kinds import ENDPOINT_SLICES, NODES, SERVICES
from pynetes.meta.objects import Object
from pynetes.proxy import conntrack
from pynetes.proxy.endpoints import SERVICE_LABEL, Endpoint, endpoints, usable
from pynetes.proxy.healthz import Healthz
from pynetes.proxy.iptables.kernel import Kernel
from pynetes.proxy.iptables.rules import (
    LARGE_CLUSTER_ENDPOINTS,
    Options,
    PortRules,
    cleanup_text,
    missing_jumps,
    options,
    port_rules,
    restore_text,
    stale_chains,
)
from pynetes.proxy.services import ServicePort, of_family, service_ports
from pynetes.proxy.settings import Settings

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where services and their slices are read from: informers, or a test's lists."""

    def services(self) -> Iterable[Object]: ...

    def service(self, key: str) -> Object | None: ...

    def slices(self, key: str) -> Sequence[Object]: ...


class Family:
    """One IP family's rules: what is in the kernel, as far as we know, and what changes it."""

    def __init__(self, family: int, settings: Settings, kernel: Kernel) -> None:
        self.kernel = kernel
        self.family = family
        self._settings = settings
        self._rules: dict[str, dict[str, PortRules]] = {}
        self._ports: dict[str, list[tuple[ServicePort, tuple[Endpoint, ...]]]] = {}
        self._endpoints = 0
        self._large = False

    async def sync(self, source: Source, changed: set[str] | None, zone_labels: dict[str, str]) -> None:
        """Bring the kernel in step. ``changed``: keys of services; ``None``: look at all, and at the kernel.

        Raises: CommandFailed; then only a full sync may follow.
        """
        full = changed is None
        keys = {f"{s['metadata']['namespace']}/{s['metadata']['name']}" for s in source.services()} if full else changed
        assert keys is not None
        if full:
            self._rules.clear()
            self._ports.clear()
        before = {chain for key in keys for rules in self._rules.get(key, {}).values() for chain in rules.chains}
        for key in keys:
            self._look(source, key)
        self._endpoints = sum(len(found) for ports in self._ports.values() for _, found in ports)
        large = self._endpoints > LARGE_CLUSTER_ENDPOINTS
        if large != self._large and not full:
            self._large = large
            await self.sync(source, None, zone_labels)
            return
        self._large = large
        opts = options(self._settings, self.family, large=large)
        for key in keys:
            self._make(key, opts, zone_labels)
        everything = [rules for key in sorted(self._rules) for rules in self._rules[key].values()]
        written = [rules for key in sorted(keys) for rules in self._rules.get(key, {}).values()]
        ips = of_family(self._settings.node_addresses, self.family)
        liberal = self.kernel.liberal()
        if full:
            existing = await self.kernel.saved()
            text = restore_text(
                everything,
                opts,
                gone=stale_chains(existing, everything),
                jumps=missing_jumps(existing),
                node_port_ips=ips,
                canary=True,
                liberal=liberal,
            )
        else:
            gone = sorted(before - {chain for rules in written for chain in rules.chains})
            text = restore_text(everything, opts, changed=written, gone=gone, node_port_ips=ips, liberal=liberal)
        await self.kernel.restore(text)

    def udp_services(self, keys: set[str] | None) -> list[tuple[ServicePort, frozenset[str]]]:
        """These services' UDP ports (``None``: of all) with the addresses that may answer for them."""
        return [
            (port, frozenset(e.ip for e in found))
            for key in (self._ports if keys is None else keys)
            for port, found in self._ports.get(key, ())
            if port.protocol == "udp"
        ]

    def _look(self, source: Source, key: str) -> None:
        service = source.service(key)
        ports = service_ports(service, self.family) if service is not None else []
        if not ports:
            self._ports.pop(key, None)
            return
        found = endpoints(source.slices(key), self.family, self._settings.node_name)
        self._ports[key] = [(port, found.get((port.port_name, port.protocol), ())) for port in ports]

    def _make(self, key: str, opts: Options, labels: dict[str, str]) -> None:
        ports = self._ports.get(key)
        if ports is None:
            self._rules.pop(key, None)
            return
        self._rules[key] = {
            port.text + port.protocol: port_rules(port, usable(port, found, self._settings.node_name, labels), opts)
            for port, found in ports
        }


class Proxy:
    """kube-proxy of one node. ``run`` acts in the network namespace of this process."""

    def __init__(
        self, client: Client, informers: Informers, clock: Clock, settings: Settings, commands: Commands | None = None
    ) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings
        self._commands = commands or RealCommands(clock)
        self._families = [Family(f, settings, Kernel(self._commands, f)) for f in settings.families]
        self._services = informers.get(SERVICES)
        self._slices = informers.get(ENDPOINT_SLICES, indexes={"service": _service_of})
        self._nodes = informers.get(NODES, fields=f"metadata.name={settings.node_name}")
        self._informers = informers
        self._changed: set[str] | None = None  # None: everything
        self._wake = asyncio.Event()
        self._labels: dict[str, str] = {}
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
            if not family.kernel.bridged_traffic_is_seen():
                log.warning("br_netfilter is missing: a pod cannot reach a service whose endpoint shares its bridge")
            if family.family == 4 and options(self._settings, 4).localhost_node_ports:
                family.kernel.allow_localnet()
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
                await family.sync(source, changed, self._labels)
        except BaseException:
            self._changed = None
            raise
        self.health.synced()
        await self._forget_flows(changed)

    async def cleanup(self) -> None:
        """Take all of our rules out of the kernel."""
        for family in self._families:
            text = cleanup_text(await family.kernel.saved())
            if text:
                await family.kernel.restore(text)

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
                if not await family.kernel.canary():
                    log.warning("somebody flushed the rules: writing all of them again")
                    self._all_changed()

    async def _forget_flows(self, changed: set[str] | None) -> None:
        """UDP flows remember an endpoint that is gone until they are told to forget it."""
        for family in self._families:
            udp = family.udp_services(changed)
            if udp:
                forgotten = await self._clock.in_thread(conntrack.forget_stale, udp, family.family)
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
        labels = dict((change.new.object["metadata"].get("labels") or {}) if change.new else {})
        if labels != self._labels:
            self._labels = labels
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

    def services(self) -> Iterable[Object]:
        return self._services.list()

    def service(self, key: str) -> Object | None:
        return self._services.get(key)

    def slices(self, key: str) -> Sequence[Object]:
        return list(self._slices.by_index("service", key))


def _service_of(piece: Object) -> list[str]:
    """The key of the Service that an EndpointSlice belongs to."""
    metadata = piece["metadata"]
    name = (metadata.get("labels") or {}).get(SERVICE_LABEL)
    return [f"{metadata['namespace']}/{name}"] if name else []
