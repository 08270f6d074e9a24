"""Names of images, read as Docker reads them."""

import pytest

from pynetes.runtime.references import image_id, parse


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.37", "docker.io/library/busybox:1.37"),
        ("org/app", "docker.io/org/app:latest"),
        ("index.docker.io/org/app", "docker.io/org/app:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:x", "localhost:5000/app:x"),
        ("registry.k8s.io/e2e/busybox:1", "registry.k8s.io/e2e/busybox:1"),
        ("a.b/c@sha256:" + "0" * 64, "a.b/c@sha256:" + "0" * 64),
        ("a.b/c:t@sha256:" + "0" * 64, "a.b/c:t@sha256:" + "0" * 64),
    ],
)
def test_a_short_name_is_completed(text: str, full: str) -> None:
    assert str(parse(text)) == full


@pytest.mark.parametrize("text", ["", "org/Case", "a b", "x:", "x@sha256:12", "a//b", ":tag", "-x"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid reference format"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("BusyBox", "invalid reference format: repository name (library/BusyBox) must be lowercase"),
        ("Bad:::name", "invalid reference format: repository name (library/Bad) must be lowercase"),
        ("a.b/Case:x", "invalid reference format: repository name (Case) must be lowercase"),
        ("0" * 64, f"invalid repository name ({'0' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("a.b/" + "c" * 256, "repository name must not be more than 255 characters"),
    ],
)
def test_the_refusal_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value) == f'couldn\'t parse image name "{text}": {why}'


def test_an_id_is_told_from_a_name() -> None:
    digest = "ab" * 32
    assert image_id(digest) == image_id(f"sha256:{digest}") == f"sha256:{digest}"
    assert image_id("abc") == ""
