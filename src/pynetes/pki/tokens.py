"""ServiceAccount tokens: JSON Web Tokens signed by RS256 or ES256/384/512, verified once and remembered.

Times are the caller's ``now``. cryptography and PyJWT are imported at the first key.

Source: kubernetes ``pkg/serviceaccount/jwt.go`` (key ids, algorithms) and ``openidmetadata.go`` (the two documents).
"""

import base64
import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

LEEWAY_SECONDS = 60.0
MAX_REMEMBERED = 4096
MAX_TOKEN_CHARACTERS = 64 * 1024

Claims = dict[str, Any]


class Key:
    """A signing or verifying key. ``key_id`` is upstream's: base64url of the SHA-256 of the public key's DER."""

    def __init__(self, pem: bytes) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        if b"PRIVATE" in pem:
            private = serialization.load_pem_private_key(pem, None)
            self.private: Any = private
            public: Any = private.public_key()
        else:
            self.private = None
            public = serialization.load_pem_public_key(pem)
        if isinstance(public, rsa.RSAPublicKey):
            self.algorithm = "RS256"
        elif isinstance(public, ec.EllipticCurvePublicKey) and public.key_size in EC_ALGORITHMS:
            self.algorithm = EC_ALGORITHMS[public.key_size]
        else:
            raise ValueError("a token key is RSA, or EC on P-256, P-384 or P-521")
        self.public = public
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.key_id = _base64url(hashlib.sha256(der).digest())

    def jwk(self) -> dict[str, str]:
        """The public key as a JSON Web Key."""
        numbers = self.public.public_numbers()
        key = {"use": "sig", "kty": "RSA", "kid": self.key_id, "alg": self.algorithm}
        if self.algorithm == "RS256":
            return {**key, "n": _integer(numbers.n), "e": _integer(numbers.e)}
        size = (self.public.key_size + 7) // 8
        curve = f"P-{self.public.key_size}"
        return {
            "use": "sig",
            "kty": "EC",
            "kid": self.key_id,
            "crv": curve,
            "alg": self.algorithm,
            "x": _base64url(numbers.x.to_bytes(size, "big")),
            "y": _base64url(numbers.y.to_bytes(size, "big")),
        }


EC_ALGORITHMS = {256: "ES256", 384: "ES384", 521: "ES512"}


class TokenSigner:
    """Signs claims with one private key; ``issuer`` is the ``iss`` of claims that name none."""

    def __init__(self, key_pem: bytes, issuer: str) -> None:
        import jwt

        self._key = Key(key_pem)
        if self._key.private is None:
            raise ValueError("signing needs a private key")
        self.issuer = issuer
        self._jws = jwt.PyJWS()

    @property
    def key_id(self) -> str:
        return self._key.key_id

    def sign(self, claims: Claims) -> str:
        payload = json.dumps({"iss": self.issuer, **claims}, separators=(",", ":")).encode()
        # upstream's header has no "typ"
        headers = {"kid": self._key.key_id, "typ": ""}
        return self._jws.encode(payload, self._key.private, algorithm=self._key.algorithm, headers=headers)


class TokenVerifier:
    """Believes what one of ``keys`` (PEM, public or private) has signed for one of the issuers.

    The signature is checked once a token; times and audiences each time. What is returned is READ-ONLY.
    """

    def __init__(self, keys: Iterable[bytes], issuer: str | Sequence[str], audiences: Sequence[str] = ()) -> None:
        import jwt

        self.keys = tuple({key.key_id: key for key in map(Key, keys)}.values())
        self.issuers = (issuer,) if isinstance(issuer, str) else tuple(issuer)
        self.audiences = tuple(audiences)
        self._jws = jwt.PyJWS()
        self._invalid = jwt.InvalidTokenError
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    def verify(self, token: str, now: float, audiences: Sequence[str] = ()) -> Claims:
        """The claims. Raises: ValueError for a wrong signature or issuer, wrong times, or no audience in common."""
        claims = self.signed_claims(token)
        if "exp" in claims and now > claims["exp"] + LEEWAY_SECONDS:
            raise ValueError("the token has expired")
        if max(claims.get("nbf", 0), claims.get("iat", 0)) > now + LEEWAY_SECONDS:
            raise ValueError("the token is not valid yet")
        given = claims.get("aud") or ()
        given = (given,) if isinstance(given, str) else given
        wanted = audiences or self.audiences
        if wanted and not set(given) & set(wanted):
            raise ValueError(f"the token is for the audiences {list(given)}, not for {list(wanted)}")
        return claims

    def signed_claims(self, token: str) -> Claims:
        """The claims, whatever their times and audiences. Raises: ValueError for a wrong signature or issuer."""
        claims = self._verified.get(token)
        if claims is not None:
            self._verified.move_to_end(token)
            return claims
        claims = self._check(token)
        self._verified[token] = claims
        if len(self._verified) > MAX_REMEMBERED:
            self._verified.popitem(last=False)
        return claims

    def _check(self, token: str) -> Claims:
        if len(token) > MAX_TOKEN_CHARACTERS or token.count(".") != 2:
            raise ValueError("not a token")
        # the issuer first: a token of somebody else costs no signature check
        try:
            payload = token.split(".")[1]
            unverified = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            issuer = unverified.get("iss")
            key_id = self._jws.get_unverified_header(token).get("kid", "")
        except (self._invalid, AttributeError, ValueError):
            raise ValueError("not a token") from None
        if issuer not in self.issuers:
            raise ValueError(f"the token's issuer is {issuer!r}")
        for key in self.keys:
            if key_id in ("", key.key_id):
                try:
                    claims: Claims = json.loads(self._jws.decode(token, key.public, algorithms=[key.algorithm]))
                except self._invalid:
                    continue
                return claims
        raise ValueError("no key of ours has signed the token")

    def jwks(self) -> dict[str, Any]:
        """The document at ``/openid/v1/jwks``."""
        return {"keys": [key.jwk() for key in self.keys]}

    def openid_configuration(self, jwks_uri: str) -> dict[str, Any]:
        """The document at ``/.well-known/openid-configuration``."""
        return {
            "issuer": self.issuers[0],
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({key.algorithm for key in self.keys}),
        }


def make_signing_key() -> bytes:
    """A new RSA private key, PEM, as kubeadm makes it. Takes a good tenth of a second: call it in a thread."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def public_pem(key_pem: bytes) -> bytes:
    """The public half of a key, PEM (``sa.pub``)."""
    from cryptography.hazmat.primitives import serialization

    pem: bytes = Key(key_pem).public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _integer(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
