"""From a definition to the record of a resource. Pure.

Source: apiextensions-apiserver ``pkg/apiserver/customresource_handler.go``,
``pkg/registry/customresource/{strategy,status_strategy}.go``, ``pkg/registry/customresource/tableconvertor``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pynetes.meta import fielderrors, validation
from pynetes.meta.apply import fields
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.names import dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.resource import (
    Column,
    Hooks,
    Resource,
    ScalePaths,
    Subresource,
    Version,
    WriteContext,
)
from pynetes.meta.status import Cause
from pynetes.meta.structural import paths, pruning
from pynetes.meta.structural.compiled import Structural

_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUB_VERBS = ("get", "patch", "update")
_SCALE = GroupVersionKind("autoscaling", "v1", "Scale")
_TERMINATING = "create not allowed while custom resource definition is terminating"
_INT32 = 2**31 - 1
_ALWAYS = ("metadata.name", "metadata.namespace")
_AGE = Column("Age", "date", "", 0, "CreationTimestamp is a timestamp representing the server time when this object "
              "was created. It is not guaranteed to be set in happens-before order across separate operations. Clients "
              "may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. "
              "Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/"
              "api-conventions.md#metadata", ".metadata.creationTimestamp")  # fmt: skip
_NAME = Column("Name", "string", "name", 0, "Name must be unique within a namespace. Is required when creating "
               "resources, although some resources may allow a client to request the generation of an appropriate name "
               "automatically. Name is primarily intended for creation idempotence and configuration definition. "
               "Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/"
               "names#names", ".metadata.name")  # fmt: skip


def resource_of(definition: Object) -> Resource:
    """The resource of an established definition, by the names that were accepted."""
    spec, status = definition["spec"], definition.get("status") or {}
    names: Object = status.get("acceptedNames") or spec["names"]
    group, plural = spec["group"], spec["names"]["plural"]
    versions = {version["name"]: version for version in spec["versions"]}
    storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
    schemas = {name: Structural(_schema(version)) for name, version in versions.items()}
    rules = _Rules(spec["names"]["kind"], spec["scope"] == "Namespaced", schemas[storage], versions[storage])
    kind = GroupVersionKind(group, storage, spec["names"]["kind"])
    served = [version for version in spec["versions"] if version.get("served")]
    return Resource(
        group=group,
        plural=plural,
        kind=kind.kind,
        singular=names.get("singular") or "",
        namespaced=spec["scope"] == "Namespaced",
        verbs=_VERBS,
        versions=tuple(_version(version, schemas[version["name"]], kind) for version in spec["versions"]),
        storage_version=storage,
        storage_prefix=f"/registry/{group}/{plural}",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=_subresources(kind, served),
        load_hooks=rules.hooks,
        convert=_Conversion(group, schemas),
        reads=_reads(definition, schemas),
        custom=True,
        no_creates=_TERMINATING if definition["metadata"].get("deletionTimestamp") else "",
        own_list_kind=names.get("listKind") or "",
        reset_fields=_reset_fields(served),
    )


def _schema(version: Object) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = (version.get("schema") or {}).get("openAPIV3Schema")
    return found or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _version(version: Object, schema: Structural, kind: GroupVersionKind) -> Version:
    columns = tuple(
        Column(
            column["name"],
            column["type"],
            column.get("format") or "",
            column.get("priority") or 0,
            column.get("description")
            or f"Custom resource definition column (in JSONPath format): {column['jsonPath']}",
            column["jsonPath"],
        )
        for column in version.get("additionalPrinterColumns") or ()
    )
    selectable = tuple(field["jsonPath"].removeprefix(".") for field in version.get("selectableFields") or ())
    scale = (version.get("subresources") or {}).get("scale")
    return Version(
        version["name"],
        "",
        served=bool(version.get("served")),
        columns=(_NAME, *(columns or (_AGE,))),
        selectable_fields=(*_ALWAYS, *selectable),
        structural=schema,
        scale=ScalePaths(scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath") or "")
        if scale
        else None,
        deprecated=_deprecation(version, kind),
    )


def _deprecation(version: Object, kind: GroupVersionKind) -> str:
    if not version.get("deprecated"):
        return ""
    return version.get("deprecationWarning") or f"{kind.group}/{version['name']} {kind.kind} is deprecated"


def _subresources(kind: GroupVersionKind, versions: Sequence[Object]) -> dict[str, Subresource]:
    """Those of any version."""
    found: dict[str, Subresource] = {}
    for version in versions:
        has = version.get("subresources") or {}
        if has.get("status") is not None:
            found["status"] = Subresource("status", kind, _SUB_VERBS)
        if has.get("scale") is not None:
            found["scale"] = Subresource("scale", _SCALE, _SUB_VERBS, "io.k8s.api.autoscaling.v1.Scale")
    return found


def _reset_fields(versions: Sequence[Object]) -> dict[str, fields.Filter]:
    """Those of any version, too."""
    if not any((version.get("subresources") or {}).get("status") is not None for version in versions):
        return {}
    return {
        "": fields.without(fields.of_paths(("f:status",))),
        "status": fields.without(fields.of_paths(("f:metadata",), ("f:spec",))),
    }


# between versions


def _reads(definition: Object, schemas: Mapping[str, Structural]) -> bool:
    """Whether what is stored may be otherwise than what is shown: by defaults, or written before the schema was so."""
    stored = (definition.get("status") or {}).get("storedVersions") or ()
    changed = (definition["metadata"].get("generation") or 0) > 1
    return changed or len(stored) > 1 or any(schema.has_defaults for schema in schemas.values())


class _Conversion:
    """The strategy None: what the schema of the object's own version makes of it, then another apiVersion, and what the
    schema of that version leaves of it.
    """

    def __init__(self, group: str, schemas: Mapping[str, Structural]) -> None:
        self._schemas = {f"{group}/{name}": schema for name, schema in schemas.items()}

    def __call__(self, obj: Object, api_version: str) -> Object:
        """A new object; the given one stays."""
        out: Object = orjson.loads(orjson.dumps(obj))
        if (own := self._schemas.get(obj["apiVersion"])) is not None:
            pruning.prune(out, own.schema)
            pruning.drop_nulls(out, own.schema)
            own.default(out)
        if api_version != obj["apiVersion"]:
            out["apiVersion"] = api_version
            if (wanted := self._schemas.get(api_version)) is not None:
                pruning.prune(out, wanted.schema)
        return out


# rules


@dataclass(frozen=True)
class _Rules:
    """What writes of these objects go by: the schema and subresources of the version that is stored."""

    kind: str
    namespaced: bool
    schema: Structural
    version: Object

    def hooks(self) -> Hooks:
        return Hooks(
            default=self.schema.default,
            prepare_create=self._prepare_create,
            prepare_update=self._prepare_update,
            validate=self._validate,
            validate_update=self._validate_update,
            fields=self._fields,
        )

    @property
    def _has_status(self) -> bool:
        return (self.version.get("subresources") or {}).get("status") is not None

    def _prepare_create(self, obj: Object, context: WriteContext) -> None:
        if self._has_status:
            obj.pop("status", None)
        obj["metadata"]["generation"] = 1

    def _prepare_update(self, obj: Object, old: Object, context: WriteContext) -> None:
        if context.subresource == "status":
            state = obj.get("status")
            for name in [*obj]:
                if name not in ("kind", "apiVersion", "metadata"):
                    del obj[name]
            obj.update({k: v for k, v in old.items() if k not in ("kind", "apiVersion", "metadata", "status")})
            if state is not None:
                obj["status"] = state
            kept = {k: v for k, v in obj["metadata"].items() if k in ("managedFields", "resourceVersion")}
            obj["metadata"] = {k: v for k, v in old["metadata"].items() if k != "managedFields"} | kept
            return
        if self._has_status:
            obj.pop("status", None)
            if "status" in old:
                obj["status"] = old["status"]
        if self._content(obj) != self._content(old):
            obj["metadata"]["generation"] = (old["metadata"].get("generation") or 0) + 1

    def _content(self, obj: Object) -> Object:
        """What a change of makes a new generation."""
        left_out = (
            ("metadata", "apiVersion", "kind", "status") if self._has_status else ("metadata", "apiVersion", "kind")
        )
        return {name: value for name, value in obj.items() if name not in left_out}

    def _validate(self, obj: Object, context: WriteContext) -> list[Cause]:
        causes = self._type(obj) + validation.object_meta(obj, self.namespaced, dns1123_subdomain)
        return causes + self.schema.validate(obj) + self._scale(obj)

    def _validate_update(self, obj: Object, old: Object, context: WriteContext) -> list[Cause]:
        causes = self._type(obj) + validation.object_meta_update(obj, old)
        if context.subresource == "status":
            return causes + self.schema.validate_status(obj, old) + self._scale(obj)
        return causes + self.schema.validate(obj, old) + self._scale(obj)

    def _type(self, obj: Object) -> list[Cause]:
        if obj.get("kind") == self.kind:
            return []
        return [fielderrors.invalid("kind", obj.get("kind") or "", f"must be {self.kind}")]

    def _scale(self, obj: Object) -> list[Cause]:
        """Replicas are no fewer than none, and fit into 32 bits; a selector is a text."""
        scale = (self.version.get("subresources") or {}).get("scale")
        if not scale:
            return []
        causes: list[Cause] = []
        for name in ("specReplicasPath", "statusReplicasPath"):
            value, problem = paths.integer_at(scale[name], obj)
            if problem:
                causes.append(fielderrors.invalid(scale[name], 0, f"{scale[name]} accessor error: {problem}"))
            elif value < 0:
                causes.append(fielderrors.invalid(scale[name], value, "should be a non-negative integer"))
            elif value > _INT32:
                detail = f"should be less than or equal to {_INT32}"
                causes.append(fielderrors.invalid(scale[name], value, detail))
        if where := scale.get("labelSelectorPath"):
            _, problem = paths.text_at(where, obj)
            if problem:
                causes.append(fielderrors.invalid(where, "", f"{where} accessor error: {problem}"))
        return causes

    def _fields(self, obj: Object) -> dict[str, str]:
        """The selectable fields, as text."""
        found = {}
        for field in self.version.get("selectableFields") or ():
            value = paths.value_at(field["jsonPath"], obj)
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            found[field["jsonPath"].removeprefix(".")] = text
        return found
