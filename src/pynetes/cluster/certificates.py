"""The certificates and keys of a cluster: made once, kept in its ``pki`` folder, named as kubeadm names them.

Source: kubeadm's "Certificate requirements" for subjects and usages.
"""

import hmac
import os
from collections.abc import Iterator
from pathlib import Path

from pynetes.cluster.config import ClusterConfig, ClusterDir, ConfigError
from pynetes.pki.certificates import Authority, KeyPair
from pynetes.pki.tokens import make_signing_key

YEARS_10 = 3653
"""Certificates live as long as upstream's authorities, in days: nothing here rotates them yet."""


def ensure(config: ClusterConfig, folder: ClusterDir, now: float) -> None:
    """Make every certificate and key that is not there yet, but for that of ``signing_key``.

    ``now``: seconds since the epoch. Raises: ConfigError for an authority that cannot be read.
    """
    pki = folder.pki
    pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    renewed = not (pki / "ca.crt").exists() or not (pki / "ca.key").exists()
    if renewed:  # nothing that an earlier one has signed is good any more
        authority = Authority.make("kubernetes", now=now, days=YEARS_10)
        _write(pki, "ca", KeyPair(authority.cert_pem, authority.key_pem))
    else:
        try:
            authority = Authority.load((pki / "ca.crt").read_bytes(), (pki / "ca.key").read_bytes())
        except ValueError as error:
            raise ConfigError(
                f"{pki}/ca.crt or ca.key is damaged ({error}); bring them back, or remove both for new certificates"
            ) from None
    for name, common_name, organizations, sans, usages in _wanted(config):
        if renewed or not (pki / f"{name}.crt").exists() or not (pki / f"{name}.key").exists():
            pair = authority.issue(
                common_name, organizations=organizations, sans=sans, usages=usages, now=now, days=YEARS_10
            )
            _write(pki, name, pair)


def signing_key(folder: ClusterDir) -> bytes:
    """The key of ServiceAccount tokens (``sa.key``); empty before there is one."""
    try:
        return (folder.pki / "sa.key").read_bytes()
    except FileNotFoundError:
        return b""


def new_signing_key(folder: ClusterDir) -> bytes:
    """Make that key and keep it. Not a part of ``ensure``: it takes longer than all the others together."""
    key = make_signing_key()
    _write_file(folder.pki / "sa.key", key)
    return key


def read(folder: ClusterDir, name: str) -> KeyPair:
    return KeyPair((folder.pki / f"{name}.crt").read_bytes(), (folder.pki / f"{name}.key").read_bytes())


def ca_pem(folder: ClusterDir) -> bytes:
    return (folder.pki / "ca.crt").read_bytes()


def node_token(folder: ClusterDir, node: str) -> str:
    """What a simulated node shows instead of a certificate: thousands of them share a process and its connections.

    It follows from the authority's key, so that server and nodes know it without telling each other.
    """
    return hmac.new((folder.pki / "ca.key").read_bytes(), f"simulated node {node}".encode(), "sha256").hexdigest()


Wanted = tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _wanted(config: ClusterConfig) -> Iterator[Wanted]:
    """(file, common name, organizations, subject alternative names, usages)."""
    service = "kubernetes.default.svc.cluster.local"
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", service, "localhost")
    addresses = {"127.0.0.1", "::1", config.host_address, *_first_addresses(config.service_cidrs)}
    client, server = ("client",), ("server",)
    yield "apiserver", "kube-apiserver", (), (*names, *sorted(addresses)), server
    yield "apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",), (), client
    yield "admin", "kubernetes-admin", ("system:masters",), (), client
    yield "controller-manager", "system:kube-controller-manager", (), (), client
    yield "addon-manager", "system:addon-manager", ("system:masters",), (), client
    yield "scheduler", "system:kube-scheduler", (), (), client
    yield "proxy", "system:kube-proxy", (), (), client
    for number, node in enumerate(config.node_names, 1):
        yield f"kubelet-{node}", f"system:node:{node}", ("system:nodes",), (), client
        yield f"kubelet-server-{node}", f"system:node:{node}", (), (node, config.node_address(number)), server
    if config.simulated_nodes:
        yield "kubelet-server-simulated", "pynetes:simulated-nodes", (), ("localhost", "127.0.0.1"), server


def _first_addresses(cidrs: tuple[str, ...]) -> Iterator[str]:
    import ipaddress

    for cidr in cidrs:
        yield str(ipaddress.ip_network(cidr).network_address + 1)


def _write(pki: Path, name: str, pair: KeyPair) -> None:
    """The key first: a certificate is there only when its key is."""
    _write_file(pki / f"{name}.key", pair.key_pem)
    _write_file(pki / f"{name}.crt", pair.cert_pem)


def _write_file(path: Path, data: bytes) -> None:
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    os.replace(new, path)
