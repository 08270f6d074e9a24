"""What runs in each process of a cluster: server, brain, node, simulated nodes. Wiring only.

Every component gets a client, a clock and its settings, and cannot tell in which of these it lives.
"""

import asyncio
import logging
import os
import resource
import signal
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynetes.aio.clock import Clock, RealClock
from pynetes.aio.tasks import Tasks
from pynetes.client.bearer import Bearer, StaticToken
from pynetes.client.client import Client
from pynetes.client.informer import Informers
from pynetes.client.types import Transport
from pynetes.cluster import certificates
from pynetes.cluster.config import ClusterConfig, ClusterDir, ConfigError
from pynetes.cluster.kubeconfig import Access, document
from pynetes.pki.certificates import KeyPair

if TYPE_CHECKING:
    from pynetes.apiserver.server import APIServer

log = logging.getLogger(__name__)

SIGNING_KEY_DELAY_SECONDS = 3.0


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a component's main on uvloop until it ends or SIGTERM or SIGINT cancels it."""
    import uvloop

    logging.basicConfig(
        level=os.environ.get("PYNETES_LOG", "INFO").upper(),
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )

    async def until_told() -> None:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            log.info("stopped")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_told())


def access(config: ClusterConfig, folder: ClusterDir, identity: str, address: str = "127.0.0.1") -> dict[str, Any]:
    """A kubeconfig for one of the cluster's own identities (a name in ``pki``; empty: nobody's)."""
    pair = certificates.read(folder, identity) if identity else KeyPair(b"", b"")
    server = f"https://{address}:{config.api_port}"
    return document(config.context, Access(server, certificates.ca_pem(folder), pair.cert_pem, pair.key_pem), config.id)


def unidentified(kubeconfig: dict[str, Any] | str | Path, clock: Clock) -> Transport:
    """The same server, as nobody: whoever shows a token with each request uses it."""
    from pynetes.client.rest import Rest

    return Rest.from_kubeconfig(kubeconfig, clock, anonymous=True)


async def connect(kubeconfig: dict[str, Any] | str | Path, clock: Clock, user_agent: str) -> Client:
    """A client by HTTPS, once the server answers; waits for it for ever. Raises: ConfigError for a bad kubeconfig."""
    from pynetes.client.rest import Rest

    try:
        client = Client(Rest.from_kubeconfig(kubeconfig, clock), clock, user_agent)
    except ValueError as error:
        where = "" if isinstance(kubeconfig, dict) else f"{kubeconfig}: "
        raise ConfigError(f"{where}{error}") from None
    delay = 0.01
    while True:
        try:
            reply = await client.transport.request("GET", "/readyz")
            if reply.status == 200:
                return client
        except OSError:
            pass
        await clock.sleep(delay)
        delay = min(delay * 1.5, 1.0)


# --- the server


async def server(config: ClusterConfig, folder: ClusterDir, clock: Clock | None = None) -> None:
    """The API server over the embedded store, listening for the host and for the nodes."""
    from pynetes.apiserver.server import APIServer
    from pynetes.apiserver.settings import KeyPair as ClientPair
    from pynetes.apiserver.settings import Settings
    from pynetes.apiserver.settings import StaticToken as NodeToken
    from pynetes.http.tls import server_context
    from pynetes.store.sqlite import SQLiteStore

    clock = clock or RealClock()
    raise_open_files()
    ca = certificates.ca_pem(folder)
    kubelet_client = certificates.read(folder, "apiserver-kubelet-client")
    settings = Settings(
        advertise_address=config.host_address,
        advertise_port=config.api_port,
        client_ca_pem=ca,
        service_account_signing_key_pem=certificates.signing_key(folder),
        make_service_account_signing_key=partial(certificates.new_signing_key, folder),
        kubelet_client=ClientPair(kubelet_client.cert_pem, kubelet_client.key_pem),
        kubelet_ca_pem=ca,
        service_cidrs=config.service_cidrs,
        static_tokens=tuple(
            NodeToken(certificates.node_token(folder, name), f"system:node:{name}", groups=("system:nodes",))
            for name in config.simulated_node_names
        ),
    )
    pair = certificates.read(folder, "apiserver")
    store = SQLiteStore(folder.store, clock)
    await store.open()
    api = APIServer(store, clock, settings)
    await api.start()
    listeners = []
    try:
        context: ssl.SSLContext = server_context(pair.cert_pem, pair.key_pem, client_ca_pem=ca)
        for address in dict.fromkeys(("127.0.0.1", config.host_address)):
            listener = api_listener(api, context)
            await listener.listen(address, config.api_port)
            listeners.append(listener)
        log.info("the API listens on port %d", config.api_port)
        api.tasks.spawn(_make_signing_key(api, clock), "signing key")
        await learn_rules(clock)
        await asyncio.Event().wait()
    finally:
        await api.close()
        for listener in listeners:
            await listener.close(1.0)
        await store.close()


def raise_open_files() -> None:
    """As Go does for all its programs: a thousand watches are more than the customary 1,024 open files.

    Only for a process that starts no others: they would inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def learn_rules(clock: Clock) -> None:
    """Import the rules of kinds that nobody has asked for, once the cluster had time to get ready, so that the first
    object of a kind does not wait for them."""
    from pynetes.kinds import builtin

    await clock.sleep(2.0)
    for kind in builtin():
        _ = kind.hooks
        await clock.sleep(0.01)


async def _make_signing_key(api: "APIServer", clock: Clock) -> None:
    """When the start is over: it takes a core for a moment. Who asks for a token before has it made then."""
    await clock.sleep(SIGNING_KEY_DELAY_SECONDS)
    await api.authenticator.tokens.prepare()


def api_listener(api: Any, context: ssl.SSLContext) -> Any:
    """The HTTPS listener in front of an API server; a body that is too long is answered with a ``Status``."""
    import orjson

    from pynetes.http.server import Server
    from pynetes.http.types import Response
    from pynetes.meta.status import request_entity_too_large

    limit = api.settings.max_body_bytes
    body = orjson.dumps(request_entity_too_large(f"limit is {limit}").status) + b"\n"
    too_large = Response(413, body, headers=(("Cache-Control", "no-cache, private"),))
    return Server(api.handle, api.clock, ssl=context, max_body_bytes=limit, too_large=too_large)


# --- the brain


async def brain(config: ClusterConfig, folder: ClusterDir, clock: Clock | None = None) -> None:
    """Controllers and scheduler, on one set of informers."""
    clock = clock or RealClock()
    controllers = access(config, folder, "controller-manager")
    manager = await connect(controllers, clock, "kube-controller-manager")
    scheduler = await connect(access(config, folder, "scheduler"), clock, "kube-scheduler")
    settings = controller_settings(config, folder)
    thinking = think(manager, scheduler, clock, settings, unidentified(controllers, clock))
    if not config.nodes:
        await thinking
        return
    from pynetes.addons.dns.publish import Publisher
    from pynetes.aio.commands import RealCommands
    from pynetes.network import names
    from pynetes.network.routes import Routes

    # the host reaches pods by their own addresses, too: kubectl's user, and the API server's proxy
    informers = Informers(manager, clock)
    routes = Routes(informers, clock, "", RealCommands(clock), device=names.bridge(config.handle))
    addons = await connect(access(config, folder, "addon-manager"), clock, "addon-manager")
    dns = Publisher(addons, informers, clock, config.dns_address, config.node_names)
    await gathered(thinking, routes.run(), dns.run())


def controller_settings(config: ClusterConfig, folder: ClusterDir) -> Any:
    from pynetes.controllers.settings import Settings

    ca = certificates.read(folder, "ca")
    return Settings(
        cluster_cidrs=config.pod_cidrs,
        node_cidr_mask_ipv4=config.node_cidr_mask,
        service_cidrs=config.service_cidrs,
        ca_pem=ca.cert_pem.decode(),
        cluster_signing_cert_pem=ca.cert_pem.decode(),
        cluster_signing_key_pem=ca.key_pem.decode(),
        service_account_key=lambda: certificates.signing_key(folder),
    )


async def think(manager: Client, scheduler: Client, clock: Clock, settings: Any, transport: Transport) -> None:
    """Run the controllers, each by its own account, and the scheduler until cancelled."""
    import pynetes.scheduler
    from pynetes.controllers.manager import run as run_controllers

    informers = Informers(manager, clock)
    try:
        await gathered(
            run_controllers(manager, informers, clock, settings, transport),
            pynetes.scheduler.run(scheduler, informers, clock),
        )
    finally:
        await informers.close()


async def control(client: Client, clock: Clock, settings: Any, transport: Transport | None = None) -> None:
    """Run the controllers alone, until cancelled; with a transport of nobody's each by its own account."""
    from pynetes.controllers.manager import run as run_controllers

    informers = Informers(client, clock)
    try:
        await run_controllers(client, informers, clock, settings, transport)
    finally:
        await informers.close()


async def schedule(client: Client, clock: Clock) -> None:
    """Run the scheduler alone, until cancelled."""
    import pynetes.scheduler

    informers = Informers(client, clock)
    try:
        await pynetes.scheduler.run(client, informers, clock)
    finally:
        await informers.close()


async def gathered(*mains: Coroutine[Any, Any, None]) -> None:
    """Run all until one fails or we are cancelled; then none is left running."""
    async with asyncio.TaskGroup() as group:
        for main in mains:
            group.create_task(main)


# --- a node


async def node(config: ClusterConfig, folder: ClusterDir, name: str, clock: Clock | None = None) -> None:
    """One node: kubelet with the embedded runtime, proxy, routes, DNS; in the node's network namespace."""
    from pynetes.addons.dns.server import ClusterDNS
    from pynetes.addons.dns.server import Settings as DNSSettings
    from pynetes.aio.commands import RealCommands
    from pynetes.cluster.network import pod_network
    from pynetes.kubelet.kubelet import Kubelet
    from pynetes.kubelet.linux import LinuxHost
    from pynetes.network.cni import CNI
    from pynetes.network.routes import Routes
    from pynetes.proxy import Proxy
    from pynetes.proxy import Settings as ProxySettings
    from pynetes.runtime.oci import OCIRuntime
    from pynetes.runtime.oci import Settings as OCISettings

    clock = clock or RealClock()
    root = folder.node(name)
    (root / "manifests").mkdir(parents=True, exist_ok=True)
    number = config.node_names.index(name) + 1
    settings = kubelet_settings(config, folder, name, number)
    commands = RealCommands(clock)
    cni = CNI(commands, root / "cni")
    runtime = OCIRuntime(clock, root / "runtime", cni, OCISettings(image_root=folder.images))
    await runtime.start()

    kubelet_client = await connect(access(config, folder, f"kubelet-{name}", config.host_address), clock, "kubelet")
    proxy_client = await connect(access(config, folder, "proxy", config.host_address), clock, "kube-proxy")
    informers, proxy_informers = Informers(kubelet_client, clock), Informers(proxy_client, clock)
    host = LinuxHost(settings, runtime, clock)
    kubelet = Kubelet(kubelet_client, informers, clock, runtime, settings, host)
    proxy = Proxy(
        proxy_client,
        proxy_informers,
        clock,
        ProxySettings(node_name=name, cluster_cidrs=config.pod_cidrs, node_addresses=settings.addresses),
        commands,
    )
    routes = Routes(proxy_informers, clock, name, commands)
    pods = pod_network(proxy_informers, cni, name, root / "cni" / "networks")
    dns = ClusterDNS(proxy_informers, clock, DNSSettings(settings.addresses, config.dns_address))
    try:
        await gathered(kubelet.run(), proxy.run(), routes.run(), pods, dns.run())
    finally:
        await kubelet.close()
        await informers.close()
        await proxy_informers.close()
        await runtime.close()


def kubelet_settings(config: ClusterConfig, folder: ClusterDir, name: str, number: int) -> Any:
    from pynetes.kubelet.settings import MAX_PODS, Settings
    from pynetes.kubelet.userns import IDS_PER_POD

    root = folder.node(name)
    pair = certificates.read(folder, f"kubelet-server-{name}")
    return Settings(
        node_name=name,
        addresses=(config.node_address(number),),
        hostname=name,
        root_dir=str(root / "kubelet"),
        pulled_dir=str(folder.images / "pulled"),
        log_dir=str(root / "logs"),
        listen_host=config.node_address(number),
        port=10250,
        serving_certificate=pair.cert_pem,
        serving_key=pair.key_pem,
        client_ca=certificates.ca_pem(folder),
        cluster_dns=(config.dns_address,),
        static_dir=str(root / "manifests"),
        first_user_id=IDS_PER_POD * (1 + (number - 1) * MAX_PODS),
        cgroup_root=f"/pynetes-{config.handle}/{name}",
        provider_id=f"pynetes://{config.name}/{name}",
        labels=config.labels,
    )


# --- simulated nodes


async def simulated(config: ClusterConfig, folder: ClusterDir, clock: Clock | None = None) -> None:
    """All simulated nodes of the cluster, in one process on one set of informers."""
    clock = clock or RealClock()
    nobody = await connect(access(config, folder, ""), clock, "kubelet")

    def client(name: str) -> Client:
        token = StaticToken(certificates.node_token(folder, name))
        return Client(Bearer(nobody.transport, token), clock, "kubelet")

    clients = {name: client(name) for name in config.simulated_node_names}
    pair = certificates.read(folder, "kubelet-server-simulated")
    await simulate(clients, clock, config.simulated_pods, pair, certificates.ca_pem(folder))


async def simulate(
    clients: Mapping[str, Client], clock: Clock, max_pods: int, pair: KeyPair | None, ca: bytes = b""
) -> None:
    """Run simulated nodes, by name, until cancelled, each as itself; what all read alike the first one reads for all.

    With a certificate pair each serves logs and exec on a free local port.
    """
    informers = Informers(next(iter(clients.values())), clock)
    tasks = Tasks()
    kubelets = [
        simulated_kubelet(client, informers.read_by(client), clock, name, number, max_pods, pair, ca)
        for number, (name, client) in enumerate(clients.items())
    ]
    try:
        await gathered(*(kubelet.run() for kubelet in kubelets))
    finally:
        for kubelet in kubelets:
            await kubelet.close()
        await tasks.close()
        await informers.close()


def simulated_kubelet(
    client: Client,
    informers: Informers,
    clock: Clock,
    name: str,
    number: int,
    max_pods: int,
    pair: KeyPair | None,
    ca: bytes,
) -> Any:
    from pynetes.kubelet.kubelet import Kubelet
    from pynetes.kubelet.settings import Settings
    from pynetes.kubelet.simulated import SimulatedHost
    from pynetes.runtime.simulated import SimulatedRuntime

    settings = Settings(
        node_name=name,
        addresses=("127.0.0.1",) if pair else (f"192.168.{number // 250}.{number % 250 + 1}",),
        hostname=name,
        listen_host="127.0.0.1",
        port=0 if pair else None,
        serving_certificate=pair.cert_pem if pair else b"",
        serving_key=pair.key_pem if pair else b"",
        client_ca=ca,
        capacity={"cpu": "32", "memory": "256Gi", "pods": str(max_pods), "ephemeral-storage": "500Gi"},
        max_pods=max_pods,
        labels={"type": "simulated"},
    )
    runtime = SimulatedRuntime(clock)
    return Kubelet(client, informers, clock, runtime, settings, SimulatedHost(runtime, clock))


def in_namespace(namespace: Path, hostname: str, main: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """A child's main that moves its process into a network namespace first, and gives it a host name of its own."""

    def act() -> None:
        from pynetes.network.namespaces import enter, own_hostname

        enter(namespace)
        own_hostname(hostname)
        run(_coroutine(main))

    return act


async def _coroutine(main: Callable[[], Awaitable[None]]) -> None:
    await main()
