"""Tokens in Secrets.

Quotes: https://kubernetes.io/docs/concepts/security/service-accounts/ and
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/.
"""

import base64
from functools import cache
from typing import Any

import pytest

from pynetes.apiserver.settings import Settings
from pynetes.kinds.core.account_secrets import INVALID_SINCE, ISSUER
from pynetes.pki.tokens import TokenSigner, make_signing_key
from tests.apiserver.writing import MERGE, Writing, run_writing

SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCOUNT = "/api/v1/namespaces/n/serviceaccounts/default"
SECRETS = "/api/v1/namespaces/n/secrets"
SECRET = f"{SECRETS}/s"


@cache
def key() -> bytes:
    return make_signing_key()


def run(main: Any) -> None:
    run_writing(main, Settings(service_account_signing_key_pem=key()))


async def make_token(api: Writing, **other: str) -> str:
    """A Secret with a token, as the token controller fills it. ``other``: claims that say something else."""
    _, account = await api.ask("GET", ACCOUNT)
    claims = {
        "sub": "system:serviceaccount:n:default",
        "kubernetes.io/serviceaccount/namespace": "n",
        "kubernetes.io/serviceaccount/secret.name": "s",
        "kubernetes.io/serviceaccount/service-account.name": "default",
        "kubernetes.io/serviceaccount/service-account.uid": account["metadata"]["uid"],
    }
    token = TokenSigner(key(), ISSUER).sign(claims | other)
    secret = {
        "metadata": {"name": "s", "annotations": {"kubernetes.io/service-account.name": "default"}},
        "type": "kubernetes.io/service-account-token",
        "data": {"token": base64.b64encode(token.encode()).decode()},
    }
    code, _ = await api.ask("POST", SECRETS, secret)
    assert code == 201
    return token


async def refusal(api: Writing, token: str) -> str:
    assert (await api.ask("POST", SELF, {}, token=token))[0] == 401
    _, review = await api.ask("POST", REVIEWS, {"spec": {"token": token}})
    said: str = review["status"]["error"]
    return said.removeprefix("[invalid bearer token, ").removesuffix("]")


def test_a_token_is_its_accounts_and_for_the_server_itself() -> None:
    async def main(api: Writing) -> None:
        token = await make_token(api)
        _, review = await api.ask("POST", REVIEWS, {"spec": {"token": token}})
        status = review["status"]
        assert status["user"]["username"] == "system:serviceaccount:n:default"
        assert status["user"]["groups"] == [
            "system:serviceaccounts",
            "system:serviceaccounts:n",
            "system:authenticated",
        ]
        assert status["audiences"] == ["https://kubernetes.default.svc.cluster.local"]
        _, review = await api.ask("POST", REVIEWS, {"spec": {"token": token, "audiences": ["vault"]}})
        assert review["status"]["error"] == (
            '[invalid bearer token, token audiences ["https://kubernetes.default.svc.cluster.local"] is invalid for the '
            'target audiences ["vault"]]'
        )

    run(main)


def test_a_token_dies_with_its_secret() -> None:
    async def main(api: Writing) -> None:
        token = await make_token(api)
        await api.ask("DELETE", SECRET)
        assert await refusal(api, token) == "Token has been invalidated"

    run(main)


def test_a_token_that_the_secret_no_longer_holds_is_refused() -> None:
    async def main(api: Writing) -> None:
        token = await make_token(api)
        await api.ask("PATCH", SECRET, {"data": {"token": "bmV3"}}, type=MERGE)
        assert await refusal(api, token) == "Token does not match server's copy"

    run(main)


def test_a_token_of_a_new_account_with_the_old_name_is_another() -> None:
    async def main(api: Writing) -> None:
        token = await make_token(api)
        _, old = await api.ask("GET", ACCOUNT)
        await api.ask("DELETE", ACCOUNT)
        assert await refusal(api, token) == 'serviceaccounts "default" not found'
        await api.make("/api/v1/namespaces/n/serviceaccounts", "default")
        _, new = await api.ask("GET", ACCOUNT)
        old, new = old["metadata"]["uid"], new["metadata"]["uid"]
        assert await refusal(api, token) == f"ServiceAccount UID ({new}) does not match claim ({old})"

    run(main)


@pytest.mark.parametrize(
    ("claim", "value", "said"),
    [
        ("sub", "system:serviceaccount:n:other", "sub claim is invalid"),
        ("sub", "", "sub claim is missing"),
        ("kubernetes.io/serviceaccount/namespace", "", "namespace claim is missing"),
        ("kubernetes.io/serviceaccount/secret.name", "", "secretName claim is missing"),
        ("kubernetes.io/serviceaccount/service-account.name", "", "serviceAccountName claim is missing"),
        ("kubernetes.io/serviceaccount/service-account.uid", "", "serviceAccountUID claim is missing"),
    ],
)
def test_the_claims_have_to_agree(claim: str, value: str, said: str) -> None:
    async def main(api: Writing) -> None:
        assert await refusal(api, await make_token(api, **{claim: value})) == said

    run(main)


def test_the_secret_says_on_which_day_its_token_was_last_used() -> None:
    """ "kubernetes.io/legacy-token-last-used": "a date in UTC, in ISO 8601 format"."""

    async def main(api: Writing) -> None:
        token = await make_token(api)
        await api.ask("POST", SELF, {}, token=token)
        await api.ask("POST", SELF, {}, token=token)
        await api.clock.sleep(1)
        _, secret = await api.ask("GET", SECRET)
        day = secret["metadata"]["labels"]["kubernetes.io/legacy-token-last-used"]
        await api.ask("POST", SELF, {}, token=token)
        await api.clock.sleep(1)
        _, same = await api.ask("GET", SECRET)
        assert same["metadata"]["resourceVersion"] == secret["metadata"]["resourceVersion"]
        await api.clock.sleep(86400)
        await api.ask("POST", SELF, {}, token=token)
        await api.clock.sleep(1)
        _, secret = await api.ask("GET", SECRET)
        assert secret["metadata"]["labels"]["kubernetes.io/legacy-token-last-used"] > day

    run(main)


def test_a_token_that_was_marked_invalid_is_refused_until_the_mark_is_removed() -> None:
    async def main(api: Writing) -> None:
        token = await make_token(api)
        mark = {"metadata": {"labels": {INVALID_SINCE: "2026-01-01"}}}
        await api.ask("PATCH", SECRET, mark, type=MERGE)
        assert await refusal(api, token) == (
            "the token in secret n/s for service account n/default has been marked invalid. Use tokens from the "
            "TokenRequest API or manually created secret-based tokens, or remove the "
            "'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token"
        )
        await api.ask("PATCH", SECRET, {"metadata": {"labels": {INVALID_SINCE: None}}}, type=MERGE)
        assert (await api.ask("POST", SELF, {}, token=token))[0] == 201

    run(main)


def test_a_token_that_its_account_lists_was_made_by_nobody_and_is_warned_of() -> None:
    async def main(api: Writing) -> None:
        token = await make_token(api)
        known = api.server.authenticator.bearer_of(token)
        assert (known.warning, dict(known.audit)) == (
            "",
            {
                "authentication.k8s.io/legacy-token": "system:serviceaccount:n:default",
                "authentication.k8s.io/legacy-token-manual-secret": "s",
            },
        )
        await api.ask("PATCH", ACCOUNT, {"secrets": [{"name": "s"}]}, type=MERGE)
        known = api.server.authenticator.bearer_of(token)
        assert dict(known.audit)["authentication.k8s.io/legacy-token-autogenerated-secret"] == "s"
        await api.ask("POST", SELF, {}, token=token)
        assert api.warnings == [
            '299 - "Use tokens from the TokenRequest API or manually created secret-based tokens instead of '
            'auto-generated secret-based tokens."'
        ]

    run(main)
