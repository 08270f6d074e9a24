"""``metadata.managedFields``: which manager holds which fields, read and written.

Source: apimachinery ``pkg/util/managedfields/internal/{managedfields,capmanagers}.go``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pynetes.meta.apply import fields
from pynetes.meta.apply.elements import ElementError
from pynetes.meta.apply.fields import Fields
from pynetes.meta.gotext import json_text, quoted
from pynetes.meta.objects import Object

APPLY, UPDATE = "Apply", "Update"
FIELDS_V1 = "FieldsV1"
MOST_UPDATE_MANAGERS = 10
ANCIENT_CHANGES = "ancient-changes"
_NO_TIME = "1970-01-01T00:00:00Z"


class ManagersError(ValueError):
    """Entries that cannot be read."""


class Manager(NamedTuple):
    """Who holds fields. An applier is the same in every version: its ``api_version`` is empty."""

    name: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    @property
    def text(self) -> str:
        """The JSON that upstream knows it by; managers are sorted by it."""
        said = {
            "manager": self.name,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "subresource": self.subresource,
        }
        return json_text({name: value for name, value in said.items() if value})

    def __str__(self) -> str:
        """As messages call it."""
        shown = quoted(self.name)
        if self.subresource:
            shown += f" with subresource {quoted(self.subresource)}"
        return f"{shown} using {self.api_version}" if self.operation == UPDATE else shown


def manager(name: str, operation: str, api_version: str, subresource: str = "") -> Manager:
    return Manager(name or "unknown", operation, "" if operation == APPLY else api_version, subresource)


@dataclass(frozen=True, slots=True)
class Share:
    """The fields of one manager, named as ``api_version`` names them. ``time``: RFC 3339, ``""`` for none."""

    fields: Fields
    api_version: str
    applied: bool
    time: str = ""

    def of(self, held: Fields) -> "Share":
        """The same with other fields."""
        return Share(held, self.api_version, self.applied, self.time)


Managers = dict[Manager, Share]


def read(entries: Sequence[Object], *, trusted: bool = False) -> Managers:
    """``trusted``: the sets are in the form in which we wrote them. Raises: ManagersError."""
    found: Managers = {}
    for index, entry in enumerate(entries):
        operation, api_version = entry.get("operation", ""), entry.get("apiVersion", "")
        if operation not in (APPLY, UPDATE):
            raise ManagersError("operation must be `Apply` or `Update`")
        if not api_version:
            raise ManagersError("apiVersion must not be empty")
        kind = entry.get("fieldsType", "")
        if kind != FIELDS_V1:
            what = f"invalid fieldsType {quoted(kind)}" if kind else "missing fieldsType"
            raise ManagersError(f"{what} in managed fields entry {index}")
        said = entry.get("fieldsV1")
        held = said if trusted and said is not None else _read_fields(said)
        applied = operation == APPLY
        who = Manager(entry.get("manager", ""), operation, "" if applied else api_version, entry.get("subresource", ""))
        found[who] = Share(held, api_version, applied, entry.get("time") or "")
    return found


def _read_fields(said: Any) -> Fields:
    if said is None:
        return fields.EMPTY
    try:
        return fields.read(said)
    except ElementError as error:
        raise ManagersError(f"error decoding set: {error}") from None


def write(held: Mapping[Manager, Share]) -> list[Object]:
    """The entries in their order: appliers first, the oldest first."""
    entries = [_entry(who, share) for who, share in held.items()]
    if len(entries) > 1:
        entries.sort(key=_order)
    return entries


def _entry(who: Manager, share: Share) -> Object:
    entry: Object = {}
    if who.name:
        entry["manager"] = who.name
    entry["operation"] = APPLY if share.applied else who.operation
    entry["apiVersion"] = share.api_version
    if share.time:
        entry["time"] = share.time
    entry["fieldsType"] = FIELDS_V1
    entry["fieldsV1"] = share.fields
    if who.subresource:
        entry["subresource"] = who.subresource
    return entry


def _order(entry: Object) -> tuple[str, ...]:
    return (
        entry["operation"],
        entry.get("time", _NO_TIME),
        entry.get("manager", ""),
        entry["apiVersion"],
        entry.get("subresource", ""),
    )


def is_reset(entries: Sequence[Object] | None) -> bool:
    """An empty list, or one of one empty entry: all that is held is to be forgotten."""
    return entries is not None and (len(entries) == 0 or (len(entries) == 1 and not entries[0]))


def capped(held: Managers) -> Managers:
    """With at most ten managers that updated: of each version the oldest become one."""
    if len(held) <= MOST_UPDATE_MANAGERS:
        return held
    updaters = [who for who, share in held.items() if not share.applied]
    surplus = len(updaters) - MOST_UPDATE_MANAGERS
    if surplus <= 0:
        return held
    held = dict(held)
    updaters.sort(key=lambda who: (held[who].time or _NO_TIME, who.text))
    first_of: dict[str, Manager] = {}
    for who in updaters:
        if surplus <= 0:
            break
        share = held[who]
        if share.api_version not in first_of:
            first_of[share.api_version] = who
            continue
        bucket = manager(ANCIENT_CHANGES, UPDATE, share.api_version)
        if bucket not in held:
            held[bucket] = held.pop(first_of[share.api_version])
        merged = fields.union(share.fields, held[bucket].fields)
        held[bucket] = share.of(merged)
        del held[who]
        surplus -= 1
    return held
