"""PATCH of an object or of its status: JSON patch, merge patch, strategic merge patch, inside the compare-and-set
retry. Server-side apply is in ``apply``.

Source: apiserver ``pkg/endpoints/handlers/patch.go``.
"""

from typing import Any

import orjson

from pynetes.apiserver import faults, fieldmanager
from pynetes.apiserver.context import Context
from pynetes.apiserver.respond import respond
from pynetes.apiserver.verbs import apply, bodies, leases, shown, update, writes
from pynetes.apiserver.verbs.bodies import Expected
from pynetes.apiserver.verbs.options import write_options
from pynetes.apiserver.verbs.writes import Delete, Next
from pynetes.http.types import Response
from pynetes.meta import body as parsing
from pynetes.meta import fielderrors, status
from pynetes.meta.decoder import DecodeError
from pynetes.meta.encoding import Entry
from pynetes.meta.gotext import json_text, plain
from pynetes.meta.negotiation import patch_media_type
from pynetes.meta.objects import Object
from pynetes.meta.patch import PatchError, merge, strategic
from pynetes.meta.patch import json as json_patch
from pynetes.meta.resource import Resource
from pynetes.meta.status import StatusError

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


async def patch(ctx: Context) -> Response:
    """200 with the object; 201 for an apply that made it."""
    assert ctx.resource is not None
    resource = ctx.resource
    kind = patch_media_type(ctx.request.headers.get("content-type", ""))
    if kind == APPLY_PATCH:
        return await apply.apply(ctx)
    if resource.custom and kind == STRATEGIC_PATCH:
        accepted = f"{JSON_PATCH}, {MERGE_PATCH}, {APPLY_PATCH}"
        text = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        error = status.unsupported_media_type(text)
        error.status.pop("details", None)
        raise error
    options = write_options(ctx, "PatchOptions")
    target = writes.target(ctx)
    patch = Patch(ctx, kind, options.field_validation)
    expected = bodies.main_kind(ctx)

    async def decide(entry: Entry | None) -> Next | Delete:
        if entry is None:
            raise target.not_found()
        obj = patch.apply(in_version(resource, entry.object, expected), expected)
        update.check_place(ctx, target, obj)
        obj = bodies.to_storage(resource, obj)
        if resource.hooks.default is not None:
            resource.hooks.default(obj)
        fieldmanager.own_updated(ctx, obj, entry.object, options.field_manager)
        return await update.next_state(ctx, target, entry, obj, options.dry_run)

    lease = 0 if options.dry_run else await leases.lease_for(ctx.server, resource)
    return respond(ctx, await writes.change(target, decide, options.dry_run, lease))


def in_version(resource: Resource, obj: Object, expected: Expected) -> Object:
    """A stored object in the version of the path."""
    if resource.convert is None or (obj["apiVersion"] == expected.gvk.api_version and not resource.reads):
        return obj
    return resource.convert(obj, expected.gvk.api_version)


class Patch:
    """A patch that can be applied again and again; its body is parsed at the first time."""

    def __init__(self, ctx: Context, kind: str, mode: str) -> None:
        self._ctx = ctx
        self._kind = kind
        self._mode = mode
        self._parsed: tuple[Any, list[str]] | None = None

    def apply(self, document: Object, expected: Expected) -> Object:
        """The patched document, decoded; the caller owns it. Raises: StatusError 400, 413, 422, 500."""
        if self._parsed is None:
            self._parsed = self._parse()
        value, duplicates = self._parsed
        try:
            patched = self._patched(document, value, expected)
        except PatchError as error:
            if error.code == 422 and self._kind == STRATEGIC_PATCH:
                raise _invalid_patch(plain(value), error.detail) from None
            raise
        if not isinstance(patched, dict):
            raise faults.request_invalid()
        return self._decode(document, patched, value, duplicates, expected)

    def _parse(self) -> tuple[Any, list[str]]:
        body = self._ctx.request.body
        try:
            value = parsing.loads(body)
        except ValueError as error:
            text = str(error) if self._kind == STRATEGIC_PATCH else f"error decoding patch: {error}"
            raise status.bad_request(text) from None
        if self._mode == "Ignore":
            return value, []
        duplicates = parsing.duplicate_fields(body, value)
        if self._kind == JSON_PATCH:
            duplicates = [f"json patch {text}" for text in duplicates] + json_patch.unknown_members(value)
        return value, duplicates

    def _patched(self, document: Object, value: Any, expected: Expected) -> Any:
        if self._kind == JSON_PATCH:
            return json_patch.apply(document, value)
        if self._kind == MERGE_PATCH:
            return merge.apply(document, value)
        return strategic.apply(document, value, expected.type_name)

    def _decode(
        self, document: Object, patched: Object, value: Any, duplicates: list[str], expected: Expected
    ) -> Object:
        def refused(why: str) -> StatusError:
            return _invalid_patch(self._shown(document, value, expected), why)

        gvk = expected.gvk
        api_version, kind = patched.get("apiVersion"), patched.get("kind") or gvk.kind
        # strategic patches go to the type at once, whatever the document calls itself
        if self._kind == STRATEGIC_PATCH:
            kind = gvk.kind
        elif expected.structural is None and (api_version, kind) != (gvk.api_version, gvk.kind):
            if not api_version and kind == gvk.kind:
                raise update.undeterminable(self._ctx.info.name)
            raise refused(bodies.wrong_kind(str(api_version or ""), str(kind or ""), gvk, patched))
        patched = {**patched, "apiVersion": gvk.api_version, "kind": kind}
        resets, entries = bodies.resets_managers(patched, expected), _kept_managers(document, patched)
        if entries is not None:
            meta = {name: item for name, item in patched["metadata"].items() if name != "managedFields"}
            patched = {**patched, "metadata": meta}
        # the decoder takes its value over, and parts of this one are shared with the cache
        own = orjson.loads(orjson.dumps(patched))
        try:
            decoded = expected.decode(own)
        except DecodeError as error:
            structured = self._kind != STRATEGIC_PATCH
            raise refused(error.message if structured else shown.unstructured(error)) from None
        unknown = sorted(decoded.unknown) if self._kind == STRATEGIC_PATCH else decoded.unknown
        faulty = [*duplicates, *unknown]
        if faulty and self._mode == "Strict":
            raise refused(f"strict decoding error: {', '.join(faulty)}")
        if faulty and self._mode == "Warn":
            self._ctx.warnings += faulty
        obj = decoded.object
        if not isinstance(obj.get("metadata"), dict):
            obj["metadata"] = {}
        if resets or entries is not None:
            obj["metadata"]["managedFields"] = entries or []
        return obj

    def _shown(self, document: Object, value: Any, expected: Expected) -> str:
        """What a message calls the patch: the document that came of it or, for a strategic one, itself."""
        if expected.structural is not None:
            return json_text(self._patched(document, value, expected))
        if self._kind == JSON_PATCH:
            return shown.json_patched(document, value, expected.type_name)
        if self._kind == MERGE_PATCH:
            return shown.merge_patched(document, value, expected.type_name)
        return plain(value)


def _kept_managers(document: Object, patched: Object) -> Any:
    """The managedFields, if the patch has not touched them: no need to read them again."""
    meta = patched.get("metadata")
    entries = meta.get("managedFields") if isinstance(meta, dict) else None
    return entries if entries and entries is document["metadata"].get("managedFields") else None


def _invalid_patch(text: str, why: str) -> StatusError:
    return status.invalid("", "", "", [fielderrors.invalid("patch", text, why)])
