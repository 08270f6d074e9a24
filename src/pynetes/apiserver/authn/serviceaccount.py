"""ServiceAccount tokens: signed here, and believed while the account and the object that they are bound to exist.

Source: kubernetes ``pkg/serviceaccount/claims.go`` and ``jwt.go``; apiserver
``pkg/authentication/serviceaccount/util.go``.
"""

import asyncio
from dataclasses import replace
from typing import Any

from pynetes.apiserver.authn.legacy import LegacyTokens
from pynetes.apiserver.authn.types import USER_PREFIX, Believed, TokenRefused, groups_of
from pynetes.apiserver.parts import Parts
from pynetes.apiserver.users import User
from pynetes.kinds.core.account_secrets import ISSUER as LEGACY_ISSUER
from pynetes.meta.objects import Object
from pynetes.meta.times import parse_time
from pynetes.pki.tokens import TokenSigner, TokenVerifier

_LEEWAY_SECONDS = 60.0
_EXTRA = "authentication.kubernetes.io/"
CREDENTIAL_ID = f"{_EXTRA}credential-id"
"""The extra of a user that says by which credential they came."""


class ServiceAccountTokens:
    """Signs and believes. The key is the settings' or, when they have none, made by ``prepare``: until then no token
    can be one of ours.
    """

    def __init__(self, server: Parts) -> None:
        self._server = server
        self._preparing = asyncio.Lock()
        self._key = server.settings.service_account_signing_key_pem
        self._signer: TokenSigner | None = None
        self._verifier: TokenVerifier | None = None
        self._legacy = LegacyTokens(server)

    @property
    def signing_key(self) -> bytes:
        """The private key, PEM; empty before there is one."""
        return self._key

    @property
    def issuer(self) -> str:
        return self._server.settings.service_account_issuer

    @property
    def audiences(self) -> tuple[str, ...]:
        """Those of the API server itself: what a token is made for when its request names none."""
        return self._server.settings.service_account_audiences or (self.issuer,)

    async def prepare(self) -> None:
        """Make the key that the settings do not have. Whoever signs or shows keys waits for it first."""
        async with self._preparing:
            if not self._key:
                make = self._server.settings.make_service_account_signing_key
                self._key = await self._server.clock.in_thread(make)
                self._verifier = None

    @property
    def verifier(self) -> TokenVerifier:
        """Of the keys that are there."""
        if self._verifier is None:
            keys = self._server.settings.service_account_verify_keys_pem
            issuers = (self.issuer, LEGACY_ISSUER)
            self._verifier = TokenVerifier((*keys, self._key) if self._key else keys, issuers, self.audiences)
        return self._verifier

    async def issue(
        self,
        account: Object,
        audiences: list[str],
        seconds: int,
        warn_after: int,
        bound: dict[str, Object],
    ) -> tuple[str, float]:
        """A token for the account, and when it ends. ``bound``: by claim (``pod``, ``secret``, ``node``) the objects.

        ``warn_after``: the seconds after which its use is old-fashioned; 0: never.
        """
        await self.prepare()
        if self._signer is None:
            self._signer = TokenSigner(self._key, self.issuer)
        now = int(self._server.clock.now())
        meta = account["metadata"]
        private: dict[str, Any] = {"namespace": meta["namespace"]}
        for claim, obj in bound.items():
            private[claim] = {key: obj["metadata"][key] for key in ("name", "uid") if key in obj["metadata"]}
        private["serviceaccount"] = {"name": meta["name"], "uid": meta["uid"]}
        if warn_after:
            private["warnafter"] = now + warn_after
        claims = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "iss": self.issuer,
            "jti": self._server.clock.uuid4(),
            "kubernetes.io": private,
            "nbf": now,
            "sub": f"{USER_PREFIX}{meta['namespace']}:{meta['name']}",
        }
        return self._signer.sign(claims), float(now + seconds)

    def authenticate(self, token: str, audiences: tuple[str, ...]) -> Believed:
        """Raises: TokenRefused."""
        try:
            claims = self.verifier.signed_claims(token)
        except ValueError:
            raise TokenRefused("invalid bearer token") from None
        wanted = audiences or self.audiences
        is_legacy = claims["iss"] == LEGACY_ISSUER
        has = claims.get("aud") or (self.audiences if is_legacy else ())
        has = [has] if isinstance(has, str) else has
        good_for = tuple(a for a in has if a in wanted)
        if not good_for:
            raise TokenRefused(
                f"[invalid bearer token, token audiences {_texts(has)} is invalid "
                f"for the target audiences {_texts(wanted)}]"
            )
        try:
            if is_legacy:
                return replace(self._legacy.believe(token, claims), audiences=good_for)
            return Believed(self._bearer(claims), good_for)
        except TokenRefused as error:
            raise TokenRefused(f"[invalid bearer token, {error}]") from None

    def _bearer(self, claims: dict[str, Any]) -> User:
        now = self._server.clock.now()
        if now > claims.get("exp", 0) + _LEEWAY_SECONDS:
            raise TokenRefused("service account token has expired")
        if now < claims.get("nbf", 0) - _LEEWAY_SECONDS:
            raise TokenRefused("service account token is not valid yet")
        if now < claims.get("iat", 0) - _LEEWAY_SECONDS:
            raise TokenRefused("service account token is issued in the future")
        private = claims.get("kubernetes.io") or {}
        namespace, account = private.get("namespace", ""), private.get("serviceaccount") or {}
        name = account.get("name", "")
        found = self._get("serviceaccounts", namespace, name)
        if found is None:
            raise TokenRefused(f'serviceaccounts "{name}" not found')
        if found["metadata"]["uid"] != account.get("uid"):
            uid = found["metadata"]["uid"]
            raise TokenRefused(f"service account UID ({uid}) does not match claim ({account.get('uid', '')})")
        if self._gone(found):
            raise TokenRefused(f"service account {namespace}/{name} has been deleted")
        extra: dict[str, str] = {}
        if jti := claims.get("jti"):
            extra[CREDENTIAL_ID] = f"JTI={jti}"
        for claim, plural in (("secret", "secrets"), ("pod", "pods"), ("node", "nodes")):
            reference = private.get(claim)
            if reference is None:
                continue
            if claim != "node" or "pod" not in private:
                self._check_bound(claim, plural, "" if claim == "node" else namespace, reference)
            if claim != "secret":
                extra[f"{_EXTRA}{claim}-name"] = reference.get("name", "")
                extra[f"{_EXTRA}{claim}-uid"] = reference.get("uid", "")
        return User(
            f"{USER_PREFIX}{namespace}:{name}",
            groups_of(namespace),
            account.get("uid", ""),
            tuple((key, (value,)) for key, value in extra.items() if value),
        )

    def _check_bound(self, claim: str, plural: str, namespace: str, reference: Object) -> None:
        obj = self._get(plural, namespace, reference.get("name", ""))
        if obj is None or self._gone(obj):
            raise TokenRefused("service account token has been invalidated")
        uid, claimed = obj["metadata"]["uid"], reference.get("uid", "")
        if uid != claimed:
            raise TokenRefused(f"{claim} UID ({uid}) does not match service account {claim} ref claim ({claimed})")

    def _get(self, plural: str, namespace: str, name: str) -> Object | None:
        resource = self._server.resources.get("", plural)
        if resource is None or not name:
            return None
        entry = self._server.cache.of(resource).get(resource.storage_key(namespace, name))
        return None if entry is None else entry.object

    def _gone(self, obj: Object) -> bool:
        deleted = obj["metadata"].get("deletionTimestamp")
        return deleted is not None and parse_time(deleted) < self._server.clock.now() - _LEEWAY_SECONDS


def _texts(audiences: Any) -> str:
    return "[" + " ".join(f'"{a}"' for a in audiences) + "]"
