"""Which credentials may open a repository: those of pull secrets whose key fits it, the most specific first.

Caveats: what cannot be read is passed over. Credential plug-ins of cloud providers are not run.

Source: kubernetes ``pkg/credentialprovider/keyring.go``, ``config.go``, ``secrets/secrets.go``.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import orjson

from pynetes.meta.objects import Object
from pynetes.runtime.references import DEFAULT_DOMAIN
from pynetes.runtime.types import Credentials

DEFAULT_REGISTRY = "index.docker.io"
KINDS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Credentials, and the secret that they are from."""

    credentials: Credentials
    uid: str
    namespace: str
    name: str

    @property
    def hash(self) -> str:
        text = orjson.dumps([self.credentials.username, self.credentials.password])
        return hashlib.sha256(text).hexdigest()


def candidates(secrets: Sequence[Object], repository: str) -> list[Candidate]:
    """``repository`` is whole: ``docker.io/library/busybox``."""
    known: dict[str, list[Candidate]] = {}
    for secret in secrets:
        for key, candidate in _entries(secret):
            known.setdefault(key, []).append(candidate)
    fitting = [c for key in sorted(known, reverse=True) if _fits(key, repository) for c in known[key]]
    if not fitting and repository.startswith(f"{DEFAULT_DOMAIN}/"):
        return known.get(DEFAULT_REGISTRY, [])
    return fitting


def _entries(secret: Object) -> Iterator[tuple[str, Candidate]]:
    """Keys as ``HOST[:PORT][/PATH]``."""
    name = KINDS.get(secret.get("type", ""), "")
    try:
        document = orjson.loads(base64.b64decode((secret.get("data") or {})[name]))
        entries = document["auths"] if name == ".dockerconfigjson" else document
        items = list(entries.items())
    except (KeyError, ValueError, TypeError, AttributeError):
        return
    about = secret["metadata"]
    for location, entry in items:
        credentials = _credentials(entry) if isinstance(entry, dict) else None
        if credentials is not None:
            key = _key(location)
            yield key, Candidate(credentials, about.get("uid", ""), about.get("namespace", ""), about["name"])


def _credentials(entry: Mapping[str, Any]) -> Credentials | None:
    auth = entry.get("auth")
    if not auth:
        return Credentials(str(entry.get("username") or ""), str(entry.get("password") or ""))
    try:
        padded = f"{str(auth).strip()}{'=' * (-len(str(auth).strip()) % 4)}"
        username, colon, password = base64.b64decode(padded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return Credentials(username, password) if colon else None


def _key(location: str) -> str:
    parts = urlsplit(location if location.startswith(("https://", "http://")) else f"https://{location}")
    path = parts.path[3:] if parts.path.startswith(("/v1/", "/v2/")) else parts.path
    return parts.netloc + (path if path != "/" else "")


def _fits(key: str, repository: str) -> bool:
    """Every part of the host fits, as a glob; the path is a prefix."""
    host, slash, path = key.partition("/")
    target, _, rest = repository.partition("/")
    name, _, port = host.partition(":")
    target_name, _, target_port = target.partition(":")
    globs, parts = name.split("."), target_name.split(".")
    if port != target_port or len(globs) != len(parts) or not f"/{rest}".startswith(f"{slash}{path}"):
        return False
    return all(fnmatchcase(part, glob) for glob, part in zip(globs, parts, strict=True))
