"""Pulls over loopback from a registry made of a dictionary. The words are containerd's (version 2.1.9), as it says them
to the same questions."""

import asyncio
import base64
import gzip
import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from pynetes.aio.clock import RealClock
from pynetes.http.server import Server
from pynetes.http.types import Request, Response
from pynetes.runtime.oci.images import ImageStore
from pynetes.runtime.oci.load import ARCHITECTURES
from pynetes.runtime.oci.registry.pull import pull
from pynetes.runtime.oci.types import ImageRecord
from pynetes.runtime.types import Credentials, NotFound, RuntimeFailure
from tests.runtime.oci.test_images import digest, tar

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="layers keep their owners, which needs root")

CLOCK = RealClock()
ADA = Credentials("ada", "secret")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = tar(hello=b"world")


class Registry:
    """Serves ``a/b``. ``gate`` may answer in its place. ``asked``: method and path of each request, and who asked."""

    def __init__(self) -> None:
        self.contents: dict[str, tuple[str, bytes]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.gate: Callable[[Request], Response | None] = lambda _: None
        self.port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def put(self, data: bytes, media_type: str = "", *names: str) -> dict[str, Any]:
        for name in (digest(data), *names):
            self.contents[name] = media_type, data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    def image(self, *names: str, layer: bytes = LAYER, diff_id: str = "") -> dict[str, Any]:
        config = self.put(orjson.dumps({"config": {"Cmd": ["x"]}, "rootfs": {"diff_ids": [diff_id or digest(layer)]}}))
        packed = self.put(gzip.compress(layer, mtime=0))
        return self.put(orjson.dumps({"config": config, "layers": [packed]}), MANIFEST, *names)

    def answer(self, request: Request) -> Response:
        self.asked.append((request.method, request.path, request.headers.get("authorization", "")))
        if (gated := self.gate(request)) is not None:
            return gated
        media_type, data = self.contents.get(request.path.rpartition("/")[2], ("", None))
        if data is None or not request.path.startswith("/v2/a/b/"):
            return Response(404)
        return Response(200, data, media_type, (("Docker-Content-Digest", digest(data)),))


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    made = ImageStore(tmp_path / "images")
    made.open()
    return made


def run(
    registry: Registry, store: ImageStore, name: str, who: Credentials | None = None, folder: Path | None = None
) -> ImageRecord:
    """Pull ``{host}/name``."""

    async def main() -> ImageRecord:
        server = Server(registry.answer, CLOCK)
        registry.port = await server.listen("127.0.0.1", registry.port)
        try:
            return await pull(CLOCK, store, f"{registry.host}/{name}", who, folder)
        finally:
            await server.close()

    return asyncio.run(main())


def refused(registry: Registry, store: ImageStore, name: str, who: Credentials | None = None) -> str:
    with pytest.raises(RuntimeFailure) as found:
        run(registry, store, name, who)
    assert found.value.reason == "ErrImagePull"
    return str(found.value)


def test_an_image_comes_in_under_its_tag_and_digest(store: ImageStore) -> None:
    registry = Registry()
    top = registry.image("v1")
    record = run(registry, store, "a/b:v1")
    assert record.tags == (f"{registry.host}/a/b:v1",)
    assert record.digests == (f"{registry.host}/a/b@{top['digest']}",)
    assert record.config["Cmd"] == ["x"]
    assert not record.by_hand
    assert (store.layer_path(record.layers[0]) / "hello").read_bytes() == b"world"
    assert not list((store.root / "tmp").iterdir())


def test_of_an_index_this_machines_image_is_taken(store: ImageStore) -> None:
    registry = Registry()
    mine = ARCHITECTURES.get(platform.machine(), platform.machine())
    other = {**registry.image(layer=tar(other=b"")), "platform": {"os": "linux", "architecture": "vax"}}
    entry = {**registry.image(), "platform": {"os": "linux", "architecture": mine}}
    top = registry.put(orjson.dumps({"manifests": [other, entry]}), INDEX, "v1")
    record = run(registry, store, "a/b:v1")
    assert record.digests == (f"{registry.host}/a/b@{top['digest']}",)
    assert (store.layer_path(record.layers[0]) / "hello").exists()
    alone = registry.put(orjson.dumps({"manifests": [other]}), INDEX, "vax")
    said = refused(registry, store, "a/b:vax")
    assert said == f"get image config descriptor: no match for platform in manifest {alone['digest']}: not found"


def test_a_digest_is_pulled_without_a_tag_also_beside_one(store: ImageStore) -> None:
    registry = Registry()
    top = registry.image()
    record = run(registry, store, f"a/b:any@{top['digest']}")
    assert record.tags == ()
    assert store.get(f"{registry.host}/a/b@{top['digest']}") == record


def test_layers_that_are_here_are_not_fetched_again(store: ImageStore) -> None:
    registry = Registry()
    registry.image("v1")
    run(registry, store, "a/b:v1")
    registry.asked.clear()
    run(registry, store, "a/b:v1")
    assert not any(path.endswith(digest(gzip.compress(LAYER, mtime=0))) for _, path, _ in registry.asked)


def test_what_is_not_there_is_named(store: ImageStore) -> None:
    registry = Registry()
    said = refused(registry, store, "a/b:none")
    name = f"{registry.host}/a/b:none"
    assert said == f'failed to pull and unpack image "{name}": failed to resolve image: {name}: not found'
    with pytest.raises(NotFound):
        run(registry, store, "c:none")


def test_nobody_listens(store: ImageStore) -> None:
    registry = Registry()
    registry.image("v1")
    run(registry, store, "a/b:v1")  # knows a port that is free again
    with pytest.raises(RuntimeFailure) as found:
        asyncio.run(pull(CLOCK, store, f"{registry.host}/a/b:v1", None, None))
    url = f"https://{registry.host}/v2/a/b/manifests/v1"
    assert str(found.value).endswith(
        f'failed to do request: Head "{url}": dial tcp {registry.host}: connect: connection refused'
    )


def test_what_lies_about_its_contents_is_refused(store: ImageStore) -> None:
    registry = Registry()
    registry.image("v1", diff_id=digest(b"other"))
    assert refused(registry, store, "a/b:v1").endswith(f'wrong diff id calculated on extraction "{digest(LAYER)}"')
    top = registry.image("v2", layer=tar(two=b""))
    registry.contents[top["digest"]] = (MANIFEST, b"{}")
    assert f"expected {top['digest']}: failed precondition" in refused(registry, store, "a/b:v2")
    assert store.all() == []


def basic(registry: Registry) -> None:
    expected = f"Basic {base64.b64encode(b'ada:secret').decode()}"

    def gate(request: Request) -> Response | None:
        if request.headers.get("authorization") == expected:
            return None
        return Response(401, headers=(("WWW-Authenticate", 'Basic realm="r"'),))

    registry.gate = gate


def test_basic_authentication(store: ImageStore) -> None:
    registry = Registry()
    registry.image("v1")
    basic(registry)
    assert run(registry, store, "a/b:v1", ADA).tags
    denied = "pull access denied, repository does not exist or may require authorization"
    assert refused(registry, store, "a/b:v1").endswith(f"{denied}: authorization failed: no basic auth credentials")
    said = refused(registry, store, "a/b:v1", Credentials("ada", "wrong"))
    url = f"http://{registry.host}/v2/a/b/manifests/v1"
    assert said.endswith(f"failed to resolve image: unexpected status from HEAD request to {url}: 401 Unauthorized")


def tokens(registry: Registry, *, oauth: bool) -> None:
    """Tokens that name their user; only ada may read."""

    def issue(request: Request) -> Response:
        if request.method == "POST" and not oauth:
            return Response(404)
        query = parse_qs(request.body.decode() if request.method == "POST" else request.query)
        assert query["scope"] == ["repository:a/b:pull"]
        assert query["service"] == ["reg"]
        if request.method == "POST":
            user = f"{query['username'][0]}:{query['password'][0]}"
        else:
            shown = request.headers.get("authorization", "Basic ").removeprefix("Basic ")
            user = base64.b64decode(shown).decode()
        if user not in ("", "ada:secret"):
            return Response(401)
        return Response(200, orjson.dumps({"token": user.partition(":")[0] or "nobody", "expires_in": 300}))

    def gate(request: Request) -> Response | None:
        if request.path == "/token":
            return issue(request)
        shown = request.headers.get("authorization")
        if shown == "Bearer ada":
            return None
        told = f'Bearer realm="http://{registry.host}/token",service="reg",scope="repository:a/b:pull"'
        return Response(401, headers=(("WWW-Authenticate", f'{told},error="insufficient_scope"' if shown else told),))

    registry.gate = gate


@pytest.mark.parametrize("oauth", [False, True])
def test_tokens(store: ImageStore, oauth: bool) -> None:
    registry = Registry()
    registry.image("v1")
    tokens(registry, oauth=oauth)
    assert run(registry, store, "a/b:v1", ADA).tags
    assert sum(path == "/token" for _, path, _ in registry.asked) == (1 if oauth else 2)
    denied = "pull access denied, repository does not exist or may require authorization"
    said = refused(registry, store, "a/b:v1")
    assert said.endswith(f"{denied}: server message: insufficient_scope: authorization failed")
    said = refused(registry, store, "a/b:v1", Credentials("ada", "wrong"))
    asked = f"GET request to http://{registry.host}/token?scope=repository%3Aa%2Fb%3Apull&service=reg"
    assert said.endswith(
        f"failed to authorize: failed to fetch oauth token: unexpected status from {asked}: 401 Unauthorized"
    )


def test_what_one_host_may_know_is_not_shown_to_another(store: ImageStore) -> None:
    registry, other = Registry(), Registry()
    registry.image("v1")
    basic(registry)
    ask = registry.gate

    async def main() -> None:
        one, two = Server(registry.answer, CLOCK), Server(other.answer, CLOCK)
        registry.port, other.port = await one.listen("127.0.0.1", 0), await two.listen("127.0.0.1", 0)

        def gate(request: Request) -> Response | None:
            if "/blobs/" in request.path and ask(request) is None:
                return Response(307, headers=(("Location", f"http://{other.host}{request.path}"),))
            return ask(request)

        registry.gate = gate
        other.contents = registry.contents
        try:
            await pull(CLOCK, store, f"{registry.host}/a/b:v1", ADA, None)
        finally:
            await one.close()
            await two.close()

    asyncio.run(main())
    assert len(other.asked) == 2  # the configuration and the layer
    assert {who for _, _, who in other.asked} == {""}


def test_a_registry_in_trouble_is_asked_again(store: ImageStore) -> None:
    registry = Registry()
    registry.image("v1")
    answers = [Response(503), Response(429), Response(429), Response(405)]
    registry.gate = lambda _: answers.pop(0) if answers else None
    assert run(registry, store, "a/b:v1").tags
    assert [method for method, _, _ in registry.asked[:5]] == ["HEAD", "HEAD", "HEAD", "HEAD", "GET"]
    registry.gate = lambda _: Response(503)
    assert "503 Service Unavailable" in refused(registry, store, "a/b:v1")


def test_what_the_registry_says_is_passed_on(store: ImageStore) -> None:
    registry = Registry()
    registry.image("v1")
    told = orjson.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]})
    registry.gate = lambda request: Response(403, told) if "/blobs/" in request.path else None
    assert refused(registry, store, "a/b:v1").endswith(": 403 Forbidden\ntoomanyrequests: slow down")


def test_a_mirror_is_asked_first_and_the_registry_when_it_does_not_know(store: ImageStore, tmp_path: Path) -> None:
    registry, mirror = Registry(), Registry()
    registry.image("v1")
    mirror.image("v2", layer=tar(two=b""))

    async def main() -> None:
        one, two = Server(registry.answer, CLOCK), Server(mirror.answer, CLOCK)
        registry.port, mirror.port = await one.listen("127.0.0.1", 0), await two.listen("127.0.0.1", 0)
        (tmp_path / "_default").mkdir()
        (tmp_path / "_default" / "hosts.toml").write_text(f'[host."http://{mirror.host}"]')
        try:
            await pull(CLOCK, store, f"{registry.host}/a/b:v1", None, tmp_path)
            assert mirror.asked[0][:2] == ("HEAD", "/v2/a/b/manifests/v1")
            registry.asked.clear()
            await pull(CLOCK, store, f"{registry.host}/a/b:v2", None, tmp_path)
            assert not registry.asked
        finally:
            await one.close()
            await two.close()

    asyncio.run(main())
    assert len(store.all()) == 2


def test_digests_are_told_by_what_came_where_the_registry_tells_none(store: ImageStore) -> None:
    registry = Registry()
    top = registry.image("v1")
    registry.gate = lambda request: Response(200, b"", MANIFEST) if request.method == "HEAD" else None
    assert run(registry, store, "a/b:v1").digests == (f"{registry.host}/a/b@{top['digest']}",)
    assert hashlib.sha256(registry.contents["v1"][1]).hexdigest() in top["digest"]
