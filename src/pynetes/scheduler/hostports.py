"""Host ports: two pods of one node may not ask for the same one.

Source: pkg/scheduler/framework/plugins/nodeports; kube-scheduler ``framework/types.go`` (HostPortInfo).
"""

from collections import Counter
from collections.abc import Iterable

from pynetes.scheduler.pods import HostPort

TAKEN = "node(s) didn't have free ports for the requested pod ports"
_ANY = "0.0.0.0"


class PortTable:
    """Which host ports are taken, by the row of the node."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, int], dict[int, Counter[str]]] = {}

    def add(self, row: int, ports: Iterable[HostPort]) -> None:
        for port in ports:
            rows = self._taken.setdefault((port.protocol, port.port), {})
            rows.setdefault(row, Counter())[port.ip] += 1

    def remove(self, row: int, ports: Iterable[HostPort]) -> None:
        for port in ports:
            rows = self._taken.get((port.protocol, port.port), {})
            if row in rows:
                rows[row][port.ip] -= 1
                if rows[row][port.ip] <= 0:
                    del rows[row][port.ip]
                if not rows[row]:
                    del rows[row]

    def clear(self, row: int) -> None:
        for rows in self._taken.values():
            rows.pop(row, None)

    def conflicts(self, ports: Iterable[HostPort]) -> set[int]:
        """The rows on which one of the ports is taken; 0.0.0.0 collides with every address."""
        found: set[int] = set()
        for port in ports:
            for row, addresses in self._taken.get((port.protocol, port.port), {}).items():
                if port.ip == _ANY or _ANY in addresses or port.ip in addresses:
                    found.add(row)
        return found
