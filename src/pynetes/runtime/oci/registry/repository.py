"""One repository of a registry, behind all its endpoints: what a name stands for, and the bytes of a digest.

Source: containerd ``core/remotes/docker/resolver.go``, ``fetcher.go``, ``errcode.go``.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import orjson

from pynetes.aio.clock import Clock
from pynetes.http.types import Headers
from pynetes.runtime.oci.registry.authorizer import AccessDenied, Authorizer
from pynetes.runtime.oci.registry.endpoints import Endpoint
from pynetes.runtime.oci.registry.web import MAX_DOCUMENT, Answer, Web
from pynetes.runtime.references import Reference
from pynetes.runtime.types import Credentials, NotFound, RuntimeFailure

INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
MAX_TRIES = 5

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a digest stands for."""

    digest: str
    media_type: str
    size: int


class Repository:
    """``reference`` has one of tag and digest."""

    def __init__(
        self,
        clock: Clock,
        web: Web,
        reference: Reference,
        endpoints: Sequence[Endpoint],
        credentials: Credentials | None,
    ) -> None:
        self._web = web
        self._reference = reference
        self._registry, _, self._path = reference.name.partition("/")
        self._endpoints = endpoints
        scope = f"repository:{self._path}:pull"
        self._authorizers = [Authorizer(clock, web, credentials, scope, e.trust) for e in endpoints]

    async def resolve(self) -> Descriptor:
        """Raises: NotFound, RuntimeFailure: of the endpoints' failures the one that came furthest."""
        digest = self._reference.digest
        wanted = {"pull"} if digest else {"pull", "resolve"}
        paths = [f"manifests/{digest}", f"blobs/{digest}"] if digest else [f"manifests/{self._reference.tag}"]
        failures: list[tuple[int, RuntimeFailure]] = []
        asked = [i for i, e in enumerate(self._endpoints) if wanted <= e.capabilities]
        for path in paths:
            for i in asked:
                try:
                    found = await self._head(i, path, i == asked[-1])
                except AccessDenied as error:
                    denied = "pull access denied, repository does not exist or may require authorization"
                    failures.append((1, RuntimeFailure(f"{denied}: {error}")))
                except NotFound as error:
                    failures.append((2, error))
                except _Unexpected as error:
                    failures.append((3, error.failure))
                except RuntimeFailure as error:
                    failures.append((1, error))
                else:
                    return found
        if not failures:
            raise NotFound(f"no resolve hosts: {self._reference}: not found")
        best = max(rank for rank, _ in failures)
        raise next(error for rank, error in failures if rank == best)

    @asynccontextmanager
    async def fetch(self, descriptor: Descriptor) -> AsyncIterator[Answer]:
        """The bytes of a digest. Raises: NotFound, RuntimeFailure: the first endpoint's failure."""
        kind = "manifests" if descriptor.media_type in (*INDEXES, *MANIFESTS) else "blobs"
        accept = (("Accept", f"{descriptor.media_type}, */*" if descriptor.media_type else "*/*"),)
        failures: list[RuntimeFailure] = []
        asked = [i for i, e in enumerate(self._endpoints) if "pull" in e.capabilities]
        for i in asked:
            opened = self._ask(i, "GET", f"{kind}/{descriptor.digest}", accept, i == asked[-1])
            async with AsyncExitStack() as stack:
                try:
                    answer = await stack.enter_async_context(opened)
                except RuntimeFailure as error:
                    failures.append(error)
                    continue
                if answer.status < 300:
                    yield answer
                    return
                failures.append(await _failure(answer))
        raise failures[0] if failures else NotFound("no pull hosts: not found")

    async def _head(self, i: int, path: str, last: bool) -> Descriptor:
        accept = (("Accept", ", ".join((*MANIFESTS, *INDEXES, "*/*"))),)
        async with self._ask(i, "HEAD", path, accept, last) as answer:
            if answer.status == 404:
                raise NotFound(f"{self._reference}: not found")
            if answer.status > 299:
                raise _Unexpected(await _failure(answer))
            digest = self._reference.digest or answer.headers.get("docker-content-digest", "")
            media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
            size = int(answer.headers.get("content-length") or -1)
        if digest and not _DIGEST.fullmatch(digest):
            raise RuntimeFailure(f'"{digest}" in header not a valid digest: invalid checksum digest format')
        if not digest or size < 0:
            async with self._ask(i, "GET", path, accept, True) as answer:
                if answer.status > 299:
                    raise _Unexpected(await _failure(answer))
                body = await answer.body()
                media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
            digest, size = digest or f"sha256:{hashlib.sha256(body).hexdigest()}", len(body)
        if size > MAX_DOCUMENT:
            raise NotFound(f"rejecting {size} byte manifest for {self._reference}: not found")
        return Descriptor(digest, media_type, size)

    @asynccontextmanager
    async def _ask(self, i: int, method: str, path: str, headers: Headers, last: bool) -> AsyncIterator[Answer]:
        """The answer of one endpoint, asked again with leave, or where a second try may help."""
        endpoint, statuses = self._endpoints[i], list[int]()
        url = f"{endpoint.url}/{self._path}/{path}"
        if self._registry != endpoint.host and endpoint.host != "registry-1.docker.io":
            url += f"?{urlencode({'ns': self._registry})}"
        while True:
            async with self._follow(i, method, url, (*endpoint.headers, *headers)) as answer:
                statuses.append(answer.status)
                if len(statuses) > MAX_TRIES or not self._again(i, method, answer, statuses, last):
                    yield answer
                    return
            if answer.status == 405:
                method = "GET"

    def _again(self, i: int, method: str, answer: Answer, statuses: Sequence[int], last: bool) -> bool:
        if answer.status == 401:
            return self._authorizers[i].learn(urlsplit(answer.url).netloc, answer, len(statuses) > 1)
        if answer.status == 405:
            return method == "HEAD" and "/manifests/" in answer.url
        if answer.status in (408, 429):
            return True
        return answer.status in (500, 503, 504) and last and statuses[-2:-1] != [answer.status]

    @asynccontextmanager
    async def _follow(self, i: int, method: str, url: str, headers: Headers) -> AsyncIterator[Answer]:
        endpoint = self._endpoints[i]
        for _ in range(MAX_REDIRECTS + 1):
            host = urlsplit(url).netloc
            try:
                leave = await self._authorizers[i].headers(host)
            except RuntimeFailure as error:
                raise RuntimeFailure(f"failed to authorize: {error}") from error
            opened = self._web.open(method, url, (*headers, *leave), b"", endpoint.trust, endpoint.falls_back)
            async with AsyncExitStack() as stack:
                try:
                    answer = await stack.enter_async_context(opened)
                except RuntimeFailure as error:
                    raise RuntimeFailure(f"failed to do request: {error}") from error
                if answer.status not in REDIRECTS or "location" not in answer.headers:
                    yield answer
                    return
                url = urljoin(answer.url, answer.headers["location"])
            if urlsplit(url).netloc != host:
                headers = [h for h in headers if h not in endpoint.headers]
        raise RuntimeFailure(f'failed to do request: {method.capitalize()} "{url}": stopped after 10 redirects')


class _Unexpected(Exception):
    """An endpoint was reached and would not."""

    def __init__(self, failure: RuntimeFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


async def _failure(answer: Answer) -> RuntimeFailure:
    """What the registry says about a refusal."""
    if answer.status == 404:
        return NotFound(f"content at {answer.url} not found: not found")
    try:
        document: Any = orjson.loads(await answer.body())
        errors = [f"{e['code'].lower().replace('_', ' ')}: {e.get('message') or ''}" for e in document["errors"]]
    except (ValueError, TypeError, KeyError, AttributeError, OSError, RuntimeFailure):
        errors = []
    failure = answer.unexpected()
    if not errors:
        return failure
    told = errors[0] if len(errors) == 1 else "errors:\n" + "\n".join(errors) + "\n"
    return RuntimeFailure(f"{failure}\n{told}", failure.reason)
