"""The API server: the store, the watch cache, the registry and the request pipeline, put together.

``APIServer.handle`` is the HTTP handler; who listens (TLS, a Unix socket, the in-process transport) is not its concern.
"""

import logging
from collections.abc import Awaitable

from pynetes import kinds
from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.apiserver import bootstrap
from pynetes.apiserver.admission.chain import Chain
from pynetes.apiserver.authn import Authenticator
from pynetes.apiserver.authz import MASTERS
from pynetes.apiserver.authz.authorizer import Authorizer
from pynetes.apiserver.bodies import Bodies
from pynetes.apiserver.cache import Cache
from pynetes.apiserver.customresources.serving import CustomResources
from pynetes.apiserver.documents import Documents
from pynetes.apiserver.metrics import Metrics
from pynetes.apiserver.openings import Openings
from pynetes.apiserver.pipeline import Pipeline
from pynetes.apiserver.registry import Registry
from pynetes.apiserver.settings import Settings
from pynetes.client.client import Client
from pynetes.client.inprocess import InProcess
from pynetes.http.types import Answer, PeerCertificate, Request
from pynetes.store.compaction import compact_forever
from pynetes.store.types import Store

log = logging.getLogger(__name__)


class APIServer:
    """Owns nothing but its cache and its background tasks; the store is closed by whoever opened it.

    ``authenticator``, ``authorizer`` and ``admission`` are made from ``(server)``: they read the registry, cache and
    settings from it when they are called, never when they are made.
    """

    def __init__(self, store: Store, clock: Clock, settings: Settings | None = None) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings or Settings()
        self.tasks = Tasks()
        self.resources = Registry(kinds.builtin())
        self.cache = Cache(store, clock, self.settings, self.tasks)
        for resource in self.resources:
            if resource.storage_prefix is not None:
                self.cache.of(resource)
        self.bodies = Bodies()
        self.openings = Openings(clock)
        self.documents = Documents(self.resources)
        self.metrics = Metrics(clock)
        self.authenticator = Authenticator(self)
        self.authorizer = Authorizer(self)
        self.admission = Chain(self)
        self.ready = False
        self.pipeline = Pipeline(self)
        # how the server's own parts write: through the whole pipeline, as a master
        peer = PeerCertificate("system:apiserver", (MASTERS,))
        self.loopback = Client(InProcess(self.handle, peer), clock, "kube-apiserver")
        self.custom_resources = CustomResources(self.loopback, clock, self.resources, self.cache, self.tasks)

    async def start(self) -> None:
        """Fill the cache, then make what every cluster has (``bootstrap.run(server)``); ready when it returns."""
        await self.cache.start()
        await bootstrap.run(self)
        self.tasks.spawn(bootstrap.keep(self), "bootstrap")
        self.cache.forget_past()
        await self.custom_resources.start()
        if self.settings.compaction_seconds:
            compaction = compact_forever(self.store, self.clock, self.settings.compaction_seconds)
            self.tasks.spawn(compaction, "compaction")
        self.ready = True

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        """The HTTP handler. Never raises: what goes wrong is a ``Status``."""
        return self.pipeline.handle(request)

    async def close(self) -> None:
        """End every watch and background task. The store stays open."""
        self.ready = False
        await self.custom_resources.close()
        self.cache.close()
        self.openings.forget()
        await self.tasks.close()
