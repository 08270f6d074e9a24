"""Leave to read: the credentials as they are, or a token for them from the server that the registry names.

What was granted for one host is shown to no other.

Source: distribution ``docs/content/spec/auth``; containerd ``core/remotes/docker/authorizer.go``, ``auth/fetch.go``.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import orjson

from pynetes.aio.clock import Clock
from pynetes.http.types import Headers
from pynetes.runtime.oci.registry.challenges import challenges
from pynetes.runtime.oci.registry.endpoints import Trust
from pynetes.runtime.oci.registry.web import Answer, Web
from pynetes.runtime.types import Credentials, RuntimeFailure

CLIENT_ID = "pynetes"
NO_OAUTH = (400, 401, 404)
"""What token servers answer that know only the older way."""


class AccessDenied(RuntimeFailure):
    """The registry will not let us read."""


@dataclass(slots=True)
class _Grant:
    """How to ask at one host: with ``realm`` by tokens, else by the credentials. ``tokens``: by scopes, with an end."""

    realm: str = ""
    service: str = ""
    scopes: tuple[str, ...] = ()
    tokens: dict[tuple[str, ...], tuple[str, float]] = field(default_factory=dict)


class Authorizer:
    """For one repository."""

    def __init__(self, clock: Clock, web: Web, credentials: Credentials | None, scope: str, trust: Trust) -> None:
        self._clock = clock
        self._web = web
        self._credentials = credentials
        self._scope = scope
        self._trust = trust
        self._grants: dict[str, _Grant] = {}

    async def headers(self, host: str) -> Headers:
        """What to show to a host. Raises: RuntimeFailure."""
        grant = self._grants.get(host)
        if grant is None:
            return ()
        if not grant.realm:
            return (("Authorization", f"Basic {self._basic()}"),)
        return (("Authorization", f"Bearer {await self._token(grant)}"),)

    def learn(self, host: str, answer: Answer, repeated: bool) -> bool:
        """Read a 401; whether it is worth asking again. ``repeated``: the same request was refused before.

        Raises: AccessDenied.
        """
        for challenge in challenges(answer.headers.get("www-authenticate", "")):
            if challenge.scheme == "basic":
                if self._credentials is None or not (self._credentials.username and self._credentials.password):
                    raise AccessDenied("authorization failed: no basic auth credentials")
                self._grants[host] = _Grant()
                return True
            if why := challenge.parameters.get("error"):
                self._grants.pop(host, None)
                if repeated:
                    raise AccessDenied(f"server message: {why}: authorization failed")
            if host not in self._grants:
                self._grants[host] = self._of(challenge.parameters)
            return True
        return False

    def _of(self, parameters: Mapping[str, str]) -> _Grant:
        realm = parameters.get("realm", "")
        if not realm.startswith(("http://", "https://")):
            raise RuntimeFailure("no realm specified for token auth challenge")
        return _Grant(realm, parameters.get("service", ""), tuple(parameters.get("scope", "").split()))

    def _basic(self) -> str:
        credentials = self._credentials or Credentials("", "")
        return base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()

    async def _token(self, grant: _Grant) -> str:
        scopes = tuple(sorted({*grant.scopes, self._scope}))
        token, end = grant.tokens.get(scopes, ("", 0.0))
        if self._clock.monotonic() >= end:
            token, seconds = await self._fetch(grant, scopes)
            # one that does not say how long it lasts is used until it is refused
            grant.tokens[scopes] = token, self._clock.monotonic() + seconds if seconds > 0 else float("inf")
        return token

    async def _fetch(self, grant: _Grant, scopes: Sequence[str]) -> tuple[str, float]:
        kind = "anonymous" if self._credentials is None else "oauth"
        try:
            if self._credentials is None:
                return await self._by_get(grant, scopes)
            return await self._by_post(grant, scopes, self._credentials)
        except (RuntimeFailure, OSError) as error:
            raise RuntimeFailure(f"failed to fetch {kind} token: {error}") from error

    async def _by_post(self, grant: _Grant, scopes: Sequence[str], credentials: Credentials) -> tuple[str, float]:
        form = {
            "client_id": CLIENT_ID,
            "grant_type": "password",
            "password": credentials.password,
            "scope": " ".join(scopes),
            "service": grant.service,
            "username": credentials.username,
        }
        headers = (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),)
        async with self._web.open("POST", grant.realm, headers, urlencode(form).encode(), self._trust) as answer:
            if answer.status not in (*NO_OAUTH, 405):
                return _read(answer, await answer.body())
        return await self._by_get(grant, scopes)

    async def _by_get(self, grant: _Grant, scopes: Sequence[str]) -> tuple[str, float]:
        query = [("scope", scope) for scope in scopes] + ([("service", grant.service)] if grant.service else [])
        url = f"{grant.realm}{'&' if '?' in grant.realm else '?'}{urlencode(query)}"
        headers = (("Authorization", f"Basic {self._basic()}"),) if self._credentials else ()
        async with self._web.open("GET", url, headers, trust=self._trust) as answer:
            return _read(answer, await answer.body())


def _read(answer: Answer, body: bytes) -> tuple[str, float]:
    if not 200 <= answer.status < 400:
        raise answer.unexpected()
    try:
        document = orjson.loads(body)
        token = document.get("access_token") or document.get("token")
        seconds = float(document.get("expires_in") or 0)
    except (ValueError, TypeError, AttributeError) as error:
        raise RuntimeFailure(f"unable to decode token response: {error}") from error
    if not isinstance(token, str) or not token:
        raise RuntimeFailure("authorization server did not include a token in the response")
    return token, seconds
