"""The node table: what the scheduler knows of all nodes, as columns with one row a node.

Contract: a row belongs to one node from ``set_node`` to ``remove_node``; free rows have ``valid`` false. Pods may come
before their node: they are counted when it appears. Every change of a row is noted in a log, so that what was worked
out for the whole table is brought up to date by looking at the changed rows only (``changed_since``).

Source: pkg/scheduler/backend/cache (the same facts, held per node).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynetes.meta.objects import Object, labels_of, name_of
from pynetes.scheduler.hostports import PortTable
from pynetes.scheduler.pods import PodInfo, amount, image_name
from pynetes.scheduler.terms import Term

_CPU, _MEMORY, _EPHEMERAL = 0, 1, 2
_LOG_LIMIT = 65536
_COLUMNS = 2048


class NodeTable:
    """See the module's contract. Columns are read by whoever decides and written only here."""

    def __init__(self, capacity: int = 64) -> None:
        self.nodes: list[Object | None] = [None] * capacity
        self.names: list[str] = [""] * capacity
        self.rows: dict[str, int] = {}
        self.resources: dict[str, int] = {"cpu": _CPU, "memory": _MEMORY, "ephemeral-storage": _EPHEMERAL}
        self.valid = np.zeros(capacity, np.bool_)
        self.unschedulable = np.zeros(capacity, np.bool_)
        self.allocatable = np.zeros((3, capacity), np.int64)
        self.requested = np.zeros((3, capacity), np.int64)
        self.counted = np.zeros((2, capacity), np.int64)
        """What pods count for in scores: cpu and memory, with upstream's stand-ins for pods that ask for none."""
        self.pods = np.zeros(capacity, np.int64)
        self.allowed_pods = np.zeros(capacity, np.int64)
        self.ports = PortTable()
        self.on_node: dict[str, dict[str, PodInfo]] = {}
        self.epoch = 0
        """Grows when everything worked out before is void: the table grew, or images moved."""
        self._log: list[int] = []
        self._free = list(range(capacity - 1, -1, -1))
        self._derived: dict[Any, tuple[Callable[[Object], Any], NDArray[Any]]] = {}
        self.terms: dict[Any, tuple[Term, NDArray[np.int64]]] = {}
        """What the placed pods demand of others: each distinct term, and how many pods of each node have it."""
        self.namespaces: dict[str, Mapping[str, str]] = {}
        """Labels of namespaces, for terms that select them."""
        self._crowds: dict[Any, tuple[Callable[[PodInfo], bool], NDArray[np.int64]]] = {}
        self._topologies: dict[str, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def position(self) -> int:
        """Where the log of changes stands now."""
        return len(self._log)

    def changed_since(self, position: int) -> list[int]:
        """The rows that changed after the log stood at ``position``, each once."""
        changed = self._log[position:]
        return changed if len(changed) < 2 else list(dict.fromkeys(changed))

    def set_node(self, node: Object) -> set[str]:
        """Add or replace a node. Returns what is new: ``added``, ``taints``, ``labels``, ``allocatable``,
        ``unschedulable``, ``images``; empty when nothing that matters here changed."""
        name = name_of(node)
        row = self.rows.get(name)
        if row is None:
            row = self._take_row(name)
            changes = {"added"}
        else:
            old = self.nodes[row]
            assert old is not None
            changes = _differences(old, node)
        self.nodes[row] = node
        if not changes:
            return changes
        if changes & {"added", "images"}:
            self.epoch += 1
        self.unschedulable[row] = bool(node["spec"].get("unschedulable"))
        self._set_allocatable(row, (node.get("status") or {}).get("allocatable") or {})
        for function, column in self._derived.values():
            column[row] = function(node)
        self._touch(row)
        return changes

    def remove_node(self, name: str) -> None:
        """Forget a node; the pods on it stay known, for the case that it comes back."""
        row = self.rows.pop(name, None)
        if row is None:
            return
        self.nodes[row], self.names[row] = None, ""
        self.valid[row] = False
        self.ports.clear(row)
        for _, counts in self._crowds.values():
            counts[row] = 0
        for _, counts in self.terms.values():
            counts[row] = 0
        self._free.append(row)
        self.epoch += 1

    def add_pod(self, pod: PodInfo, node: str) -> None:
        self.on_node.setdefault(node, {})[pod.uid] = pod
        row = self.rows.get(node)
        if row is not None:
            self._count(row, pod, 1)
            self._crowd(row, pod, 1)
            self.ports.add(row, pod.ports)
            self._touch(row)

    def remove_pod(self, pod: PodInfo, node: str) -> None:
        pods = self.on_node.get(node, {})
        known = pods.pop(pod.uid, None)
        if not pods:
            self.on_node.pop(node, None)
        row = self.rows.get(node)
        if known is not None and row is not None:
            self._count(row, known, -1)
            self._crowd(row, known, -1)
            self.ports.remove(row, known.ports)
            self._touch(row)

    def column(self, key: Any, function: Callable[[Object], Any], dtype: Any) -> NDArray[Any]:
        """A column worked out from each node alone, kept up to date from now on. ``key`` names the function."""
        found = self._derived.get(key)
        if found is not None:
            return found[1]
        if len(self._derived) >= _COLUMNS:
            # whoever holds the evicted column must stop using it: nobody keeps it up to date
            self._derived.pop(next(iter(self._derived)))
            self.epoch += 1
        column = np.zeros(len(self.nodes), dtype)
        for row in self.rows.values():
            column[row] = function(self.node(row))
        self._derived[key] = (function, column)
        return column

    def crowd(self, key: Any, function: Callable[[PodInfo], bool]) -> NDArray[np.int64]:
        """How many pods of each node a predicate holds for, kept up to date from now on."""
        found = self._crowds.get(key)
        if found is not None:
            return found[1]
        if len(self._crowds) >= _COLUMNS:
            self._crowds.pop(next(iter(self._crowds)))
            self.epoch += 1
        counts = np.zeros(len(self.nodes), np.int64)
        for name, pods in self.on_node.items():
            if (row := self.rows.get(name)) is not None:
                counts[row] = sum(1 for pod in pods.values() if function(pod))
        self._crowds[key] = (function, counts)
        return counts

    def topology(self, key: str) -> NDArray[np.int64]:
        """A number for each node's value of a label; -1 where the node has no such label."""
        values = self._topologies.setdefault(key, {})

        def number(node: Object) -> int:
            value = labels_of(node).get(key)
            return -1 if value is None else values.setdefault(value, len(values))

        return self.column(("topology", key), number, np.int64)

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> bool:
        """Note a namespace's labels (None: it is gone). Whether they are new: then selections of them are void."""
        if self.namespaces.get(name) == labels:
            return False
        if labels is None:
            self.namespaces.pop(name, None)
        else:
            self.namespaces[name] = labels
        self._crowds.clear()
        self.epoch += 1
        return True

    def node(self, row: int) -> Object:
        node = self.nodes[row]
        assert node is not None
        return node

    def resource(self, name: str) -> int:
        """The row of a resource in ``allocatable`` and ``requested``; an unknown one gets a row of zeros."""
        index = self.resources.get(name)
        if index is None:
            index = self.resources[name] = len(self.resources)
            zeros = np.zeros((1, len(self.nodes)), np.int64)
            self.allocatable = np.concatenate([self.allocatable, zeros])
            self.requested = np.concatenate([self.requested, zeros])
        return index

    def _take_row(self, name: str) -> int:
        if not self._free:
            self._grow()
        row = self._free.pop()
        self.rows[name], self.names[row] = row, name
        self.valid[row] = True
        self.requested[:, row] = 0
        self.counted[:, row] = 0
        self.pods[row] = 0
        for pod in self.on_node.get(name, {}).values():
            self._count(row, pod, 1)
            self.ports.add(row, pod.ports)
        for key, (function, counts) in self._crowds.items():
            counts[row] = sum(1 for pod in self.on_node.get(name, {}).values() if function(pod))
            self._crowds[key] = (function, counts)
        return row

    def _grow(self) -> None:
        size = len(self.nodes)
        self.nodes += [None] * size
        self.names += [""] * size
        self._free = list(range(2 * size - 1, size - 1, -1))
        for name in ("valid", "unschedulable", "pods", "allowed_pods", "allocatable", "requested", "counted"):
            column: NDArray[Any] = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros_like(column)], axis=-1))
        for key, (function, column) in self._derived.items():
            self._derived[key] = (function, np.concatenate([column, np.zeros_like(column)]))
        for key, (predicate, counts) in self._crowds.items():
            self._crowds[key] = (predicate, np.concatenate([counts, np.zeros_like(counts)]))
        for key, (term, counts) in self.terms.items():
            self.terms[key] = (term, np.concatenate([counts, np.zeros_like(counts)]))
        self.epoch += 1

    def _set_allocatable(self, row: int, allocatable: Object) -> None:
        self.allowed_pods[row] = amount("pods", allocatable.get("pods", "0"))
        for name in allocatable:
            if name != "pods":
                self.resource(name)
        for name, index in self.resources.items():
            self.allocatable[index, row] = amount(name, allocatable.get(name, "0"))

    def _count(self, row: int, pod: PodInfo, sign: int) -> None:
        for name, count in pod.requests.items():
            self.requested[self.resource(name), row] += sign * count
        self.counted[0, row] += sign * pod.nonzero_cpu
        self.counted[1, row] += sign * pod.nonzero_memory
        self.pods[row] += sign
        for term in pod.terms:
            self._count_term(row, term, sign)

    def _count_term(self, row: int, term: Term, sign: int) -> None:
        found = self.terms.get(term.key)
        if found is None:
            found = self.terms[term.key] = (term, np.zeros(len(self.nodes), np.int64))
            self.epoch += 1
        found[1][row] += sign
        if sign < 0 and not found[1].any():
            del self.terms[term.key]
            self.epoch += 1

    def _crowd(self, row: int, pod: PodInfo, sign: int) -> None:
        for function, counts in self._crowds.values():
            if function(pod):
                counts[row] += sign

    def _touch(self, row: int) -> None:
        self._log.append(row)
        if len(self._log) > _LOG_LIMIT:
            self._log.clear()
            self.epoch += 1


def image_sizes(node: Object) -> dict[str, int]:
    images = (node.get("status") or {}).get("images") or ()
    return {image_name(name): image.get("sizeBytes", 0) for image in images for name in image.get("names") or ()}


def _differences(old: Object, new: Object) -> set[str]:
    def parts(node: Object) -> Iterable[tuple[str, Any]]:
        status = node.get("status") or {}
        yield "taints", node["spec"].get("taints")
        yield "labels", labels_of(node)
        yield "allocatable", status.get("allocatable")
        yield "unschedulable", node["spec"].get("unschedulable")
        yield "images", status.get("images")

    return {name for (name, a), (_, b) in zip(parts(old), parts(new), strict=True) if a != b}
