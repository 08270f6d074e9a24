"""Field management of whole objects: what ``metadata.managedFields`` says after a write, and what an apply makes.

Source: apimachinery ``pkg/util/managedfields/internal/{fieldmanager,lastappliedmanager,lastappliedupdater,
skipnonapplied,structuredmerge,versioncheck}.go``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from pynetes.meta import status
from pynetes.meta.apply import fields, managers
from pynetes.meta.apply.compare import compare
from pynetes.meta.apply.extract import fields_of
from pynetes.meta.apply.fields import Fields
from pynetes.meta.apply.managers import Managers, ManagersError, Share
from pynetes.meta.apply.schema import ItemError
from pynetes.meta.apply.updater import Conflicts, Updater, VersionError, Versions, path_text
from pynetes.meta.apply.validate import TypeMismatch, check
from pynetes.meta.gotext import json_text
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause, StatusError

BEFORE_FIRST_APPLY = "before-first-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KUBECTL = "kubectl"
_OF_EVERY_NEW = fields.of_paths(("f:metadata", "f:name"), ("f:metadata", "f:namespace"))
_MOST_ANNOTATION_BYTES = 256 * 1024


class ApplyError(ValueError):
    """Why a configuration cannot be applied: an error that upstream does not make an API error."""


@dataclass(frozen=True, slots=True)
class Applied:
    """``object``: the merged one, None when the apply changes nothing. ``managed``: its managedFields."""

    object: Object | None
    managed: list[Object]


class FieldManager:
    """For one path: a resource in one version, or one subresource of it.

    Objects are in that version, as Go writes them, without managedFields of their own where these are an argument.
    ``zero`` is a new, empty object. ``typed``: a decoder has seen to it that objects fit the schema.
    """

    def __init__(
        self, versions: Versions, kind: GroupVersionKind, zero: Object, subresource: str = "", *, typed: bool = True
    ) -> None:
        self._versions = versions
        self._kind = kind
        self._version = kind.api_version
        self._zero = zero
        self._subresource = subresource
        self._typed = typed
        self._updater = Updater(versions, kind.api_version)

    # -- create, update, patch

    def created(self, new: Object, given: Sequence[Object] | None, name: str, time: str) -> list[Object]:
        """The managedFields of a new object. ``given``: those that the client sent."""
        held = {}
        for who, share in ({} if given is None else self._held(None, given)).items():
            held[who] = share.of(fields.difference(share.fields, _OF_EVERY_NEW))
        return self._written(self._zero, new, held, name, time)

    def updated(self, live: Object, new: Object, given: Sequence[Object] | None, name: str, time: str) -> list[Object]:
        """The managedFields after a write to a live object. Once they are reset, updates are not tracked."""
        held = self._held(live["metadata"].get("managedFields"), given)
        if not held:
            return []
        return self._written(live, new, held, name, time)

    def _held(self, live: Sequence[Object] | None, given: Sequence[Object] | None) -> Managers:
        """What is held before the write: as the client says, unless it says nothing that can be read."""
        if self._subresource or given is None or given is live or given == live:
            return _read_or_nothing(live)
        if managers.is_reset(given):
            return {}
        try:
            return managers.read(given) or _read_or_nothing(live)
        except ManagersError:
            return _read_or_nothing(live)

    def _written(self, old: Object, new: Object, held: Managers, name: str, time: str) -> list[Object]:
        """No entries when the object does not fit its schema."""
        try:
            if not self._typed:
                check(self._versions.type_of(self._version), new, duplicates=True)
            after = self._after_update(old, new, held, name, time)
        except (TypeMismatch, ItemError, VersionError):
            return []
        return managers.write(managers.capped(after))

    def _after_update(self, old: Object, new: Object, held: Managers, name: str, time: str) -> Managers:
        after, own = self._updater.updated(old, new, held)
        if own:
            who = managers.manager(name, managers.UPDATE, self._version, self._subresource)
            previous = after.get(who)
            whole = own if previous is None else fields.union(own, previous.fields)
            after[who] = Share(whole, self._version, False, time)
        return after

    # -- apply

    def apply(self, live: Object | None, config: Any, name: str, time: str, *, force: bool) -> Applied:
        """``config`` is decoded JSON; ``live`` is None for an object that is to be made.

        Raises: StatusError 400, 409; ApplyError.
        """
        self._check(config)
        live, held = self._before(live, time)
        try:
            merged, after = self._merged(live, config, held, name, time, force)
        except Conflicts as conflicts:
            upgraded = self._upgraded(live, name)
            left = [(who, path) for who, path in conflicts.found if not fields.has(upgraded, path)]
            if left:
                raise _conflict(Conflicts(left)) from None
            merged, after = self._merged(live, config, held, name, time, True)
        if name == _KUBECTL and _last_applied(merged or live):
            merged = _with_last_applied(merged or live, config)
        return Applied(merged, managers.write(after))

    def _check(self, config: Any) -> None:
        """Raises: StatusError 400, ApplyError."""
        said = kind_of(config)
        if said != self._kind:
            raise status.bad_request(f"invalid object type: {kind_text(said)}")
        meta = config.get("metadata")
        if isinstance(meta, dict) and isinstance(meta.get("managedFields"), list):
            raise status.bad_request("metadata.managedFields must be nil")
        try:
            check(self._versions.type_of(self._version), config)
        except TypeMismatch as error:
            raise ApplyError(f"failed to create typed patch object ({called(config)}): {error}") from None

    def _before(self, live: Object | None, time: str) -> tuple[Object, Managers]:
        """The live object and what is held of it: all by an update, if nobody tracked it yet. Raises: ApplyError."""
        if live is None:
            return self._zero, {}
        meta = dict(live["metadata"])
        live = {**live, "metadata": meta}
        try:
            held = managers.read(meta.pop("managedFields", None) or (), trusted=True)
        except ManagersError as error:
            raise ApplyError(f"failed to decode managed fields: {error}") from None
        if held:
            return live, held
        try:
            return live, self._after_update(self._zero, live, {}, BEFORE_FIRST_APPLY, time)
        except ItemError as error:
            raise ApplyError(f"failed to create manager for existing fields: {error}") from None

    def _merged(
        self, live: Object, config: Object, held: Managers, name: str, time: str, force: bool
    ) -> tuple[Object | None, Managers]:
        """Raises: Conflicts, ApplyError."""
        who = managers.manager(name, managers.APPLY, self._version, self._subresource)
        try:
            merged, after = self._updater.applied(live, config, held, who, force=force)
        except ItemError as error:
            raise ApplyError(f"failed to merge config: {error}") from None
        except VersionError as error:
            raise ApplyError(str(error)) from None
        if merged is not None and who in after:
            after[who] = replace(after[who], time=time)
        return merged, after

    def _upgraded(self, live: Object, name: str) -> Fields:
        """What kubectl applied before it did so on the server, and nobody has changed since: it may take that over."""
        text = _last_applied(live) if name == _KUBECTL else ""
        if not text:
            return fields.EMPTY
        of = self._versions.type_of(self._version)
        try:
            last = orjson.loads(text)
            if not isinstance(last, dict) or last.get("apiVersion") != self._version:
                return fields.EMPTY
            check(of, live)
            check(of, last)
            found = compare(of, last, live)
        except (orjson.JSONDecodeError, TypeMismatch, ItemError):
            return fields.EMPTY
        owned = fields_of(of, last)
        for part in (found.touched, found.removed):
            owned = fields.difference(owned, part)
        return owned


def kind_of(obj: Any) -> GroupVersionKind:
    """What an object says that it is; empty where it says nothing that can be read."""
    said = obj if isinstance(obj, dict) else {}
    api_version, kind = said.get("apiVersion"), said.get("kind")
    api_version = api_version if isinstance(api_version, str) else ""
    kind = kind if isinstance(kind, str) else ""
    if api_version.count("/") > 1:
        return GroupVersionKind("", "", "")
    group, _, version = api_version.rpartition("/")
    return GroupVersionKind(group, version, kind)


def called(obj: Object) -> str:
    """An object in upstream's error texts."""
    meta = obj.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    namespace, name = (value if isinstance(value := meta.get(key), str) else "" for key in ("namespace", "name"))
    return f"{namespace}/{name}; {kind_text(kind_of(obj))}"


def kind_text(kind: GroupVersionKind) -> str:
    return f"{kind.group}/{kind.version}, Kind={kind.kind}"


def _read_or_nothing(entries: Sequence[Object] | None) -> Managers:
    try:
        return managers.read(entries or (), trusted=True)
    except ManagersError:
        return {}


def _conflict(conflicts: Conflicts) -> StatusError:
    causes = [Cause("FieldManagerConflict", f"conflict with {who}", path_text(path)) for who, path in conflicts.found]
    return status.apply_conflict(str(conflicts), causes)


# -- what kubectl remembers of an apply on the client


def _last_applied(obj: Object) -> str:
    text: str = (obj["metadata"].get("annotations") or {}).get(LAST_APPLIED) or ""
    return text


def _with_last_applied(obj: Object, config: Object) -> Object:
    """The object with the configuration as its annotation; without it when the annotations would be too large."""
    annotations = {**obj["metadata"]["annotations"], LAST_APPLIED: _remembered(config)}
    if sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items()) > _MOST_ANNOTATION_BYTES:
        del annotations[LAST_APPLIED]
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def _remembered(config: Mapping[str, Any]) -> str:
    meta = config.get("metadata") or {}
    if meta.get("annotations"):
        annotations = {name: value for name, value in meta["annotations"].items() if name != LAST_APPLIED}
        config = {**config, "metadata": {**meta, "annotations": annotations}}
    return json_text(orjson.loads(orjson.dumps(config, option=orjson.OPT_SORT_KEYS))) + "\n"
