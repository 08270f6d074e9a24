"""A transport that shows a token: many identities over the connections of one that has none.

Source: client-go ``transport/token_source.go``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from pynetes.client.types import Transport
from pynetes.http.types import Duplex, Headers, Reply

_UNAUTHORIZED = 401


class Tokens(Protocol):
    """Where an identity's tokens come from."""

    async def token(self) -> str:
        """One that is good now. Raises: StatusError, OSError when none can be had."""

    def refused(self, token: str) -> bool:
        """The server did not believe it. Answers whether ``token`` may give a better one."""


class StaticToken:
    """One token for ever."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    def refused(self, token: str) -> bool:
        return False


class Bearer:
    """As whom ``tokens`` are for. The transport beneath belongs to whoever made it: ``close`` leaves it open."""

    def __init__(self, transport: Transport, tokens: Tokens) -> None:
        self._transport = transport
        self._tokens = tokens

    async def request(
        self, method: str, path: str, *, query: str = "", headers: Headers = (), body: bytes = b""
    ) -> Reply:
        token = await self._tokens.token()
        reply = await self._transport.request(method, path, query=query, headers=_with(token, headers), body=body)
        if reply.status == _UNAUTHORIZED and self._tokens.refused(token):
            token = await self._tokens.token()
            reply = await self._transport.request(method, path, query=query, headers=_with(token, headers), body=body)
        return reply

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, query: str = "", headers: Headers = ()
    ) -> AsyncIterator[tuple[int, AsyncIterator[bytes]]]:
        token = await self._tokens.token()
        async with self._transport.stream(method, path, query=query, headers=_with(token, headers)) as answer:
            if answer[0] == _UNAUTHORIZED:
                self._tokens.refused(token)  # whoever streams tries again by himself
            yield answer

    async def upgrade(self, path: str, *, query: str = "", headers: Headers = ()) -> Duplex:
        token = await self._tokens.token()
        return await self._transport.upgrade(path, query=query, headers=_with(token, headers))

    async def close(self) -> None:
        pass


def _with(token: str, headers: Headers) -> Headers:
    return (("Authorization", f"Bearer {token}"), *headers)
