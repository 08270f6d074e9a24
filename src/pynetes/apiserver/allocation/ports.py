"""Node ports: what the Services in the cache hold, and what writes that are under way have taken.

Source: kubernetes ``pkg/registry/core/service/portallocator``.
Differs: upstream keeps a bitmap in the store; here two API servers that allocate the same port in the same instant both
succeed. With one server that cannot happen.
"""

from weakref import WeakKeyDictionary

from pynetes.apiserver.parts import Parts
from pynetes.kinds.core.service import needs_health_check
from pynetes.meta.objects import Object

ALLOCATED = "provided port is already allocated"
_MARK = b'odePort":'
_tables: "WeakKeyDictionary[Parts, NodePorts]" = WeakKeyDictionary()


class NotAvailable(Exception):
    """The port cannot be had; the text is upstream's."""


class Full(Exception):
    """No node port is left."""


def table_of(server: Parts) -> "NodePorts":
    table = _tables.get(server)
    if table is None:
        table = _tables[server] = NodePorts(server.settings.node_port_range)
    return table


class NodePorts:
    """One server's view. No await between a look and a take."""

    def __init__(self, range_: tuple[int, int]) -> None:
        self._low, self._high = range_
        self._held: set[int] = set()
        self._pending: set[int] = set()
        self._seen = -1

    def _look(self, server: Parts) -> None:
        resource = server.resources.get("", "services")
        assert resource is not None
        cache = server.cache.of(resource)
        if cache.changed == self._seen:
            return
        self._seen = cache.changed
        self._held = {
            port for entry in cache.list() if _MARK in entry.value for port in ports_of(entry.object.get("spec") or {})
        }

    def take(self, server: Parts, port: int, dry_run: bool = False) -> None:
        """Raises: NotAvailable. A dry run does not look at the range, as upstream's does not."""
        self._look(server)
        if not dry_run and not self._low <= port <= self._high:
            text = f"provided port is not in the valid range. The range of valid ports is {self._low}-{self._high}"
            raise NotAvailable(text)
        if port in self._held or port in self._pending:
            raise NotAvailable(ALLOCATED)
        self._pending.add(port)

    def take_any(self, server: Parts) -> int:
        """A free port, drawn from the upper band first. Raises: Full."""
        self._look(server)
        size = self._high - self._low + 1
        offset = 0 if size < 16 else min(max(16, size // 32), 128)
        for low, high in ((self._low + offset, self._high), (self._low, self._low + offset - 1)):
            count = high - low + 1
            if count <= 0:
                continue
            start = server.clock.random.randrange(count)
            for step in range(count):
                port = low + (start + step) % count
                if port not in self._held and port not in self._pending:
                    self._pending.add(port)
                    return port
        raise Full("range is full")

    def settle(self, ports: list[int]) -> None:
        """The write that took them is over: the cache tells from now on."""
        self._pending.difference_update(ports)


def ports_of(spec: Object) -> list[int]:
    """The node ports that a Service holds, the one for health checks included."""
    found = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    if needs_health_check(spec) and spec.get("healthCheckNodePort"):
        found.append(spec["healthCheckNodePort"])
    return found
