"""What of an object is new, gone or other than it was: three sets of fields.

The walks are compiled: each type keeps two functions, and a struct keeps a ready-made set for every combination of
members that it has met, so that most of the work for an object is to copy a few of those.

Source: structured-merge-diff ``typed/compare.go``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pynetes.meta.apply import elements
from pynetes.meta.apply.fields import EMPTY, LEAF, SELF, Fields, union
from pynetes.meta.apply.schema import ListType, MapType, Type

_PLANS = 512

Whole = Callable[[Any], Fields]
"""From a value that only one side has to everything that is owned of it, itself included."""
Parts = tuple[Fields | None, Fields | None, Fields | None]
"""What is removed, modified and added below an element; None: nothing."""
Difference = Callable[[Any, Any], Parts]

_SAME: Parts = (None, None, None)
_OTHER: Parts = (None, LEAF, None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """No field is in two of the sets."""

    removed: Fields
    modified: Fields
    added: Fields
    touched: Fields
    """What is modified or added."""


def comparison(removed: Fields | None, modified: Fields | None, added: Fields | None) -> Comparison:
    modified, added = modified or EMPTY, added or EMPTY
    return Comparison(removed or EMPTY, modified, added, union(modified, added))


def compare(of: Type, old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    """Two objects of one type. Raises: schema.ItemError."""
    return comparison(*difference_of(of)(old, new))


def whole_of(of: Type) -> Whole:
    if of.whole is None:
        of.whole = _compiled_whole(of)
    return of.whole


def difference_of(of: Type) -> Difference:
    if of.difference is None:
        of.difference = _compiled_difference(of)
    return of.difference


# -- a value that only one side has


def _compiled_whole(of: Type) -> Whole:
    kinds = [_whole_map(of.map) if of.map else None, _whole_list(of.list) if of.list else None]
    walks = [walk for walk in kinds if walk is not None]
    if not walks:
        return _leaf
    if len(walks) == 1:
        return walks[0]
    in_map, in_list = walks

    def anything(value: Any) -> Fields:
        return in_map(value) if type(value) is dict else in_list(value)

    return anything


def _leaf(value: Any) -> Fields:
    return LEAF


def _whole_map(of: MapType) -> Whole | None:
    if of.atomic:
        return None
    if not of.fields and _always_leaf(of.element):
        return _whole_plain_map
    return _Struct(of)


def _always_leaf(of: Type | None) -> bool:
    """Values of this type are owned as one whole, whatever they are."""
    return of is None or ((of.map is None or of.map.atomic) and (of.list is None or of.list.atomic))


def _whole_plain_map(value: Any) -> Fields:
    if type(value) is not dict or not value:
        return LEAF
    node: dict[str, Any] = {SELF: LEAF}
    for name in sorted(value):
        node[f"f:{name}"] = LEAF
    return node


class _Struct:
    """``plans``: by the names of the members that are there, the set with all of them owned, and which of them must be
    looked into: (element, name, walk).
    """

    __slots__ = ("_of", "_plans")

    def __init__(self, of: MapType) -> None:
        self._of = of
        self._plans: dict[tuple[str, ...], tuple[dict[str, Any], list[tuple[str, str, Whole]]]] = {}

    def __call__(self, value: Any) -> Fields:
        if type(value) is not dict or not value:
            return LEAF
        names = tuple(value)
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plan(names)
        base, deeper = plan
        if not deeper:
            return base
        node = base.copy()
        for element, name, walk in deeper:
            node[element] = walk(value[name])
        return node

    def _plan(self, names: tuple[str, ...]) -> tuple[dict[str, Any], list[tuple[str, str, Whole]]]:
        base: dict[str, Any] = {SELF: LEAF}
        deeper = []
        for name in sorted(set(names) - self._of.untracked):
            inner = self._of.type_of(name)
            base[f"f:{name}"] = LEAF
            if inner is not None and not _always_leaf(inner):
                deeper.append((f"f:{name}", name, whole_of(inner)))
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        self._plans[names] = base, deeper
        return base, deeper


def _whole_list(of: ListType) -> Whole | None:
    if of.atomic:
        return None

    def items(value: Any) -> Fields:
        if type(value) is not list or not value:
            return LEAF
        walk = whole_of(of.of)
        node: dict[str, Any] = {SELF: LEAF}
        if len(value) == 1:
            node[of.element(value[0])] = walk(value[0])
            return node
        for element, found in by_element(of, value):
            node[element] = walk(found[0]) if len(found) == 1 else LEAF
        return node

    return items


def by_element(of: ListType, values: list[Any]) -> list[tuple[str, list[Any]]]:
    """The items of a map or set by their elements, in the order of these. Raises: schema.ItemError."""
    return sorted(_by_element(of, values).items(), key=_order)


def _by_element(of: ListType, values: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for value in values:
        found.setdefault(of.element(value), []).append(value)
    return found


def _order(item: tuple[str, Any]) -> Any:
    return elements.order(item[0])


# -- a value that both sides have


def _compiled_difference(of: Type) -> Difference:
    equal = same if of.loose else None
    in_map = None if of.map is None or of.map.atomic else _difference_map(of.map)
    in_list = None if of.list is None or of.list.atomic else _difference_list(of.list)
    if in_map is None and in_list is None:
        return _difference_loose_leaf if equal else _difference_leaf
    if in_list is None and of.list is None and not of.scalar and in_map is not None:
        return in_map
    if in_map is None and of.map is None and not of.scalar and in_list is not None:
        return in_list

    def anything(old: Any, new: Any) -> Parts:
        if type(old) is dict and type(new) is dict and in_map is not None:
            return in_map(old, new)
        if type(old) is list and type(new) is list and in_list is not None:
            return in_list(old, new)
        return _other_kind(of, old, new)

    return anything


def _other_kind(of: Type, old: Any, new: Any) -> Parts:
    """Two values of a type of several kinds, of different kinds or both scalars."""
    removed, modified, added = None, None, None
    if type(old) is dict and old and of.map is not None and not of.map.atomic:
        removed = _without_self(whole_of(of)(old))
        modified = None if new is None else LEAF
    elif type(new) is dict and new and of.map is not None and not of.map.atomic:
        added = _without_self(whole_of(of)(new))
        modified = None if old is None else LEAF
    else:
        modified = None if same(old, new) else LEAF
    return removed, modified, added


def _difference_leaf(old: Any, new: Any) -> Parts:
    return _SAME if old == new else _OTHER


def _difference_loose_leaf(old: Any, new: Any) -> Parts:
    return _SAME if same(old, new) else _OTHER


def same(left: Any, right: Any) -> bool:
    """Equality of JSON: true is not 1, null is nothing else; 1 is 1.0."""
    if left is right:
        return True
    if type(left) is not type(right):
        both = {type(left), type(right)}
        return both == {int, float} and bool(left == right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _without_self(node: Fields) -> dict[str, Any]:
    return {element: inner for element, inner in node.items() if element != SELF}


_Walks = tuple[Whole | None, Difference, bool]
"""For a member of a map: what walks a value that one side has (None: it is always owned as one whole) and one that both
have; whether values may differ that Python takes for equal.
"""


def _walks_of(of: Type) -> _Walks:
    return None if _always_leaf(of) else whole_of(of), difference_of(of), is_loose(of)


def _difference_map(of: MapType) -> Difference:
    known: dict[str, tuple[str, _Walks] | None] = dict.fromkeys(of.untracked)
    of_others: list[_Walks] = []
    all_of = _whole_map(of)
    assert all_of is not None

    def walks_of(name: str) -> tuple[str, _Walks] | None:
        inner = of.fields.get(name)
        if inner is not None:
            found = known[name] = f"f:{name}", _walks_of(inner)
            return found
        if of.element is None:
            return None
        if not of_others:
            of_others.append(_walks_of(of.element))
        return f"f:{name}", of_others[0]

    def difference(old: Any, new: Any) -> Parts:
        if not old or not new:
            return _difference_to_nothing(all_of, old, new, dict)
        if type(old) is not dict or type(new) is not dict:
            return _OTHER
        removed: dict[str, Any] = {}
        modified: dict[str, Any] = {}
        added: dict[str, Any] = {}
        for name, after in new.items():
            found = known[name] if name in known else walks_of(name)
            if found is None:
                continue
            element, (whole, inner, loose) = found
            if name not in old:
                added[element] = LEAF if whole is None else whole(after)
                continue
            before = old[name]
            if before == after and not loose:
                continue
            gone, other, more = inner(before, after)
            if gone is not None:
                removed[element] = gone
            if other is not None:
                modified[element] = other
            if more is not None:
                added[element] = more
        if not old.keys() <= new.keys():
            for name, before in old.items():
                found = known[name] if name in known else walks_of(name)
                if name not in new and found is not None:
                    element, (whole, _, _) = found
                    removed[element] = LEAF if whole is None else whole(before)
        return _sorted_fields(removed), _sorted_fields(modified), _sorted_fields(added)

    return difference


def _difference_to_nothing(whole: Whole, old: Any, new: Any, kind: type) -> Parts:
    """Of two containers of which at least one is empty or null."""
    if type(new) is kind and new:
        return None, None, _without_self(whole(new)) or None
    if type(old) is kind and old:
        return _without_self(whole(old)) or None, None, None
    return _SAME if old == new else _OTHER


def _sorted_fields(node: dict[str, Any]) -> Fields | None:
    if len(node) > 1:
        return dict(sorted(node.items()))
    return node or None


def is_loose(of: Type) -> bool:
    """JSON of any type may stand here or below, so that equality must tell true from 1."""
    seen: set[Type] = set()
    waiting = [of]
    while waiting:
        at = waiting.pop()
        if at.loose:
            return True
        if at in seen or at.scalar:  # numbers or texts, whatever else the schema leaves open
            continue
        seen.add(at)
        if at.list is not None:
            waiting.append(at.list.of)
        if at.map is not None:
            waiting += at.map.fields.values()
            if at.map.element is not None:
                waiting.append(at.map.element)
    return False


def _difference_list(of: ListType) -> Difference:
    all_of = _whole_list(of)
    assert all_of is not None
    loose = is_loose(of.of)

    def difference(old: Any, new: Any) -> Parts:
        if not old or not new:
            return _difference_to_nothing(all_of, old, new, list)
        if type(old) is not list or type(new) is not list:
            return _OTHER
        befores, afters = _by_element(of, old), _by_element(of, new)
        removed: dict[str, Any] = {}
        modified: dict[str, Any] = {}
        added: dict[str, Any] = {}
        for element in befores | afters:
            before, after = befores.get(element, ()), afters.get(element, ())
            if before == after and not loose:
                continue
            for node, part in zip((removed, modified, added), _difference_items(of.of, before, after), strict=True):
                if part is not None:
                    node[element] = part
        return _sorted_items(removed), _sorted_items(modified), _sorted_items(added)

    return difference


def _difference_items(of: Type, old: Any, new: Any) -> Parts:
    """The items of one element on each side. Several are a fault that is kept: they are owned as one whole."""
    if len(old) == 1 and len(new) == 1:
        return difference_of(of)(old[0], new[0])
    if len(old) > 1 and len(new) > 1:
        return _SAME if same(old, new) else _OTHER
    removed = None if not old else whole_of(of)(old[0]) if len(old) == 1 else LEAF
    added = None if not new else whole_of(of)(new[0]) if len(new) == 1 else LEAF
    return removed, None, added


def _sorted_items(node: dict[str, Any]) -> Fields | None:
    if len(node) > 1:
        return dict(sorted(node.items(), key=_order))
    return node or None
