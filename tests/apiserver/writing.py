"""A server to write to: requests with bodies, as any user."""

import inspect
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

import orjson

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.apiserver.server import APIServer
from pynetes.apiserver.settings import Settings
from pynetes.http.types import PeerCertificate, Request, Response
from pynetes.pki.tokens import make_signing_key
from pynetes.store.memory import MemoryStore

ADMIN = PeerCertificate("admin", ("system:masters",))
MERGE, STRATEGIC, JSON = (f"application/{kind}+json" for kind in ("merge-patch", "strategic-merge-patch", "json-patch"))
SETTINGS = Settings(make_service_account_signing_key=cache(make_signing_key))
"""One key for all tests: making one takes its time."""
CONFIG_MAPS = "/api/v1/namespaces/n/configmaps"


class Writing:
    """One server over a memory store, with a namespace ``n`` and its default account."""

    def __init__(self, clock: VirtualClock, settings: Settings | None = None) -> None:
        self.clock = clock
        self.store = MemoryStore(clock)
        self.server = APIServer(self.store, clock, settings or SETTINGS)
        self.warnings: list[str] = []

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        type: str = "application/json",
        user: str = "",
        groups: tuple[str, ...] = (),
        token: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """The status and the decoded answer. A user is a certificate's; with a token there is none."""
        path, _, query = path.partition("?")
        sent = {"content-type": type, **(headers or {})}
        peer: PeerCertificate | None = PeerCertificate(user, groups) if user else ADMIN
        if token:
            sent["authorization"], peer = f"Bearer {token}", None
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        answer = self.server.handle(Request(method, path, query, sent, data, peer))
        if inspect.isawaitable(answer):
            answer = await answer
        assert isinstance(answer, Response), answer
        self.warnings = [value for name, value in answer.headers if name == "Warning"]
        return answer.status, orjson.loads(answer.body) if answer.body.startswith(b"{") else answer.body

    async def make(self, path: str, name: str, **rest: Any) -> Any:
        """A created object. ``metadata`` is merged with the name."""
        meta = {"name": name, **rest.pop("metadata", {})}
        code, made = await self.ask("POST", path, {"metadata": meta, **rest})
        assert code == 201, made
        return made

    async def pod(self, name: str, **spec: Any) -> Any:
        containers = [{"name": "c", "image": "i"}]
        return await self.make("/api/v1/namespaces/n/pods", name, spec={"containers": containers, **spec})


def run_writing(main: Callable[[Writing], Coroutine[Any, Any, None]], settings: Settings | None = None) -> None:
    """Start a server under virtual time, run the test, close it."""
    clock = VirtualClock()

    async def whole() -> None:
        api = Writing(clock, settings)
        await api.server.start()
        try:
            await api.make("/api/v1/namespaces", "n")
            await api.make("/api/v1/namespaces/n/serviceaccounts", "default")
            await main(api)
        finally:
            await api.server.close()
            await api.store.close()

    run_virtual(whole(), clock)
