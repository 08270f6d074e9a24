"""Bring a cluster up, or go on with one: see that its host can carry it, and start its supervisor."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.aio.commands import CommandFailed
from pynetes.cluster import certificates, components, kubeconfig
from pynetes.cluster.config import ClusterConfig, ClusterDir, ConfigError
from pynetes.cluster.configure import in_use
from pynetes.cluster.down import remove
from pynetes.cluster.supervisor import Child, Supervisor, detach, read_record, write_record


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
    """Start the supervisor, which starts or adopts the rest. False: it runs already.

    Raises: ConfigError for what this host lacks or somebody else holds; OSError.
    """
    if read_record(folder.run / "supervisor.json") is not None:
        return False
    if read_record(folder.run / "server.json") is None and in_use(config.api_port):
        raise ConfigError(
            f"port {config.api_port} of cluster {config.name!r} is taken by another program, or needs root; "
            "free it, or make the cluster anew with another --api-port"
        )
    if not os.access(folder.path, os.W_OK):
        raise ConfigError(f"cannot write in {folder.path}: it is read-only, or another user's")
    if config.nodes:
        from pynetes.cluster.network import ensure

        require_programs()
        try:
            ensure(config, clock)
        except CommandFailed as error:
            raise ConfigError(f"the node network cannot be made: {error}") from None
    pid = detach(lambda: supervise(config, folder, clock), folder.logs / "supervisor.log")
    with suppress(OSError):  # it writes it itself, too; here at once, so that its end is seen as one
        write_record(folder.run / "supervisor.json", pid)
    return True


PROGRAMS = {"runc": "runc", "conmon": "conmon", "iptables": "iptables", "ip": "iproute2"}
"""What real nodes start, and the Debian package that each is in."""


def require_programs() -> None:
    """Raises: ConfigError that names what real nodes would miss on this host."""
    from pynetes.network.cni import PLUGIN_DIRECTORIES

    missing = {program: package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    for plugin in ("bridge", "host-local"):
        if not any((directory / plugin).exists() for directory in PLUGIN_DIRECTORIES):
            missing[f"the CNI plug-in {plugin}"] = "containernetworking-plugins"
    if missing:
        raise ConfigError(
            f"real nodes need {', '.join(missing)}, which this host lacks. "
            f"Debian: apt-get install {' '.join(dict.fromkeys(missing.values()))}. "
            "Or use --simulated-nodes N, which needs nothing"
        )


def supervise(config: ClusterConfig, folder: ClusterDir, clock: Clock) -> None:
    """The supervisor's life, in the calling process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s")
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


@contextmanager
def undone_on_failure(folder: ClusterDir, new: bool, clock: Clock) -> Iterator[None]:
    """What fails before anything was started leaves nothing of a new cluster."""
    try:
        yield
    except BaseException:
        if new:
            with suppress(OSError, CommandFailed):  # what is left is for `pynetes down`
                remove(folder, folder.handle, clock)
        raise


def write_kubeconfig(config: ClusterConfig, folder: ClusterDir, path: Path, *, check: bool = False) -> None:
    """Merge the administrator's context into the kubeconfig, or only see that it could be. Raises: ConfigError."""
    kubeconfig.write_context(path, components.access(config, folder, "admin"), check=check)


def ensure_certificates(config: ClusterConfig, folder: ClusterDir, clock: Clock) -> None:
    certificates.ensure(config, folder, clock.now())
