"""What a kubeconfig says is done, or refused by name."""

import asyncio
import base64
import json

import pytest

from pynetes.aio.clock import RealClock
from pynetes.client.client import Client
from pynetes.client.kinds import PODS
from pynetes.client.rest import Rest
from pynetes.http.server import Server
from pynetes.http.tls import server_context
from pynetes.http.types import Response
from pynetes.meta.status import StatusError
from pynetes.pki.certificates import Authority

CLOCK = RealClock()


def kubeconfig(server, user, **cluster):
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


def b64(data):
    return base64.b64encode(data).decode()


def handler(request):
    if request.path.endswith("/missing"):
        return Response(
            404, b'{"kind":"Status","message":"pods \\"missing\\" not found","reason":"NotFound","code":404}'
        )
    who = request.peer.common_name if request.peer else ""
    names = ("authorization", "impersonate-user", "impersonate-group")
    return Response(200, json.dumps({"peer": who, **{n: request.headers.get(n) for n in names}}).encode())


@pytest.fixture
def world():
    """(run, url, authority): run(coroutine function of a server's URL)."""
    authority = Authority.make("kubernetes", now=CLOCK.now())
    pair = authority.issue("s", (), ("127.0.0.1",), ("server",), now=CLOCK.now())

    def run(scenario, tls=True):
        async def main():
            ssl = server_context(pair.cert_pem, pair.key_pem, client_ca_pem=authority.cert_pem) if tls else None
            server = Server(handler, CLOCK, ssl=ssl)
            port = await server.listen("127.0.0.1", 0)
            try:
                await scenario(f"http{'s' if tls else ''}://127.0.0.1:{port}", authority)
            finally:
                await server.close()

        asyncio.run(main())

    return run


async def ask(config, context=""):
    rest = Rest.from_kubeconfig(config, CLOCK, context)
    client = Client(rest, CLOCK)
    try:
        return await client.get(PODS, "p", "default")
    finally:
        await rest.close()


def test_certificates_from_data_and_from_files_beside_the_kubeconfig(world, tmp_path):
    async def scenario(url, authority):
        ada = authority.issue("ada", now=CLOCK.now())
        pems = {"client-certificate": ada.cert_pem, "client-key": ada.key_pem}
        data = {f"{k}-data": b64(v) for k, v in pems.items()}
        ca = {"certificate-authority-data": b64(authority.cert_pem)}
        assert (await ask(kubeconfig(url, data, **ca)))["peer"] == "ada"
        for name, pem in (*pems.items(), ("ca", authority.cert_pem)):
            (tmp_path / name).write_bytes(pem)
        config = kubeconfig(url, {k: k for k in pems}, **{"certificate-authority": "ca"})
        path = tmp_path / "config"
        path.write_text(json.dumps(config))
        assert (await ask(path))["peer"] == "ada"
        import yaml

        path.write_text(yaml.safe_dump(config))
        assert (await ask(str(path), "c"))["peer"] == "ada"
        assert (await ask(kubeconfig(url, {}, **{"insecure-skip-tls-verify": True})))["peer"] == ""

    world(scenario)


def test_tokens_passwords_and_impersonation(world, tmp_path):
    async def scenario(url, authority):
        assert (await ask(kubeconfig(url, {"token": "t"})))["authorization"] == "Bearer t"
        basic = await ask(kubeconfig(url, {"username": "u", "password": "p"}))
        assert basic["authorization"] == "Basic " + b64(b"u:p")
        other = await ask(kubeconfig(url, {"as": "bob", "as-groups": ["g1", "g2"]}))
        assert (other["impersonate-user"], other["impersonate-group"]) == ("bob", "g1, g2")
        (tmp_path / "token").write_text("from-file\n")
        file = kubeconfig(url, {"tokenFile": str(tmp_path / "token")})
        assert (await ask(file))["authorization"] == "Bearer from-file"

    world(scenario, tls=False)


def test_an_error_status_is_raised(world):
    async def scenario(url, authority):
        rest = Rest.from_kubeconfig(kubeconfig(url, {}), CLOCK)
        with pytest.raises(StatusError, match='pods "missing" not found') as error:
            await Client(rest, CLOCK).get(PODS, "missing", "default")
        assert (error.value.code, error.value.reason) == (404, "NotFound")
        await rest.close()

    world(scenario, tls=False)


def test_what_cannot_be_honoured_is_refused_by_name():
    for user, word in (({"exec": {"command": "x"}}, "exec"), ({"auth-provider": {"name": "x"}}, "auth-provider")):
        with pytest.raises(ValueError, match=word):
            Rest.from_kubeconfig(kubeconfig("http://x", user), CLOCK)
    with pytest.raises(ValueError, match="no context 'other'"):
        Rest.from_kubeconfig(kubeconfig("http://x", {}), CLOCK, "other")
