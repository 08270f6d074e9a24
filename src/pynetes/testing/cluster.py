"""A real cluster inside a test: ``with Cluster() as cluster:`` starts API, controllers, scheduler and simulated nodes.

Everything runs in this process, on a thread of its own, over HTTPS for any client (``cluster.kubeconfig``,
``cluster.url``) and without a socket for ``cluster.client``. Under virtual time (``Cluster(virtual_time=True)``) the
clock stands still until the test moves it with ``advance`` or ``wait``; chance is seeded. On exit nothing is left
behind: no thread, port, file or task.

    with Cluster(nodes=2) as cluster:
        cluster.create(DEPLOYMENTS, deployment, "default")
        cluster.wait(lambda: cluster.get(DEPLOYMENTS, "web", "default")["status"].get("availableReplicas") == 3)
"""

import asyncio
import json
import tempfile
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pynetes.aio.clock import Clock, RealClock, VirtualClock
from pynetes.client.types import Kind
from pynetes.cluster.components import api_listener
from pynetes.cluster.inprocess import InProcessCluster, Parts
from pynetes.cluster.kubeconfig import Access, document
from pynetes.controllers.settings import Settings as ControllerSettings
from pynetes.meta.objects import Object

T = TypeVar("T")

LIFETIME_DAYS = 3650


class Cluster:
    """A cluster of simulated nodes in this process. Methods block the caller's thread, never the cluster's."""

    def __init__(
        self,
        nodes: int = 1,
        *,
        virtual_time: bool = False,
        seed: int = 0,
        controllers: bool = True,
        scheduler: bool = True,
        https: bool = True,
    ) -> None:
        self._parts = Parts(nodes=nodes, controllers=controllers, scheduler=scheduler)
        self.virtual = VirtualClock(seed) if virtual_time else None
        self.clock: Clock = self.virtual or RealClock()
        self._https = https
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._started: Future[None] = Future()
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._main, name="pynetes-cluster", daemon=True)
        self.cluster: InProcessCluster
        self.url = ""

    # --- life

    def __enter__(self) -> "Cluster":
        self._thread.start()
        self._started.result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._folder is not None:
            self._folder.cleanup()

    def _main(self) -> None:
        if self.virtual is not None:
            factory = self.virtual.new_event_loop
        else:
            import uvloop

            factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            try:
                runner.run(self._live())
            except BaseException as failure:  # whoever waits for the start must hear of it
                if self._started.done():
                    raise
                self._started.set_exception(failure)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        pki = self._pki()
        self.cluster = InProcessCluster(
            self.clock,
            self._parts,
            api_settings=pki.settings,
            controller_settings=ControllerSettings(
                ca_pem=pki.ca_pem.decode(),
                cluster_signing_cert_pem=pki.ca_pem.decode(),
                cluster_signing_key_pem=pki.ca_key_pem.decode(),
            ),
        )
        server = None
        try:
            await self.cluster.start()
            if self._https:
                server = api_listener(self.cluster.api, pki.context)
                port = await server.listen("127.0.0.1", 0)
                self.url = f"https://127.0.0.1:{port}"
                self._write_kubeconfig(pki)
            if self.virtual is not None:
                self.virtual.limit = self.virtual.now()  # no await between here and the result: time stands still
            self._started.set_result(None)
            await self._stop.wait()
        finally:
            if self.virtual is not None:
                self.virtual.limit = float("inf")
            if server is not None:
                await server.close()
            await self.cluster.close()

    def _pki(self) -> "_PKI":
        from pynetes.apiserver.settings import Settings
        from pynetes.http.tls import server_context
        from pynetes.pki.certificates import Authority

        now = self.clock.now() if self.virtual is None else RealClock().now()  # peers check them by the machine's clock
        authority = Authority.make("kubernetes", now=now, days=LIFETIME_DAYS)
        sans = ("localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
        serving = authority.issue(
            "kube-apiserver", organizations=(), sans=sans, usages=("server",), now=now, days=LIFETIME_DAYS
        )
        admin = authority.issue(
            "kubernetes-admin",
            organizations=("system:masters",),
            sans=(),
            usages=("client",),
            now=now,
            days=LIFETIME_DAYS,
        )
        context = server_context(serving.cert_pem, serving.key_pem, client_ca_pem=authority.cert_pem)
        settings = Settings(client_ca_pem=authority.cert_pem)
        return _PKI(context, authority.cert_pem, authority.key_pem, admin, settings)

    def _write_kubeconfig(self, pki: "_PKI") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pynetes-")
        access = Access(self.url, pki.ca_pem, pki.admin.cert_pem, pki.admin.key_pem)
        self.kubeconfig.write_text(json.dumps(document("pynetes", access, "testing")))

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig file for the cluster's administrator; it lives as long as the cluster."""
        assert self._folder is not None, "the cluster has no HTTPS endpoint, or is not running"
        return Path(self._folder.name) / "kubeconfig"

    # --- time

    def advance(self, seconds: float) -> None:
        """Let virtual time pass, and return when all that was due has been done."""
        assert self.virtual is not None, "only virtual time can be moved: Cluster(virtual_time=True)"
        self.virtual.advance_to(self.virtual.limit + seconds)
        self.virtual.wait_settled()

    def wait(self, holds: Callable[[], object], timeout_seconds: float = 60.0, step_seconds: float = 0.1) -> None:
        """Return when the condition holds; time passes meanwhile, also virtual time. Raises: TimeoutError."""
        clock = RealClock()
        waited = 0.0
        begun = clock.monotonic()
        while not holds():
            if waited >= timeout_seconds:
                raise TimeoutError(f"not so after {timeout_seconds} s")
            if self.virtual is not None:
                self.advance(step_seconds)
                waited += step_seconds
            else:
                threading.Event().wait(step_seconds)
                waited = clock.monotonic() - begun

    # --- objects

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the cluster's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return self.run(self.cluster.client.get(kind, name, namespace))

    def list(self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "") -> list[Object]:
        items, _ = self.run(self.cluster.client.list(kind, namespace, labels=labels, fields=fields))
        return list(items)

    def create(self, kind: Kind, obj: Object, namespace: str = "") -> Object:
        return self.run(self.cluster.client.create(kind, obj, namespace))

    def update(self, kind: Kind, obj: Object) -> Object:
        return self.run(self.cluster.client.update(kind, obj))

    def patch(self, kind: Kind, name: str, patch: Object, namespace: str = "") -> Object:
        return self.run(self.cluster.client.patch(kind, name, patch, namespace))

    def delete(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return self.run(self.cluster.client.delete(kind, name, namespace))


class _PKI:
    def __init__(self, context: Any, ca_pem: bytes, ca_key_pem: bytes, admin: Any, settings: Any) -> None:
        self.context = context
        self.ca_pem = ca_pem
        self.ca_key_pem = ca_key_pem
        self.admin = admin
        self.settings = settings
