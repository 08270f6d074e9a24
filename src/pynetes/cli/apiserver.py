"""Run the API server alone, in the foreground, with the embedded store.

It makes the certificates that it needs in --data-dir and prints where the administrator's kubeconfig is.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from pynetes.aio.clock import RealClock
from pynetes.cli import flags
from pynetes.cli.terminal import step
from pynetes.cluster.config import ClusterDir, new_config


def add_flags(parser: ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, required=True, metavar="DIR", help="certificates and state live here")
    parser.add_argument(
        "--port", type=flags.port, default=6443, help="listen on 127.0.0.1 at this port (default: %(default)s)"
    )
    parser.add_argument(
        "--service-cluster-ip-range",
        type=flags.networks,
        metavar="CIDR",
        default="10.96.0.0/16",
        help="service network (default: %(default)s)",
    )


def run(options: Namespace) -> int:
    import json

    from pynetes.cluster import certificates, components

    clock = RealClock()
    folder = ClusterDir(options.data_dir.resolve())
    if folder.exists:
        config = replace(folder.load(), api_port=options.port)
    else:
        config = replace(new_config(folder, clock.uuid4(), 0, 1, options.port, ()), name="standalone")
    config = replace(config, service_cidrs=options.service_cluster_ip_range)
    folder.save(config)
    certificates.ensure(config, folder, clock.now())
    kubeconfig = folder.path / "kubeconfig"
    kubeconfig.write_text(json.dumps(components.access(config, folder, "admin"), indent=2))
    kubeconfig.chmod(0o600)
    step(f"kubeconfig in {kubeconfig}")
    components.run(components.server(config, folder, clock))
    return 0
