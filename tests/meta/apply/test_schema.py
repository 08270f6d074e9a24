"""How values belong together, by the schemas of built-in types and of custom resources.

Quoted: kubernetes.io, "Server-Side Apply", section "Merge strategy" (its table of OpenAPI markers).
"""

import pytest

from pynetes.meta.apply.schema import ItemError, ListType, MapType, SchemaError, Type, builtin, of_schema

CORE = "io.k8s.api.core.v1"


def at(of: Type, *path: str) -> Type:
    """The type at a path of fields; ``[]`` is the items of a list, ``{}`` the values of a map."""
    for name in path:
        found = of.list.of if name == "[]" and of.list else of.map and of.map.type_of(name)
        assert isinstance(found, Type), name
        of = found
    return of


def list_at(of: Type, *path: str) -> ListType:
    found = at(of, *path).list
    assert found is not None
    return found


def map_at(of: Type, *path: str) -> MapType:
    found = at(of, *path).map
    assert found is not None
    return found


POD = builtin(f"{CORE}.Pod")


def test_lists_are_atomic_or_sets_or_maps_as_their_marker_says() -> None:
    """``x-kubernetes-list-type``: "Applicable to lists. set applies to lists that include only scalar elements. These
    elements must be unique. map applies to lists of nested types only. The key values ... must be unique in the list.
    atomic can apply to any list."
    """
    assert list_at(POD, "spec", "containers").keys == ("name",)
    assert list_at(POD, "spec", "containers", "[]", "ports").keys == ("containerPort", "protocol")
    assert list_at(POD, "spec", "containers", "[]", "args").atomic
    finalizers = list_at(POD, "metadata", "finalizers")
    assert not finalizers.atomic and finalizers.keys == ()


def test_maps_are_granular_unless_they_are_marked_atomic() -> None:
    """``x-kubernetes-map-type``: "Applicable to maps. atomic means that the map can only be entirely replaced by a
    single manager. granular means that the map supports separate managers updating individual fields."
    """
    assert map_at(POD, "spec", "nodeSelector").atomic
    assert not map_at(POD, "metadata", "labels").atomic
    assert map_at(POD, "metadata", "ownerReferences", "[]").atomic


def test_a_field_may_say_otherwise_of_the_type_that_it_refers_to() -> None:
    volume = builtin(f"{CORE}.PersistentVolume")
    assert not map_at(volume, "spec", "claimRef").atomic
    assert map_at(POD, "spec", "containers", "[]", "env", "[]", "valueFrom", "secretKeyRef").atomic
    assert map_at(builtin(f"{CORE}.ObjectReference")).atomic


def test_lists_of_old_types_follow_their_merge_strategy() -> None:
    old = {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-strategy": "merge"}
    assert list_at(of_schema({**old, "x-kubernetes-patch-merge-key": "name"})).keys == ("name",)
    assert not list_at(of_schema(old)).atomic
    assert list_at(of_schema({**old, "x-kubernetes-patch-strategy": "retainKeys"})).atomic


def test_recursive_types_end() -> None:
    props = builtin("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    assert at(props, "not", "not", "not") is props


def test_quantities_are_scalars_and_raw_extensions_one_whole() -> None:
    quantity = at(POD, "spec", "containers", "[]", "resources", "limits", "cpu")
    assert quantity.scalar and quantity.map is None
    assert map_at(builtin("io.k8s.api.apps.v1.ControllerRevision"), "data").atomic


def test_absent_keys_take_their_default() -> None:
    """ "... the keys ... may have default values" (x-kubernetes-list-map-keys): a port without a protocol is TCP."""
    ports = list_at(POD, "spec", "containers", "[]", "ports")
    assert ports.element({"containerPort": 80}) == 'k:{"containerPort":80,"protocol":"TCP"}'
    assert ports.element({"containerPort": 80, "protocol": "UDP"}) == 'k:{"containerPort":80,"protocol":"UDP"}'


def test_items_without_any_key_have_no_place() -> None:
    keyed = {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}
    of = list_at(of_schema({**keyed, "x-kubernetes-list-map-keys": ["a", "b"]}))
    assert of.element({"b": 1}) == 'k:{"b":1}'
    with pytest.raises(ItemError, match=r'an element that omits all key fields \["a" "b"\]'):
        of.element({"c": 1})
    with pytest.raises(ItemError, match="may not have a null element"):
        of.element(None)


def test_true_is_another_key_than_one() -> None:
    keyed = {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}
    of = list_at(of_schema({**keyed, "x-kubernetes-list-map-keys": ["a"]}))
    assert [of.element({"a": value}) for value in (1, True, 1, 1.0)] == [
        'k:{"a":1}', 'k:{"a":true}', 'k:{"a":1}', 'k:{"a":1}',
    ]  # fmt: skip


def test_sets_hold_scalars_only() -> None:
    of = list_at(of_schema({"type": "array", "items": {}, "x-kubernetes-list-type": "set"}))
    assert of.element("a") == 'v:"a"'
    for item, why in (({}, "a map type"), ([], "lists as elements"), (None, "an explicit null")):
        with pytest.raises(ItemError, match=why):
            of.element(item)


def test_what_no_schema_declares_may_stand_where_it_is_preserved() -> None:
    closed = {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}}
    assert map_at(of_schema(closed)).type_of("x") is None
    assert map_at(of_schema(closed, preserve_unknown_fields=True), "a").type_of("x") is not None
    opened = of_schema({**closed, "x-kubernetes-preserve-unknown-fields": True})
    assert map_at(opened, "a").type_of("x") is not None
    assert map_at(of_schema({"type": "object"})).deduced


def test_an_object_inside_another_has_metadata_of_its_own() -> None:
    marks = {"x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    inside = of_schema({"type": "object", **marks})
    assert set(map_at(inside).fields) == {"apiVersion", "kind", "metadata"}
    assert map_at(inside).type_of("spec") is not None
    assert list_at(inside, "metadata", "ownerReferences").keys == ("uid",)


def test_schemas_that_say_nothing_of_their_items_are_refused() -> None:
    with pytest.raises(SchemaError):
        of_schema({"type": "array"})
    with pytest.raises(SchemaError):
        of_schema({"type": "object", "x-kubernetes-map-type": "odd"})
