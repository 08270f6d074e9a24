"""Run the controllers alone, in the foreground, against any API server."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path


def add_flags(parser: ArgumentParser) -> None:
    parser.add_argument("--kubeconfig", required=True, metavar="FILE", help="how to reach the API server")
    parser.add_argument(
        "--controllers", default="*", metavar="LIST", help="comma separated; '*' all, '-NAME' not this one (default: *)"
    )
    parser.add_argument(
        "--cluster-cidr", default="10.244.0.0/16", metavar="CIDR", help="pod network (default: %(default)s)"
    )
    parser.add_argument("--root-ca-file", type=Path, metavar="FILE", help="certificate for ConfigMap kube-root-ca.crt")


def run(options: Namespace) -> int:
    from pynetes.aio.clock import RealClock
    from pynetes.cluster import components
    from pynetes.controllers.settings import Settings

    clock = RealClock()
    settings = replace(
        Settings(),
        cluster_cidrs=tuple(options.cluster_cidr.split(",")),
        controllers=tuple(options.controllers.split(",")),
        ca_pem=options.root_ca_file.read_text() if options.root_ca_file else "",
    )

    async def main() -> None:
        client = await components.connect(options.kubeconfig, clock, "kube-controller-manager")
        await components.control(client, clock, settings)

    components.run(main())
    return 0
