"""The built-in kinds: one record a resource, of data (``data/resources.json``) and of the hooks listed in ``hooks.py``.

Differs: upstream stores CustomResourceDefinitions, and a few newer kinds, in a beta version; only stable versions exist
here, so they are stored in those.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import orjson

from pynetes.kinds import hooks, reset_fields
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.resource import Column, Hooks, Resource, Subresource, Version
from pynetes.meta.schema import data_file


@cache
def builtin() -> tuple[Resource, ...]:
    """Every built-in resource, in discovery order."""
    return tuple(_resource(record) for record in orjson.loads(data_file("resources.json")))


@cache
def _by_name() -> Mapping[tuple[str, str], Resource]:
    return {(r.group, r.plural): r for r in builtin()}


def resource_for(group: str, plural: str) -> Resource | None:
    """The built-in resource with this group and plural."""
    return _by_name().get((group, plural))


def _resource(record: Mapping[str, Any]) -> Resource:
    name = record["group"], record["plural"]
    return Resource(
        group=record["group"],
        plural=record["plural"],
        kind=record["kind"],
        singular=record["singular"],
        namespaced=record["namespaced"],
        verbs=tuple(record["verbs"]),
        versions=tuple(_version(v, _descriptions(record)) for v in record["versions"]),
        storage_version=record.get("storage_version") or record["versions"][0]["name"],
        storage_prefix=record.get("storage_prefix"),
        short_names=tuple(record.get("short_names", ())),
        categories=tuple(record.get("categories", ())),
        subresources={n: _subresource(n, s, (*name, n)) for n, s in record.get("subresources", {}).items()},
        load_hooks=partial(hooks.load, hooks.HOOKS[name]) if name in hooks.HOOKS else Hooks,
        convert=hooks.later(hooks.CONVERSIONS.get(name)),
        grace_period=hooks.later(hooks.GRACE_PERIODS.get(name)),
        name_is=hooks.NAMES.get(name, "dns1123-subdomain"),
        storage_group=hooks.STORED_IN.get(name),
        reset_fields=reset_fields.of(*name),
    )


@cache
def _column_descriptions() -> Mapping[str, Mapping[str, str]]:
    loaded: Mapping[str, Mapping[str, str]] = orjson.loads(data_file("column-descriptions.json"))
    return loaded


def _descriptions(record: Mapping[str, Any]) -> Mapping[str, str]:
    """What the resource's table says of its columns; those of every object's metadata where it says nothing."""
    known = _column_descriptions()
    return {**known[""], **known.get(f"{record['group']}/{record['kind']}", {})}


def _version(record: Mapping[str, Any], descriptions: Mapping[str, str]) -> Version:
    return Version(
        name=record["name"],
        type_name=record["type"],
        columns=tuple(Column(n, t, f, p, descriptions.get(n, "")) for n, t, f, p in record.get("columns", ())),
        selectable_fields=tuple(record.get("fields", ("metadata.name", "metadata.namespace"))),
    )


def _subresource(name: str, record: Mapping[str, Any], path: tuple[str, str, str]) -> Subresource:
    from pynetes.kinds.autoscaling import scale

    kind = GroupVersionKind(record["group"], record["version"], record["kind"])
    made = Subresource(name, kind, tuple(record["verbs"]), record.get("type", ""))
    if kind.kind == "Scale":
        said = _descriptions(record)
        columns = tuple(Column(column, type, "", 0, said[column]) for column, type in scale.COLUMNS)
        return replace(made, has_table=True, columns=columns, table_row=scale.table_row)
    return replace(made, has_table=name == "status" and path not in _NO_TABLES)


_NO_TABLES = frozenset(
    {("apiregistration.k8s.io", "apiservices", "status"), ("resource.k8s.io", "resourceclaims", "status")}
)
"""Statuses whose storage upstream gave no table. Source: the ``StatusREST`` of their ``storage.go``."""
