"""Every store under the same contract: ``store_of(kind)`` opens one, ``run`` runs a coroutine under virtual time."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.store.embedded import EmbeddedStore
from pynetes.store.memory import MemoryStore
from pynetes.store.sqlite import SQLiteStore

OpenStore = Callable[[], AbstractAsyncContextManager[EmbeddedStore]]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def run(clock: VirtualClock) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    return lambda main: run_virtual(main, clock)


@pytest.fixture(params=["memory", "sqlite"])
def open_store(request: pytest.FixtureRequest, clock: VirtualClock, tmp_path: Path) -> OpenStore:
    @asynccontextmanager
    async def opened() -> AsyncIterator[EmbeddedStore]:
        if request.param == "memory":
            store: EmbeddedStore = MemoryStore(clock)
        else:
            store = SQLiteStore(tmp_path / "state.db", clock)
            await store.open()  # type: ignore[attr-defined]
        try:
            yield store
        finally:
            await store.close()

    return opened
