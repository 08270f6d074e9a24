"""The transport over HTTPS, and what a kubeconfig says about it.

A kubeconfig's exec plug-ins and auth providers are refused by name; certificates, tokens (also from a file, read anew
when it changes), basic authentication and impersonation are honoured.

Source: client-go ``tools/clientcmd``, ``rest/config.go``, ``transport/token_source.go``.
"""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from pynetes.aio.clock import Clock
from pynetes.client.client import error_from
from pynetes.http.client import HTTPClient, UpgradeRefused
from pynetes.http.tls import client_context
from pynetes.http.types import Duplex, Headers, Reply
from pynetes.meta.objects import Object

TOKEN_FILE_SECONDS = 60.0
"""How long a token read from a file is used before it is looked at again."""


class Rest:
    """One server, one identity. ``token_file`` is read anew every minute: kubelets rotate projected tokens."""

    def __init__(
        self, http: HTTPClient, clock: Clock, *, headers: Headers = (), token_file: str | Path | None = None
    ) -> None:
        self._http = http
        self._clock = clock
        self._headers = tuple(headers)
        self._token_file = Path(token_file) if token_file else None
        self._token = ""
        self._token_read_at = float("-inf")

    @classmethod
    def from_kubeconfig(
        cls, config: str | Path | Object, clock: Clock, context: str = "", *, anonymous: bool = False
    ) -> "Rest":
        """From a file or a decoded document; ``context`` empty: the current one; ``anonymous``: without its user.

        Raises: ValueError, OSError.
        """
        document, folder = _load(config)
        chosen = _named(document, "contexts", context or document.get("current-context", ""), "context")
        cluster = _named(document, "clusters", chosen.get("cluster", ""), "cluster")
        name = chosen.get("user", "")
        user = _named(document, "users", name, "user") if name and not anonymous else {}
        for refused in ("exec", "auth-provider"):
            if user.get(refused):
                raise ValueError(f"user {name!r} of the kubeconfig needs {refused!r}, which is not supported")
        if cluster.get("proxy-url"):
            raise ValueError("the kubeconfig needs 'proxy-url', which is not supported")
        server = cluster.get("server", "")
        ssl = None
        if server.startswith("https://"):
            ssl = client_context(
                _data(cluster, "certificate-authority", folder),
                certificate_pem=_data(user, "client-certificate", folder),
                key_pem=_data(user, "client-key", folder),
                verify=not cluster.get("insecure-skip-tls-verify", False),
            )
        http = HTTPClient(server, clock, ssl=ssl, server_name=cluster.get("tls-server-name", ""))
        token_file = user.get("tokenFile")
        if token_file and user.get("token"):
            token_file = None  # as upstream: the token itself comes first
        return cls(http, clock, headers=_identity(user), token_file=folder / token_file if token_file else None)

    @classmethod
    def in_cluster(cls, clock: Clock, host: str, port: int, folder: str | Path) -> "Rest":
        """What a pod is: ``folder`` holds ``token`` and ``ca.crt``, as mounted for its service account."""
        folder = Path(folder)
        ssl = client_context((folder / "ca.crt").read_bytes())
        address = f"[{host}]" if ":" in host else host
        http = HTTPClient(f"https://{address}:{port}", clock, ssl=ssl)
        return cls(http, clock, token_file=folder / "token")

    async def request(
        self, method: str, path: str, *, query: str = "", headers: Headers = (), body: bytes = b""
    ) -> Reply:
        return await self._http.request(method, path, query, self._all(headers), body)

    def stream(
        self, method: str, path: str, *, query: str = "", headers: Headers = ()
    ) -> AbstractAsyncContextManager[tuple[int, AsyncIterator[bytes]]]:
        return self._http.stream(method, path, query, self._all(headers))

    async def upgrade(self, path: str, *, query: str = "", headers: Headers = ()) -> Duplex:
        """Raises: StatusError when the server refused."""
        try:
            return await self._http.upgrade(path, query, self._all(headers))
        except UpgradeRefused as refused:
            raise error_from(refused.reply) from None

    async def close(self) -> None:
        await self._http.close()

    def _all(self, headers: Headers) -> Headers:
        if self._token_file is not None:
            now = self._clock.monotonic()
            if now - self._token_read_at > TOKEN_FILE_SECONDS:
                self._token = self._token_file.read_text().strip()
                self._token_read_at = now
            return (*self._headers, ("Authorization", f"Bearer {self._token}"), *headers)
        return (*self._headers, *headers)


def _load(config: str | Path | Object) -> tuple[Object, Path]:
    if isinstance(config, dict):
        return config, Path()
    path = Path(config)
    text = path.read_text()
    if text.lstrip().startswith("{"):
        document = json.loads(text)
    else:
        import yaml  # late: most configurations are our own, in JSON

        try:
            document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            raise ValueError(f"no kubeconfig: {error}") from None
    if not isinstance(document, dict):
        raise ValueError("no kubeconfig")
    return document, path.parent


def _named(document: Object, plural: str, name: str, singular: str) -> dict[str, Any]:
    for entry in document.get(plural) or ():
        if entry.get("name") == name:
            return entry.get(singular) or {}
    raise ValueError(f"the kubeconfig has no {singular} {name!r}")


def _data(entry: Object, key: str, folder: Path) -> bytes:
    """The PEM in ``<key>-data``, or in the file ``<key>``, relative to the kubeconfig's folder; empty when absent."""
    if data := entry.get(f"{key}-data"):
        return base64.b64decode(data)
    path = entry.get(key)
    return (folder / path).read_bytes() if path else b""


def _identity(user: Object) -> Headers:
    headers = []
    if token := user.get("token"):
        headers.append(("Authorization", f"Bearer {token}"))
    elif user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
    if name := user.get("as"):
        headers.append(("Impersonate-User", name))
        headers += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
        if user.get("as-uid"):
            headers.append(("Impersonate-Uid", user["as-uid"]))
    return tuple(headers)
