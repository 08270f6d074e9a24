"""Stop a cluster and remove everything of it: processes, containers, mounts, networks, cgroups, its kubeconfig
context and its folder. It works also on a cluster that was killed or is damaged.
"""

from argparse import ArgumentParser, Namespace

from pynetes.aio.clock import RealClock
from pynetes.cli import flags
from pynetes.cli.terminal import say, step
from pynetes.cluster.config import all_clusters, cluster_dir
from pynetes.cluster.down import down
from pynetes.cluster.up import locked


def add_flags(parser: ArgumentParser) -> None:
    flags.add_name(parser)
    parser.add_argument("--all", action="store_true", help="every cluster of this host")
    flags.add_kubeconfig(parser)


def run(options: Namespace) -> int:
    clock = RealClock()
    with locked():
        folders = all_clusters() if options.all else [cluster_dir(options.name)]
        for folder in folders:
            down(folder, options.kubeconfig, clock, step)
            say(f"Cluster {folder.path.name!r} is gone.")
    return 0
