"""A transport that shows a token, and one that is refused once."""

import asyncio
from contextlib import asynccontextmanager

from pynetes.client.bearer import Bearer, StaticToken
from pynetes.http.types import Reply


class Server:
    """Believes one token."""

    def __init__(self, good):
        self.good = good
        self.seen = []

    async def request(self, method, path, *, query="", headers=(), body=b""):
        self.seen.append(dict(headers)["Authorization"])
        return Reply(200 if self.seen[-1] == f"Bearer {self.good}" else 401, {}, body)

    @asynccontextmanager
    async def stream(self, method, path, *, query="", headers=()):
        reply = await self.request(method, path, headers=headers)
        yield reply.status, None


class Renewed:
    def __init__(self, *tokens):
        self.left = list(tokens)

    async def token(self):
        return self.left[0]

    def refused(self, token):
        if self.left[0] == token and len(self.left) > 1:
            self.left.pop(0)
            return True
        return False


def test_a_refused_token_is_replaced_and_the_request_made_again():
    async def main():
        server = Server("two")
        reply = await Bearer(server, Renewed("one", "two")).request("POST", "/x", body=b"b")
        assert (reply.status, reply.body) == (200, b"b")
        assert server.seen == ["Bearer one", "Bearer two"]

    asyncio.run(main())


def test_a_token_for_ever_is_shown_once():
    async def main():
        server = Server("other")
        reply = await Bearer(server, StaticToken("one")).request("GET", "/x")
        assert (reply.status, server.seen) == (401, ["Bearer one"])

    asyncio.run(main())


def test_a_stream_that_is_refused_has_another_token_next_time():
    async def main():
        bearer = Bearer(Server("two"), Renewed("one", "two"))
        for expected in (401, 200):
            async with bearer.stream("GET", "/x") as (status, _):
                assert status == expected

    asyncio.run(main())
