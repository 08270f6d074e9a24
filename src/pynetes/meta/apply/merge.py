"""A live object and an applied configuration become one: what is applied wins, the rest stays.

Source: structured-merge-diff ``typed/merge.go``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.meta.apply.schema import ListType, MapType, Type

NOTHING = object()


def merge(of: Type, live: Any, applied: Any) -> Any:
    """The merged value; parts are shared with both. ``NOTHING`` stands for a side that has no value, and for no result.

    Raises: schema.ItemError.
    """
    if applied is NOTHING:
        return _merged(of, live, live, applied)
    return _merged(of, applied, live, applied)


def _merged(of: Type, like: Any, live: Any, applied: Any) -> Any:
    """``like``: the value whose kind decides. Null is of the first kind that the type has."""
    if of.map is not None and (like is None or isinstance(like, dict)):
        return _maps(of.map, live, applied)
    if of.list is not None and (isinstance(like, list) or (like is None and not of.scalar)):
        return _lists(of.list, live, applied)
    return _chosen(live, applied)


def _chosen(live: Any, applied: Any) -> Any:
    return live if applied is NOTHING else applied


def _maps(of: MapType, live: Any, applied: Any) -> Any:
    mine = live if isinstance(live, dict) else {}
    theirs = applied if isinstance(applied, dict) else {}
    if of.atomic or not (mine or theirs):
        return _chosen(live, applied)
    out = {}
    for name in [*mine, *(name for name in theirs if name not in mine)]:
        inner = of.type_of(name)
        left, right = mine.get(name, NOTHING), theirs.get(name, NOTHING)
        value = _chosen(left, right) if inner is None else merge(inner, left, right)
        if value is not NOTHING:
            out[name] = value
    return out or NOTHING


def _lists(of: ListType, live: Any, applied: Any) -> Any:
    mine = live if isinstance(live, list) else []
    theirs = applied if isinstance(applied, list) else []
    if of.atomic or not (mine or theirs):
        return _chosen(live, applied)
    return _Items(of, mine, theirs).merged() or NOTHING


class _Items:
    """The items of two lists that are maps or sets. The order is that of the applied list, and what only the live list
    has stays between the same neighbours as far as that goes.
    """

    def __init__(self, of: ListType, live: Sequence[Any], applied: Sequence[Any]) -> None:
        self._of = of
        self._items = live
        self._live_order = [of.element(item) for item in live]
        self._applied_order = [of.element(item) for item in applied]
        self._applied = dict(zip(self._applied_order, applied, strict=True))
        self._live: dict[str, Any] = {}
        for element, item in zip(self._live_order, live, strict=True):
            # of an item that is there twice none is merged
            self._live[element] = None if element in self._live else item
        self._out: list[Any] = []

    def merged(self) -> list[Any]:
        shared = [element for element in self._applied_order if element in self._live]
        taken: set[str] = set()
        left, right, next_shared = 0, 0, 0
        while left < len(self._live_order) or right < len(self._applied_order):
            if left < len(self._live_order):
                mine = self._live_order[left]
                if right < len(self._applied_order):
                    if mine == self._applied_order[right]:
                        taken.add(mine)
                        self._take(mine)
                        left, right, next_shared = left + 1, right + 1, next_shared + 1
                        continue
                    awaited = shared[next_shared] if next_shared < len(shared) else None
                    if mine in self._applied and awaited is not None and awaited != mine:
                        left += 1  # its turn comes with the applied list's
                        continue
                if mine not in self._applied:
                    self._add(merge(self._of.of, self._items[left], NOTHING))
                    left += 1
                    continue
                if mine in taken:
                    left += 1
            if right < len(self._applied_order):
                theirs = self._applied_order[right]
                taken.add(theirs)
                self._take(theirs)
                right += 1
                if next_shared < len(shared) and shared[next_shared] == theirs:
                    next_shared += 1
        return self._out

    def _take(self, element: str) -> None:
        self._add(merge(self._of.of, self._live.get(element, NOTHING), self._applied[element]))

    def _add(self, value: Any) -> None:
        if value is not NOTHING:
            self._out.append(value)
