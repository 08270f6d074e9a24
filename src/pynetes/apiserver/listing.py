"""What a list or a watch asks for: its parameters, read and checked with upstream's texts; continue tokens.

Source: apimachinery ``pkg/apis/meta/internalversion/validation/validation.go``; apiserver
``pkg/endpoints/handlers/get.go``, ``pkg/storage/continue.go``, ``pkg/storage/etcd3/errors.go``,
``pkg/storage/errors.go``.
"""

import base64
import binascii
import posixpath
from dataclasses import dataclass, replace

import orjson

from pynetes.apiserver.context import Context
from pynetes.apiserver.selection import Selection
from pynetes.meta import fielderrors, gojson, gotext, selectors, status
from pynetes.meta.gotext import quoted
from pynetes.meta.resource import Resource, Version
from pynetes.meta.selectors import FieldSelector, LabelSelector, SelectorError
from pynetes.meta.status import Cause, StatusError

MAX_REVISION = 2**64 - 1
FRESH_SECONDS = 3.0
TOKEN_VERSION = "meta.k8s.io/v1"
TOO_OLD_LIST = "The resourceVersion for the provided list is too old."
INCONSISTENT_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
_OWN_FIELDS = frozenset(("pods", "nodes", "namespaces", "events", "secrets", "services", "replicationcontrollers"))
CONTINUE_WITH_REVISION = "specifying resource version is not allowed when using continue"


@dataclass(frozen=True, slots=True)
class ListOptions:
    """``resource_version`` is still text: lists and watches read it with different errors. limit 0: all."""

    selection: Selection
    resource_version: str = ""
    match: str = ""
    limit: int = 0
    continue_: str = ""
    timeout_seconds: int = 0
    bookmarks: bool = False
    initial_events: bool | None = None


def options(ctx: Context, *, watch: bool) -> ListOptions:
    """The parameters of a list or watch. Raises: StatusError 400, 422, 501."""
    assert ctx.resource is not None and ctx.version is not None
    if not ctx.params and not watch:
        return ListOptions(Selection(_prefix(ctx)))
    if ctx.param("shardSelector"):
        raise status.not_implemented("the parameter shardSelector is not implemented yet")
    labels, fields = _label_selector(ctx.param("labelSelector")), _field_selector(ctx.param("fieldSelector"))
    found = ListOptions(
        Selection(_prefix(ctx), labels, fields),
        resource_version=ctx.param("resourceVersion"),
        match=ctx.param("resourceVersionMatch"),
        limit=max(_integer(ctx.param("limit")), 0),
        continue_=ctx.param("continue"),
        timeout_seconds=_integer(ctx.param("timeoutSeconds")),
        bookmarks=_boolean(ctx, "allowWatchBookmarks") or False,
        initial_events=_boolean(ctx, "sendInitialEvents"),
    )
    if watch and found.initial_events is None and not found.match and found.resource_version in ("", "0"):
        # upstream's default since the WatchList feature: such a watch begins with what is there
        found = replace(found, initial_events=True, match="NotOlderThan")
    causes = _watch_causes(found) if watch else _list_causes(found)
    if causes:
        raise status.invalid("meta.k8s.io", "ListOptions", "", causes)
    _check_fields(ctx.resource, ctx.version, fields)
    return found


def _prefix(ctx: Context) -> bytes:
    assert ctx.resource is not None
    prefix = f"{ctx.resource.storage_prefix}/"
    if ctx.resource.namespaced and ctx.info.namespace:
        prefix += f"{ctx.info.namespace}/"
    return prefix.encode()


def _integer(text: str) -> int:
    if not text:
        return 0
    number = gotext.parse_int64(text)
    if number is None:
        fault = "value out of range" if text.lstrip("+-").isdecimal() else "invalid syntax"
        raise status.bad_request(f"strconv.ParseInt: parsing {quoted(text)}: {fault}")
    return number


def _boolean(ctx: Context, name: str) -> bool | None:
    """None when it is absent; upstream takes everything but ``false`` and ``0`` for true."""
    values = ctx.params.get(name)
    return values[0].lower() not in ("false", "0") if values else None


def _label_selector(text: str) -> LabelSelector:
    try:
        return selectors.parse_labels(text)
    except SelectorError as error:
        raise status.bad_request(str(error)) from error


def _field_selector(text: str) -> FieldSelector:
    try:
        return selectors.parse_fields(text)
    except SelectorError as error:
        raise status.bad_request(str(error)) from error


def _check_fields(resource: Resource, version: Version, selector: FieldSelector) -> None:
    """Raises: StatusError 400 in the words that the kind has for a field that it does not know."""
    for requirement in selector.requirements:
        name = requirement.field
        if name in version.selectable_fields:
            continue
        if not version.type_name:
            message = f"field label not supported: {name}"
        elif len(version.selectable_fields) <= 2 and resource.plural not in _OWN_FIELDS:
            message = f'{quoted(name)} is not a known field selector: only "metadata.name", "metadata.namespace"'
        elif resource.plural == "jobs":
            message = f"field label {quoted(name)} not supported for Job"
        elif resource.plural == "resourceslices":
            api_version = resource.gvk(version.name).api_version
            message = f"field label not supported for {api_version}, Kind=ResourceSlice: {name}"
        else:
            message = f"field label not supported: {name}"
        raise status.bad_request(message)


def _list_causes(found: ListOptions) -> list[Cause]:
    causes: list[Cause] = []
    path, match = "resourceVersionMatch", found.match
    if match:
        if not found.resource_version:
            causes.append(
                fielderrors.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")
            )
        if found.continue_:
            causes.append(fielderrors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in ("Exact", "NotOlderThan"):
            causes.append(fielderrors.not_supported(path, match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and found.resource_version == "0":
            causes.append(
                fielderrors.forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
            )
    if found.initial_events is not None:
        causes.append(fielderrors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return causes


def _watch_causes(found: ListOptions) -> list[Cause]:
    causes: list[Cause] = []
    path, match = "resourceVersionMatch", found.match
    if found.initial_events is not None and match != "NotOlderThan":
        causes.append(
            fielderrors.forbidden(path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        )
    if match:
        if found.initial_events is None:
            why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            causes.append(fielderrors.forbidden(path, why))
        if match != "NotOlderThan":
            causes.append(fielderrors.not_supported(path, match, ("NotOlderThan",)))
        if found.continue_:
            causes.append(fielderrors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
    return causes


# -- revisions


def parse_revision(text: str) -> int | str:
    """A resourceVersion; where it is none, upstream's text about it. Empty is 0."""
    if not text:
        return 0
    if text.isascii() and text.isdecimal():
        number = int(text)
        if number <= MAX_REVISION:
            return number
        fault = "value out of range"
    else:
        fault = "invalid syntax"
    return f"resourceVersion: Invalid value: {quoted(text)}: strconv.ParseUint: parsing {quoted(text)}: {fault}"


def revision_of(text: str) -> int:
    """As gets and watches read it. Raises: StatusError 500, without a reason, as upstream."""
    found = parse_revision(text)
    if isinstance(found, str):
        error = status.internal_error(found)
        error.status["message"] = found
        del error.status["reason"], error.status["details"]
        raise error
    return found


def too_large(requested: int, current: int) -> StatusError:
    error = status.timeout(f"Too large resource version: {requested}, current: {current}", 1)
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    error.status["details"] = {"causes": [cause], **error.status["details"]}
    return error


def too_old(requested: int, oldest: int) -> StatusError:
    return status.expired(f"too old resource version: {requested} ({oldest})")


async def wait_for(ctx: Context, revision: int) -> None:
    """Wait a little until the cache is as new as that. Raises: StatusError 504."""
    waiting = ctx.server.cache.wait_applied(revision)
    if waiting is None:
        return
    try:
        await ctx.server.clock.wait_for(waiting, FRESH_SECONDS)
    except TimeoutError as error:
        raise too_large(revision, ctx.server.cache.revision) from error


# -- continue tokens


def decode_continue(token: str, prefix: bytes) -> tuple[bytes, int]:
    """The key to go on from, and the revision (-1: the present one). Raises: StatusError 400."""

    def wrong(why: str) -> StatusError:
        return status.bad_request(f"invalid continue token: {why}")

    invalid = "continue key is not valid"
    try:
        data = _raw_url_decode(token)
        found = gojson.loads(data)
    except ValueError as error:
        raise wrong(f"{invalid}: {error}") from error
    if not isinstance(found, dict):
        raise wrong(f"{invalid}: json: cannot unmarshal into Go value of type storage.continueToken")
    if found.get("v", "") != TOKEN_VERSION:
        raise wrong(f"{invalid}: server does not recognize this encoded version {found.get('v', '')}")
    revision, start = found.get("rv", 0), found.get("start", "")
    if not revision:
        raise wrong(f"{invalid}: incorrect encoded start resourceVersion (version {TOKEN_VERSION})")
    if not start:
        raise wrong(f"{invalid}: encoded start key empty (version {TOKEN_VERSION})")
    key = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(key) != key:
        raise wrong(f"{invalid}: {start}")
    return prefix + key[1:].encode(), revision


def encode_continue(after: bytes, prefix: bytes, revision: int) -> str:
    """The token that goes on at the first key that is not before ``after``."""
    token = {"v": TOKEN_VERSION, "rv": revision, "start": after[len(prefix) :].decode()}
    return base64.urlsafe_b64encode(orjson.dumps(token)).rstrip(b"=").decode()


def continue_expired(after: bytes, prefix: bytes) -> StatusError:
    """410 with a token that goes on inconsistently, at the present revision."""
    error = status.expired(INCONSISTENT_CONTINUE)
    error.status["metadata"] = {"continue": encode_continue(after, prefix, -1)}
    return error


def _raw_url_decode(token: str) -> bytes:
    """Go's ``base64.RawURLEncoding``. Raises: binascii.Error in its words."""
    for place, character in enumerate(token):
        if not (character.isascii() and (character.isalnum() or character in "-_")):
            raise binascii.Error(f"illegal base64 data at input byte {place}")
    if len(token) % 4 == 1:
        raise binascii.Error(f"illegal base64 data at input byte {len(token) - 1}")
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
