"""GET of a pod's log: the kubelet's answer, passed on as it comes, no faster than the client reads.

Source: kubernetes ``pkg/registry/core/pod/rest/log.go``, apiserver ``pkg/registry/generic/rest/streamer.go``.
"""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlencode

from pynetes.apiserver import faults
from pynetes.apiserver.context import Context
from pynetes.apiserver.subresources import kubelets, podparameters
from pynetes.http.client import HTTPClient
from pynetes.http.types import Answer, Response, Stream, Writer
from pynetes.meta import fielderrors, status
from pynetes.meta.status import Cause, StatusError

_STREAMS = ("All", "Stderr", "Stdout")
_BUFFERED = 256 * 1024
_ERROR_BYTES = 50_000


async def get(ctx: Context) -> Answer:
    """The log as text; 204 for a pod that is on no node."""
    query = _query(ctx)
    pod = podparameters.pod_of(ctx)
    container = podparameters.container_of(pod, ctx.param("container"))
    node = pod["spec"].get("nodeName")
    if not node:
        return Response(204, b"", "")
    client = kubelets.client_for(ctx.server, node)
    meta = pod["metadata"]
    path = f"/containerLogs/{meta['namespace']}/{meta['name']}/{container}"
    return await _Log(ctx, client, path, query).open()


def _query(ctx: Context) -> str:
    """What the kubelet is asked. Raises: StatusError 400, 422."""
    tail, limit = podparameters.integer(ctx, "tailLines"), podparameters.integer(ctx, "limitBytes")
    since_seconds, since_time = podparameters.integer(ctx, "sinceSeconds"), ctx.param("sinceTime")
    stream = ctx.param("stream") or "All"
    causes: list[Cause] = []
    if tail is not None and tail < 0:
        causes.append(fielderrors.invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        causes.append(fielderrors.invalid("limitBytes", limit, "must be greater than 0"))
    if since_seconds is not None and since_time:
        causes.append(fielderrors.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif since_seconds is not None and since_seconds < 1:
        causes.append(fielderrors.invalid("sinceSeconds", since_seconds, "must be greater than 0"))
    if stream not in _STREAMS:
        causes.append(fielderrors.not_supported("stream", stream, _STREAMS))
    if stream != "All" and tail is not None:
        causes.append(fielderrors.forbidden("", "`tailLines` and specific `stream` are mutually exclusive for now"))
    if causes:
        raise status.invalid("", "PodLogOptions", ctx.info.name, causes)
    asked = {name: "true" for name in ("follow", "previous", "timestamps") if podparameters.boolean(ctx, name)}
    for name, value in (("sinceSeconds", since_seconds), ("tailLines", tail), ("limitBytes", limit)):
        if value is not None:
            asked[name] = str(value)
    if since_time:
        asked["sinceTime"] = since_time
    if stream != "All":
        asked["stream"] = stream
    return urlencode(asked)


class _Log:
    """One log on its way: the kubelet's stream is held open by a task until either side ends it."""

    def __init__(self, ctx: Context, client: HTTPClient, path: str, query: str) -> None:
        self._ctx = ctx
        self._stream = client.stream("GET", path, query)

    async def open(self) -> Answer:
        """Raises: StatusError as the kubelet's answer says, 500 when there is none."""
        try:
            code, pieces = await self._stream.__aenter__()
        except OSError as error:
            raise faults.unclassified(f"the kubelet of pod {self._ctx.info.name} cannot be reached: {error}") from None
        if not 200 <= code <= 206:
            try:
                text = b"".join([piece async for piece in pieces])[:_ERROR_BYTES].decode(errors="replace")
            finally:
                await self._close()
            raise _refused(code, text, self._ctx.info.name)

        pumps: list[asyncio.Task[None]] = []

        def start(writer: Writer) -> None:
            pumps.append(self._ctx.server.tasks.spawn(self._copy(pieces, writer), "log"))

        def ended() -> None:
            if pumps:
                pumps[0].cancel()
            else:
                self._ctx.server.tasks.spawn(self._close(), "log")

        return Stream(start, ended, content_type="text/plain")

    async def _copy(self, pieces: AsyncIterator[bytes], writer: Writer) -> None:
        try:
            async for piece in pieces:
                writer.write(piece)
                if writer.buffered > _BUFFERED:
                    await writer.drain()
            writer.close()
        except OSError:
            writer.abort()
        finally:
            await self._close()

    async def _close(self) -> None:
        await self._stream.__aexit__(None, None, None)


def _refused(code: int, text: str, name: str) -> StatusError:
    if code == 400:
        return status.bad_request(text)
    if code == 404:
        error = status.not_found("", "pods/log", name)
        error.status["message"] = f"the server could not find the requested resource ( pods/log {name})"
        return error
    return status.internal_error(text)
