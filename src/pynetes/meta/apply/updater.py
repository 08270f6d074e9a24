"""Who owns what after a write: an update takes what it changed, an apply takes what it says and gives back the rest.

Source: structured-merge-diff ``merge/update.go``; apimachinery ``managedfields/internal/conflict.go``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pynetes.meta.apply import fields
from pynetes.meta.apply.compare import Comparison, compare, comparison, same
from pynetes.meta.apply.elements import shown
from pynetes.meta.apply.extract import fields_of, with_named_fields
from pynetes.meta.apply.fields import Fields, Filter
from pynetes.meta.apply.managers import Manager, Managers, Share
from pynetes.meta.apply.merge import merge
from pynetes.meta.apply.remove import remove
from pynetes.meta.apply.schema import UNTRACKED, UNTRACKED_METADATA, Type, tracked
from pynetes.meta.apply.settle import settle_of
from pynetes.meta.objects import Object


class UnknownVersion(LookupError):
    """A version that does not exist (any more)."""


class VersionError(ValueError):
    """An apiVersion that cannot be read."""


class Conflicts(ValueError):
    """Fields that others own: (manager, path) in the order of the managers."""

    def __init__(self, found: list[tuple[Manager, fields.Path]]) -> None:
        super().__init__(message(found))
        self.found = found


def message(found: list[tuple[Manager, fields.Path]]) -> str:
    if len(found) == 1:
        who, path = found[0]
        return f"Apply failed with 1 conflict: conflict with {who}: {path_text(path)}"
    lines = []
    for who in dict.fromkeys(who for who, _ in found):
        lines.append(f"conflicts with {who}:")
        lines += [f"- {path_text(path)}" for other, path in found if other == who]
    return f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)


def path_text(path: fields.Path) -> str:
    return "".join(map(shown, path))


@dataclass(frozen=True, eq=False)
class Versions:
    """What is known of a kind's versions, by apiVersion.

    ``types``: how the values of each belong together. ``resets``: what writes to this path do not decide on.
    ``convert``: an object in another version. Raises: UnknownVersion, ValueError.
    """

    types: Mapping[str, Type]
    resets: Mapping[str, Filter]
    convert: Callable[[Object, str], Object]

    def type_of(self, api_version: str) -> Type:
        found = self.types.get(api_version)
        if found is None:
            raise UnknownVersion(api_version)
        return found

    def in_version(self, obj: Object, api_version: str) -> tuple[Type, Object]:
        of = self.type_of(api_version)
        return of, obj if obj.get("apiVersion") == api_version else self.convert(obj, api_version)

    def filtered(self, held: Fields, api_version: str) -> Fields:
        reset = self.resets.get(api_version)
        return held if reset is None or not held else reset(held)


class Updater:
    """For one path of one version (``api_version``) of a kind."""

    def __init__(self, versions: Versions, api_version: str) -> None:
        self._versions = versions
        self._version = api_version
        self._tracked = {version: tracked(of) for version, of in versions.types.items()}

    def _compared(self, old: Object, new: Object, version: str) -> Comparison:
        found = compare(self._tracked[version], old, new)
        if version not in self._versions.resets:
            return found
        parts = (self._versions.filtered(part, version) for part in (found.removed, found.modified, found.added))
        return comparison(*parts)

    def updated(self, old: Object, new: Object, held: Managers) -> tuple[Managers, Fields]:
        """What the managers hold after an update, less what it took; and the fields that it took.

        Raises: schema.ItemError, VersionError.
        """
        changes = self._compared(old, new, self._version)
        if not held:
            return {}, changes.touched
        return self._given_up(old, new, self._settled(held), changes, None, force=True), changes.touched

    def applied(
        self, live: Object, config: Object, held: Managers, who: Manager, *, force: bool
    ) -> tuple[Object | None, Managers]:
        """The merged object (None: it is the live one), and the managers.

        Raises: Conflicts, schema.ItemError, UnknownVersion, VersionError.
        """
        held = self._settled(held)
        of = self._versions.type_of(self._version)
        last = held.get(who)
        merged = merge(of, live, config)
        owned = self._versions.filtered(fields_of(of, config), self._version)
        held[who] = Share(owned, self._version, True, last.time if last is not None else "")
        merged = self._pruned(merged, held, last)
        held = self._given_up(live, merged, held, self._compared(live, merged, self._version), who, force=force)
        if who in held:
            held[who] = held[who].of(fields.difference(held[who].fields, _STRIPPED))
            if not held[who].fields:
                del held[who]
        return (None if same(live, merged) else merged), held

    def _given_up(
        self, old: Object, new: Object, held: Managers, own: Comparison, actor: Manager | None, *, force: bool
    ) -> Managers:
        """What all but the actor still hold. Raises: Conflicts unless ``force``."""
        changes = {self._version: own}
        after, conflicts = {}, []
        for who in sorted(held, key=lambda who: who.text) if not force else held:
            share = held[who]
            if who == actor:
                after[who] = share
                continue
            change = changes.get(share.api_version)
            if change is None:
                try:
                    change = changes[share.api_version] = self._elsewhere(old, new, share.api_version)
                except UnknownVersion:
                    continue
            taken = fields.intersection(share.fields, change.touched)
            if taken and not force:
                conflicts += [(who, path) for path in fields.paths(taken)]
            left = share.fields
            if taken:
                left = fields.difference(left, taken)
            if change.removed:
                left = fields.difference(left, change.removed)
            if left:
                after[who] = share if left is share.fields else share.of(left)
        if conflicts:
            raise Conflicts(conflicts)
        return after

    def _elsewhere(self, old: Object, new: Object, version: str) -> Comparison:
        _, before = self._versions.in_version(old, version)
        _, after = self._versions.in_version(new, version)
        return self._compared(before, after, version)

    def _settled(self, held: Managers) -> Managers:
        """The sets as the schema of today has them: what became one whole is owned as such. Without those whose
        version is gone. Raises: VersionError.
        """
        out = {}
        for who, share in held.items():
            of = self._versions.types.get(share.api_version)
            if of is None:
                if share.api_version.count("/") > 1:
                    raise VersionError(f"unexpected GroupVersion string: {share.api_version}")
                continue
            settled = settle_of(of)(share.fields)
            out[who] = share if settled is share.fields else share.of(settled)
        return out

    # -- pruning

    def _pruned(self, merged: Object, held: Managers, last: Share | None) -> Object:
        """Without what the applier said the last time and does not say now, unless somebody else owns it."""
        if last is None or not last.fields:
            return merged
        try:
            of, whole = self._versions.in_version(merged, last.api_version)
        except UnknownVersion:
            return merged
        named_last = with_named_fields(of, last.fields)
        pruned = remove(of, whole, named_last)
        pruned = self._with_owned(whole, pruned, last.api_version, held)
        # what the applier never owned comes back, too
        of, pruned = self._versions.in_version(pruned, last.api_version)
        gone = fields.difference(_named(of, whole), _named(of, pruned))
        pruned = remove(of, whole, fields.intersection(gone, named_last))
        return self._versions.in_version(pruned, self._version)[1]

    def _with_owned(self, merged: Object, pruned: Any, version: str, held: Managers) -> Any:
        owned: dict[str, Fields] = {}
        for share in held.values():
            owned[share.api_version] = fields.union(owned.get(share.api_version, fields.EMPTY), share.fields)
        # the version of the last apply first, so that nothing is missing that a conversion needs
        for at in sorted(owned, key=lambda at: at != version):
            try:
                of, merged = self._versions.in_version(merged, at)
                pruned = self._versions.in_version(pruned, at)[1]
            except UnknownVersion:
                continue
            kept = fields.union(_named(of, pruned), with_named_fields(of, owned[at]))
            pruned = remove(of, merged, fields.difference(_named(of, merged), kept))
        return pruned


def _named(of: Type, value: Any) -> Fields:
    return with_named_fields(of, fields_of(of, value))


_METADATA = "f:metadata"
_STRIPPED = fields.of_paths(
    (_METADATA,),
    *((f"f:{name}",) for name in UNTRACKED),
    *((_METADATA, f"f:{name}") for name in UNTRACKED_METADATA),
)
