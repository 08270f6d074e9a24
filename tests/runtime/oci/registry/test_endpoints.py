"""containerd ``docs/hosts.md``."""

from pathlib import Path

import pytest

from pynetes.runtime.oci.registry.endpoints import Endpoint, Trust, endpoints
from pynetes.runtime.types import RuntimeFailure

ANYBODY = Trust(verify=False)


@pytest.mark.parametrize(
    ("registry", "endpoint"),
    [
        ("docker.io", Endpoint("https", "registry-1.docker.io")),
        ("quay.io", Endpoint("https", "quay.io")),
        ("10.0.0.1:5000", Endpoint("https", "10.0.0.1:5000")),
        ("localhost", Endpoint("https", "localhost", trust=ANYBODY)),
        ("localhost:80", Endpoint("http", "localhost:80")),
        ("localhost:5000", Endpoint("https", "localhost:5000", trust=ANYBODY, falls_back=True)),
        ("127.0.0.9:5000", Endpoint("https", "127.0.0.9:5000", trust=ANYBODY, falls_back=True)),
        ("[::1]:5000", Endpoint("https", "[::1]:5000", trust=ANYBODY, falls_back=True)),
    ],
)
def test_by_default_tls_is_asked_for_except_on_the_way_to_oneself(registry: str, endpoint: Endpoint) -> None:
    assert endpoints(registry, None) == [endpoint]


def test_a_file_names_mirrors_which_are_asked_before_the_registry(tmp_path: Path) -> None:
    folder = tmp_path / "docker.io"
    folder.mkdir()
    (folder / "hosts.toml").write_text(
        """
        server = "https://registry-1.docker.io"
        [host."https://b.example/cache"]
          capabilities = ["Pull"]
          ca = "ca.pem"
          client = [["c.pem", "/k.pem"], "both.pem"]
          [host."https://b.example/cache".header]
            x-token = "t"
        [host."http://a.example:5000"]
          skip_verify = true
        [host."http://c.example/v2"]
        [host."https://d.example/api"]
          override_path = true
        """
    )
    assert endpoints("docker.io", tmp_path) == [
        Endpoint(
            "https",
            "b.example",
            "/cache/v2",
            frozenset({"pull"}),
            (("x-token", "t"),),
            Trust(
                (folder / "ca.pem",), ((folder / "c.pem", Path("/k.pem")), (folder / "both.pem", folder / "both.pem"))
            ),
        ),
        # told how to verify, it is asked over TLS first
        Endpoint("https", "a.example:5000", trust=ANYBODY, falls_back=True),
        Endpoint("http", "c.example"),
        Endpoint("https", "d.example", "/api"),
        Endpoint("https", "registry-1.docker.io"),
    ]


@pytest.mark.parametrize("name", ["r.example_5000_", "r.example:5000", "_default"])
def test_a_folder_of_certificates_is_trusted(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for file in ("ca.crt", "me.cert", "me.key", "both.cert"):
        (folder / file).touch()
    pairs = ((folder / "both.cert", folder / "both.cert"), (folder / "me.cert", folder / "me.key"))
    (found,) = endpoints("r.example:5000", tmp_path)
    assert found == Endpoint("https", "r.example:5000", trust=Trust((folder / "ca.crt",), pairs))
    with pytest.raises(RuntimeFailure, match="unable to load CA cert"):
        found.trust.context()


@pytest.mark.parametrize(
    "text",
    [
        "server = [",
        '[host."https://a"]\ncapabilities = ["fly"]',
        "host = 1",
        '[host."https://a"]\nclient = [[1, 2, 3]]',
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "_default").mkdir()
    (tmp_path / "_default" / "hosts.toml").write_text(text)
    with pytest.raises(RuntimeFailure, match="failed to decode"):
        endpoints("r.example", tmp_path)
