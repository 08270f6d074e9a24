"""Bring a cluster up, or go on with one: decide its configuration, start its supervisor, wait until it is really ready.

Really ready: the API says so, every node is Ready, and a pod could be created in namespace ``default`` (its
ServiceAccount and root certificate are there).
"""

import fcntl
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pynetes.aio.clock import Clock, stopwatch
from pynetes.client.client import Client
from pynetes.client.kinds import CONFIG_MAPS, NODES, SERVICE_ACCOUNTS
from pynetes.cluster import certificates, components, kubeconfig
from pynetes.cluster.config import (
    MAX_CLUSTERS,
    ClusterConfig,
    ClusterDir,
    ConfigError,
    all_clusters,
    home,
    new_config,
    node_network,
)
from pynetes.cluster.supervisor import Child, Supervisor, detach, read_record
from pynetes.meta.objects import Object, name_of
from pynetes.meta.status import StatusError

READY_SECONDS = 90.0
FIRST_PORT = 6443


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for; None where they did not say."""

    nodes: int | None = None
    simulated_nodes: int | None = None
    api_port: int | None = None
    kubeconfig: Path | None = None


class NotReady(Exception):
    """The cluster did not become ready; the message says what is missing and where to look."""


@contextmanager
def locked() -> Iterator[None]:
    """One ``up`` or ``down`` at a time on this host. Raises: ConfigError when another is at work."""
    root = home()
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot write in {root}: {error.strerror}; set PYNETES_HOME") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ConfigError("another `pynetes up` or `pynetes down` is at work; wait for it") from None
    finally:
        os.close(descriptor)


def configure(folder: ClusterDir, wanted: Wanted, clock: Clock) -> tuple[ClusterConfig, bool]:
    """The cluster's configuration and whether it is new. Raises: ConfigError."""
    if folder.exists:
        config = folder.load()
        for word, asked, has in (
            ("nodes", wanted.nodes, config.nodes),
            ("simulated nodes", wanted.simulated_nodes, config.simulated_nodes),
            ("API port", wanted.api_port, config.api_port),
        ):
            if asked is not None and asked != has:
                raise ConfigError(
                    f"cluster {config.name!r} exists with {word} {has}, not {asked}; "
                    f"leave the flag out to go on with it, or `pynetes down --name {config.name}` first"
                )
        return config, False
    nodes, simulated = wanted.nodes, wanted.simulated_nodes
    if nodes is None:
        nodes = 0 if simulated or os.geteuid() != 0 else 1
    if simulated is None:
        simulated = 0 if nodes or os.geteuid() == 0 else 1
    if nodes and os.geteuid() != 0:
        raise ConfigError("real nodes need root; run as root, or use --simulated-nodes N")
    others = [other.load() for other in all_clusters()]
    config = new_config(
        name=folder.path.name,
        id=clock.uuid4(),
        nodes=nodes,
        simulated_nodes=simulated,
        api_port=wanted.api_port or free_port({other.api_port for other in others}),
        taken={other.index for other in others} | routed(Path("/proc/net/route").read_text()),
    )
    folder.save(config)
    return config, True


def routed(table: str) -> set[int]:
    """The cluster indexes whose node network this host has a route into already. ``table``: of ``/proc/net/route``."""
    found = set()
    for line in table.splitlines()[1:]:
        destination, mask = (int(line.split()[column], 16).to_bytes(4, "little") for column in (1, 7))
        if any(mask):
            route = ipaddress.ip_network((destination, int.from_bytes(mask, "big").bit_count()), strict=False)
            found |= {i for i in range(MAX_CLUSTERS) if ipaddress.ip_network(node_network(i)).overlaps(route)}
    return found


def free_port(taken: set[int]) -> int:
    """The first free port from 6443 on."""
    for port in range(FIRST_PORT, FIRST_PORT + 1000):
        if port in taken:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ConfigError(f"no free port from {FIRST_PORT} to {FIRST_PORT + 999}; choose one with --api-port")


def children(config: ClusterConfig, folder: ClusterDir) -> list[Child]:
    """The processes of a cluster, in the order of their start."""

    def component(main: Callable[[], object]) -> Callable[[], None]:
        return lambda: components.run(main())  # type: ignore[arg-type]

    processes = [
        Child("server", component(lambda: components.server(config, folder))),
        Child("brain", component(lambda: components.brain(config, folder))),
    ]
    if config.nodes:
        from pynetes.cluster.network import namespace_file

        for name in config.node_names:
            main = components.in_namespace(
                namespace_file(config, name),
                name,
                lambda name=name: components.node(config, folder, name),  # type: ignore[misc]
            )
            processes.append(Child(name, main))
    if config.simulated_nodes:
        processes.append(Child("simulated", component(lambda: components.simulated(config, folder))))
    return processes


def start(config: ClusterConfig, folder: ClusterDir, clock: Clock) -> bool:
    """Start the supervisor, which starts or adopts the rest. False: it runs already."""
    if read_record(folder.run / "supervisor.json") is not None:
        return False
    detach(lambda: supervise(config, folder, clock), folder.logs / "supervisor.log")
    return True


def supervise(config: ClusterConfig, folder: ClusterDir, clock: Clock) -> None:
    """The supervisor's life, in the calling process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s")
    if config.nodes:
        from pynetes.cluster.network import ensure

        ensure(config, clock)
    preload(config)
    Supervisor(children(config, folder), folder.run, folder.logs, clock).run()


def preload(config: ClusterConfig) -> None:
    """Import what several children share, before they are forked. NumPy is left to the brain, which alone needs it."""
    import importlib

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    modules = [
        "uvloop",
        "pynetes.apiserver.server",
        "pynetes.client.rest",
        "pynetes.client.events",
        "pynetes.controllers.manager",
        "pynetes.http.server",
        "pynetes.kubelet.kubelet",
        "pynetes.store.sqlite",
    ]
    if config.nodes:
        modules += ["pynetes.addons.dns.server", "pynetes.proxy", "pynetes.runtime.oci"]
    for module in modules:
        importlib.import_module(module)


async def wait_ready(config: ClusterConfig, folder: ClusterDir, clock: Clock, report: Callable[[str], None]) -> None:
    """Return when the cluster is really ready; ``report`` is told each step. Raises: NotReady."""
    waiting_for = "the API server"
    try:
        async with clock.timeout(READY_SECONDS):
            with stopwatch(clock):
                client = await components.connect(components.access(config, folder, "admin"), clock, "pynetes")
                report(f"API server at https://127.0.0.1:{config.api_port}")
                wanted = {*config.node_names, *config.simulated_node_names}
                ready: set[str] = set()
                while ready != wanted:
                    waiting_for = f"node {', '.join(sorted(wanted - ready)[:5])}"
                    await clock.sleep(0.02 if ready or len(wanted) < 50 else 0.2)
                    nodes, _ = await client.list(NODES)
                    ready = {name_of(node) for node in nodes if node_ready(node)} & wanted
                report("nodes ready: " + summary(sorted(ready)))
                waiting_for = "the controllers (ServiceAccount and root certificate of namespace default)"
                while not await default_namespace_ready(client):
                    await clock.sleep(0.02)
                report("controllers and scheduler")
                await client.close()
    except TimeoutError:
        raise NotReady(
            f"not ready after {READY_SECONDS:.0f} s: waiting for {waiting_for}; "
            f"look at `pynetes logs --name {config.name} COMPONENT` ({folder.logs})"
        ) from None


def node_ready(node: Object) -> bool:
    """Ready, and with a pod network address range where one is given out."""
    conditions = node.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def summary(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:3])} ... {names[-1]} ({len(names)})"


async def default_namespace_ready(client: Client, with_root_certificate: bool = True) -> bool:
    """Whether a pod could be created in namespace ``default`` and mount its token."""
    try:
        await client.get(SERVICE_ACCOUNTS, "default", "default")
        if with_root_certificate:
            await client.get(CONFIG_MAPS, "kube-root-ca.crt", "default")
    except StatusError as error:
        if error.code != 404:
            raise
        return False
    return True


def write_kubeconfig(config: ClusterConfig, folder: ClusterDir, path: Path) -> None:
    """Merge the administrator's context into the user's kubeconfig. Raises: ConfigError."""
    kubeconfig.write_context(path, components.access(config, folder, "admin"))


def ensure_certificates(config: ClusterConfig, folder: ClusterDir, clock: Clock) -> None:
    certificates.ensure(config, folder, clock.now())
