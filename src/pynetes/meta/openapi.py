"""The OpenAPI documents: ``/openapi/v3`` (an index, and one document a group-version) and ``/openapi/v2``.

Made from the schemas (``types.json``) and the paths (``paths.json``) when first asked for, and kept: together they are
megabytes. Custom resources bring their own schemas. Source: kube-openapi ``pkg/handler3``, ``pkg/builder3``; apiserver
``pkg/endpoints/installer.go`` for the operations.
Differs: no descriptions; v2 has no protobuf form (``application/com.github.proto-openapi.spec.v2@v1.0+protobuf``).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha512
from typing import Any

import orjson

from pynetes.meta.resource import Resource
from pynetes.meta.schema import Schema, data_file, type_name_of, types

VERSION = "v1.36.3"
_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_SECURITY: list[dict[str, list[str]]] = [{"BearerToken": []}]
_BEARER = {
    "type": "apiKey",
    "description": "Bearer Token authentication",
    "name": "authorization",
    "in": "header",
}
_BOOLEANS = frozenset(
    [
        "allowWatchBookmarks",
        "follow",
        "force",
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "insecureSkipTLSVerifyBackend",
        "orphanDependents",
        "previous",
        "sendInitialEvents",
        "stderr",
        "stdin",
        "stdout",
        "timestamps",
        "tty",
        "watch",
    ]
)
_INTEGERS = frozenset(
    ["gracePeriodSeconds", "limit", "limitBytes", "ports", "sinceSeconds", "tailLines", "timeoutSeconds"]
)
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_REASONS = {"200": "OK", "201": "Created", "202": "Accepted", "401": "Unauthorized"}
_METHODS = {"get": "read", "put": "replace", "post": "create", "patch": "patch", "delete": "delete"}


def etag(document: bytes) -> str:
    """As kube-openapi hashes a document: without quotes, for ``?hash=`` and (quoted) the ETag header."""
    return sha512(document).hexdigest().upper()


def group_version_path(path: str) -> str:
    """The document that a request path belongs to: ``apis/apps/v1``, ``api/v1``, ``apis/apps``, ``version`` ..."""
    parts = path.strip("/").split("/")
    if parts[0] == "apis":
        return "/".join(parts[:3])
    return "/".join(parts[:2]) if parts[0] == "api" else "/".join(parts)


# v3


def index_v3(resources: Iterable[Resource] = ()) -> bytes:
    """``/openapi/v3``: where each document is. ``resources`` adds those that are not built in."""
    hashes = {name: _hash_of(name) for name in _paths_by_document()}
    schemas: dict[str, list[Any]] = {}
    for resource in resources:
        for version in resource.versions:
            if version.served and version.structural is not None:
                name = f"apis/{resource.group}/{version.name}"
                schemas.setdefault(name, []).append([resource.kind, version.structural.schema])
    hashes.update({name: etag(orjson.dumps(found)) for name, found in schemas.items()})
    listed = {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={hashes[name]}"} for name in sorted(hashes)}
    return orjson.dumps({"paths": listed})


@cache
def _hash_of(name: str) -> str:
    """Stands for a built-in document's content without making it: the data that it comes from."""
    return etag(name.encode() + _data_digest())


@cache
def _data_digest() -> bytes:
    return sha512(data_file("types.json") + data_file("paths.json")).digest()


@cache
def document_v3(name: str) -> bytes | None:
    """One document, by its name in the index (``apis/apps/v1``); None for one that is not built in."""
    paths = _paths_by_document().get(name)
    if paths is None:
        return None
    built = {path: _path_item(path, operations) for path, operations in paths.items()}
    needed = sorted(_closure(_refs(built)))
    schemas = {n: _schema_v3(types()[n]) for n in needed}
    return orjson.dumps(_document_v3(built, schemas))


def custom_document_v3(resources: Iterable[Resource], schemas: Mapping[str, Schema], group: str, version: str) -> bytes:
    """The document of custom resources of one group-version; ``schemas`` by plural, as their definitions give them."""
    paths: dict[str, Any] = {}
    defined: dict[str, Any] = {}
    for resource in resources:
        name = ".".join([*reversed(group.split(".")), version, resource.kind])
        kind = {"group": group, "version": version, "kind": resource.kind}
        defined[name] = _custom_schema(schemas.get(resource.plural) or {"type": "object"}, [kind])
        defined[f"{name}List"] = _custom_list(name, {**kind, "kind": resource.list_kind})
        paths.update(_custom_paths(resource, version, kind, name))
    needed = sorted(_closure(_refs(paths) | _refs(defined)) - set(defined))
    defined.update({n: _schema_v3(types()[n]) for n in needed if n in types()})
    return orjson.dumps(_document_v3(paths, defined))


def _document_v3(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"BearerToken": _BEARER}},
        "security": _SECURITY,
    }


@cache
def _paths() -> Mapping[str, Mapping[str, Any]]:
    """Every path's operations, the shared lists put back."""
    raw = orjson.loads(data_file("paths.json"))
    lists = raw["lists"]
    return {
        path: {
            method: {k: lists[v] if k in ("query", "consumes", "produces") else v for k, v in operation.items()}
            for method, operation in methods.items()
        }
        for path, methods in raw["paths"].items()
    }


@cache
def _paths_by_document() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for path, operations in _paths().items():
        found.setdefault(group_version_path(path), {})[path] = operations
    return found


def _path_item(path: str, operations: Mapping[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    tag = group_version_path(path).removeprefix("apis/").replace("api/v1", "core/v1")
    tag = tag.replace(".k8s.io", "").replace("/", "_").replace(".", "_")
    for method, operation in operations.items():
        item[method] = _operation(tag, operation)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}
        for name in _PATH_PARAMETER.findall(path)
    ]
    if parameters:
        item["parameters"] = parameters
    return item


def _operation(tag: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    action, gvk = operation.get("action", ""), _gvk(operation.get("gvk", ""))
    out: dict[str, Any] = {"tags": [tag], "operationId": operation["id"]}
    parameters = [_query_parameter(name) for name in operation.get("query", ())]
    if parameters:
        out["parameters"] = parameters
    body = _body_type(action, gvk)
    if body is not None:
        content = {media: {"schema": {"$ref": _REF + body}} for media in operation.get("consumes", ("*/*",))}
        out["requestBody"] = {"content": content}
    answer = _answer_type(action, gvk)
    schema = {"$ref": _REF + answer} if answer is not None else {"type": "string"}
    out["responses"] = {
        code: {"description": _REASONS.get(code, "OK")}
        | ({"content": {media: {"schema": schema} for media in media_types}} if media_types else {})
        for code, media_types in operation.get("produces", {}).items()
    }
    if action:
        out["x-kubernetes-action"] = action
    if gvk:
        out["x-kubernetes-group-version-kind"] = {"group": gvk[0], "version": gvk[1], "kind": gvk[2]}
    return out


def _gvk(text: str) -> tuple[str, str, str] | None:
    group, _, rest = text.partition("/")
    version, _, kind = rest.partition("/")
    return (group, version, kind) if kind else None


def _query_parameter(name: str) -> dict[str, Any]:
    kind = "boolean" if name in _BOOLEANS else "integer" if name in _INTEGERS else "string"
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


def _body_type(action: str, gvk: tuple[str, str, str] | None) -> str | None:
    if action == "patch":
        return f"{_META}Patch"
    if action in ("delete", "deletecollection"):
        return f"{_META}DeleteOptions"
    return type_name_of(*gvk) if gvk is not None and action in ("post", "put") else None


def _answer_type(action: str, gvk: tuple[str, str, str] | None) -> str | None:
    if action in ("watch", "watchlist"):
        return f"{_META}WatchEvent"
    if action in ("delete", "deletecollection"):
        return f"{_META}Status"
    if gvk is None or action == "connect":
        return None
    return type_name_of(gvk[0], gvk[1], gvk[2] + ("List" if action == "list" else ""))


def _schema_v3(schema: Schema) -> dict[str, Any]:
    """With references into the document; one that carries a default is wrapped, since nothing may stand beside it."""
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref":
            continue
        if key == "properties":
            out[key] = {name: _schema_v3(inner) for name, inner in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
            out[key] = _schema_v3(value)
        else:
            out[key] = value
    if "$ref" in schema:
        reference = {"$ref": _REF + schema["$ref"]}
        return {"allOf": [reference], **out} if out else reference
    return out


def _refs(value: Any) -> set[str]:
    """The names that a piece of a document refers to."""
    found: set[str] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            reference = item.get("$ref")
            if isinstance(reference, str):
                found.add(reference.rpartition("/")[2])
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return found


def _closure(names: set[str]) -> set[str]:
    """With everything that they refer to in turn."""
    done: set[str] = set()
    pending = set(names)
    while pending:
        name = pending.pop()
        if name in done:
            continue
        done.add(name)
        pending |= _refs(types().get(name, {})) - done
    return done


# Custom resources.


def _custom_schema(schema: Schema, kinds: list[dict[str, str]]) -> dict[str, Any]:
    out = {key: value for key, value in schema.items() if key != "properties"}
    properties = dict(schema.get("properties", {}))
    properties["apiVersion"] = {"type": "string"}
    properties["kind"] = {"type": "string"}
    properties["metadata"] = {"allOf": [{"$ref": f"{_REF}{_META}ObjectMeta"}]}
    out["properties"] = properties
    out["x-kubernetes-group-version-kind"] = kinds
    return out


def _custom_list(item: str, kind: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"allOf": [{"$ref": f"{_REF}{_META}ListMeta"}]},
            "items": {"type": "array", "items": {"$ref": _REF + item}},
        },
        "x-kubernetes-group-version-kind": [kind],
    }


def _custom_paths(
    resource: Resource, version: str, kind: dict[str, str], name: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The operations of a custom resource, after those of a built-in one of the same scope."""
    namespaced = resource.namespaced
    like = (
        "/apis/apps/v1/namespaces/{namespace}/deployments" if namespaced else "/apis/storage.k8s.io/v1/storageclasses"
    )
    base = f"/apis/{resource.group}/{version}/{'namespaces/{namespace}/' if namespaced else ''}{resource.plural}"
    suffixes = ["", "/{name}"] + [f"/{{name}}/{s}" for s in resource.subresources]
    model = _paths()[like]["get"]["gvk"]
    for suffix in suffixes:
        template = suffix if f"{like}{suffix}" in _paths() else "/{name}"
        item = _path_item(base + suffix, _paths()[like + template])
        for method, operation in item.items():
            if method != "parameters":
                _rename(operation, method, model, kind, name, suffix)
        yield base + suffix, item


def _rename(operation: dict[str, Any], method: str, model: str, kind: dict[str, str], name: str, suffix: str) -> None:
    """Make an operation of the model resource one of the custom resource."""
    own = _gvk(model)
    said = operation.get("x-kubernetes-group-version-kind")
    camel = "".join(part.capitalize() for part in (*kind["group"].split("."), kind["version"]))
    part = suffix.rpartition("/")[2].strip("{}").capitalize().replace("Name", "")
    operation["operationId"] = f"{_METHODS.get(method, method)}{camel}{kind['kind']}{part}"
    if own is None or said is None or said["kind"] != own[2]:
        return
    operation["x-kubernetes-group-version-kind"] = kind
    old = type_name_of(*own)
    text = orjson.dumps({k: operation[k] for k in ("requestBody", "responses") if k in operation})
    for ending in ("List", ""):
        text = text.replace(f'{_REF}{old}{ending}"'.encode(), f'{_REF}{name}{ending}"'.encode())
    operation.update(orjson.loads(text))


# v2


@cache
def document_v2() -> bytes:
    """``/openapi/v2`` in JSON, of the built-in resources."""
    paths = {path: _path_item_v2(_path_item(path, operations), operations) for path, operations in _paths().items()}
    definitions = {name: _schema_v2(name, schema) for name, schema in types().items()}
    return orjson.dumps(
        {
            "swagger": "2.0",
            "info": {"title": "Kubernetes", "version": VERSION},
            "paths": paths,
            "definitions": definitions,
            "securityDefinitions": {"BearerToken": _BEARER},
            "security": _SECURITY,
        }
    )


def _path_item_v2(item: dict[str, Any], operations: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in item.items():
        if key == "parameters":
            out[key] = [_parameter_v2(p) for p in value]
            continue
        operation = {k: v for k, v in value.items() if k not in ("requestBody", "responses", "parameters")}
        parameters = [_parameter_v2(p) for p in value.get("parameters", ())]
        body = value.get("requestBody")
        if body is not None:
            schema = next(iter(body["content"].values()))["schema"]
            parameters.insert(0, {"name": "body", "in": "body", "required": True, "schema": _reference_v2(schema)})
        if parameters:
            operation["parameters"] = parameters
        operation["consumes"] = operations[key].get("consumes", ["*/*"])
        operation["produces"] = operations[key].get("produces", {}).get("200", ["application/json"])
        operation["responses"] = {
            code: {"description": answer["description"]} | _answer_v2(answer)
            for code, answer in value["responses"].items()
        }
        out[key] = operation
    return out


def _answer_v2(answer: Mapping[str, Any]) -> dict[str, Any]:
    content = answer.get("content")
    return {"schema": _reference_v2(next(iter(content.values()))["schema"])} if content else {}


def _parameter_v2(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in parameter.items() if k != "schema"} | dict(parameter["schema"])


def _reference_v2(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": "#/definitions/" + schema["$ref"].rpartition("/")[2]}
    return dict(schema)


def _schema_v2(name: str, schema: Schema) -> dict[str, Any]:
    """Without defaults, which upstream prunes; what v3 gives as a choice of types is a string here."""
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "default":
            continue
        if key == "$ref":
            out[key] = f"#/definitions/{value}"
        elif key == "oneOf":
            out["type"] = "string"
        elif key == "properties":
            out[key] = {n: _schema_v2("", inner) for n, inner in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
            out[key] = _schema_v2("", value)
        else:
            out[key] = value
    return out
