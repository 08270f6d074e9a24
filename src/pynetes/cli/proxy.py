"""Run the service proxy alone, in this network namespace, against any API server."""

from argparse import ArgumentParser, Namespace

from pynetes.cli import flags


def add_flags(parser: ArgumentParser) -> None:
    flags.add_server(parser)
    parser.add_argument("--hostname-override", metavar="NAME", help="the node's name (default: the host's)")
    parser.add_argument(
        "--cluster-cidr", type=flags.networks, default="", metavar="CIDR", help="the pods' networks, comma separated"
    )
    parser.add_argument("--proxy-mode", default="iptables", metavar="MODE", help="iptables, the only one there is yet")
    parser.add_argument("--cleanup", action="store_true", help="remove the proxy's rules and exit")


def run(options: Namespace) -> int:
    import socket

    from pynetes.aio.clock import RealClock
    from pynetes.client.informer import Informers
    from pynetes.cluster import components
    from pynetes.cluster.config import ConfigError
    from pynetes.proxy import MODES, Proxy, Settings

    if options.proxy_mode not in MODES:
        raise ConfigError(f"--proxy-mode {options.proxy_mode}: there is only {', '.join(MODES)}")
    clock = RealClock()
    settings = Settings(
        node_name=options.hostname_override or socket.gethostname().lower(),
        cluster_cidrs=options.cluster_cidr,
        mode=options.proxy_mode,
    )

    async def main() -> None:
        client = await components.connect(options.kubeconfig, clock, "kube-proxy")
        informers = Informers(client, clock)
        proxy = Proxy(client, informers, clock, settings)
        try:
            if options.cleanup:
                await proxy.cleanup()
            else:
                await proxy.run()
        finally:
            await informers.close()

    components.run(main())
    return 0
