"""Where a registry is reached, and how it is trusted: by default, or as a node's administrator wrote it down.

``FOLDER/HOST_PORT_/hosts.toml`` (or ``HOST:PORT``, ``HOST``, ``_default``) names mirrors and certificates as containerd
reads them; without that file ``*.crt`` there are authorities, ``*.cert`` with ``*.key`` are what to present.

Source: containerd ``docs/hosts.md``, ``core/remotes/docker/config/hosts.go``.
"""

import ipaddress
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pynetes.runtime.references import DEFAULT_DOMAIN
from pynetes.runtime.types import RuntimeFailure

CAPABILITIES = frozenset({"pull", "resolve", "push"})


@dataclass(frozen=True, slots=True)
class Trust:
    """How TLS is spoken with an endpoint. ``verify`` is ``None`` where nobody said."""

    authorities: tuple[Path, ...] = ()
    pairs: tuple[tuple[Path, Path], ...] = ()
    verify: bool | None = None

    def context(self) -> ssl.SSLContext:
        """Raises: RuntimeFailure for a file that cannot be used."""
        context = ssl.create_default_context()
        if self.verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        for file in self.authorities:
            try:
                context.load_verify_locations(file)
            except OSError as error:
                raise RuntimeFailure(f'unable to load CA cert "{file}": {error}') from error
        for certificate, key in self.pairs:
            try:
                context.load_cert_chain(certificate, key)
            except OSError as error:
                raise RuntimeFailure(f"failed to load X509 key pair: {error}") from error
        return context


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``falls_back``: speak plain HTTP when the other end knows no TLS."""

    scheme: str
    host: str
    path: str = "/v2"
    capabilities: frozenset[str] = CAPABILITIES
    headers: tuple[tuple[str, str], ...] = ()
    trust: Trust = Trust()
    falls_back: bool = False

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}"


def endpoints(registry: str, folder: Path | None) -> list[Endpoint]:
    """Those of a registry, in the order in which they are asked. Raises: RuntimeFailure."""
    directory = _directory(registry, folder) if folder else None
    if directory is None:
        return [_default(registry, Trust())]
    try:
        text = (directory / "hosts.toml").read_text()
    except FileNotFoundError:
        return [_default(registry, _certificates(directory))]
    try:
        document = tomllib.loads(text)
        found = [_endpoint(url, entry, directory) for url, entry in (document.get("host") or {}).items()]
        own = _endpoint(document["server"], document, directory) if document.get("server") else None
        return [*found, own or _default(registry, _trust(document, directory))]
    except (tomllib.TOMLDecodeError, TypeError, ValueError, AttributeError) as error:
        raise RuntimeFailure(f"failed to decode {directory / 'hosts.toml'}: {error}") from error


def _directory(registry: str, folder: Path) -> Path | None:
    host, colon, port = registry.rpartition(":")
    names = [f"{host}_{port}_"] if colon else []
    candidates = (folder / name for name in (*names, registry, "_default"))
    return next((path for path in candidates if path.is_dir()), None)


def _default(registry: str, trust: Trust) -> Endpoint:
    if registry == DEFAULT_DOMAIN:
        return Endpoint("https", "registry-1.docker.io", trust=trust)
    if not _is_local(registry):
        return Endpoint("https", registry, trust=trust)
    port = urlsplit(f"//{registry}").port
    if port == 80:
        return Endpoint("http", registry, trust=trust)
    # nobody else listens on the way to oneself
    verify = False if trust.verify is None else trust.verify
    local = Trust(trust.authorities, trust.pairs, verify)
    return Endpoint("https", registry, trust=local, falls_back=port not in (None, 443))


def _is_local(registry: str) -> bool:
    host = urlsplit(f"//{registry}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _endpoint(url: str, entry: Mapping[str, Any], directory: Path) -> Endpoint:
    parts = urlsplit(url if url.startswith("http") else f"https://{url}")
    path = parts.path.rstrip("/")
    if not path.endswith("/v2") and not entry.get("override_path"):
        path += "/v2"
    capabilities = frozenset(str(c).lower() for c in entry.get("capabilities") or CAPABILITIES)
    if capabilities - CAPABILITIES:
        raise ValueError(f"unknown capability {', '.join(sorted(capabilities - CAPABILITIES))}")
    headers = [(name, v) for name, value in (entry.get("header") or {}).items() for v in _list(value)]
    trust = _trust(entry, directory)
    ambiguous = parts.scheme == "http" and trust != Trust() and parts.port != 80
    scheme = "https" if ambiguous else parts.scheme
    return Endpoint(scheme, parts.netloc, path, capabilities, tuple(headers), trust, falls_back=ambiguous)


def _trust(entry: Mapping[str, Any], directory: Path) -> Trust:
    pairs = []
    for pair in _list(entry.get("client")):
        certificate, key = (pair, pair) if isinstance(pair, str) else pair
        pairs.append((directory / certificate, directory / key))
    skip = entry.get("skip_verify")
    return Trust(
        tuple(directory / str(file) for file in _list(entry.get("ca"))),
        tuple(pairs),
        None if skip is None else not skip,
    )


def _certificates(directory: Path) -> Trust:
    pairs = []
    for certificate in sorted(directory.glob("*.cert")):
        key = certificate.with_suffix(".key")
        pairs.append((certificate, key if key.exists() else certificate))
    return Trust(tuple(sorted(directory.glob("*.crt"))), tuple(pairs))


def _list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
