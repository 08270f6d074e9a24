"""Flags that several commands share, and the types of their values."""

import ipaddress
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from pynetes.cluster.config import DEFAULT_NAME


def add_name(parser: ArgumentParser) -> None:
    parser.add_argument("--name", default=DEFAULT_NAME, help="the cluster's name (default: %(default)s)")


def add_kubeconfig(parser: ArgumentParser, what: str = "the kubeconfig to write") -> None:
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help=f"{what} (default: $KUBECONFIG, else ~/.kube/config)"
    )


def add_server(parser: ArgumentParser) -> None:
    """How a component that runs alone finds its API server."""
    parser.add_argument(
        "--kubeconfig", required=True, type=existing, metavar="FILE", help="how to reach the API server, and as whom"
    )


def port(text: str) -> int:
    number = int(text)
    if not 0 < number < 65536:
        raise ArgumentTypeError(f"{text} is no port: 1 to 65535")
    return number


def count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ArgumentTypeError(f"{text} is less than 0")
    return number


def address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no IP address") from None


def networks(text: str) -> tuple[str, ...]:
    """Comma separated, one per IP family."""
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ArgumentTypeError(f"{error}: a network is written like 10.244.0.0/16") from None


def existing(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_file():
        raise ArgumentTypeError(f"there is no file {text}")
    return path
