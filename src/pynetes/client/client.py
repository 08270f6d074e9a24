"""The typed face of a transport: verbs on kinds, objects in and out as dicts.

Source: client-go ``rest/request.go`` for how answers become errors.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from pynetes.aio.clock import Clock
from pynetes.client.frames import Lines
from pynetes.client.types import Kind, Transport, WatchEvent
from pynetes.http.types import Reply
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

SAFE_IN_PATH = "/:@!$&'()*+,;=~"

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}

UNEXPECTED = "UnexpectedServerResponse"
"""The reason in the details of an error whose answerer was no API server."""


class Client:
    """Speaks to one API server as one identity. Every method raises StatusError for a refusal, OSError for no answer.

    What is returned belongs to the caller. There is no rate limit. ``user_agent`` up to the first ``/`` becomes the
    field manager.
    """

    def __init__(self, transport: Transport, clock: Clock, user_agent: str = "pynetes") -> None:
        self.transport = transport
        self.clock = clock
        self.user_agent = user_agent
        self._read_headers = (("accept", "application/json"), ("user-agent", user_agent))

    def named(self, user_agent: str) -> "Client":
        """The same transport under another user agent (and field manager)."""
        return Client(self.transport, self.clock, user_agent)

    async def close(self) -> None:
        """Close the transport, for all who share it."""
        await self.transport.close()

    async def get(self, kind: Kind, name: str, namespace: str = "", *, subresource: str = "") -> Object:
        return _object(await self.request("GET", kind.path(namespace, name, subresource)))

    async def list(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "", limit: int = 0
    ) -> tuple[list[Object], str]:
        """All items and the revision of the list. With a ``limit`` it is read page by page, still to its end."""
        items: list[Object] = []
        query = _selectors(labels, fields)
        if limit:
            query["limit"] = str(limit)
        while True:
            page = orjson.loads(await self.request("GET", kind.path(namespace), query))
            head = {"kind": kind.kind, "apiVersion": kind.api_version}
            items += [{**head, **item} for item in page.get("items") or ()]
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return items, metadata.get("resourceVersion", "")
            query["continue"] = metadata["continue"]

    async def create(
        self, kind: Kind, obj: Object, namespace: str = "", subresource: str = "", name: str = ""
    ) -> Object:
        """Create an object, or post to a subresource of the object ``name`` (``pods/eviction``, ``pods/binding``)."""
        metadata = obj.get("metadata") or {}
        if kind.namespaced and not namespace:
            namespace = metadata.get("namespace") or "default"
        if subresource and not name:
            name = metadata.get("name", "")
        path = kind.path(namespace, name if subresource else "", subresource)
        body = orjson.dumps(obj if subresource else _typed(kind, obj))
        return _object(await self.request("POST", path, body=body))

    async def update(self, kind: Kind, obj: Object, subresource: str = "") -> Object:
        """Replace; with a resourceVersion in it, only that revision. Raises: StatusError conflict."""
        metadata = obj["metadata"]
        path = kind.path(metadata.get("namespace", ""), metadata["name"], subresource)
        body = orjson.dumps(obj if subresource not in ("", "status") else _typed(kind, obj))
        return _object(await self.request("PUT", path, body=body))

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Object | Sequence[Any] | bytes,
        namespace: str = "",
        *,
        subresource: str = "",
        patch_type: str = MERGE_PATCH,
        field_manager: str = "",
        force: bool = False,
    ) -> Object:
        query: dict[str, str] = {}
        if field_manager:
            query["fieldManager"] = field_manager
        if force:
            query["force"] = "true"
        body = patch if isinstance(patch, bytes) else orjson.dumps(patch)
        path = kind.path(namespace, name, subresource)
        return _object(await self.request("PATCH", path, query, body=body, content_type=patch_type))

    async def delete(self, kind: Kind, name: str, namespace: str = "", *, options: Object | None = None) -> Object:
        """Delete; ``options`` as in DeleteOptions (``{"gracePeriodSeconds": 0}``). Returns the object or a Status."""
        body = orjson.dumps(_options(options)) if options else b""
        return _object(await self.request("DELETE", kind.path(namespace, name), body=body))

    async def delete_collection(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "", options: Object | None = None
    ) -> None:
        body = orjson.dumps(_options(options)) if options else b""
        await self.request("DELETE", kind.path(namespace), _selectors(labels, fields), body=body)

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        revision: str = "",
        bookmarks: bool = False,
        timeout_seconds: int = 0,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Events after ``revision`` (empty: the present state as ADDED first, then events) until the server ends it.

        Leave it by ``contextlib.aclosing``: the connection closes with the iterator.
        """
        query = {"watch": "true", **_selectors(labels, fields)}
        if revision:
            query["resourceVersion"] = revision
        if bookmarks:
            query["allowWatchBookmarks"] = "true"
        if timeout_seconds:
            query["timeoutSeconds"] = str(timeout_seconds)
        async for line in self.lines(kind.path(namespace), query):
            event = orjson.loads(line)
            yield WatchEvent(event["type"], event["object"])

    async def lines(self, path: str, query: Mapping[str, str] | None = None) -> AsyncGenerator[bytes, None]:
        """A streamed answer line by line (watch frames, a followed log), without the newlines."""
        text = urlencode(query) if query else ""
        path = quote(path, safe=SAFE_IN_PATH)
        async with self.transport.stream("GET", path, query=text, headers=self._read_headers) as (status, pieces):
            if status >= 400:
                raise error_from(Reply(status, {}, b"".join([piece async for piece in pieces])))
            lines = Lines()
            async for piece in pieces:
                for line in lines.feed(piece):
                    yield line
            if rest := lines.rest():
                yield rest

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        """Any request by its decoded path; the body of the answer."""
        headers: Iterable[tuple[str, str]] = self._read_headers
        if accept != "application/json":
            headers = (("accept", accept), ("user-agent", self.user_agent))
        if body:
            headers = (*headers, ("content-type", content_type))
        text = urlencode(query) if query else ""
        path = quote(path, safe=SAFE_IN_PATH)
        reply = await self.transport.request(method, path, query=text, headers=tuple(headers), body=body)
        if reply.status >= 400:
            raise error_from(reply)
        return reply.body


def error_from(reply: Reply) -> StatusError:
    """The Status in an error's body; one made up from the code and text when the answerer was no API server."""
    if reply.body[:1] == b"{":
        try:
            status = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            status = {}
        if status.get("kind") == "Status":
            status["code"] = status.get("code") or reply.status
            return StatusError(status)
    text = reply.body.decode(errors="replace").strip()
    return StatusError(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": text or f"the server answered {reply.status}",
            "reason": REASONS.get(reply.status, ""),
            "details": {"causes": [{"reason": UNEXPECTED, "message": text}]},
            "code": reply.status,
        }
    )


def _object(body: bytes) -> Object:
    obj: Object = orjson.loads(body)
    return obj


def _typed(kind: Kind, obj: Object) -> Object:
    if "kind" in obj and "apiVersion" in obj:
        return obj
    return {"kind": kind.kind, "apiVersion": kind.api_version, **obj}


def _options(options: Object) -> Object:
    return {"kind": "DeleteOptions", "apiVersion": "v1", **options}


def _selectors(labels: str, fields: str) -> dict[str, str]:
    query = {}
    if labels:
        query["labelSelector"] = labels
    if fields:
        query["fieldSelector"] = fields
    return query
