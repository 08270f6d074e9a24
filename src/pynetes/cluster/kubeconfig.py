"""The user's kubeconfig: merges a context into it as kind does, and takes it out again; never clobbers one.

Our entries carry an extension named ``pynetes.dev`` with the cluster's id: only what bears it is replaced or removed.
Source: client-go ``tools/clientcmd`` for the lock file and the search order.
"""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pynetes.aio.clock import pause
from pynetes.cluster.config import ConfigError

EXTENSION = "pynetes.dev"

LOCK_ATTEMPTS = 40
LOCK_SECONDS = 0.05
"""How often, and with what pause, another program's lock on the kubeconfig is tried."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a client needs to reach one cluster; PEM bytes. Without a certificate it comes as nobody."""

    server: str
    ca_pem: bytes
    cert_pem: bytes = b""
    key_pem: bytes = b""


def default_path() -> Path:
    """``$KUBECONFIG`` (of several the first that exists, else the last), else ``~/.kube/config``."""
    if listed := os.environ.get("KUBECONFIG"):
        paths = [Path(part) for part in listed.split(os.pathsep) if part]
        return next((path for path in paths if path.exists()), paths[-1])
    return Path.home() / ".kube" / "config"


def document(name: str, access: Access, id: str) -> dict[str, Any]:
    """A kubeconfig that knows this cluster only. Pure."""
    mark = [{"name": EXTENSION, "extension": {"id": id}}]

    def text(pem: bytes) -> str:
        return base64.b64encode(pem).decode()

    user: dict[str, Any] = {"extensions": mark}
    if access.cert_pem:
        user = {"client-certificate-data": text(access.cert_pem), "client-key-data": text(access.key_pem), **user}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": access.server,
                    "certificate-authority-data": text(access.ca_pem),
                    "extensions": mark,
                },
            }
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "extensions": mark}}],
        "current-context": name,
    }


def merge(existing: dict[str, Any], ours: dict[str, Any], path: Path) -> dict[str, Any]:
    """The existing kubeconfig with our entries and our context made current. Pure.

    The namespace that the user chose for a context of the same cluster stays.

    Raises: ConfigError when an entry of our name is there that no Pynetes wrote.
    """
    merged = dict(existing) or {"apiVersion": "v1", "kind": "Config", "preferences": {}}
    for section, inner in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        entries = list(merged.get(section) or [])
        for entry in ours[section]:
            found = next((e for e in entries if e.get("name") == entry["name"]), None)
            if found is not None and not _mark(found.get(inner) or {}):
                raise ConfigError(
                    f"{path} has a {inner} {entry['name']!r} that pynetes did not write; "
                    f"rename it, or choose another --name or --kubeconfig"
                )
            if found is not None and "namespace" in found[inner] and _mark(found[inner]) == _mark(entry[inner]):
                entry = {**entry, inner: {**entry[inner], "namespace": found[inner]["namespace"]}}
            entries = [e for e in entries if e is not found] + [entry]
        merged[section] = entries
    merged["current-context"] = ours["current-context"]
    return merged


def without(existing: dict[str, Any], name: str, id: str | None) -> dict[str, Any]:
    """The kubeconfig less this cluster's entries; the current context is cleared when it was ours. Pure.

    ``id`` None: nobody knows it any more, so any Pynetes' entries of that name.
    """

    def ours(mark: str) -> bool:
        return mark == id if id is not None else bool(mark)

    left = dict(existing)
    for section, inner in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        entries = left.get(section) or []
        left[section] = [e for e in entries if e.get("name") != name or not ours(_mark(e.get(inner) or {}))]
    if left.get("current-context") == name and not any(c.get("name") == name for c in left["contexts"]):
        left["current-context"] = ""
    return left


def write_context(path: Path, ours: dict[str, Any], *, check: bool = False) -> None:
    """Merge into the file, atomically, under client-go's lock; with ``check`` only see whether that could be.

    Raises: ConfigError; then the file is as it was.
    """
    path = path.expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path):
            merged = merge(_read(path), ours, path)
            if not check:
                _write(path, merged)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; pass --kubeconfig") from None


def remove_context(path: Path, name: str, id: str | None) -> bool:
    """Take the cluster's entries out, or those of any cluster of that name where the id is not known.

    False: there was nothing of it. Raises: ConfigError for a damaged file, which is left as it is; OSError.
    """
    path = path.expanduser()
    if not path.exists():
        return False
    with _lock(path):
        existing = _read(path)
        left = without(existing, name, id)
        if left == existing:
            return False
        _write(path, left)
        return True


def _mark(body: dict[str, Any]) -> str:
    for extension in body.get("extensions") or ():
        if extension.get("name") == EXTENSION:
            return str((extension.get("extension") or {}).get("id", "?"))
    return ""


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a kubeconfig; mend it or pass --kubeconfig") from None
    try:
        parsed = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not a kubeconfig ({error}); mend it or pass --kubeconfig") from None
    if parsed is None:
        return {}
    if not isinstance(parsed, dict) or not all(
        _is_section(parsed.get(name)) for name in ("clusters", "users", "contexts")
    ):
        raise ConfigError(f"{path} is not a kubeconfig; mend it or pass --kubeconfig")
    return parsed


def _is_section(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(entry, dict) for entry in value))


def _write(path: Path, content: dict[str, Any]) -> None:
    """Atomically, to where a link points to; for its owner's eyes, since a key is in it."""
    import yaml

    target = Path(os.path.realpath(path))
    new = target.with_name(f"{target.name}.{os.getpid()}.pynetes-new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            yaml.safe_dump(content, file, sort_keys=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """client-go's own lock: ``<path>.lock`` made exclusively. One that is held for a moment is waited for."""
    lock = path.parent / f"{path.name}.lock"
    for attempt in range(LOCK_ATTEMPTS):
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0))
            break
        except FileExistsError:
            if attempt == LOCK_ATTEMPTS - 1:
                raise ConfigError(
                    f"{lock} exists: another program is writing the kubeconfig; remove it if none is"
                ) from None
            pause(LOCK_SECONDS)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
