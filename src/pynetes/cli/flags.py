"""Flags that several commands share."""

from argparse import ArgumentParser
from pathlib import Path

from pynetes.cluster.config import DEFAULT_NAME


def add_name(parser: ArgumentParser) -> None:
    parser.add_argument("--name", default=DEFAULT_NAME, help="the cluster's name (default: %(default)s)")


def add_kubeconfig(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="the kubeconfig to write (default: $KUBECONFIG, else ~/.kube/config)",
    )
