"""The kubelet: runs the pods that are bound to its node, and tells the API what became of them."""

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.client.informer import Informers
from pynetes.kubelet.host import Host
from pynetes.kubelet.settings import Settings
from pynetes.runtime.types import Runtime


class Kubelet:
    """One node's agent. ``run`` returns when ``close`` was called; containers go on without it."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        runtime: Runtime,
        settings: Settings,
        host: Host | None = None,
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
