"""The ``pynetes`` command: finds the sub-command, imports only that one, and turns errors into one clear line.

Exit status: 0 done, 1 what was asked could not be done, 2 the words were wrong, 130 interrupted.
"""

import importlib
import shutil
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from difflib import get_close_matches

COMMANDS = {
    "up": "start a cluster, or go on with one; returns when it is really ready",
    "down": "stop a cluster and remove everything of it",
    "status": "list the clusters, or show one: processes, nodes, addresses",
    "logs": "show what a component wrote",
    "image": "load, list, remove and build the images of a cluster",
    "kubeconfig": "print a kubeconfig for a cluster",
    "version": "print the versions",
    "apiserver": "run the API server alone, in the foreground",
    "controller-manager": "run the controllers alone, against any API server",
    "scheduler": "run the scheduler alone, against any API server",
    "kubelet": "run a kubelet alone, with the embedded or a simulated runtime",
    "proxy": "run the service proxy alone, in this network namespace",
}

USAGE = "pynetes COMMAND [flags]"


def overview() -> str:
    width = max(map(len, COMMANDS))
    lines = ["Kubernetes, whole, in Python.", "", f"usage: {USAGE}", "", "commands:"]
    lines += [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    lines += [
        "",
        "a first cluster:",
        "  pynetes up --nodes 2                 one control plane, two nodes (as root: real containers)",
        "  kubectl get nodes                    the context is merged into your kubeconfig",
        "  pynetes down                         leaves nothing",
        "",
        "`pynetes COMMAND --help` tells more.",
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["help"] and len(words) > 1:
        words = [words[1], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    name = words[0]
    if name == "--version":
        name = "version"
    if name not in COMMANDS:
        close = get_close_matches(name, COMMANDS, 1)
        meant = f"did you mean {close[0]!r}? " if close else ""
        print(f"pynetes: unknown command {name!r}; {meant}`pynetes --help` lists them", file=sys.stderr)
        return 2
    module = importlib.import_module(f"pynetes.cli.{name.replace('-', '_')}")
    parser = ArgumentParser(prog=f"pynetes {name}", description=module.__doc__, formatter_class=Formatter)
    module.add_flags(parser)
    from pynetes.cluster.config import ConfigError

    try:
        return int(module.run(parser.parse_args(words[1:])) or 0)
    except ConfigError as error:
        print(f"pynetes {name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:
        print(f"pynetes {name}: {told(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


def told(error: OSError) -> str:
    """An error of the system in plain words: what went wrong, and with which file."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


class Formatter(RawDescriptionHelpFormatter):
    """Descriptions as they are written, flags and their help side by side on a line of up to 120 characters."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=40, width=min(120, shutil.get_terminal_size().columns))


if __name__ == "__main__":
    sys.exit(main())
