"""managedFields of whole objects.

Quoted: kubernetes.io, "Server-Side Apply".
"""

from typing import Any

import orjson
import pytest

from pynetes.meta.apply import fields
from pynetes.meta.apply.fieldmanager import LAST_APPLIED, Applied, ApplyError, FieldManager
from pynetes.meta.apply.schema import of_schema
from pynetes.meta.apply.updater import Versions
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError
from tests.meta.apply.widgets import GVK, SCHEMA, TYPE, field_manager, widget

THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
MANAGER = field_manager()


def owned(entries: list[Object]) -> dict[str, Any]:
    """What each manager owns of the spec."""
    return {found["manager"]: found["fieldsV1"].get("f:spec", {}) for found in entries}


def made(spec: Object, name: str = "maker", **metadata: Any) -> Object:
    """A live widget that a client made."""
    obj = widget(spec, uid="u", **metadata)
    obj["metadata"]["managedFields"] = MANAGER.created(obj, None, name, THEN)
    return obj


def apply(live: Object | None, spec: Object, name: str = "alice", *, force: bool = False) -> Applied:
    return MANAGER.apply(live, widget(spec), name, NOW, force=force)


def after(live: Object | None, done: Applied) -> Object:
    obj = done.object or live
    assert obj is not None
    return {**obj, "metadata": {**obj["metadata"], "uid": "u", "managedFields": done.managed}}


# -- updates


def test_who_makes_an_object_owns_its_fields_but_not_its_identity() -> None:
    obj = widget({"count": 1}, namespace="n", uid="u", labels={"a": "x"}, resourceVersion="1")
    entry = MANAGER.created(obj, None, "maker", NOW)[0]
    assert entry == {
        "manager": "maker",
        "operation": "Update",
        "apiVersion": "example.com/v1",
        "time": NOW,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {".": {}, "f:count": {}}},
    }


def test_an_update_takes_over_what_it_changes() -> None:
    """ "... the user's manager becomes the owner of the updated field" and others' ownership of it ends."""
    live = made({"count": 1, "on": True})
    entries = MANAGER.updated(live, widget({"count": 2, "on": True}, uid="u"), None, "other", NOW)
    assert owned(entries) == {"maker": {".": {}, "f:on": {}}, "other": {"f:count": {}}}
    assert [found["time"] for found in entries] == [THEN, NOW]


def test_an_update_that_changes_nothing_leaves_the_entries_as_they_are() -> None:
    live = made({"count": 1})
    same = widget({"count": 1}, uid="u")
    assert MANAGER.updated(live, same, None, "other", NOW) == live["metadata"]["managedFields"]


def test_what_is_removed_nobody_owns() -> None:
    live = made({"count": 1, "on": True})
    entries = MANAGER.updated(live, widget({"on": True}, uid="u"), None, "other", NOW)
    assert owned(entries) == {"maker": {".": {}, "f:on": {}}}


def test_an_object_that_nobody_tracks_stays_so() -> None:
    live = {**widget({"count": 1}), "metadata": {"name": "w", "uid": "u"}}
    assert MANAGER.updated(live, widget({"count": 2}, uid="u"), None, "other", NOW) == []


@pytest.mark.parametrize("reset", [[], [{}]])
def test_a_client_resets_by_an_empty_list(reset: list[Object]) -> None:
    live = made({"count": 1})
    assert MANAGER.updated(live, widget({"count": 2}, uid="u"), reset, "other", NOW) == []


def test_a_client_may_say_who_owns_what() -> None:
    live = made({"count": 1})
    given = [{**live["metadata"]["managedFields"][0], "manager": "renamed"}]
    assert set(owned(MANAGER.updated(live, widget({"count": 1}, uid="u"), given, "other", NOW))) == {"renamed"}


@pytest.mark.parametrize("given", [[{"operation": "Fly"}], [{}, {}]])
def test_what_cannot_be_read_of_a_client_changes_nothing(given: list[Object]) -> None:
    live = made({"count": 1})
    same = widget({"count": 1}, uid="u")
    assert MANAGER.updated(live, same, given, "other", NOW) == live["metadata"]["managedFields"]


def test_an_entry_of_no_version_at_all_ends_the_tracking() -> None:
    live = made({"count": 1})
    given = [{**live["metadata"]["managedFields"][0], "apiVersion": "a/b/c"}]
    assert MANAGER.updated(live, widget({"count": 2}, uid="u"), given, "other", NOW) == []
    assert MANAGER.created(widget({"count": 1}), given, "other", NOW) == []
    live["metadata"]["managedFields"] = given
    with pytest.raises(ApplyError, match="unexpected GroupVersion string: a/b/c"):
        apply(live, {"count": 2})


def test_nobody_is_given_the_name_of_a_new_object() -> None:
    name = {"f:metadata": {"f:name": {}}}
    entry = {"manager": "x", "operation": "Apply", "apiVersion": GVK.api_version, "fieldsType": "FieldsV1"}
    given = [{**entry, "fieldsV1": name}]
    assert set(owned(MANAGER.created(widget({"count": 1}), given, "maker", NOW))) == {"maker"}


def test_writers_of_a_subresource_cannot_say_who_owns_what() -> None:
    live = made({"count": 1})
    manager = field_manager("status")
    entries = manager.updated(live, {**widget({"count": 1}, uid="u"), "status": {"phase": "x"}}, [], "kubelet", NOW)
    assert [(found["manager"], found.get("subresource")) for found in entries] == [
        ("maker", None),
        ("kubelet", "status"),
    ]


def test_what_a_path_does_not_decide_on_is_not_owned() -> None:
    reset = {GVK.api_version: fields.without(fields.of_paths(("f:status",)))}
    zero = {"apiVersion": GVK.api_version, "kind": GVK.kind, "metadata": {}}
    manager = FieldManager(Versions({GVK.api_version: TYPE}, reset, lambda obj, _: obj), GVK, zero)
    new = {**widget({"count": 1}), "status": {"phase": "x"}}
    assert set(manager.created(new, None, "m", NOW)[0]["fieldsV1"]) == {"f:spec"}
    done = manager.apply(None, {**new, "status": {"phase": "x"}}, "m", NOW, force=False)
    assert set(done.managed[0]["fieldsV1"]) == {"f:spec"}


def test_an_object_that_does_not_fit_its_schema_is_not_tracked() -> None:
    assert MANAGER.created(widget({"items": [{"size": 1}]}), None, "m", NOW) == []
    assert MANAGER.created(widget({"count": "x"}), None, "m", NOW) == []


# -- applies


def test_an_apply_makes_what_is_not_there_and_owns_what_it_says() -> None:
    done = apply(None, {"count": 1, "inner": {"a": "x"}})
    assert done.object == widget({"count": 1, "inner": {"a": "x"}})
    assert owned(done.managed) == {"alice": {"f:count": {}, "f:inner": {"f:a": {}}}}
    assert done.managed[0]["time"] == NOW


def test_a_value_that_another_owns_is_a_conflict() -> None:
    """ "A conflict is a special status error that occurs when an Apply operation tries to change a field that another
    manager also claims to manage."
    """
    with pytest.raises(StatusError) as error:
        apply(made({"count": 1}), {"count": 2})
    assert error.value.status["reason"] == "Conflict"
    assert error.value.status["message"] == (
        'Apply failed with 1 conflict: conflict with "maker" using example.com/v1: .spec.count'
    )
    assert error.value.status["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "maker" using example.com/v1',
            "field": ".spec.count",
        }
    ]


def test_many_conflicts_are_told_by_manager() -> None:
    live = after(None, apply(None, {"count": 1, "on": True}))
    live = after(live, apply(live, {"inner": {"a": "x"}}, "bob"))
    with pytest.raises(StatusError) as error:
        apply(live, {"count": 2, "on": False, "inner": {"a": "y"}}, "carol")
    assert str(error.value) == (
        'Apply failed with 3 conflicts: conflicts with "alice":\n- .spec.count\n- .spec.on\nconflicts with "bob":\n'
        "- .spec.inner.a"
    )


def test_force_takes_the_field_and_its_ownership() -> None:
    """ "... force ... changes the value of the field, and removes the field from all other managers' entries"."""
    done = apply(made({"count": 1, "on": True}), {"count": 2}, force=True)
    assert done.object is not None and done.object["spec"] == {"count": 2, "on": True}
    assert owned(done.managed) == {"alice": {"f:count": {}}, "maker": {".": {}, "f:on": {}}}


def test_the_same_value_is_shared() -> None:
    """ "If two or more appliers set a field to the same value, they share ownership of that field." """
    live = made({"count": 1})
    done = apply(live, {"count": 1})
    assert done.object is None
    assert owned(done.managed) == {"alice": {"f:count": {}}, "maker": {".": {}, "f:count": {}}}


def test_what_changes_nothing_gives_a_new_manager_no_time() -> None:
    done = apply(made({"count": 1}), {"count": 1})
    assert ["time" in found for found in done.managed] == [False, True]


def test_what_an_applier_leaves_out_goes_when_nobody_else_owns_it() -> None:
    """ "If you remove a field from a manifest and apply that manifest, ... Server-Side Apply checks if there are any
    other field managers that also own the field. If the field is not owned by any other field managers, it is either
    deleted from the live object or reset to its default value."
    """
    live = after(None, apply(None, {"count": 1, "on": True, "items": [{"name": "a"}, {"name": "b"}]}))
    live = after(live, apply(live, {"on": True, "items": [{"name": "b"}]}, "bob"))
    done = apply(live, {})
    assert done.object is not None and done.object["spec"] == {"on": True, "items": [{"name": "b"}]}
    assert owned(done.managed)["bob"] == {"f:items": {'k:{"name":"b"}': {".": {}, "f:name": {}}}, "f:on": {}}


def test_an_applier_that_owns_nothing_any_more_has_no_entry() -> None:
    live = after(None, apply(None, {"count": 1}))
    assert MANAGER.apply(live, widget(), "alice", NOW, force=False).managed == []


def test_the_first_apply_to_an_untracked_object_meets_a_manager_of_all_that_is_there() -> None:
    live = {**widget({"count": 1}), "metadata": {"name": "w", "uid": "u"}}
    with pytest.raises(StatusError, match=r'conflict with "before-first-apply" using example\.com/v1: \.spec\.count'):
        apply(live, {"count": 2})
    done = apply(live, {"on": True})
    assert owned(done.managed) == {"alice": {"f:on": {}}, "before-first-apply": {".": {}, "f:count": {}}}


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (None, "invalid object type: /, Kind="),
        ({}, "invalid object type: /, Kind="),
        ({"apiVersion": "a/b/c", "kind": "Widget"}, "invalid object type: /, Kind="),
        ({"apiVersion": 5, "kind": []}, "invalid object type: /, Kind="),
        ({"apiVersion": "example.com/v9", "kind": "Widget"}, "invalid object type: example.com/v9, Kind=Widget"),
        (widget(managedFields=[]), "metadata.managedFields must be nil"),
    ],
)
def test_what_is_no_configuration_of_the_kind_is_refused(config: Any, why: str) -> None:
    with pytest.raises(StatusError) as error:
        MANAGER.apply(None, config, "alice", NOW, force=False)
    assert (error.value.code, str(error.value)) == (400, why)


def test_a_configuration_of_the_wrong_types_is_no_api_error() -> None:
    with pytest.raises(ApplyError) as error:
        apply(None, {"count": "x"})
    assert str(error.value) == (
        "failed to create typed patch object (/w; example.com/v1, Kind=Widget): .spec.count: expected numeric (int or "
        "float), got string"
    )


# -- from kubectl's own apply


def client_side(spec: Object) -> Object:
    """A live widget as ``kubectl apply`` leaves it."""
    annotations = {LAST_APPLIED: orjson.dumps(widget(spec)).decode()}
    return made({**spec, "on": True}, "kubectl-client-side-apply", annotations=annotations)


def test_kubectl_takes_over_what_it_applied_on_the_client() -> None:
    """ "By default, kubectl ... will automatically upgrade ... fields that were set by client-side apply" (section
    "Migration between client-side and server-side apply").
    """
    done = MANAGER.apply(client_side({"count": 1}), widget({"count": 2}), "kubectl", NOW, force=False)
    assert done.object is not None and done.object["spec"]["count"] == 2
    remembered = done.object["metadata"]["annotations"][LAST_APPLIED]
    assert remembered == (
        '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"count":2}}\n'
    )


def test_other_managers_take_nothing_over() -> None:
    with pytest.raises(StatusError, match="conflict with"):
        MANAGER.apply(client_side({"count": 1}), widget({"count": 2}), "alice", NOW, force=False)


def test_what_has_changed_since_kubectl_applied_it_is_a_conflict_still() -> None:
    live = client_side({"count": 1})
    live["spec"]["count"] = 5
    with pytest.raises(StatusError, match=r"1 conflict: .*\.spec\.count"):
        MANAGER.apply(live, widget({"count": 2}), "kubectl", NOW, force=False)


def test_an_unreadable_memory_of_kubectl_helps_nobody() -> None:
    live = client_side({"count": 1})
    for text in ("{", "[]", '{"apiVersion":"other/v1"}'):
        live["metadata"]["annotations"][LAST_APPLIED] = text
        with pytest.raises(StatusError, match="conflict with"):
            MANAGER.apply(live, widget({"count": 2}), "kubectl", NOW, force=False)


# -- several versions


V2 = GroupVersionKind("example.com", "v2", "Widget")


def _converted(obj: Object, api_version: str) -> Object:
    """v2 calls the count ``total``."""
    names = {"count": "total"} if api_version == V2.api_version else {"total": "count"}
    spec = {names.get(name, name): value for name, value in (obj.get("spec") or {}).items()}
    return {**obj, "apiVersion": api_version, "spec": spec}


def _of_v2() -> FieldManager:
    properties = SCHEMA["properties"]
    spec = properties["spec"]
    renamed = {**spec, "properties": {**spec["properties"], "total": {"type": "integer"}}}
    of_v2 = of_schema({**SCHEMA, "properties": {**properties, "spec": renamed}})
    zero = {"apiVersion": V2.api_version, "kind": V2.kind, "metadata": {}}
    return FieldManager(Versions({GVK.api_version: TYPE, V2.api_version: of_v2}, {}, _converted), V2, zero)


def test_managers_keep_the_names_of_their_own_version() -> None:
    live = _converted(made({"count": 1, "on": True}), V2.api_version)
    new = {**live, "spec": {**live["spec"], "total": 2}}
    assert owned(_of_v2().updated(live, new, None, "other", NOW)) == {
        "maker": {".": {}, "f:on": {}},
        "other": {"f:total": {}},
    }


def test_an_applier_may_change_its_version() -> None:
    live = _converted(after(None, apply(None, {"count": 1, "on": True})), V2.api_version)
    config = {**widget({"total": 1}), "apiVersion": V2.api_version}
    done = _of_v2().apply(live, config, "alice", NOW, force=False)
    assert done.object is not None and done.object["spec"] == {"total": 1}
    assert [(found["apiVersion"], found["fieldsV1"]) for found in done.managed] == [
        (V2.api_version, {"f:spec": {"f:total": {}}})
    ]


def test_entries_of_versions_that_are_gone_are_dropped() -> None:
    live = made({"count": 1, "on": True})
    live["metadata"]["managedFields"].append({**live["metadata"]["managedFields"][0], "apiVersion": "example.com/v0"})
    entries = MANAGER.updated(live, widget({"count": 2, "on": True}, uid="u"), None, "other", NOW)
    assert {found["apiVersion"] for found in entries} == {"example.com/v1"}
