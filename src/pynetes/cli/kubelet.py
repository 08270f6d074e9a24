"""Run a kubelet alone, in the foreground, against any API server: with the embedded runtime (as root), or simulated.

The kubeconfig should be of user system:node:NAME in group system:nodes.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pynetes.cli import flags


def add_flags(parser: ArgumentParser) -> None:
    flags.add_server(parser)
    parser.add_argument("--hostname-override", metavar="NAME", help="the node's name (default: the host's)")
    parser.add_argument(
        "--node-ip", required=True, type=flags.address, metavar="ADDRESS", help="the node's own address"
    )
    parser.add_argument(
        "--root-dir",
        type=Path,
        default=Path("/var/lib/pynetes/kubelet"),
        metavar="DIR",
        help="where it keeps pods, containers and images (default: %(default)s)",
    )
    parser.add_argument("--simulated", action="store_true", help="pods by script: no container is started")
    parser.add_argument(
        "--cluster-dns", type=flags.address, metavar="ADDRESS", default="", help="the cluster's DNS service"
    )
    parser.add_argument(
        "--port", type=flags.port, default=10250, help="of the kubelet's own server (default: %(default)s)"
    )
    parser.add_argument(
        "--tls-cert-file", type=flags.existing, metavar="FILE", help="without it the server is not started"
    )
    parser.add_argument("--tls-private-key-file", type=flags.existing, metavar="FILE", help="the key to it")
    parser.add_argument("--client-ca-file", type=flags.existing, metavar="FILE", help="who may ask the kubelet")


def run(options: Namespace) -> int:
    import socket

    from pynetes.aio.clock import RealClock
    from pynetes.cluster import components
    from pynetes.kubelet.settings import Settings

    clock = RealClock()

    def read(path: Path | None) -> bytes:
        return path.read_bytes() if path else b""

    name = options.hostname_override or socket.gethostname().lower()
    settings = Settings(
        node_name=name,
        addresses=(options.node_ip,),
        hostname=name,
        root_dir=str(options.root_dir),
        log_dir=str(options.root_dir / "logs"),
        port=options.port if options.tls_cert_file else None,
        serving_certificate=read(options.tls_cert_file),
        serving_key=read(options.tls_private_key_file),
        client_ca=read(options.client_ca_file),
        cluster_dns=(options.cluster_dns,) if options.cluster_dns else (),
    )
    components.run(main(options, settings, clock))
    return 0


async def main(options: Namespace, settings: Any, clock: Any) -> None:
    from pynetes.client.informer import Informers
    from pynetes.cluster import components
    from pynetes.kubelet.kubelet import Kubelet

    client = await components.connect(options.kubeconfig, clock, "kubelet")
    informers = Informers(client, clock)
    if options.simulated:
        from pynetes.kubelet.simulated import SimulatedHost
        from pynetes.runtime.simulated import SimulatedRuntime

        simulated = SimulatedRuntime(clock)
        kubelet = Kubelet(client, informers, clock, simulated, settings, SimulatedHost(simulated, clock))
        mains = [kubelet.run()]
    else:
        from pynetes.aio.commands import RealCommands
        from pynetes.cluster.network import pod_network
        from pynetes.network.cni import CNI
        from pynetes.runtime.oci import OCIRuntime

        root = options.root_dir
        cni = CNI(RealCommands(clock), root / "cni")
        runtime = OCIRuntime(clock, root / "runtime", cni)
        kubelet = Kubelet(client, informers, clock, runtime, settings)
        mains = [kubelet.run(), pod_network(informers, cni, settings.node_name, root / "cni" / "networks")]
    try:
        await components.gathered(*mains)
    finally:
        await kubelet.close()
        await informers.close()
