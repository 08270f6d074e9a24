"""kubernetes.io/docs/concepts/containers/images, "Interpretation of config.json": which entries fit an image."""

import base64
from typing import Any

import orjson
import pytest

from pynetes.kubelet.credentials import candidates
from pynetes.runtime.types import Credentials


def secret(name: str, entries: dict[str, Any], *, old: bool = False) -> dict[str, Any]:
    key, document = (".dockercfg", entries) if old else (".dockerconfigjson", {"auths": entries})
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"},
        "type": "kubernetes.io/dockercfg" if old else "kubernetes.io/dockerconfigjson",
        "data": {key: base64.b64encode(orjson.dumps(document)).decode()},
    }


def who(*users: str) -> dict[str, Any]:
    """Entries for one registry each: ``user@key``."""
    return {key: {"username": user, "password": "p"} for user, _, key in (u.partition("@") for u in users)}


@pytest.mark.parametrize(
    ("key", "repository", "fits"),
    [
        ("registry.io", "registry.io/a/b", True),
        ("https://registry.io", "registry.io/a", True),
        ("https://registry.io/v2/", "registry.io/a", True),
        ("http://registry.io/v1/a", "registry.io/a/b", True),
        ("registry.io/images", "registry.io/images/my-app", True),
        ("registry.io/images", "registry.io/other", False),
        ("*.registry.io", "abc.registry.io/a", True),
        ("*.registry.io", "registry.io/a", False),
        ("*.registry.io", "a.b.registry.io/a", False),
        ("*.*.registry.io", "a.b.registry.io/a", True),
        ("prefix.*.io", "prefix.registry.io/a", True),
        ("*-good.registry.io", "prefix-good.registry.io/a", True),
        ("registry.io:5000", "registry.io:5000/a", True),
        ("registry.io", "registry.io:5000/a", False),
        ("https://index.docker.io/v1/", "docker.io/library/busybox", True),
        ("docker.io", "docker.io/library/busybox", True),
        ("https://index.docker.io/v1/", "quay.io/a", False),
    ],
)
def test_an_entry_fits_by_the_parts_of_its_host_and_the_beginning_of_its_path(
    key: str, repository: str, fits: bool
) -> None:
    assert bool(candidates([secret("s", who(f"ada@{key}"))], repository)) is fits


def test_the_more_specific_entry_comes_first_then_the_earlier_secret() -> None:
    secrets = [secret("one", who("a@r.io", "b@r.io/team")), secret("two", who("c@r.io"), old=True)]
    found = candidates(secrets, "r.io/team/app")
    assert [(c.credentials.username, c.name, c.uid, c.namespace) for c in found] == [
        ("b", "one", "uid-one", "ns"),
        ("a", "one", "uid-one", "ns"),
        ("c", "two", "uid-two", "ns"),
    ]


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"auth": base64.b64encode(b"ada:se:cret").decode()}, Credentials("ada", "se:cret")),
        ({"auth": base64.b64encode(b"ada:secret").decode().rstrip("=")}, Credentials("ada", "secret")),
        ({"username": "bob", "password": "p", "auth": base64.b64encode(b"ada:s").decode()}, Credentials("ada", "s")),
        ({"auth": "%%"}, None),
        ({"auth": base64.b64encode(b"nobody").decode()}, None),
        ("text", None),
    ],
)
def test_auth_is_user_and_password_in_base64(entry: Any, found: Credentials | None) -> None:
    got = candidates([secret("s", {"r.io": entry})], "r.io/a")
    assert [c.credentials for c in got] == ([found] if found else [])


@pytest.mark.parametrize(
    "data", [{}, {".dockerconfigjson": "!"}, {".dockerconfigjson": base64.b64encode(b"[]").decode()}]
)
def test_a_secret_that_cannot_be_read_is_passed_over(data: dict[str, str]) -> None:
    broken = {"metadata": {"name": "s"}, "type": "kubernetes.io/dockerconfigjson", "data": data}
    assert candidates([broken], "r.io/a") == []


def test_the_hash_is_of_the_words_and_they_are_not_shown() -> None:
    (one,) = candidates([secret("one", who("a@r.io"))], "r.io/a")
    (two,) = candidates([secret("two", who("a@r.io"))], "r.io/a")
    (other,) = candidates([secret("one", who("b@r.io"))], "r.io/a")
    assert one.hash == two.hash != other.hash
    assert "password" not in repr(one)
