"""Print a kubeconfig for the administrator of a cluster, for `--kubeconfig` or another machine's file."""

import sys
from argparse import ArgumentParser, Namespace

from pynetes.cli import flags
from pynetes.cluster.components import access
from pynetes.cluster.config import cluster_dir


def add_flags(parser: ArgumentParser) -> None:
    flags.add_name(parser)


def run(options: Namespace) -> int:
    import yaml

    folder = cluster_dir(options.name)
    yaml.safe_dump(access(folder.load(), folder, "admin"), sys.stdout, sort_keys=False)
    return 0
