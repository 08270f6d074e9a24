"""Start a cluster and return when it is really ready.

As root every node is real: a network namespace of its own, a kubelet, containers by runc. Without root nodes are
simulated: the whole API, controllers and scheduler, pods by script. A context named pynetes-NAME is merged into
your kubeconfig and made current. A second `up` of the same name goes on with the cluster.
"""

import asyncio
from argparse import ArgumentParser, Namespace

from pynetes.aio.clock import RealClock
from pynetes.cli import flags
from pynetes.cli.terminal import say, step
from pynetes.cluster import up
from pynetes.cluster.config import ConfigError, cluster_dir
from pynetes.cluster.configure import Wanted, configure
from pynetes.cluster.kubeconfig import default_path
from pynetes.cluster.lock import locked
from pynetes.cluster.ready import NotReady, wait_ready


def add_flags(parser: ArgumentParser) -> None:
    flags.add_name(parser)
    parser.add_argument("--nodes", type=int, metavar="N", help="real nodes (default: 1 as root)")
    parser.add_argument("--simulated-nodes", type=int, metavar="N", help="simulated nodes (default: 1 without root)")
    parser.add_argument(
        "--api-port", type=flags.port, metavar="PORT", help="the API's port (default: the first free from 6443)"
    )
    flags.add_kubeconfig(parser)


def run(options: Namespace) -> int:
    clock = RealClock()
    begun = clock.monotonic()
    wanted = Wanted(options.nodes, options.simulated_nodes, options.api_port)
    folder = cluster_dir(options.name)
    path = options.kubeconfig or default_path()
    with locked(waiting):
        config, new = configure(folder, wanted, clock)
        say(f"{'Creating' if new else 'Continuing'} cluster {config.name!r} ...")
        with up.undone_on_failure(folder, new, clock):
            up.ensure_certificates(config, folder, clock)
            up.write_kubeconfig(config, folder, path, check=True)
            if not up.start(config, folder, clock):
                step("it runs already")
    try:
        asyncio.run(wait_ready(config, folder, clock, step, say))
        up.write_kubeconfig(config, folder, path)
    except NotReady as error:
        raise ConfigError(str(error)) from None
    except KeyboardInterrupt:
        say(f"\nInterrupted; {config.name!r} comes up all the same: see `pynetes status`, or `pynetes down`.")
        return 130
    step(f"context {config.context} in {path}")
    say(f"Ready after {clock.monotonic() - begun:.2f} s. Try: kubectl get pods --all-namespaces -o wide")
    return 0


def waiting() -> None:
    say("Waiting for another `pynetes up` or `pynetes down` ...")
