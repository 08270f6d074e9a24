"""Run the controllers alone, in the foreground, against any API server."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from pynetes.cli import flags
from pynetes.cluster.config import ConfigError


def add_flags(parser: ArgumentParser) -> None:
    flags.add_server(parser)
    parser.add_argument(
        "--controllers", default="*", metavar="LIST", help="comma separated; '*' all, '-NAME' not this one (default: *)"
    )
    parser.add_argument(
        "--cluster-cidr",
        type=flags.networks,
        default="10.244.0.0/16",
        metavar="CIDR",
        help="pod network, comma separated by IP family (default: %(default)s)",
    )
    parser.add_argument(
        "--root-ca-file", type=flags.existing, metavar="FILE", help="certificate for ConfigMap kube-root-ca.crt"
    )
    parser.add_argument(
        "--cluster-signing-cert-file",
        type=flags.existing,
        metavar="FILE",
        help="authority that signs CertificateSigningRequests",
    )
    parser.add_argument("--cluster-signing-key-file", type=flags.existing, metavar="FILE", help="the key to it")
    parser.add_argument(
        "--service-account-private-key-file",
        type=flags.existing,
        metavar="FILE",
        help="key that signs the tokens in Secrets",
    )
    parser.add_argument(
        "--use-service-account-credentials",
        action="store_true",
        help="each controller acts by a service account of its own",
    )


def run(options: Namespace) -> int:
    from pynetes.aio.clock import RealClock
    from pynetes.cluster import components
    from pynetes.controllers.settings import Settings

    clock = RealClock()
    token_key = _text(options.service_account_private_key_file).encode()
    settings = replace(
        Settings(),
        cluster_cidrs=options.cluster_cidr,
        controllers=known(options.controllers.split(",")),
        ca_pem=_text(options.root_ca_file),
        cluster_signing_cert_pem=_text(options.cluster_signing_cert_file),
        cluster_signing_key_pem=_text(options.cluster_signing_key_file),
        service_account_key=lambda: token_key,
    )

    async def main() -> None:
        client = await components.connect(options.kubeconfig, clock, "kube-controller-manager")
        own = options.use_service_account_credentials
        await components.control(
            client, clock, settings, components.unidentified(options.kubeconfig, clock) if own else None
        )

    components.run(main())
    return 0


def _text(file: Path | None) -> str:
    return "" if file is None else file.read_text()


def known(names: list[str]) -> tuple[str, ...]:
    """Raises: ConfigError for a controller that there is none of."""
    from pynetes.controllers import CONTROLLERS

    every = {controller.name for controller in CONTROLLERS}
    for name in names:
        if name != "*" and name.removeprefix("-") not in every:
            raise ConfigError(f"there is no controller {name!r}; there are: {', '.join(sorted(every))}")
    return tuple(names)
