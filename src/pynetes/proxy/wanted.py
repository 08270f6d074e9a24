"""What services want of one IP family's rules: the one record that every proxy mode reads, kept current service by
service.

*Ordered* by the services' keys, a service's ports as it lists them. A service that wants nothing (headless, gone,
another proxy's) is not in it. *Owned* by the proxy: modes read it, and nothing changes in it while one of them syncs.

Source: Kubernetes ``pkg/proxy/servicechangetracker.go``, ``pkg/proxy/endpointschangetracker.go``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pynetes.aio.turns import Turns
from pynetes.meta.objects import Object
from pynetes.proxy.endpoints import Endpoint, Usable, endpoints, usable
from pynetes.proxy.services import ServicePort, service_ports


class Source(Protocol):
    """Where services and their slices are read from: informers, or a test's lists."""

    def keys(self) -> Iterable[str]:
        """``namespace/name`` of every service."""

    def service(self, key: str) -> Object | None: ...

    def slices(self, key: str) -> Sequence[Object]: ...


@dataclass(frozen=True, slots=True)
class WantedPort:
    """One service port, all its endpoints, and what this node may use of them."""

    port: ServicePort
    endpoints: tuple[Endpoint, ...]
    usable: Usable


class Wanted(Mapping[str, tuple[WantedPort, ...]]):
    """Ports by their service's key."""

    def __init__(self, family: int, node_name: str) -> None:
        self._family = family
        self._node_name = node_name
        self._ports: dict[str, tuple[WantedPort, ...]] = {}

    def __getitem__(self, key: str) -> tuple[WantedPort, ...]:
        return self._ports[key]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._ports))

    def __len__(self) -> int:
        return len(self._ports)

    @property
    def endpoint_count(self) -> int:
        return sum(len(wanted.endpoints) for ports in self._ports.values() for wanted in ports)

    async def refresh(self, source: Source, changed: Iterable[str] | None, zone: str, turns: Turns) -> None:
        """Look at these services anew; ``None``: at all, and forget those that the source has no more. ``zone``: this
        node's. A service that changes while this gives the loop a turn has to be named the next time."""
        if changed is None:
            changed = [*source.keys(), *self._ports]
        for key in dict.fromkeys(changed):
            ports = self._look(source, key, zone)
            if ports:
                self._ports[key] = ports
            else:
                self._ports.pop(key, None)
            await turns.give()

    def _look(self, source: Source, key: str, zone: str) -> tuple[WantedPort, ...]:
        service = source.service(key)
        ports = service_ports(service, self._family) if service is not None else []
        if not ports:
            return ()
        found = endpoints(source.slices(key), self._family, self._node_name)
        made: list[WantedPort] = []
        for port in ports:
            all_ = found.get((port.port_name, port.protocol), ())
            made.append(WantedPort(port, all_, usable(port, all_, self._node_name, zone)))
        return tuple(made)
