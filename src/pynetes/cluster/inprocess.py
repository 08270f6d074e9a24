"""A whole cluster on one event loop: API server, controllers, scheduler, simulated nodes, joined without a socket.

The in-process transport runs the same request pipeline as HTTPS does, so nothing behaves otherwise here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.apiserver.server import APIServer
from pynetes.apiserver.settings import Settings as APISettings
from pynetes.client.client import Client
from pynetes.client.inprocess import InProcess
from pynetes.client.kinds import NODES
from pynetes.cluster import components
from pynetes.cluster.config import SIMULATED_MASK, SIMULATED_NETWORK, SIMULATED_PODS
from pynetes.cluster.ready import default_namespace_ready, node_ready
from pynetes.controllers.settings import Settings as ControllerSettings
from pynetes.http.types import PeerCertificate
from pynetes.meta.objects import name_of
from pynetes.store.memory import MemoryStore
from pynetes.store.types import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs. ``nodes``: how many simulated ones. Durations are in seconds of the cluster's clock."""

    nodes: int = 1
    controllers: bool = True
    scheduler: bool = True
    ready_timeout_seconds: float = 30.0


class InProcessCluster:
    """Owns its API server and components from ``start`` to ``close``; a store that was given stays open."""

    def __init__(
        self,
        clock: Clock,
        parts: Parts | None = None,
        *,
        store: Store | None = None,
        api_settings: APISettings | None = None,
        controller_settings: ControllerSettings | None = None,
    ) -> None:
        self.clock = clock
        self.parts = parts or Parts()
        self.store = store or MemoryStore(clock)
        self._owns_store = store is None
        self.api = APIServer(self.store, clock, api_settings)
        tokens = self.api.authenticator.tokens
        self._controller_settings = replace(
            controller_settings or ControllerSettings(),
            service_account_key=lambda: tokens.signing_key,
            cluster_cidrs=(SIMULATED_NETWORK,),
            node_cidr_mask_ipv4=SIMULATED_MASK,
        )
        self._tasks = Tasks()
        self._clients: list[Client] = []
        self.client = self.client_as("kubernetes-admin", "system:masters")

    @property
    def node_names(self) -> tuple[str, ...]:
        return tuple(f"node-{number}" for number in range(1, self.parts.nodes + 1))

    def client_as(self, user: str, *groups: str, user_agent: str = "pynetes") -> Client:
        """A client by the in-process transport, as the subject of a certificate."""
        client = Client(InProcess(self.api.handle, PeerCertificate(user, groups)), self.clock, user_agent)
        self._clients.append(client)
        return client

    async def start(self) -> None:
        """Start everything that was asked for and wait until it is ready. Raises: TimeoutError."""
        await self.api.start()
        brain = self.client_as("system:kube-controller-manager", user_agent="kube-controller-manager")
        scheduler = self.client_as("system:kube-scheduler", user_agent="kube-scheduler")
        self._tasks.spawn(self._think(brain, scheduler), "brain")
        if self.parts.nodes:
            kubelets = {
                name: self.client_as(f"system:node:{name}", "system:nodes", user_agent="kubelet")
                for name in self.node_names
            }
            self._tasks.spawn(components.simulate(kubelets, self.clock, SIMULATED_PODS, None), "nodes")
        async with self.clock.timeout(self.parts.ready_timeout_seconds):
            await self._until_ready()

    async def _think(self, manager: Client, scheduler: Client) -> None:
        parts = self.parts
        nobody = InProcess(self.api.handle)
        if parts.controllers and parts.scheduler:
            await components.think(manager, scheduler, self.clock, self._controller_settings, nobody)
        elif parts.controllers:
            await components.control(manager, self.clock, self._controller_settings, nobody)
        elif parts.scheduler:
            await components.schedule(scheduler, self.clock)

    async def _until_ready(self) -> None:
        wanted = set(self.node_names)
        while wanted:
            nodes, _ = await self.client.list(NODES)
            if wanted <= {name_of(node) for node in nodes if node_ready(node)}:
                break
            await self.clock.sleep(0.01)
        with_root_certificate = bool(self._controller_settings.ca_pem)
        while self.parts.controllers and not await default_namespace_ready(self.client, with_root_certificate):
            await self.clock.sleep(0.01)

    async def close(self) -> None:
        """Stop everything; nothing of it is left on the loop."""
        await self._tasks.close()
        for client in self._clients:
            await client.close()
        await self.api.close()
        if self._owns_store:
            await self.store.close()


async def wait_until(
    clock: Clock, holds: Callable[[], bool], timeout_seconds: float, step_seconds: float = 0.05
) -> None:
    """Return when the condition holds, looking every step. Raises: TimeoutError."""
    async with clock.timeout(timeout_seconds):
        while not holds():
            await clock.sleep(step_seconds)
