"""A request's body to the object that it means: parsed, its kind compared with the path's, decoded, its faults told.

Source: apiserver ``pkg/endpoints/handlers/create.go``, ``rest.go`` (``transformDecodeError``).
"""

from dataclasses import dataclass
from typing import Any

import orjson

from pynetes.apiserver.context import Context
from pynetes.meta import body as bodies
from pynetes.meta import schema, status
from pynetes.meta.decoder import Decoded, DecodeError, decoder
from pynetes.meta.gotext import quoted
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.negotiation import JSON, request_media_type
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource
from pynetes.meta.status import StatusError
from pynetes.meta.structural.compiled import Structural

SCHEME = 'scheme "pkg/runtime/scheme.go:111"'


@dataclass(frozen=True, slots=True)
class Expected:
    """What a body must be: its kind, the type that decodes it; of a custom resource its schema."""

    gvk: GroupVersionKind
    type_name: str
    structural: Structural | None = None

    def decode(self, value: Object, raw: bytes = b"") -> Decoded:
        """Raises: DecodeError."""
        if self.structural is not None:
            decoded = self.structural.decode(value)
            self.structural.default(decoded.object)
            return decoded
        return decoder(self.type_name).decode(value, "", raw)


def main_kind(ctx: Context) -> Expected:
    """The kind of the resource in the path, in the path's version."""
    assert ctx.resource is not None and ctx.version is not None
    return Expected(ctx.resource.gvk(ctx.version.name), ctx.version.type_name, ctx.version.structural)


def sub_kind(ctx: Context) -> Expected:
    """The kind of the subresource in the path."""
    assert ctx.subresource is not None
    gvk = ctx.subresource.kind
    type_name = ctx.subresource.type_name or schema.type_name_of(gvk.group, gvk.version, gvk.kind) or ""
    return Expected(gvk, type_name)


def read(ctx: Context, expected: Expected, mode: str) -> Object:
    """The decoded object, with kind and apiVersion set; the caller owns it. ``mode``: Ignore, Warn or Strict.

    Raises: StatusError 400, 415.
    """
    media = request_media_type(ctx.request.headers.get("content-type", ""))
    body, gvk = ctx.request.body, expected.gvk
    try:
        value, duplicates = bodies.parse(body, media, strict=mode != "Ignore", default=gvk)
    except bodies.BodyError as error:
        if error.said is not None:
            raise _unhandled(_gvk(*error.said), gvk.kind, error.message) from None
        raise status.bad_request(bodies.unrecognized(gvk.kind, error.message, body)) from None
    if value is None:
        value = {}
    if expected.structural is not None:
        _check_custom(value, gvk, body)
    else:
        _check_kind(value, gvk)
    raw = body if media == JSON else b""
    return decode(ctx, value, expected, duplicates, mode, raw)


def decode(ctx: Context, value: Any, expected: Expected, duplicates: list[str], mode: str, raw: bytes = b"") -> Object:
    """As ``read``, for a value that was parsed already. Raises: StatusError 400."""
    gvk, resets = expected.gvk, resets_managers(value, expected)
    try:
        decoded = expected.decode(value, raw)
    except DecodeError as error:
        raise _unhandled(gvk, gvk.kind, str(error)) from None
    if (duplicates or decoded.unknown) and mode != "Ignore":
        if mode == "Strict":
            raise _unhandled(gvk, gvk.kind, bodies.strict_error(duplicates, decoded.unknown))
        ctx.warnings += [*duplicates, *decoded.unknown]
    obj = decoded.object
    if expected.structural is None:  # a custom resource's kind is looked at when it is validated
        obj["kind"] = gvk.kind
    obj["apiVersion"] = gvk.api_version
    if not isinstance(obj.get("metadata"), dict):
        obj["metadata"] = {}
    if resets:
        obj["metadata"]["managedFields"] = []
    return obj


def resets_managers(value: Any, expected: Expected) -> bool:
    """An empty list of managedFields means something, though a decoded object is without it: upstream loses it only in
    custom resources.
    """
    if expected.structural is not None:
        return False
    meta = value.get("metadata") if isinstance(value, dict) else None
    return isinstance(meta, dict) and meta.get("managedFields") == []


def _check_custom(value: Object, gvk: GroupVersionKind, body: bytes) -> None:
    """Raises: StatusError 400."""
    if not value.get("kind"):
        why = f"Object 'Kind' is missing in '{body.decode('utf-8', 'replace')}'"
        raise status.bad_request(bodies.unrecognized(gvk.kind, why, body))
    said = value.get("apiVersion") or ""
    if said != gvk.api_version:
        raise status.bad_request(
            f"the API version in the data ({said}) does not match the expected API version ({gvk.api_version})"
        )


def _check_kind(value: Object, gvk: GroupVersionKind) -> None:
    api_version, kind = value.get("apiVersion") or gvk.api_version, value.get("kind") or gvk.kind
    if (api_version, kind) == (gvk.api_version, gvk.kind):
        return
    said = _gvk(api_version, kind)
    if kind == gvk.kind and _package(said.group) == _package(gvk.group) and _known(said):
        raise status.bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version ({gvk.api_version})"
        )
    raise _unhandled(said, gvk.kind, wrong_kind(api_version, kind, gvk, value))


def wrong_kind(api_version: str, kind: str, wanted: GroupVersionKind, value: Object) -> str:
    """Why an object of that kind is none of the wanted: upstream decodes it as what it says first."""
    said = _gvk(api_version, kind)
    type_name = schema.type_name_of(said.group, said.version, said.kind)
    if type_name is not None:
        try:
            decoder(type_name).decode(orjson.loads(orjson.dumps(value)))
        except DecodeError as error:
            return error.message
    else:
        return f"no kind {quoted(kind)} is registered for version {quoted(api_version)} in {SCHEME}"
    return f"converting ({said.version}.{kind}) to ({_package(wanted.group)}.{wanted.kind}): unknown conversion"


def _gvk(api_version: str, kind: str) -> GroupVersionKind:
    group, _, version = api_version.rpartition("/")
    return GroupVersionKind(group, version, kind)


def _known(gvk: GroupVersionKind) -> bool:
    return schema.type_name_of(gvk.group, gvk.version, gvk.kind) is not None


def _package(group: str) -> str:
    """The Go package of a group's internal types."""
    first = group.partition(".")[0]
    return "core" if first in ("", "events") else first


def _unhandled(said: GroupVersionKind, wanted: str, why: str) -> StatusError:
    return status.bad_request(f"{said.kind} in version {quoted(said.version)} cannot be handled as a {wanted}: {why}")


def to_storage(resource: Resource, obj: Object) -> Object:
    """The object in the version that is stored."""
    if resource.convert is None or obj["apiVersion"] == resource.storage_api_version:
        return obj
    return resource.convert(obj, resource.storage_api_version)
