"""Tokens are believed when one of our keys signed them for one of our issuers, in their time, for our audience."""

import base64
import hashlib
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pynetes.pki.tokens import TokenSigner, TokenVerifier, make_signing_key, public_pem

ISSUER = "https://kubernetes.default.svc.cluster.local"
CLAIMS = {"sub": "system:serviceaccount:a:b", "aud": [ISSUER], "iat": 1000, "nbf": 1000, "exp": 2000}
RSA = make_signing_key()
EC = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (RSA, "RS256")])
def test_what_was_signed_is_believed_by_the_public_key_and_its_header_is_upstreams(key, algorithm):
    signer = TokenSigner(key, ISSUER)
    token = signer.sign(CLAIMS)
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    der = serialization.load_pem_public_key(public_pem(key)).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key_id = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    assert header == {"alg": algorithm, "kid": key_id}
    verifier = TokenVerifier([public_pem(key)], ISSUER, (ISSUER,))
    assert verifier.verify(token, 1500) == {"iss": ISSUER, **CLAIMS}
    assert verifier.verify(token, 1500) is verifier.verify(token, 1501)


def test_times_and_audiences_are_checked_each_time_with_a_minute_of_leeway():
    verifier = TokenVerifier([EC], ISSUER, (ISSUER,))
    token = TokenSigner(EC, ISSUER).sign(CLAIMS)
    verifier.verify(token, 2059)
    verifier.verify(token, 941)
    for now in (2061, 939):
        with pytest.raises(ValueError, match="token"):
            verifier.verify(token, now)
    with pytest.raises(ValueError, match="audiences"):
        verifier.verify(token, 1500, ("vault",))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "x" * 100_000,
        "eyJhbGciOiJub25lIn0.e30.",
        jwt.encode({"iss": ISSUER}, None, algorithm="none"),
        jwt.encode({"iss": ISSUER}, "x" * 32, algorithm="HS256"),
        TokenSigner(RSA, ISSUER).sign(CLAIMS),
        TokenSigner(EC, "https://elsewhere").sign(CLAIMS),
        TokenSigner(EC, ISSUER).sign(CLAIMS)[:-6] + "AAAAAA",
    ],
)
def test_what_is_not_ours_is_refused(token):
    with pytest.raises(ValueError):
        TokenVerifier([EC], ISSUER).signed_claims(token)


def test_any_of_several_keys_and_issuers_is_believed():
    verifier = TokenVerifier([EC, public_pem(RSA), RSA], [ISSUER, "old"])
    assert len(verifier.keys) == 2
    assert verifier.signed_claims(TokenSigner(RSA, "old").sign({}))["iss"] == "old"
    assert verifier.signed_claims(TokenSigner(EC, ISSUER).sign({}))["iss"] == ISSUER


def test_the_published_keys_verify_our_tokens():
    verifier = TokenVerifier([EC, RSA], ISSUER)
    keys = jwt.PyJWKSet.from_dict(verifier.jwks())
    for pem in (EC, RSA):
        token = TokenSigner(pem, ISSUER).sign({"sub": "x"})
        key = keys[jwt.get_unverified_header(token)["kid"]]
        assert jwt.decode(token, key, algorithms=["ES256", "RS256"], issuer=ISSUER)["sub"] == "x"
    assert [sorted(key) for key in verifier.jwks()["keys"]] == [
        ["alg", "crv", "kid", "kty", "use", "x", "y"],
        ["alg", "e", "kid", "kty", "n", "use"],
    ]
    assert verifier.openid_configuration("https://10.0.0.1:6443/openid/v1/jwks") == {
        "issuer": ISSUER,
        "jwks_uri": "https://10.0.0.1:6443/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
    }
