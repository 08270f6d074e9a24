"""WATCH: what is there or what changed since a revision, then every change, as a stream of lines.

Everything up to joining the group happens in one go, inside ``Stream.start``: there is no gap and no duplicate.
Whatever goes wrong before the stream begins is a ``Status`` answer; a revision that is too old is an ERROR event, as
upstream has it.
Source: apiserver ``pkg/endpoints/handlers/watch.go``, ``pkg/storage/cacher/cache_watcher.go``.
"""

from collections.abc import Awaitable
from functools import partial

import orjson

from pynetes.aio.clock import Timer
from pynetes.apiserver import listing, respond
from pynetes.apiserver.cache import ResourceCache
from pynetes.apiserver.context import Context
from pynetes.apiserver.fanout import Line, Watcher, WatchQuery
from pynetes.apiserver.listing import ListOptions
from pynetes.http.types import Answer, Stream, Writer, frame
from pynetes.meta import encoding, protobuf
from pynetes.meta.encoding import Entry
from pynetes.meta.negotiation import JSON, PROTOBUF, Media
from pynetes.meta.status import StatusError

_LAST_BOOKMARK_SECONDS = 2


def watch(ctx: Context) -> Answer | Awaitable[Answer]:
    options = listing.options(ctx, watch=True)
    revision = listing.revision_of(options.resource_version)
    resource = ctx.resource
    assert resource is not None and ctx.media is not None
    if ctx.media.as_ == "PartialObjectMetadataList":
        # no event is a list: upstream's stream breaks off at the first
        return Stream(lambda writer: writer.close(), content_type=ctx.media.type)
    session = _Session(ctx, ctx.server.cache.of(resource), options, revision)
    if options.initial_events and revision > ctx.server.cache.revision:
        return _later(ctx, session, revision)
    return session.stream()


async def _later(ctx: Context, session: "_Session", revision: int) -> Answer:
    """The state that was asked for is not there yet; an error of the wait is an event, as upstream has it."""
    try:
        await listing.wait_for(ctx, revision)
    except StatusError as error:
        return Stream(partial(_refuse, error, ctx.media), content_type=session.content_type)
    return session.stream()


def _refuse(error: StatusError, media: Media | None, writer: Writer) -> None:
    if media is not None and media.type == PROTOBUF:
        writer.write(protobuf.event("ERROR", protobuf.encode(error.status)))
    else:
        writer.write(encoding.event_line("ERROR", orjson.dumps(error.status)))
    writer.close()


class _Session:
    """One watch from its head to its end."""

    def __init__(self, ctx: Context, cache: ResourceCache, options: ListOptions, revision: int) -> None:
        self._ctx = ctx
        self._cache = cache
        self._options = options
        self._revision = revision
        self._query = query(ctx, cache, options)
        self._watcher: Watcher | None = None
        self._timer: Timer | None = None
        self._writer: Writer | None = None

    @property
    def content_type(self) -> str:
        media = self._ctx.media
        return media.content_type if media is not None and media.type == PROTOBUF else JSON

    def stream(self) -> Stream:
        return Stream(self.start, self.ended, content_type=self.content_type)

    def start(self, writer: Writer) -> None:
        self._writer = writer
        if self._revision and not self._options.initial_events and self._revision < self._cache.oldest:
            _refuse(listing.too_old(self._revision, self._cache.oldest), self._ctx.media, writer)
            return
        chunks = self._first_chunks()
        # no await between reading what was before and joining
        settings = self._ctx.server.settings
        size = sum(map(len, chunks))
        self._watcher = self._cache.join(
            self._query, writer, bookmarks=self._options.bookmarks, limit=settings.watch_buffer_bytes + size
        )
        for chunk in chunks:
            writer.write_framed(chunk)
        timeout = self._options.timeout_seconds
        if timeout <= 0:
            chance = self._ctx.server.clock.random.random()
            timeout = int(settings.min_request_timeout_seconds * (1 + chance))
        self._timer = self._ctx.server.clock.call_later(timeout, self._time_over, timeout)

    def _first_chunks(self) -> list[bytes]:
        """What is there, or what changed since the revision; the bookmark that ends the initial events."""
        options, cache = self._options, self._cache
        if options.initial_events is False and not self._revision:
            return []
        if not options.initial_events:
            lines = cache.replay(self._query, self._revision)
            return [frame(b"".join(lines))] if lines else []
        selection, form = options.selection, self._query.form
        if selection.everything and form is not None:
            key = (cache.resource, form, selection.prefix)
            opening = self._ctx.server.openings.get(key, cache.changed_in(selection.prefix), self._opening)
        else:
            opening = self._opening()
        chunks = [opening] if opening else []
        if options.bookmarks:
            chunks.append(frame(self._bookmark(initial_events_end=True)))
        return chunks

    def _opening(self) -> bytes:
        """All that there is, as one chunk; empty when there is nothing."""
        line = self._query.line
        lines = [line(entry, "ADDED") for entry in self._cache.select(self._options.selection)]
        return frame(b"".join(lines)) if lines else b""

    def _bookmark(self, *, initial_events_end: bool = False) -> bytes:
        return _bookmark(self._ctx, self._ctx.server.cache.revision, initial_events_end=initial_events_end)

    def _time_over(self, timeout: int) -> None:
        if self._watcher is None or self._writer is None:
            return
        if self._options.bookmarks and timeout > _LAST_BOOKMARK_SECONDS:
            self._ctx.server.cache.fanout.flush(self._watcher.group)
            self._writer.write(self._bookmark())
        self._writer.close()

    def ended(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._cache.leave(self._watcher)
            self._watcher = None


def query(ctx: Context, cache: ResourceCache, options: ListOptions) -> WatchQuery:
    """What this watch wants, and how its lines are made."""
    resource, version, media = ctx.resource, ctx.version, ctx.media
    assert resource is not None and version is not None and media is not None
    api_version = resource.gvk(version.name).api_version

    bookmark = partial(_bookmark, ctx)
    convert = resource.convert if api_version != resource.storage_api_version else None

    def in_version(entry: Entry) -> Entry:
        return entry if convert is None else entry.converted(api_version, convert)

    if not media.as_:
        if media.type == PROTOBUF:
            packed: Line = lambda entry, type: protobuf.event_of(in_version(entry), type)  # noqa: E731
            return WatchQuery(options.selection, (api_version, resource.group, PROTOBUF), packed, bookmark)
        plain: Line = Entry.event if convert is None else lambda entry, type: in_version(entry).event(type)
        return WatchQuery(options.selection, (api_version, resource.group), plain, bookmark)
    if media.as_ == "Table":
        return WatchQuery(options.selection, None, _table_lines(ctx, media), bookmark)
    if media.as_ != "PartialObjectMetadata":
        raise respond.not_that(ctx, media, "")
    hidden = resource.hooks.hidden_annotations
    shown_as = f"meta.k8s.io/{media.version}"

    def metadata_only(entry: Entry, type: str) -> bytes:
        if media.type == PROTOBUF:
            return protobuf.event(type, protobuf.envelope(shown_as, media.as_, protobuf.metadata_of(entry, hidden)))
        return encoding.event_line(type, encoding.partial_metadata(entry, media.version, hidden))

    return WatchQuery(options.selection, (api_version, "metadata", media.version, media.type), metadata_only, bookmark)


def _bookmark(ctx: Context, revision: int, *, initial_events_end: bool = False) -> bytes:
    """A bookmark, of the kind that the watch shows."""
    resource, version, media = ctx.resource, ctx.version, ctx.media
    assert resource is not None and version is not None and media is not None
    kind, api_version, type_name = resource.kind, resource.gvk(version.name).api_version, version.type_name
    zero = resource.hooks.zero
    if media.as_ == "PartialObjectMetadata":
        kind, api_version, type_name, zero = media.as_, f"meta.k8s.io/{media.version}", "", None
    obj = encoding.bookmark_object(
        kind, api_version, type_name, revision, initial_events_end=initial_events_end, zero=zero
    )
    if media.type == PROTOBUF:
        return protobuf.event("BOOKMARK", protobuf.encode(obj))
    if media.as_ == "Table":
        return encoding.event_line("BOOKMARK", respond.table(ctx, media, [obj], revision, headed=False))
    return encoding.event_line("BOOKMARK", orjson.dumps(obj))


def _table_lines(ctx: Context, media: Media) -> Line:
    """Tables of one row; only the first names the columns."""
    respond.include_object(ctx)
    headed = True

    def line(entry: Entry, type: str) -> bytes:
        nonlocal headed
        table = respond.table(ctx, media, [entry], entry.revision, headed=headed)
        headed = False
        return encoding.event_line(type, table)

    return line
