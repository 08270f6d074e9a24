"""Show what a component wrote: supervisor, server, brain, node-1 ..., simulated.

For the logs of pods use `kubectl logs`.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections import deque

from pynetes.cli import flags
from pynetes.cluster.config import ConfigError, cluster_dir
from pynetes.cluster.status import process_names


def add_flags(parser: ArgumentParser) -> None:
    parser.add_argument("component", help="supervisor, server, brain, node-N or simulated")
    flags.add_name(parser)
    parser.add_argument("--tail", type=flags.count, metavar="N", help="only the last N lines")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is written from now on")


def run(options: Namespace) -> int:
    folder = cluster_dir(options.name)
    known = process_names(folder.load())
    if options.component not in known:
        raise ConfigError(
            f"there is no component {options.component!r} in {options.name!r}; there are: {', '.join(known)}"
        )
    path = folder.logs / f"{options.component}.log"
    if not path.exists():
        raise ConfigError(f"{options.component} has written nothing yet")
    if options.follow:
        lines = str(options.tail) if options.tail is not None else "+1"
        os.execvp("tail", ["tail", "-n", lines, "-F", str(path)])
    with path.open(errors="replace") as file:
        sys.stdout.writelines(file if options.tail is None else deque(file, options.tail))
    return 0
