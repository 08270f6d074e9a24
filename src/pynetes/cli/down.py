"""Stop a cluster and remove everything of it: processes, containers, mounts, networks, cgroups, its kubeconfig
context and its folder. It works also on a cluster that was killed or is damaged.
"""

from argparse import ArgumentParser, Namespace

from pynetes.aio.clock import RealClock
from pynetes.aio.commands import CommandFailed
from pynetes.cli import flags
from pynetes.cli.terminal import say, step
from pynetes.cli.up import waiting
from pynetes.cluster.config import all_clusters, cluster_dir
from pynetes.cluster.down import down
from pynetes.cluster.lock import locked


def add_flags(parser: ArgumentParser) -> None:
    flags.add_name(parser)
    parser.add_argument("--all", action="store_true", help="every cluster of this host")
    flags.add_kubeconfig(parser, "the kubeconfig that the context is taken out of")


def run(options: Namespace) -> int:
    clock = RealClock()
    with locked(waiting):
        folders = all_clusters() if options.all else [cluster_dir(options.name)]
        if not folders:
            say("There is no cluster.")
        failed = False
        for folder in folders:
            try:
                down(folder, options.kubeconfig, clock, step)
            except (OSError, CommandFailed) as error:
                say(f"pynetes down: {folder.path.name!r} is not wholly gone: {error}; run it again")
                failed = True
                continue
            say(f"Cluster {folder.path.name!r} is gone.")
    return 1 if failed else 0
