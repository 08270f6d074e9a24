"""Reaches webhooks: by URL, or by a service's ready endpoints.

Endpoints are taken straight from the EndpointSlices: pods are reached without the rules that a proxy makes on nodes.

Source: apiserver ``pkg/util/webhook/client.go``, kube-aggregator ``pkg/apiserver/resolvers.go``.
"""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from pynetes.apiserver.admission import Attributes
from pynetes.apiserver.context import Server
from pynetes.http.client import HTTPClient
from pynetes.http.tls import client_context
from pynetes.http.types import Reply
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, labels_of

_HEADERS = (
    ("User-Agent", "kube-apiserver-admission"),
    ("Accept", "application/json, */*"),
    ("Content-Type", "application/json"),
)
_MOST_ANSWER_BYTES = 16 * 1024 * 1024
_MOST_CLIENTS = 256
_UNKNOWN_AUTHORITY, _EXPIRED = (2, 18, 19, 20, 21), (9, 10)
"""OpenSSL's codes (X509_V_ERR_...)."""
Objects = Callable[[str, str, str], list[Object]]


class Unreachable(OSError):
    """Why there is no answer, in upstream's words."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook is. ``url`` is what messages show; ``host`` and ``port`` are dialled."""

    url: str
    host: str
    port: int
    server_name: str
    ca: bytes


class Caller:
    """One server's connections to webhooks. They end with the server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._clients: dict[Place, HTTPClient] = {}
        self._keeper: asyncio.Task[Any] | None = None

    async def ask(self, asked: Attributes, config: Object, review: Object, seconds: int) -> Any:
        """The decoded answer. ``config``: the webhook's ``clientConfig``. Raises: Unreachable."""
        url = f"{_url(config)}?timeout={seconds}s"
        try:
            found = place(config, asked.objects, self._server.clock.random.randrange)
            async with self._server.clock.timeout(seconds):
                reply = await self._post(found, f"timeout={seconds}s", orjson.dumps(review))
        except TimeoutError:
            raise Unreachable(f"Post {quoted(url)}: context deadline exceeded") from None
        except OSError as error:
            raise Unreachable(f"Post {quoted(url)}: {error}") from None
        return _read(reply)

    async def _post(self, found: Place, query: str, body: bytes) -> Reply:
        try:
            client = self._client(found)
            return await client.request("POST", urlsplit(found.url).path or "/", query, _HEADERS, body)
        except ConnectionRefusedError:
            raise Unreachable(f"dial tcp {_address(found)}: connect: connection refused") from None
        except ConnectionError as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise Unreachable(f"tls: failed to verify certificate: {_distrust(error.__cause__)}") from None
            raise

    def _client(self, found: Place) -> HTTPClient:
        client = self._clients.get(found)
        if client is None:
            if self._keeper is None:
                self._keeper = self._server.tasks.spawn(self._close_at_the_end(), "connections to webhooks")
            while len(self._clients) >= _MOST_CLIENTS:
                oldest = self._clients.pop(next(iter(self._clients)))
                self._server.tasks.spawn(oldest.close(), "close a connection to a webhook")
            url = urlsplit(found.url)
            client = self._clients[found] = HTTPClient(
                f"https://{url.netloc}",
                self._server.clock,
                ssl=client_context(found.ca),
                server_name=found.server_name,
                address=(found.host, found.port),
                max_body_bytes=_MOST_ANSWER_BYTES,
            )
        return client

    async def _close_at_the_end(self) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for client in self._clients.values():
                await client.close()


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return "x509: certificate signed by unknown authority"
    if error.verify_code in _EXPIRED:
        return "x509: certificate has expired or is not yet valid"
    return error.verify_message


def _address(found: Place) -> str:
    return f"[{found.host}]:{found.port}" if ":" in found.host else f"{found.host}:{found.port}"


def _url(config: Object) -> str:
    service = config.get("service")
    if service is None:
        url: str = config["url"]
        return url
    host = f"{service['name']}.{service['namespace']}.svc"
    return f"https://{host}:{service.get('port') or 443}{service.get('path') or ''}"


def place(config: Object, objects: Objects, choose: Callable[[int], int]) -> Place:
    """Where a ``clientConfig`` leads to now. ``choose(n)``: one of n endpoints. Raises: Unreachable."""
    try:
        ca = base64.b64decode(config.get("caBundle") or "")
    except binascii.Error:
        raise Unreachable("could not load PEM client CA") from None
    url, service = _url(config), config.get("service")
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    if service is None:
        return Place(url, host, port, host, ca)
    dialled = _endpoint(service, port, objects, choose)
    return Place(url, *dialled, host, ca)


def _endpoint(service: Object, port: int, objects: Objects, choose: Callable[[int], int]) -> tuple[str, int]:
    namespace, name = service["namespace"], service["name"]
    found = next((s for s in objects("", "services", namespace) if s["metadata"]["name"] == name), None)
    if found is None:
        raise Unreachable(f"service {quoted(name)} not found")
    spec = found.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return spec["externalName"], port
    wanted = next((p for p in spec.get("ports") or () if p["port"] == port), None)
    if wanted is None:
        raise Unreachable(f"no service port {port} found for service {quoted(name)}")
    slices = objects("discovery.k8s.io", "endpointslices", namespace)
    of_service = [s for s in slices if labels_of(s).get("kubernetes.io/service-name") == name]
    ready = [pair for s in of_service for pair in _ready(s, wanted.get("name") or "")]
    if not ready:
        raise Unreachable(f"no endpoints available for service {quoted(name)}")
    return ready[choose(len(ready))]


def _ready(endpoint_slice: Object, port_name: str) -> list[tuple[str, int]]:
    ports = (p for p in endpoint_slice.get("ports") or () if (p.get("name") or "") == port_name)
    number = next((p.get("port") for p in ports), None)
    if number is None:
        return []
    return [
        (endpoint["addresses"][0], number)
        for endpoint in endpoint_slice.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True) is not False
    ]


def _read(reply: Reply) -> Any:
    """Raises: Unreachable when the answer is none of a webhook."""
    try:
        body = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        body = None
    if 200 <= reply.status < 300:
        if body is None:
            raise Unreachable("the answer is no JSON")
        return body
    if isinstance(body, dict) and body.get("kind") == "Status" and body.get("message"):
        raise Unreachable(str(body["message"]))
    raise Unreachable(_refused(reply))


def _refused(reply: Reply) -> str:
    """What client-go makes of an HTTP error without a Status."""
    known = {
        400: "the server rejected our request for an unknown reason",
        401: "the server has asked for the client to provide credentials",
        403: "unknown",
        404: "the server could not find the requested resource",
        405: "the server does not allow this method on the requested resource",
        503: "the server is currently unable to handle the request",
    }
    if reply.status in known:
        return known[reply.status]
    text = reply.body[:2048].decode("utf-8", "replace").strip()
    return f"an error on the server ({quoted(text or 'unknown')}) has prevented the request from succeeding"
