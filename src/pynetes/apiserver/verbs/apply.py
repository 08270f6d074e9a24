"""PATCH with ``application/apply-patch+yaml``: server-side apply. What the client wants of the object is merged into
it; where others own what it says it is refused, unless it is forced.

Source: apiserver ``pkg/endpoints/handlers/patch.go`` (``applyPatcher``).
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from pynetes.apiserver import faults, fieldmanager
from pynetes.apiserver.context import Context
from pynetes.apiserver.respond import respond
from pynetes.apiserver.verbs import bodies, leases, shown, update, writes
from pynetes.apiserver.verbs.bodies import Expected
from pynetes.apiserver.verbs.options import WriteOptions, write_options
from pynetes.apiserver.verbs.writes import Delete, Next
from pynetes.http.types import Response
from pynetes.meta import body as parsing
from pynetes.meta import goyaml, status
from pynetes.meta.apply.fieldmanager import Applied, ApplyError, called, kind_text
from pynetes.meta.decoder import DecodeError
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object

_CONVERTING = "error converting YAML to JSON: "
_STRICT = f"{_CONVERTING}yaml: unmarshal errors:\n  "
_FLOAT = re.compile(rb"[0-9][.eE]")
_TARGET = "Go value of type map[string]interface {}"


async def apply(ctx: Context) -> Response:
    """200 with the object, 201 where it was made."""
    assert ctx.resource is not None
    resource = ctx.resource
    options = write_options(ctx, "PatchOptions", apply=True)
    target = writes.target(ctx)
    config = Config(ctx, options, bodies.main_kind(ctx))
    made = False

    async def decide(entry: Entry | None) -> Next | Delete:
        nonlocal made
        made = entry is None
        if entry is None and ctx.subresource is not None:
            raise target.not_found()
        live = None if entry is None else entry.object
        obj = config.applied(
            live, lambda said: fieldmanager.apply(ctx, live, said, options.field_manager, force=options.force)
        )
        uid = obj["metadata"].get("uid")
        if entry is None and uid:
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise status.conflict(resource.group, resource.plural, target.name, why)
        update.check_place(ctx, target, obj)
        obj = bodies.to_storage(resource, obj)
        if resource.hooks.default is not None:
            resource.hooks.default(obj)
        if entry is None:
            return await update.first_state(ctx, target, obj, options.dry_run)
        return await update.next_state(ctx, target, entry, obj, options.dry_run)

    lease = 0 if options.dry_run else await leases.lease_for(ctx.server, resource)
    written = await writes.change(target, decide, options.dry_run, lease)
    return respond(ctx, written, 201 if made else 200)


class Config:
    """The body of an apply; it is parsed once and applied as often as the write is tried."""

    def __init__(self, ctx: Context, options: WriteOptions, expected: Expected) -> None:
        """Raises: StatusError 400."""
        self._ctx = ctx
        self._mode = options.field_validation
        self._expected = expected
        self._value, self._duplicates = _parsed(ctx.request.body)

    def applied(self, live: Object | None, do: Callable[[Any], Applied]) -> Object:
        """The object that comes of it, decoded, with its managedFields; the caller owns it. Raises: StatusError."""
        try:
            found = do(self._value)
        except ApplyError as error:
            raise faults.unclassified(str(error)) from None
        if found.object is not None:
            obj = self._decoded(found.object)
        elif live is not None:
            obj = self._own(live)
        else:
            obj = self._decoded(self._value)
        self._tell_duplicates()
        meta = obj["metadata"]
        meta.pop("managedFields", None)
        if found.managed:
            meta["managedFields"] = found.managed
        return obj

    def _own(self, live: Object) -> Object:
        return orjson.loads(orjson.dumps(live))  # type: ignore[no-any-return]

    def _decoded(self, merged: Object) -> Object:
        """Raises: StatusError 500."""
        gvk = self._expected.gvk
        meta = {name: value for name, value in (merged.get("metadata") or {}).items() if name != "managedFields"}
        own = orjson.loads(orjson.dumps({**merged, "metadata": meta}))
        try:
            obj = self._expected.decode(own).object
        except DecodeError as error:
            why = f"unable to convert unstructured object to {kind_text(gvk)}: {shown.unstructured(error)}"
            said = called(self._value)
            raise faults.unclassified(f"failed to convert new object ({said}) to proper version: {why}") from None
        obj.setdefault("metadata", {})
        return obj

    def _tell_duplicates(self) -> None:
        """Raises: StatusError 400 with ``fieldValidation=Strict``."""
        if not self._duplicates or self._mode == "Ignore":
            return
        if self._mode == "Strict":
            raise status.bad_request(f"error strict decoding YAML: {_STRICT}" + "\n  ".join(self._duplicates))
        self._ctx.warnings += self._duplicates


def _parsed(body: bytes) -> tuple[Any, list[str]]:
    """The value, and its duplicate keys. Raises: StatusError 400."""
    value = _json(body) if body.startswith(b"{") else None
    if value is not None:
        return value, []
    try:
        value, duplicates = goyaml.loads(body)
    except goyaml.YAMLError as error:
        text = str(error)
        if not text.startswith(_CONVERTING):
            text = f"{_CONVERTING}{text}"
        raise _undecodable(text) from None
    if value is not None and not isinstance(value, dict):
        why = f"json: cannot unmarshal {parsing.json_kind(value)} into {_TARGET}"
        raise _undecodable(f"error unmarshaling JSON: while decoding JSON: {why}")
    return value, duplicates


def _json(body: bytes) -> Any:
    """JSON is YAML, and most clients send it: read it quickly. None where YAML could make something else of it."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return None if _FLOAT.search(body) or parsing.duplicate_fields(body, value) else value


def _undecodable(why: str) -> status.StatusError:
    return status.bad_request(f"error decoding YAML: {why}")
