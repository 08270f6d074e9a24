import asyncio
import re

from pynetes.apiserver.settings import Settings
from pynetes.http.types import PeerCertificate, Request
from pynetes.pki.tokens import make_signing_key
from tests.apiserver.writing import CONFIG_MAPS, Writing, run_writing

TOKEN = "/api/v1/namespaces/n/serviceaccounts/default/token"
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def test_a_certificate_is_its_common_name_and_organizations() -> None:
    async def main(api: Writing) -> None:
        _, review = await api.ask("POST", SELF, {}, user="jane", groups=("dev",))
        assert review["status"]["userInfo"] == {"username": "jane", "groups": ["dev", "system:authenticated"]}

    run_writing(main)


def test_a_token_is_believed_until_it_ends() -> None:
    async def main(api: Writing) -> None:
        code, made = await api.ask("POST", TOKEN, {"spec": {"expirationSeconds": 600}})
        assert code == 201
        token = made["status"]["token"]
        _, review = await api.ask("POST", SELF, {}, token=token)
        assert review["status"]["userInfo"]["username"] == "system:serviceaccount:n:default"
        await api.clock.sleep(600 + 59)
        assert (await api.ask("POST", SELF, {}, token=token))[0] == 201
        await api.clock.sleep(2)
        code, refused = await api.ask("POST", SELF, {}, token=token)
        assert (code, refused["message"]) == (401, "Unauthorized")

    run_writing(main)


def test_a_token_dies_with_the_pod_that_it_is_bound_to() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p")
        bound = {"kind": "Pod", "apiVersion": "v1", "name": "p"}
        _, made = await api.ask("POST", TOKEN, {"spec": {"boundObjectRef": bound}})
        token = made["status"]["token"]
        assert (await api.ask("POST", SELF, {}, token=token))[0] == 201
        await api.ask("DELETE", "/api/v1/namespaces/n/pods/p")
        assert (await api.ask("POST", SELF, {}, token=token))[0] == 401

    run_writing(main)


def test_a_token_of_a_new_account_with_the_old_name_is_another() -> None:
    async def main(api: Writing) -> None:
        _, made = await api.ask("POST", TOKEN, {"spec": {}})
        await api.ask("DELETE", "/api/v1/namespaces/n/serviceaccounts/default")
        await api.make("/api/v1/namespaces/n/serviceaccounts", "default")
        assert (await api.ask("POST", SELF, {}, token=made["status"]["token"]))[0] == 401

    run_writing(main)


def test_a_bad_token_is_refused_and_none_is_anonymous() -> None:
    async def main(api: Writing) -> None:
        assert (await api.ask("GET", "/healthz", token="nonsense"))[0] == 401
        _, review = await api.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "abc"}})
        assert review["status"] == {"user": {}, "error": "invalid bearer token"}

    run_writing(main)


def test_acting_as_somebody_else_needs_leave() -> None:
    async def main(api: Writing) -> None:
        as_bob = {"impersonate-user": "bob", "impersonate-group": "a, b"}
        _, review = await api.ask("POST", SELF, {}, headers=as_bob)
        assert review["status"]["userInfo"] == {"username": "bob", "groups": ["a", "b", "system:authenticated"]}
        code, refused = await api.ask("GET", CONFIG_MAPS, user="jane", headers=as_bob)
        assert code == 403
        assert refused["message"] == (
            'users "bob" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope'
        )

    run_writing(main)


def test_a_user_says_by_which_credential_they_came() -> None:
    async def main(api: Writing) -> None:
        peer = PeerCertificate("jane", (), sha256="ab" * 32)
        known = api.server.authenticator.authenticate(Request("GET", "/", "", {}, peer=peer))
        assert known.user.extra == (("authentication.kubernetes.io/credential-id", ("X509SHA256=" + "ab" * 32,)),)
        _, made = await api.ask("POST", TOKEN, {"spec": {}})
        _, review = await api.ask("POST", SELF, {}, token=made["status"]["token"])
        (credential,) = review["status"]["userInfo"]["extra"]["authentication.kubernetes.io/credential-id"]
        assert re.fullmatch("JTI=[-0-9a-f]{36}", credential)

    run_writing(main)


def test_a_key_is_made_for_the_first_token_once() -> None:
    made: list[bytes] = []

    def make() -> bytes:
        made.append(make_signing_key())
        return made[-1]

    async def main(api: Writing) -> None:
        assert (await api.ask("POST", SELF, {}, token="e30.e30.e30"))[0] == 401
        assert made == []
        answers = await asyncio.gather(*(api.ask("POST", TOKEN, {"spec": {}}) for _ in range(3)))
        assert [code for code, _ in answers] == [201, 201, 201]
        assert len(made) == 1
        assert (await api.ask("POST", SELF, {}, token=answers[0][1]["status"]["token"]))[0] == 201
        _, keys = await api.ask("GET", "/openid/v1/jwks")
        assert [(key["alg"], key["e"]) for key in keys["keys"]] == [("RS256", "AQAB")]

    run_writing(main, Settings(make_service_account_signing_key=make))
