"""exec, attach and port-forward: an upgraded connection to the kubelet whose bytes pass through unread, both ways.

The protocol (WebSocket ``v5.channel.k8s.io`` and its elder siblings, or SPDY) is between the client and the kubelet.

Source: kubernetes ``pkg/registry/core/pod/rest/subresources.go``; apimachinery ``pkg/util/proxy/upgradeaware.go``.
Differs: the proxies to pods, services and nodes are refused until they are built.
"""

import asyncio
from dataclasses import replace
from urllib.parse import urlencode

from pynetes.apiserver import authz, faults
from pynetes.apiserver.context import Context
from pynetes.apiserver.subresources import kubelets, podparameters
from pynetes.http.client import HTTPClient, UpgradeRefused
from pynetes.http.types import Answer, Duplex, Headers, Response, Takeover
from pynetes.meta import status

_PASSED = (
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "x-stream-protocol-version",
)
_ANSWERED = ("upgrade", "sec-websocket-accept", "sec-websocket-protocol", "x-stream-protocol-version")
_KUBELET_PATHS = {"exec": "exec", "attach": "attach", "portforward": "portForward"}
_FLAGS = {"exec": ("stdin", "stdout", "stderr", "tty"), "attach": ("stdin", "stdout", "stderr", "tty")}
_KUBELET_NAMES = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}


async def connect(ctx: Context) -> Answer:
    """101 and the kubelet's bytes. Raises: StatusError 400, 403, 404, 500, 501."""
    pod = podparameters.pod_of(ctx)
    kind, meta = ctx.info.subresource, pod["metadata"]
    path = f"/{_KUBELET_PATHS[kind]}/{meta['namespace']}/{meta['name']}"
    if kind != "portforward":
        path += f"/{podparameters.container_of(pod, ctx.param('container'))}"
    node = pod["spec"].get("nodeName")
    if not node:
        raise status.bad_request(f"pod {meta['name']} does not have a host assigned")
    upgrade = ctx.request.headers.get("upgrade", "").lower()
    if not upgrade:
        raise status.bad_request("Upgrade request required")
    if upgrade not in ("websocket", "spdy/3.1"):
        raise status.bad_request(f"unable to upgrade: the protocol {upgrade} is not known")
    if ctx.info.verb == "get":
        _also_create(ctx)
    return await _pass_through(ctx, kubelets.client_for(ctx.server, node), path, _query(ctx, kind))


async def proxy(ctx: Context) -> Answer:
    raise status.not_implemented(f"{ctx.info.resource}/proxy is not implemented yet")


def _also_create(ctx: Context) -> None:
    """A WebSocket is opened by GET; who may only read must not open one."""
    info = replace(ctx.info, verb="create")
    decision = ctx.server.authorizer.authorize(ctx.user, info)
    if not decision.allowed:
        raise authz.forbidden(ctx.user, info, decision)


def _query(ctx: Context, kind: str) -> str:
    """In the kubelet's words: input, output, error."""
    asked: list[tuple[str, str]] = []
    for flag in _FLAGS.get(kind, ()):
        on = podparameters.boolean(ctx, flag)
        if flag not in ctx.params and flag in ("stdout", "stderr"):
            on = True
        if on:
            asked.append((_KUBELET_NAMES[flag], "1"))
    if kind == "exec":
        asked += [("command", word) for word in ctx.params.get("command", ())]
    if kind == "portforward":
        asked += [("port", port) for port in ctx.params.get("ports", ())]
    return urlencode(asked)


async def _pass_through(ctx: Context, client: HTTPClient, path: str, query: str) -> Answer:
    headers: Headers = [(name, ctx.request.headers[name]) for name in _PASSED if name in ctx.request.headers]
    try:
        backend, answered = await client.upgrade_with_headers(path, query, headers)
    except UpgradeRefused as refused:
        reply = refused.reply
        return Response(reply.status, reply.body, reply.headers.get("content-type", "text/plain"))
    except OSError as error:
        raise faults.unclassified(f"error dialing backend: {error}") from None
    passed = [("Connection", "Upgrade"), *((name.title(), answered[name]) for name in _ANSWERED if name in answered)]
    return Takeover(lambda client_side: _splice(client_side, backend), passed)


async def _splice(left: Duplex, right: Duplex) -> None:
    """Copy both ways until one side ends; then both are closed."""
    copies = [asyncio.ensure_future(_copy(left, right)), asyncio.ensure_future(_copy(right, left))]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        left.close()
        right.close()


async def _copy(source: Duplex, sink: Duplex) -> None:
    while data := await source.read():
        sink.write(data)
        await sink.drain()
