"""Who owns the fields of what a request writes: the field manager of its path, and the names of those who write.

Source: apiserver ``pkg/endpoints/installer.go``, ``pkg/endpoints/handlers/create.go``,
``pkg/endpoints/handlers/fieldmanager``.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import orjson

from pynetes.apiserver import faults
from pynetes.apiserver.context import Context
from pynetes.meta.apply import managers, schema
from pynetes.meta.apply.fieldmanager import Applied, ApplyError, FieldManager, called, kind_text
from pynetes.meta.apply.fields import Path
from pynetes.meta.apply.scale import REPLICAS, ScaleManagers
from pynetes.meta.apply.updater import UnknownVersion, Versions
from pynetes.meta.decoder import decoder
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource, Version
from pynetes.meta.structural import paths as jsonpaths
from pynetes.meta.times import rfc3339

SERVER = "kube-apiserver"
"""The manager of what the server writes itself."""
_LONGEST_NAME_BYTES = 128
_MANAGERS = 1024
_SCALE, _SCALE_TYPE = GroupVersionKind("autoscaling", "v1", "Scale"), "io.k8s.api.autoscaling.v1.Scale"


def own_created(ctx: Context, obj: Object, manager: str) -> None:
    """Say in a new object who owns it. In place; the object, in the storage version, takes the form that Go writes."""
    given = obj["metadata"].pop("managedFields", None)
    seen = _seen(ctx, obj)
    entries = _of(ctx).created(seen, given, _name(ctx, manager), _now(ctx))
    if entries:
        obj["metadata"]["managedFields"] = entries


def own_updated(ctx: Context, obj: Object, old: Object, manager: str) -> None:
    """Likewise for the next state of an object; ``old`` is in the storage version, too, and only read."""
    given = obj["metadata"].pop("managedFields", None)
    seen, before = _seen(ctx, obj), _seen(ctx, old, shared=True)
    entries = _of(ctx).updated(before, seen, given, _name(ctx, manager), _now(ctx))
    if entries:
        obj["metadata"]["managedFields"] = entries


def own_as_server(resource: Resource, obj: Object, old: Object | None, manager: str, now: float) -> None:
    """As ``own_created`` and ``own_updated``, for what the server writes itself, in the version that is stored."""
    held = manager_of(resource, resource.storage_version, "")
    seen, time = decoder(_type_name(resource)).held(obj), _time(int(now))
    obj["metadata"].pop("managedFields", None)
    entries = held.created(seen, None, manager, time) if old is None else held.updated(old, seen, None, manager, time)
    if entries:
        obj["metadata"]["managedFields"] = entries


def apply_status_as_server(resource: Resource, obj: Object, status: Object, manager: str, now: float) -> Object:
    """The object with a status that a part of the server applies."""
    config = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], "metadata": {"name": obj["metadata"]["name"]}}
    live = decoder(_type_name(resource)).held(obj)
    path = manager_of(resource, resource.storage_version, "status")
    done = path.apply(live, {**config, "status": status}, manager, _time(int(now)), force=True)
    return {**obj, "metadata": {**obj["metadata"], "managedFields": done.managed}, "status": status}


def _type_name(resource: Resource) -> str:
    version = resource.version(resource.storage_version)
    assert version is not None
    return version.type_name


def unreadable(entries: Sequence[Object] | None) -> str:
    """Why managedFields cannot be read; ``""``: they can."""
    try:
        managers.read(entries or ())
    except managers.ManagersError as error:
        return str(error)
    return ""


def apply(ctx: Context, live: Object | None, config: Any, manager: str, *, force: bool) -> Applied:
    """What an apply makes of the live object (in the storage version), in the version of the path.

    Raises: StatusError, meta.apply.fieldmanager.ApplyError.
    """
    if live is not None:
        live = _seen(ctx, live, shared=True)
    return _of(ctx).apply(live, config, manager, _now(ctx), force=force)


def scale_managers(ctx: Context, workload: Object) -> ScaleManagers:
    """Who owns what of a workload, for its scale."""
    assert ctx.resource is not None and ctx.version is not None
    paths = {ctx.resource.gvk(v.name).api_version: _replicas(ctx.resource, v) for v in ctx.resource.versions}
    api_version = ctx.resource.gvk(ctx.version.name).api_version
    try:
        return ScaleManagers(workload["metadata"].get("managedFields"), api_version, paths)
    except managers.ManagersError as error:
        raise faults.unclassified(str(error)) from None


def _replicas(resource: Resource, version: Version) -> Path | None:
    """Where a version of a workload has its number of replicas."""
    if not resource.custom:
        return REPLICAS
    return None if version.scale is None else tuple(f"f:{key}" for key in jsonpaths.keys(version.scale.replicas))


def own_scale(ctx: Context, scale: Object, current: Object, manager: str) -> None:
    """As ``own_updated``, for the scale of a workload."""
    scale["metadata"].pop("managedFields", None)
    entries = _scale().updated(current, decoder(_SCALE_TYPE).held(scale), None, _name(ctx, manager), _now(ctx))
    if entries:
        scale["metadata"]["managedFields"] = entries


def apply_scale(ctx: Context, current: Object, config: Any, manager: str, *, force: bool) -> Applied:
    """As ``apply``. Of a custom resource, upstream takes no scale that would change anything, or the first."""
    assert ctx.resource is not None
    why = f"request to convert CR to an invalid group/version: {_SCALE.api_version}"
    if ctx.resource.custom and not current["metadata"].get("managedFields"):
        cannot = f"failed to convert live object (/; {kind_text(_SCALE)}) to proper version: {why}"
        raise ApplyError(f"failed to create manager for existing fields: {cannot}")
    done = _scale().apply(current, config, manager, _now(ctx), force=force)
    if done.object is not None and ctx.resource.custom:
        raise ApplyError(f"failed to convert new object ({called(config)}) to proper version: {why}")
    return done


@cache
def _scale() -> FieldManager:
    zero = decoder(_SCALE_TYPE).canonical({"kind": _SCALE.kind, "apiVersion": _SCALE.api_version})

    def convert(obj: Object, api_version: str) -> Object:
        raise UnknownVersion(api_version)

    return FieldManager(Versions({_SCALE.api_version: schema.builtin(_SCALE_TYPE)}, {}, convert), _SCALE, zero, "scale")


def _of(ctx: Context) -> FieldManager:
    assert ctx.resource is not None and ctx.version is not None
    return manager_of(ctx.resource, ctx.version.name, ctx.info.subresource)


@lru_cache(_MANAGERS)
def manager_of(resource: Resource, version_name: str, subresource: str) -> FieldManager:
    version = resource.version(version_name)
    assert version is not None
    gvk = resource.gvk(version_name)
    zero: Object = {"kind": gvk.kind, "apiVersion": gvk.api_version, "metadata": {}}
    if version.structural is None:
        zero = decoder(version.type_name).canonical(zero)
    return FieldManager(_versions_of(resource, subresource), gvk, zero, subresource, typed=not resource.custom)


@lru_cache(_MANAGERS)
def _versions_of(resource: Resource, subresource: str) -> Versions:
    versions = {resource.gvk(version.name).api_version: version for version in resource.versions}
    reset = resource.reset_fields.get(subresource)

    def convert(obj: Object, api_version: str) -> Object:
        if api_version not in versions or resource.convert is None:
            raise UnknownVersion(api_version)
        return _converted(resource, obj, api_version, versions[api_version])

    types = {api_version: _type_of(version) for api_version, version in versions.items()}
    return Versions(types, {} if reset is None else dict.fromkeys(versions, reset), convert)


def _type_of(version: Version) -> schema.Type:
    if version.structural is None:
        return schema.builtin(version.type_name)
    return schema.of_schema(version.structural.of_object)


def _converted(resource: Resource, obj: Object, api_version: str, version: Version) -> Object:
    """An object of the caller's own in another version."""
    assert resource.convert is not None
    own: Object = orjson.loads(orjson.dumps(resource.convert(obj, api_version)))
    return own if version.structural is not None else decoder(version.type_name).canonical(own)


def _seen(ctx: Context, obj: Object, *, shared: bool = False) -> Object:
    """An object of the storage version in the version of the path, as Go writes it.

    Without a conversion this is the object itself, changed in place unless it is ``shared``: then it is in that form
    already.
    """
    resource, version = ctx.resource, ctx.version
    assert resource is not None and version is not None
    api_version = resource.gvk(version.name).api_version
    if resource.convert is not None and (obj["apiVersion"] != api_version or (shared and resource.reads)):
        return _converted(resource, obj, api_version, version)
    return obj if shared or version.structural is not None else decoder(version.type_name).held(obj)


def _now(ctx: Context) -> str:
    return _time(int(ctx.server.clock.now()))


@lru_cache(8)
def _time(seconds: int) -> str:
    return rfc3339(seconds)


def _name(ctx: Context, manager: str) -> str:
    return manager or name_of_agent(ctx.request.headers.get("user-agent", ""))


def name_of_agent(user_agent: str) -> str:
    """The manager that a client without a better name is: its User-Agent up to the first ``/``."""
    name = user_agent.partition("/")[0]
    if name.isprintable() and name.isascii() and len(name) <= _LONGEST_NAME_BYTES:
        return name
    name = "".join(filter(str.isprintable, name))
    return name.encode()[:_LONGEST_NAME_BYTES].decode("utf-8", "ignore")
