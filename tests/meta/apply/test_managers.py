"""Entries of managedFields, read and written."""

from typing import Any

import pytest

from pynetes.meta.apply import fields, managers
from pynetes.meta.apply.managers import APPLY, UPDATE, Managers, ManagersError, Share, manager
from pynetes.meta.objects import Object

V1 = "v1"


def share(*names: str, at: str = "", applied: bool = False, version: str = V1) -> Share:
    return Share(fields.of_paths(*((f"f:{name}",) for name in names)), version, applied, at)


def entry(**said: Any) -> Object:
    return {"manager": "m", "operation": UPDATE, "apiVersion": V1, "fieldsType": "FieldsV1", "fieldsV1": {}, **said}


def test_entries_are_read_and_written_alike() -> None:
    entries = [
        entry(operation=APPLY, fieldsV1={"f:a": {}}),
        entry(time="2026-01-01T00:00:00Z", fieldsV1={"f:b": {".": {}, "f:c": {}}}, subresource="status"),
    ]
    assert managers.write(managers.read(entries)) == entries


def test_appliers_come_first_then_the_oldest_then_by_name() -> None:
    early, late = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"
    held: Managers = {
        manager("b", UPDATE, V1): share("a", at=late),
        manager("a", UPDATE, V1): share("a", at=late),
        manager("c", UPDATE, V1): share("a", at=early),
        manager("d", UPDATE, V1): share("a"),
        manager("z", APPLY, V1): share("a", at=late, applied=True),
        manager("a", UPDATE, V1, "status"): share("a", at=late),
    }
    written = [(found["manager"], found["operation"], found.get("subresource", "")) for found in managers.write(held)]
    assert written == [
        ("z", APPLY, ""),
        ("d", UPDATE, ""),
        ("c", UPDATE, ""),
        ("a", UPDATE, ""),
        ("a", UPDATE, "status"),
        ("b", UPDATE, ""),
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"operation": "Fly"}, "operation must be `Apply` or `Update`"),
        ({"apiVersion": ""}, "apiVersion must not be empty"),
        ({"fieldsType": ""}, "missing fieldsType in managed fields entry 1"),
        ({"fieldsType": "FieldsV2"}, 'invalid fieldsType "FieldsV2" in managed fields entry 1'),
        ({"fieldsV1": {"bad": {}}}, "error decoding set: missing colon: bad"),
    ],
)
def test_entries_that_cannot_be_read_are_told(said: Object, why: str) -> None:
    with pytest.raises(ManagersError) as error:
        managers.read([entry(), entry(**said)])
    assert str(error.value) == why


def test_an_empty_list_or_entry_resets() -> None:
    """ "It is possible to strip all managedFields from an object by overwriting them using a patch ... with an empty
    entry": [{}] ("Server-Side Apply", section "Clearing managedFields").
    """
    assert managers.is_reset([]) and managers.is_reset([{}])
    assert not managers.is_reset(None) and not managers.is_reset([{}, {}]) and not managers.is_reset([entry()])


def test_updaters_beyond_ten_become_one_the_oldest_first() -> None:
    held = {manager(f"m{i:02}", UPDATE, V1): share(f"f{i}", at=f"2026-01-01T00:00:{i:02}Z") for i in range(13)}
    held[manager("applier", APPLY, V1)] = share("x", applied=True)
    after = managers.capped(held)
    names = {who.name for who in after}
    assert names == {"applier", managers.ANCIENT_CHANGES, *(f"m{i:02}" for i in range(4, 13))}
    ancient = after[manager(managers.ANCIENT_CHANGES, UPDATE, V1)]
    assert (set(ancient.fields), ancient.time) == ({"f:f0", "f:f1", "f:f2", "f:f3"}, "2026-01-01T00:00:03Z")


def test_updaters_of_different_versions_are_not_merged() -> None:
    held = {manager("m", UPDATE, f"v{i}"): share("a", version=f"v{i}") for i in range(12)}
    assert managers.capped(held) == held


def test_managers_are_named_in_messages_with_what_tells_them_apart() -> None:
    assert str(manager("a", APPLY, V1)) == '"a"'
    assert str(manager("a", UPDATE, "apps/v1", "scale")) == '"a" with subresource "scale" using apps/v1'
    assert manager("", UPDATE, V1).name == "unknown"
    assert manager("a", UPDATE, V1).text == '{"manager":"a","operation":"Update","apiVersion":"v1"}'
