"""How an object, a list or an error becomes an answer: version, projection, media type, prettiness, compression.

Source: apiserver ``pkg/endpoints/handlers/responsewriters/writers.go``, ``pkg/endpoints/handlers/response.go``.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import orjson

from pynetes.apiserver.context import Context
from pynetes.http.types import Request, Response
from pynetes.meta import encoding, negotiation, protobuf
from pynetes.meta import status as statuses
from pynetes.meta.encoding import Entry
from pynetes.meta.negotiation import PROTOBUF, YAML, Media
from pynetes.meta.objects import Object
from pynetes.meta.resource import Column, Resource, Version
from pynetes.meta.status import StatusError
from pynetes.meta.structural import printercolumns
from pynetes.meta.times import human_duration, parse_time

GZIP_FROM = 128 * 1024
GZIP_HEADERS = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
_TEXT = "text/plain; charset=utf-8"
_BROWSERS = ("curl", "Wget", "Mozilla/5.0")
_NAME_AND_AGE = (
    Column("Name", "string", "name", 0, "Name must be unique within a namespace."),
    Column("Age", "string", "", 0, "CreationTimestamp is the time when this object was created."),
)


_NULL_ROWS = frozenset(
    {
        ("", "limitranges"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("rbac.authorization.k8s.io", "roles"),
        ("storage.k8s.io", "csistoragecapacities"),
    }
)
"""Resources whose empty lists have null for rows: upstream has no printer for their lists as a whole."""


def negotiate(ctx: Context) -> Media:
    """The form that the answer to this request takes. Raises: StatusError 406."""
    messages = ctx.version is None or ctx.version.type_name != ""
    allowed = negotiation.allowed_for(ctx.info.verb, messages=messages, has_table=_has_table(ctx))
    return negotiation.negotiate(ctx.request.headers.get("accept", ""), allowed)


def _has_table(ctx: Context) -> bool:
    if ctx.subresource is not None:
        return ctx.subresource.has_table
    # reviews are answered and gone
    return ctx.resource is None or ctx.resource.verbs != ("create",)


def respond(ctx: Context, what: Entry | Object, status: int = 200) -> Response:
    """One object in the form that was negotiated, and in the version that was asked for."""
    media = ctx.media if ctx.media is not None else negotiate(ctx)
    if media.as_ and (isinstance(what, Entry) or (ctx.version is not None and what.get("kind") == _kind(ctx))):
        return encoded(ctx, media, _projected(ctx, media, what), status)
    if isinstance(what, Entry):
        entry = present(ctx.resource, ctx.version, what)
        if media.type == PROTOBUF:
            return packed(ctx, media, protobuf.of_entry(entry), status)
        return encoded(ctx, media, entry.json(), status)
    return encoded(ctx, media, orjson.dumps(_in_version(ctx.resource, ctx.version, what)), status)


def encoded(ctx: Context | Request, media: Media, body: bytes, status: int = 200) -> Response:
    """A JSON body in its media type: as YAML or protobuf, indented, compressed, or as it is."""
    request = ctx if isinstance(ctx, Request) else ctx.request
    if media.type == PROTOBUF:
        return packed(request, media, protobuf.encode(orjson.loads(body)), status)
    if media.type == YAML:
        body = encoding.yaml(body)
    elif media.pretty or wants_pretty(request):
        body = encoding.pretty(body)
    else:
        body += b"\n"
    return packed(request, media, body, status)


def packed(ctx: Context | Request, media: Media, body: bytes, status: int = 200) -> Response:
    """A body that is in its media type already: compressed, or as it is."""
    request = ctx if isinstance(ctx, Request) else ctx.request
    if len(body) > GZIP_FROM and wants_gzip(request):
        return Response(status, _gzip(body), media.type, GZIP_HEADERS)
    return Response(status, body, media.type)


def status(ctx: Context | Request, body: Object) -> Response:
    """An error's ``Status``, with its own code, in the form that the client accepts (JSON when it accepts none)."""
    request = ctx if isinstance(ctx, Request) else ctx.request
    try:
        media = negotiation.negotiate(request.headers.get("accept", ""), negotiation.PLAIN)
    except StatusError:
        media = Media()
    response = encoded(request, media, orjson.dumps(body), body["code"])
    seconds = (body.get("details") or {}).get("retryAfterSeconds")
    if seconds:
        response.headers = (*response.headers, ("Retry-After", str(seconds)))
    return response


def text(body: str, status: int = 200) -> Response:
    return Response(status, body.encode(), _TEXT)


def page_not_found() -> Response:
    """What Go's mux says of a path that nobody has."""
    return Response(404, b"404 page not found\n", _TEXT, (("X-Content-Type-Options", "nosniff"),))


def bad_path(path: str) -> Response:
    why = f"failed to create RequestInfo: unable to determine kind and namespace from url, {path}"
    return text(f'Internal Server Error: "{path}": {why}\n', 500)


def warning(text: str, code: int = 299) -> str:
    """The value of a ``Warning`` header."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'{code} - "{quoted}"'


# -- versions and projections


def present(resource: Resource | None, version: Version | None, entry: Entry) -> Entry:
    """The entry in the version that was asked for: itself, unless its resource stores another."""
    if resource is None or version is None or resource.convert is None:
        return entry
    api_version = resource.gvk(version.name).api_version
    if api_version == resource.storage_api_version and not resource.reads:
        return entry
    return entry.converted(api_version, resource.convert)


def _in_version(resource: Resource | None, version: Version | None, obj: Object) -> Object:
    """Likewise for an object that is stored nowhere: what a dry run made."""
    if resource is None or version is None or resource.convert is None:
        return obj
    if obj.get("kind") != resource.kind or obj.get("apiVersion") != resource.storage_api_version:
        return obj
    return resource.convert(obj, resource.gvk(version.name).api_version)


def _kind(ctx: Context) -> str:
    if ctx.subresource is not None:
        return ctx.subresource.kind.kind
    return ctx.resource.kind if ctx.resource is not None else ""


def _projected(ctx: Context, media: Media, what: Entry | Object) -> bytes:
    if media.as_ == "Table":
        revision = what.revision if isinstance(what, Entry) else int(what["metadata"].get("resourceVersion") or 0)
        return table(ctx, media, [what], revision)
    if media.as_ == "PartialObjectMetadata":
        assert ctx.resource is not None
        return _metadata_of(ctx.resource, what, media.version)
    raise not_that(ctx, media, "")


def _metadata_of(resource: Resource, what: Entry | Object, version: str) -> bytes:
    hidden = resource.hooks.hidden_annotations
    if isinstance(what, Entry):
        return encoding.partial_metadata(what, version, hidden)
    return encoding.partial_metadata_of(what, version, hidden)


def not_that(ctx: Context, media: Media, list_suffix: str) -> StatusError:
    """406: a list was asked for as an object, or an object as a list."""
    resource = ctx.resource
    assert resource is not None
    group = resource.group if resource.storage_group is None else resource.storage_group
    kind = f"*{group.split('.')[0] or 'core'}.{resource.kind}{list_suffix}"
    a_list = "a list" if list_suffix else "not a list"
    message = f"you requested {media.as_}, but the requested object is {a_list} ({kind})"
    error = statuses.not_acceptable(message)
    del error.status["details"]
    return error


def _columns(ctx: Context) -> Sequence[Column]:
    """The columns of the Table of what the path names."""
    assert ctx.version is not None
    if ctx.subresource is not None and ctx.subresource.columns:
        return ctx.subresource.columns
    return ctx.version.columns or _NAME_AND_AGE


def include_object(ctx: Context) -> str:
    """What a table's rows carry. Raises: StatusError 400."""
    include = ctx.param("includeObject") or "Metadata"
    if include not in ("None", "Metadata", "Object"):
        raise statuses.bad_request(
            "Unable to convert to Table as requested: includeObject: Invalid value: "
            f"\"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        )
    return include


def table(
    ctx: Context,
    media: Media,
    entries: Sequence[Entry | Object],
    revision: int,
    *,
    continue_: str = "",
    remaining: int | None = None,
    headed: bool = True,
) -> bytes:
    """The entries, which are in the version that is stored, as a Table."""
    include, now = include_object(ctx), ctx.server.clock.now()
    rows = [_row(ctx, media, include, entry, now) for entry in entries]
    assert ctx.resource is not None
    null = not rows and (ctx.resource.group, ctx.resource.plural) in _NULL_ROWS
    shown = _columns(ctx) if headed else None
    return encoding.table(
        shown, None if null else rows, revision, version=media.version, continue_=continue_, remaining=remaining
    )


def _row(ctx: Context, media: Media, include: str, what: Entry | Object, now: float) -> bytes:
    """One object's row. ``include``: None, Metadata or Object."""
    assert ctx.resource is not None
    resource, hooks = ctx.resource, ctx.resource.hooks
    obj = what.object if isinstance(what, Entry) else what
    if "name" not in obj["metadata"]:  # a bookmark
        obj = {**obj, "metadata": {"name": "", **obj["metadata"]}}
    own = ctx.subresource.table_row if ctx.subresource is not None else None
    conditions: Sequence[Object] = ()
    if own is not None:
        cells: Sequence[Any] = own(obj, now)
    elif hooks.table_row is not None:
        cells = hooks.table_row(obj, now)
        if hooks.row_conditions is not None:
            conditions = hooks.row_conditions(obj)
    else:
        cells = [_plain_cell(column, obj, now) for column in _columns(ctx)]
    shown = None
    if include == "Metadata":
        shown = _metadata_of(resource, what, media.version)
    elif include == "Object":
        shown = _json_of(ctx, what)
    return encoding.table_row(cells, shown, conditions)


def _json_of(ctx: Context, what: Entry | Object) -> bytes:
    if isinstance(what, Entry):
        return present(ctx.resource, ctx.version, what).json()
    return orjson.dumps(_in_version(ctx.resource, ctx.version, what))


def _plain_cell(column: Column, obj: Object, now: float) -> Any:
    """What a column's path leads to; without one, what is known of any object."""
    if column.path:
        return printercolumns.cell(column, obj, now)
    if column.name == "Name":
        return obj["metadata"].get("name", "")
    return _age(obj, now) if column.name in ("Age", "Created At") else "<none>"


def _age(obj: Object, now: float) -> str:
    created = obj["metadata"].get("creationTimestamp")
    return human_duration(now - parse_time(created)) if created else "<unknown>"


# -- form


def wants_pretty(request: Request) -> bool:
    """Asked for by ``?pretty``; without it, by who asks."""
    if "pretty" in request.query:
        values: Mapping[str, list[str]] = parse_qs(request.query, keep_blank_values=True)
        if "pretty" in values:
            return values["pretty"][0].lower() not in ("false", "0")
    return request.headers.get("user-agent", "").startswith(_BROWSERS)


def wants_gzip(request: Request) -> bool:
    if request.method != "GET":
        return False
    for part in request.headers.get("accept-encoding", "").split(","):
        name, _, quality = part.strip().partition(";")
        if name == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, 1, 31)
