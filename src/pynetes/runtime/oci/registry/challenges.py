"""What a registry asks for with 401: ``WWW-Authenticate``, read.

Source: RFC 9110 section 11.6.1; containerd ``core/remotes/docker/auth/parse.go``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PREFERRED = ("bearer", "basic")
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?:\s+|$)(?!=)")
_PARAMETER = re.compile(rf"[\s,]*({_TOKEN})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,]*))")


@dataclass(frozen=True, slots=True)
class Challenge:
    """``scheme`` and the names of ``parameters`` in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(header: str) -> list[Challenge]:
    """Those that we can answer, the better first."""
    found: list[Challenge] = []
    at = 0
    while scheme := _SCHEME.match(header, at):
        at = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, at):
            at = parameter.end()
            quoted, plain = parameter[2], parameter[3]
            parameters[parameter[1].lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        found.append(Challenge(scheme[1].lower(), parameters))
    known = [c for c in found if c.scheme in _PREFERRED]
    return sorted(known, key=lambda c: _PREFERRED.index(c.scheme))
