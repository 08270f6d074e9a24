"""Paths that are no resources: discovery, OpenAPI, version, metrics, keys, and the list of paths.

Documents are made when they are first asked for, and made again when the registry has changed.
"""

from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from platform import machine, python_version

import orjson

from pynetes.apiserver import respond
from pynetes.apiserver.context import Context
from pynetes.apiserver.health import CHECKS, health
from pynetes.http.types import Answer, Response
from pynetes.meta import discovery, negotiation, openapi, status
from pynetes.meta.negotiation import JSON, Allowed, Media
from pynetes.meta.objects import Object

VERSION = "v1.36.3+pynetes"
_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_JWKS = "application/jwk-set+json"
_YEAR_SECONDS = 365 * 86400
_OTHER_PATHS = (
    "/.well-known/openid-configuration",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/",
    "/openid/v1/jwks",
    "/version",
)


def answer(ctx: Context, endpoint: str) -> Answer | Awaitable[Answer]:
    return _ENDPOINTS[endpoint](ctx)


def _negotiated(ctx: Context, allowed: Allowed = negotiation.PLAIN) -> Media:
    return negotiation.negotiate(ctx.request.headers.get("accept", ""), allowed)


def _discovery(ctx: Context) -> Response:
    parts = [part for part in ctx.info.path.split("/") if part]
    core = parts[0] == "api"
    if len(parts) > 1:
        return respond.encoded(ctx, _negotiated(ctx), _listed(ctx, core, parts[1:]))
    media = _negotiated(ctx, negotiation.DISCOVERY)
    resources = ctx.server.resources
    if media.as_:
        body, etag = ctx.server.documents.get(
            ("aggregated", core, media.version),
            lambda: discovery.aggregated(resources, core=core, version=media.version),
        )
        headers = (("ETag", etag), ("Vary", "Accept"))
        if ctx.request.headers.get("if-none-match") == etag:
            return Response(304, b"", "", headers)
        response = respond.encoded(ctx, media, body)
        response.content_type = f"{media.type};g={media.group};v={media.version};as={media.as_}"
        response.headers = (*response.headers, *headers)
        return response
    if core:
        settings = ctx.server.settings
        host = settings.external_hostname or settings.advertise_address
        document = discovery.api_versions(f"{host}:{settings.advertise_port}")
        return respond.encoded(ctx, media, orjson.dumps(document))
    body, _ = ctx.server.documents.get("groups", lambda: discovery.api_group_list(resources))
    return respond.encoded(ctx, media, body)


def _listed(ctx: Context, core: bool, names: list[str]) -> bytes:
    """``/api/VERSION``, ``/apis/GROUP`` or ``/apis/GROUP/VERSION``. Raises: StatusError 404."""
    group, version = ("", names[0]) if core else (names[0], names[1] if len(names) > 1 else "")

    def make() -> Object:
        if version:
            document = discovery.api_resource_list(ctx.server.resources, group, version)
        else:
            document = discovery.api_group(ctx.server.resources, group)
        if document is None:
            raise status.unknown_path()
        return document

    return ctx.server.documents.get((group, version), make)[0]


def _openapi_v2(ctx: Context) -> Response:
    if not _accepts(ctx, JSON):
        return Response(406, b"", "")
    body, etag = ctx.server.documents.get("v2", openapi.document_v2)
    return _document(ctx, body, etag)


def _openapi_v3(ctx: Context) -> Response:
    name = ctx.info.path.removeprefix("/openapi/v3").strip("/")
    if not name:
        body, etag = ctx.server.documents.get("v3", lambda: openapi.index_v3(ctx.server.resources))
        response = _document(ctx, body, etag)
        response.content_type = "text/plain; charset=utf-8"
        return response
    if not _accepts(ctx, JSON):
        return Response(406, b"", "")
    document = openapi.document_v3(name) or _custom_document(ctx, name)
    if document is None:
        return Response(404, b"", "")
    return _document(ctx, document, f'"{openapi.etag(document)}"')


def _custom_document(ctx: Context, name: str) -> bytes | None:
    """The document of a group-version of custom resources, by its name in the index."""
    _, _, group_version = name.partition("/")
    group, _, version = group_version.partition("/")
    found = {
        resource: served.structural.schema
        for resource in ctx.server.resources
        if resource.group == group
        and (served := resource.version(version)) is not None
        and served.served
        and served.structural is not None
    }
    if not found:
        return None
    schemas = {resource.plural: schema for resource, schema in found.items()}
    made = ctx.server.documents.get(
        ("v3", name), lambda: openapi.custom_document_v3(list(found), schemas, group, version)
    )
    return made[0]


def _document(ctx: Context, body: bytes, etag: str) -> Response:
    """With its ETag; for ever, when it was asked for by its hash."""
    headers: list[tuple[str, str]] = [("ETag", etag), ("Vary", "Accept")]
    if ctx.param("hash"):
        headers.append(("Cache-Control", "public, immutable"))
        headers.append(("Expires", formatdate(ctx.server.clock.now() + _YEAR_SECONDS, usegmt=True)))
    if ctx.request.headers.get("if-none-match") == etag:
        return Response(304, b"", "", headers)
    response = respond.encoded(ctx, Media(), body)
    response.headers = (*response.headers, *headers)
    return response


def _accepts(ctx: Context, media_type: str) -> bool:
    accept = ctx.request.headers.get("accept", "") or "*/*"
    kinds = {part.partition(";")[0].strip() for part in accept.split(",")}
    return bool(kinds & {media_type, "*/*", "application/*"})


def _version(ctx: Context) -> Response:
    body: Object = {
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{python_version()}",
        "compiler": "cpython",
        "platform": f"linux/{_MACHINES.get(machine(), machine())}",
    }
    return Response(200, orjson.dumps(body, option=orjson.OPT_INDENT_2), JSON)


_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def _metrics(ctx: Context) -> Response:
    return Response(200, ctx.server.metrics.text(), "text/plain; version=0.0.4; charset=utf-8")


def _check_accepts(ctx: Context, media_type: str) -> None:
    """Raises: StatusError 406, for an endpoint of one type that the client does not ask for."""
    accept = ctx.request.headers.get("accept", "")
    kinds = {part.partition(";")[0].strip() for part in accept.split(",")}
    if accept and not kinds & {media_type, "*/*"}:
        raise status.not_acceptable(f"406: Not Acceptable\n\nAvailable representations: {media_type}")


async def _openid(ctx: Context) -> Response:
    tokens = ctx.server.authenticator.tokens
    await tokens.prepare()
    verifier = tokens.verifier
    if ctx.info.path == "/openid/v1/jwks":
        _check_accepts(ctx, _JWKS)
        return Response(200, orjson.dumps(verifier.jwks()), _JWKS)
    settings = ctx.server.settings
    host = settings.external_hostname or settings.advertise_address
    document = verifier.openid_configuration(f"https://{host}:{settings.advertise_port}/openid/v1/jwks")
    return Response(200, orjson.dumps(document), JSON)


def _root(ctx: Context) -> Response:
    paths = {"/api", "/api/v1", "/apis", "/apis/", *_OTHER_PATHS}
    for group, versions in discovery.groups(ctx.server.resources).items():
        if group:
            paths.add(f"/apis/{group}")
            paths.update(f"/apis/{group}/{version}" for version in versions)
    for group, checks in CHECKS.items():
        paths.add(f"/{group}")
        paths.update(f"/{group}/{name}" for name in checks)
    body = orjson.dumps({"paths": sorted(paths)}, option=orjson.OPT_INDENT_2)
    return Response(200, body, JSON)


_ENDPOINTS: Mapping[str, Callable[[Context], Answer | Awaitable[Answer]]] = {
    "discovery": _discovery,
    "health": health,
    "metrics": _metrics,
    "openapi_v2": _openapi_v2,
    "openapi_v3": _openapi_v3,
    "openid": _openid,
    "root": _root,
    "version": _version,
}
