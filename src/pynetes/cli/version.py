"""Print the version of Pynetes, of the Kubernetes that it is compatible with, and of what it runs on."""

import platform
import sqlite3
from argparse import ArgumentParser, Namespace

from pynetes import __version__
from pynetes.cli.terminal import table

KUBERNETES = "v1.36"


def add_flags(parser: ArgumentParser) -> None:
    pass


def run(options: Namespace) -> int:
    rows = [
        ("pynetes", __version__),
        ("kubernetes", KUBERNETES),
        ("python", platform.python_version()),
        ("sqlite", sqlite3.sqlite_version),
        ("kernel", platform.release()),
    ]
    print(table(("COMPONENT", "VERSION"), rows))
    return 0
