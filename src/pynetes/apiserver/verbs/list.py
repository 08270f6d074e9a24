"""GET of a collection: whole, by pages, at the present or at a past revision.

The body of a list that is asked for often is kept; when only the store's revision has moved, its head is written anew.
Source: apiserver ``pkg/storage/cacher/cacher.go`` (GetList), ``pkg/storage/interfaces.go`` (ValidateListOptions).
"""

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace

from pynetes.apiserver import listing, respond
from pynetes.apiserver.bodies import Body
from pynetes.apiserver.cache import ResourceCache
from pynetes.apiserver.context import Context
from pynetes.apiserver.listing import ListOptions
from pynetes.http.types import Answer, Response
from pynetes.meta import encoding, protobuf, status
from pynetes.meta.encoding import Entry
from pynetes.meta.negotiation import JSON, PROTOBUF, Media
from pynetes.store.types import Compacted, FutureRevision, prefix_end


def list(ctx: Context) -> Answer | Awaitable[Answer]:
    options = listing.options(ctx, watch=False)
    if options.resource_version == "0":
        # upstream answers these from its cache, whole
        options = replace(options, limit=0)
    selection = options.selection
    assert ctx.resource is not None
    cache = ctx.server.cache.of(ctx.resource)
    start, exact = b"", 0
    if options.continue_:
        start, exact = listing.decode_continue(options.continue_, selection.prefix)
        if options.resource_version not in ("", "0"):
            raise status.bad_request(listing.CONTINUE_WITH_REVISION)
        exact = max(exact, 0)
    wanted = listing.parse_revision(options.resource_version)
    if isinstance(wanted, str):
        raise status.bad_request(f"invalid resource version: {wanted}")
    if options.match == "Exact" or (options.limit and wanted and not options.match):
        exact = wanted
    now = ctx.server.cache.revision
    if exact:
        if exact > now or cache.changed_in(selection.prefix) > exact:
            return _past(ctx, cache, options, start, exact)
        # nothing changed here since: the present is that past
        return _answer(ctx, options, cache.list(selection.prefix, start), exact, cache)
    if wanted > now:
        return _later(ctx, cache, options, start, wanted)
    return _present(ctx, cache, options, start)


def _present(ctx: Context, cache: ResourceCache, options: ListOptions, start: bytes) -> Response:
    selection = options.selection
    if options.limit:
        entries = cache.list(selection.prefix, start)
        return _answer(ctx, options, entries, ctx.server.cache.revision, cache)
    if selection.everything and not start and _plain(ctx):
        return _whole(ctx, cache, selection.prefix)
    return encoded(ctx, cache.select(selection, start), ctx.server.cache.revision)


async def _later(ctx: Context, cache: ResourceCache, options: ListOptions, start: bytes, wanted: int) -> Answer:
    await listing.wait_for(ctx, wanted)
    return _present(ctx, cache, options, start)


async def _past(ctx: Context, cache: ResourceCache, options: ListOptions, start: bytes, exact: int) -> Answer:
    """The collection as it was. Raises: StatusError 410 (compacted), 504 (not there yet)."""
    prefix = options.selection.prefix
    try:
        found = await ctx.server.store.range(start or prefix, prefix_end(prefix), revision=exact)
    except Compacted as error:
        if options.continue_:
            raise listing.continue_expired(start, prefix) from error
        raise status.expired(listing.TOO_OLD_LIST) from error
    except FutureRevision as error:
        raise listing.too_large(exact, error.current) from error
    entries = [Entry(p.key, p.value, p.mod_revision, p.create_revision) for p in found.items]
    return _answer(ctx, options, entries, exact, cache)


def _answer(
    ctx: Context, options: ListOptions, entries: Sequence[Entry], revision: int, cache: ResourceCache
) -> Response:
    """One page of the entries, which are all there are from the start key on."""
    selection, limit = options.selection, options.limit
    if selection.everything:
        page = entries[:limit] if limit else entries
        more = len(page) < len(entries)
    else:
        columns = cache.key_columns if selection.by_key else cache.columns
        page, more = [], False
        for place, entry in enumerate(entries):
            if selection.matches(columns(entry)):
                page.append(entry)
                if limit and len(page) == limit:
                    more = place < len(entries) - 1
                    break
    if not more:
        return encoded(ctx, page, revision)
    token = listing.encode_continue(page[-1].key + b"\0", selection.prefix, revision)
    remaining = len(entries) - limit if selection.everything else None
    return encoded(ctx, page, revision, token, remaining)


def encoded(
    ctx: Context, entries: Sequence[Entry], revision: int, continue_: str = "", remaining: int | None = None
) -> Response:
    """The entries in the form that was negotiated."""
    resource, version, media = ctx.resource, ctx.version, ctx.media
    assert resource is not None and version is not None and media is not None
    if not media.as_:
        entries = [respond.present(resource, version, entry) for entry in entries]
    if media.type == PROTOBUF:
        return _in_protobuf(ctx, media, entries, revision, continue_, remaining)
    hidden = resource.hooks.hidden_annotations
    if media.as_ == "Table":
        body = respond.table(ctx, media, entries, revision, continue_=continue_, remaining=remaining)
    elif media.as_ == "PartialObjectMetadataList":
        items = (encoding.partial_metadata(entry, media.version, hidden) for entry in entries)
        body = encoding.partial_metadata_list(revision, items, media.version, continue_, remaining)
    elif media.as_:
        raise respond.not_that(ctx, media, "List")
    else:
        api_version = resource.gvk(version.name).api_version
        whole = version.type_name == ""
        items = (entry.json() if whole else entry.list_item() for entry in entries)
        body = encoding.list_body(resource.list_kind, api_version, revision, items, continue_, remaining, custom=whole)
    return respond.encoded(ctx, media, body)


def _in_protobuf(
    ctx: Context, media: Media, entries: Sequence[Entry], revision: int, continue_: str, remaining: int | None
) -> Response:
    resource, version = ctx.resource, ctx.version
    assert resource is not None and version is not None
    items: Iterable[bytes]
    if not media.as_:
        kind, api_version = resource.list_kind, resource.gvk(version.name).api_version
        items = map(protobuf.message_of, entries)
    elif media.as_ == "PartialObjectMetadataList":
        kind, api_version = media.as_, f"meta.k8s.io/{media.version}"
        items = (protobuf.metadata_of(entry, resource.hooks.hidden_annotations) for entry in entries)
    else:
        raise respond.not_that(ctx, media, "List")
    return respond.packed(ctx, media, protobuf.list_body(kind, api_version, revision, items, continue_, remaining))


# -- whole lists, kept


def _plain(ctx: Context) -> bool:
    """Is the answer compact JSON of the objects themselves?"""
    media: Media | None = ctx.media
    assert media is not None
    return media.type == JSON and not media.as_ and not media.pretty and not respond.wants_pretty(ctx.request)


def _whole(ctx: Context, cache: ResourceCache, prefix: bytes) -> Response:
    """Every object under a prefix, as kept from the last time if nothing has changed there."""
    resource, version = ctx.resource, ctx.version
    assert resource is not None and version is not None
    bodies, revision, changed = ctx.server.bodies, ctx.server.cache.revision, cache.changed_in(prefix)
    key = (resource, version.name, prefix)
    body = bodies.get(key, changed)
    if body is None:
        entries = cache.list(prefix)
        if resource.convert is not None:
            entries = [respond.present(resource, version, entry) for entry in entries]
        if version.type_name:
            items = [entry.list_item() for entry in entries]
        else:
            items = [entry.json() for entry in entries]
        body = Body(resource.list_kind, resource.gvk(version.name).api_version, items, changed, custom=resource.custom)
        bodies.keep(key, body)
    if body.size > respond.GZIP_FROM and respond.wants_gzip(ctx.request):
        return Response(200, body.gzipped(revision), JSON, respond.GZIP_HEADERS)
    return Response(200, body.at(revision), JSON)
