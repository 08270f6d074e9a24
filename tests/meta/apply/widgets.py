"""A made-up kind with every way for values to belong together, objects of it at random, and a field manager of it."""

from typing import Any

from hypothesis import strategies as st

from pynetes.meta.apply.fieldmanager import FieldManager
from pynetes.meta.apply.schema import Type, of_schema
from pynetes.meta.apply.updater import Versions
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object

GVK = GroupVersionKind("example.com", "v1", "Widget")
_TEXT = {"type": "string"}
_ITEM = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "size": {"type": "integer"},
        "tags": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
    },
}
_PORT = {
    "type": "object",
    "properties": {
        "port": {"type": "integer"},
        "protocol": {**_TEXT, "default": "TCP"},
        "options": {"type": "object", "properties": {"a": _TEXT, "b": _TEXT}},
    },
}
_SPEC = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "on": {"type": "boolean"},
        "selector": {"type": "object", "additionalProperties": _TEXT, "x-kubernetes-map-type": "atomic"},
        "args": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "atomic"},
        "finalizers": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
        "items": {
            "type": "array",
            "items": _ITEM,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
        "ports": {
            "type": "array",
            "items": _PORT,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port", "protocol"],
        },
        "inner": {"type": "object", "properties": {"a": _TEXT, "b": _TEXT}},
        "limits": {"type": "object", "additionalProperties": {"x-kubernetes-int-or-string": True}},
    },
}
_METADATA = {
    "type": "object",
    "properties": {
        **{name: _TEXT for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")},
        "labels": {"type": "object", "additionalProperties": _TEXT},
        "annotations": {"type": "object", "additionalProperties": _TEXT},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {
        "apiVersion": _TEXT,
        "kind": _TEXT,
        "metadata": _METADATA,
        "spec": _SPEC,
        "status": {"type": "object", "properties": {"phase": _TEXT}},
    },
}
TYPE: Type = of_schema(SCHEMA)


def widget(spec: Object | None = None, **metadata: Any) -> Object:
    obj = {"apiVersion": GVK.api_version, "kind": GVK.kind, "metadata": {"name": "w", **metadata}}
    return obj if spec is None else {**obj, "spec": spec}


def _refuse(obj: Object, api_version: str) -> Object:
    raise AssertionError(f"nothing is to be converted to {api_version}")


def field_manager(subresource: str = "") -> FieldManager:
    zero = {"apiVersion": GVK.api_version, "kind": GVK.kind, "metadata": {}}
    return FieldManager(Versions({GVK.api_version: TYPE}, {}, _refuse), GVK, zero, subresource, typed=False)


_NAMES, _WORDS = st.sampled_from("abc"), st.sampled_from(("x", "y"))


def _some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    return st.fixed_dictionaries({}, optional=members)


def _keyed(items: st.SearchStrategy[Object], *keys: str) -> st.SearchStrategy[list[Object]]:
    return st.lists(items, max_size=3, unique_by=lambda item: tuple(item.get(key, "TCP") for key in keys))


_WORD_SETS = st.lists(_NAMES, max_size=3, unique=True)
_ITEMS = st.builds(lambda name, rest: {"name": name, **rest}, _NAMES, _some(size=st.integers(0, 1), tags=_WORD_SETS))
_PORTS = st.builds(
    lambda port, rest: {"port": port, **rest},
    st.integers(1, 2),
    _some(protocol=st.sampled_from(("TCP", "UDP")), options=_some(a=_WORDS, b=_WORDS)),
)
SPECS = _some(
    count=st.integers(0, 2),
    on=st.booleans(),
    selector=st.dictionaries(_NAMES, _WORDS, min_size=1, max_size=2),
    args=st.lists(_WORDS, min_size=1, max_size=2),
    finalizers=_WORD_SETS,
    items=_keyed(_ITEMS, "name"),
    ports=_keyed(_PORTS, "port", "protocol"),
    inner=_some(a=_WORDS, b=_WORDS),
    limits=st.dictionaries(_NAMES, st.integers(1, 2) | _WORDS, max_size=2),
)
WIDGETS = st.builds(lambda spec, meta: widget(spec, **meta), SPECS, _some(labels=st.dictionaries(_NAMES, _WORDS)))
