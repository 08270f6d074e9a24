"""Updates and applies at random, held by the twin."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta.apply import fields, managers
from pynetes.meta.apply.compare import compare
from pynetes.meta.apply.extract import fields_of
from pynetes.meta.apply.fields import Fields
from pynetes.meta.apply.managers import APPLY, UPDATE, Managers, manager
from pynetes.meta.apply.schema import tracked
from pynetes.meta.apply.settle import settle_of
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError
from tests.meta.apply import twin
from tests.meta.apply.widgets import GVK, TYPE, WIDGETS, field_manager, widget

NOW = "2026-01-01T00:00:00Z"
_TRACKED = tracked(TYPE)


def as_set(found: Fields) -> set[fields.Path]:
    return set(fields.paths(found))


def normal(value: Any) -> Any:
    """Without what is null or empty: an object that has been stored and read again."""
    if isinstance(value, dict):
        kept = {name: normal(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in ({}, [], None)}
    return [normal(item) for item in value] if isinstance(value, list) else value


@given(WIDGETS, WIDGETS)
def test_what_changed_is_what_the_twin_finds(old: Object, new: Object) -> None:
    found, expected = compare(_TRACKED, old, new), twin.changes(TYPE, old, new)
    assert as_set(found.removed) == expected.removed
    assert as_set(found.modified) == expected.modified
    assert as_set(found.added) == expected.added
    assert as_set(found.touched) == expected.modified | expected.added


@given(WIDGETS)
def test_a_configuration_mentions_what_the_twin_finds(config: Object) -> None:
    assert as_set(fields_of(TYPE, config)) == twin.mentioned(TYPE, config)


@given(WIDGETS, WIDGETS)
def test_sets_come_out_in_the_one_way_to_write_them(old: Object, new: Object) -> None:
    found = compare(_TRACKED, old, new)
    for part in (found.removed, found.modified, found.added, fields_of(TYPE, new)):
        assert repr(part) == repr(fields.read(part))


@given(WIDGETS)
def test_sets_of_today_need_no_settling(obj: Object) -> None:
    owned = fields_of(TYPE, obj)
    assert settle_of(TYPE)(owned) is owned


def of_twin(held: Managers) -> twin.Owned:
    return {f"{who.operation} {who.name}": as_set(share.fields) for who, share in held.items()}


_MANAGERS = st.sampled_from(("alice", "bob", "carol"))
_STEPS = st.lists(st.tuples(st.sampled_from((APPLY, UPDATE)), _MANAGERS, WIDGETS, st.booleans()), max_size=6)


class Run:
    """A live widget under a sequence of writes, with its managers twice: as entries, and as the twin has them."""

    def __init__(self) -> None:
        self.manager = field_manager()
        self.live = {**widget(), "metadata": {"name": "w", "uid": "u"}}
        self.entries = self.manager.created(self.live, None, "maker", NOW)
        self.owned = twin.updated(TYPE, widget(), self.live, {}, "Update maker")

    @property
    def held(self) -> Managers:
        return managers.read(self.entries)

    def update(self, name: str, wanted: Object) -> None:
        new = {**wanted, "metadata": {**wanted["metadata"], "uid": "u"}}
        before = {**self.live, "metadata": {**self.live["metadata"], "managedFields": self.entries}}
        self.entries = self.manager.updated(before, new, None, name, NOW)
        if self.owned:  # what nobody tracks stays so until the first apply
            self.owned = twin.updated(TYPE, self.live, new, self.owned, f"Update {name}")
        self.live = new

    def apply(self, name: str, config: Object, force: bool) -> None:
        before = {**self.live, "metadata": {**self.live["metadata"], "managedFields": self.entries}}
        owned = self.owned or twin.updated(TYPE, widget(), self.live, {}, "Update before-first-apply")
        who = f"Apply {name}"
        wanted = twin.merged(TYPE, self.live, config, owned, who)
        try:
            done = self.manager.apply(before, config, name, NOW, force=True)
        except StatusError as error:
            raise AssertionError(error.status) from None
        new = self.live if done.object is None else done.object
        assert twin.leaves(twin.flat(TYPE, new)) == wanted
        owned, conflicts = twin.after_apply(TYPE, self.live, new, config, owned, who)
        if not force and conflicts:
            self._refused(before, config, name, conflicts)
            return
        self.live, self.entries, self.owned = normal(new), done.managed, owned

    def _refused(self, before: Object, config: Object, name: str, conflicts: twin.Owned) -> None:
        try:
            self.manager.apply(before, config, name, NOW, force=False)
        except StatusError as error:
            causes = error.status["details"]["causes"]
            assert error.code == 409 and len(causes) == sum(map(len, conflicts.values()))
        else:
            raise AssertionError(f"no conflict: {conflicts}")


@given(_STEPS)
def test_writes_in_turn_give_and_take_fields_as_the_twin_says(steps: list[tuple[str, str, Object, bool]]) -> None:
    run = Run()
    for operation, name, wanted, force in steps:
        if operation == APPLY:
            run.apply(name, wanted, force)
        else:
            run.update(name, normal(wanted))
        assert of_twin(run.held) == run.owned


@given(WIDGETS, WIDGETS)
def test_an_apply_of_the_same_again_changes_nothing(first: Object, config: Object) -> None:
    run = Run()
    run.update("bob", normal(first))
    run.apply("alice", config, force=True)
    live, entries = run.live, run.entries
    before = {**live, "metadata": {**live["metadata"], "managedFields": entries}}
    again = run.manager.apply(before, normal(config), "alice", "2026-01-02T00:00:00Z", force=False)
    assert again.object is None
    assert {entry.get("time") for entry in again.managed} <= {None, NOW}


def test_an_applier_has_one_identity_in_all_versions() -> None:
    assert manager("a", APPLY, GVK.api_version) == manager("a", APPLY, "example.com/v2")
    assert manager("a", UPDATE, GVK.api_version) != manager("a", UPDATE, "example.com/v2")
