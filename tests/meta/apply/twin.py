"""Field management once more, as simply as it can be said: objects as flat maps from paths to values, sets of fields as
Python sets. It is slow, knows one version of one kind, and no item that is in a list twice.
"""

from dataclasses import dataclass
from typing import Any

from pynetes.meta.apply.fields import Path
from pynetes.meta.apply.schema import UNTRACKED, UNTRACKED_METADATA, Type
from pynetes.meta.objects import Object

CONTAINER = object()
"""What a flat map holds for a struct, map or list that is looked into."""

Flat = dict[Path, Any]
Owned = dict[str, set[Path]]
"""What each manager owns."""


def flat(of: Type, value: Any, at: Path = ()) -> Flat:
    """Every leaf, and every container that is not empty, with its path."""
    found: Flat = {at: value}
    for element, inner, item in _members(of, value):
        found[at] = CONTAINER
        found |= flat(inner, item, (*at, element))
    return found


def _members(of: Type, value: Any) -> list[tuple[str, Type, Any]]:
    if isinstance(value, dict) and of.map is not None and not of.map.atomic:
        typed = [(name, of.map.type_of(name), item) for name, item in value.items()]
        return [(f"f:{name}", inner, item) for name, inner, item in typed if inner is not None]
    if isinstance(value, list) and of.list is not None and not of.list.atomic:
        return [(of.list.element(item), of.list.of, item) for item in value]
    return []


def is_tracked(path: Path) -> bool:
    if len(path) == 1:
        return path[0][2:] not in UNTRACKED and path[0] != "f:metadata"
    return bool(path) and not (path[0] == "f:metadata" and path[1][2:] in UNTRACKED_METADATA)


@dataclass(frozen=True)
class Changes:
    removed: set[Path]
    modified: set[Path]
    added: set[Path]


def changes(of: Type, old: Object, new: Object) -> Changes:
    before, after = flat(of, old), flat(of, new)
    both = {path for path in before.keys() & after.keys() if CONTAINER not in (before[path], after[path])}
    modified = {path for path in both if before[path] != after[path]}
    parts = (before.keys() - after.keys(), modified, after.keys() - before.keys())
    return Changes(*({path for path in part if is_tracked(path)} for part in parts))


def mentioned(of: Type, config: Object) -> set[Path]:
    """What an applied configuration owns: its leaves, and the items of its lists and maps."""
    return {path for path, value in flat(of, config).items() if path and (_is_leaf(of, path, value))}


def _is_leaf(of: Type, path: Path, value: Any) -> bool:
    if not _is_declared(of, path):
        return True
    at = _type_at(of, path)
    is_list_to_look_into = value == [] and at is not None and at.list is not None and not at.list.atomic
    return value is not CONTAINER and not is_list_to_look_into


def _type_at(of: Type | None, path: Path) -> Type | None:
    for element in path:
        if of is None:
            return None
        if element.startswith("f:"):
            of = of.map.type_of(element[2:]) if of.map is not None else None
        else:
            of = of.list.of if of.list is not None else None
    return of


def _is_declared(of: Type, path: Path) -> bool:
    """Is it a field of a struct?"""
    above = _type_at(of, path[:-1])
    return path[-1][:2] == "f:" and above is not None and above.map is not None and path[-1][2:] in above.map.fields


def with_structs(of: Type, paths: set[Path]) -> set[Path]:
    """And every field of a struct on the way to them."""
    on_the_way = {path[:end] for path in paths for end in range(1, len(path))}
    return paths | {path for path in on_the_way if _is_declared(of, path)}


def updated(of: Type, old: Object, new: Object, owned: Owned, who: str) -> Owned:
    """The writer owns what it changed, nobody else does, and what is gone nobody owns."""
    change = changes(of, old, new)
    taken = change.modified | change.added
    after = {name: paths - change.removed - taken for name, paths in owned.items()}
    if taken:
        after[who] = after.get(who, set()) | taken
    return {name: paths for name, paths in after.items() if paths}


def merged(of: Type, live: Object, config: Object, owned: Owned, who: str) -> Flat:
    """The leaves of what an apply makes: those of both, less what the applier has given up and nobody else owns."""
    now = mentioned(of, config)
    others = set().union(*(paths for name, paths in owned.items() if name != who))
    gone = with_structs(of, owned.get(who, set())) - with_structs(of, now | others)
    both = leaves(flat(of, live)) | leaves(flat(of, config))
    return {path: value for path, value in both.items() if not any(path[:end] in gone for end in range(len(path) + 1))}


def leaves(found: Flat) -> Flat:
    """Without containers, empty ones included."""
    return {path: value for path, value in found.items() if value is not CONTAINER and value not in ({}, [], None)}


def after_apply(of: Type, live: Object, new: Object, config: Object, owned: Owned, who: str) -> tuple[Owned, Owned]:
    """Who owns what once it is applied by force, and what it took from whom: the conflicts without force."""
    change = changes(of, live, new)
    taken = change.modified | change.added
    others = {name: paths for name, paths in owned.items() if name != who}
    conflicts = {name: paths & taken for name, paths in others.items() if paths & taken}
    after = {name: paths - taken - change.removed for name, paths in others.items()}
    after[who] = {path for path in mentioned(of, config) if is_tracked(path)}
    return {name: paths for name, paths in after.items() if paths}, conflicts
