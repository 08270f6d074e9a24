"""Image names as Docker reads them: ``busybox`` is ``docker.io/library/busybox:latest``.

Source: github.com/distribution/reference ``normalize.go``, ``regexp.go``.
"""

import re
from dataclasses import dataclass

DEFAULT_DOMAIN = "docker.io"

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d+)?"
)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_HEXADECIMAL = re.compile(r"[a-f0-9]{64}")
MAX_NAME = 255
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Reference:
    """``name`` has its domain. Without tag and digest it would be ambiguous: ``parse`` gives the tag ``latest``."""

    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Reference:
    """Raises: ValueError, in the words of the reference library."""
    domain, remainder = _split(text)
    remote = remainder.partition(":")[0]
    if text and _HEXADECIMAL.fullmatch(text):
        raise _refused(text, f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    if remote.lower() != remote:
        raise _refused(text, f"invalid reference format: repository name ({remote}) must be lowercase")
    rest, _, digest = remainder.partition("@")
    path, colon, tag = rest.partition(":")
    if (digest or "@" in remainder) and not _DIGEST.fullmatch(digest):
        raise _refused(text, "invalid reference format")
    if not _PATH.fullmatch(path) or not _DOMAIN.fullmatch(domain) or (colon and not _TAG.fullmatch(tag)):
        raise _refused(text, "invalid reference format")
    if len(path) > MAX_NAME:
        raise _refused(text, f"repository name must not be more than {MAX_NAME} characters")
    return Reference(f"{domain}/{path}", tag or ("" if digest else "latest"), digest)


def _split(text: str) -> tuple[str, str]:
    """The registry's name and the rest, both completed."""
    first, slash, remainder = text.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first.lower() != first):
        domain, remainder = DEFAULT_DOMAIN, text
    else:
        domain = first
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in remainder:
        remainder = f"library/{remainder}"
    return domain, remainder


def _refused(text: str, why: str) -> ValueError:
    return ValueError(f'couldn\'t parse image name "{text}": {why}')


def image_id(text: str) -> str:
    """``sha256:...`` where the text is an image's id, with or without the algorithm; else empty."""
    found = _ID.fullmatch(text)
    return f"sha256:{found[1]}" if found else ""
