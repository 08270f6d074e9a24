"""The formats of strings that custom resources may be held to; a schema's format that is not here means nothing.

Source: apiextensions-apiserver ``pkg/apiserver/validation/formats.go``; kube-openapi ``pkg/validation/strfmt``.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_address, ip_interface
from urllib.parse import urlsplit

from pynetes.meta.names import dns1123_label, dns1123_subdomain
from pynetes.meta.times import TimeError, canonical_time

Check = Callable[[str], bool]

_HEX = "[0-9a-f]"


def _uuid(version: str, variant: str) -> str:
    return f"(?i:{_HEX}{{8}}-?{_HEX}{{4}}-?{version}{_HEX}{{3}}-?{variant}{_HEX}{{3}}-?{_HEX}{{12}})"


_PATTERNS = {
    "bsonobjectid": "(?i:[0-9a-f]{24})",
    "creditcard": r"(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})",
    "date": r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])",
    "duration": r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)\s*(?:ns|us|µs|μs|ms|s|m|h|d|w|nano\w*|micro\w*|milli\w*|sec\w*|min\w*"
    r"|hours?|hrs?|days?|weeks?|wks?)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*",
    "hexcolor": "#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})",
    "hostname": r"[^\W_](?:-?[^\W_]{0,62})?|(?:[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?\.)+[^\W\d_]{2,63}",
    "mac": r"(?i:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"
    r"|[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\2){6}[0-9a-f]{2})",
    "rgbcolor": r"rgb\(\s*(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*(?:,\s*(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*){2}\)",
    "ssn": r"\d{3}[- ]?\d{2}[- ]?\d{4}",
    "uuid": _uuid(_HEX, _HEX),
    "uuid3": _uuid("3", _HEX),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
}


def check(format: str, type: str | None) -> Check | None:
    """What a string of this format must pass; None: the format does not concern strings of this type, or is unknown."""
    if type not in (None, "", "string"):
        return None
    return _checks().get(format.replace("-", ""))


@cache
def _checks() -> Mapping[str, Check]:
    return {
        **{name: _matching(pattern) for name, pattern in _PATTERNS.items()},
        "byte": _is_base64,
        "cidr": lambda text: "/" in text and _parses(ip_interface, text),
        "datetime": _is_date_time,
        "email": lambda text: re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", text) is not None,
        "ipv4": lambda text: _parses(ip_address, text) and "." in text and ":" not in text,
        "ipv6": lambda text: _parses(ip_address, text) and ":" in text,
        "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
        "isbn10": _is_isbn10,
        "isbn13": _is_isbn13,
        "k8sshortname": lambda text: not dns1123_label(text),
        "k8slongname": lambda text: not dns1123_subdomain(text),
        "password": lambda text: True,
        "uri": _is_uri,
    }


def _matching(pattern: str) -> Check:
    match = re.compile(pattern).fullmatch
    return lambda text: match(text) is not None


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except ValueError:
        return False
    return len(text) % 4 == 0


def _is_date_time(text: str) -> bool:
    try:
        canonical_time(text)
    except TimeError:
        return False
    return True


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _is_isbn10(text: str) -> bool:
    digits = re.sub("[- ]", "", text)
    if not re.fullmatch(r"\d{9}[\dX]", digits):
        return False
    return sum((10 - i) * (10 if d == "X" else int(d)) for i, d in enumerate(digits)) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = re.sub("[- ]", "", text)
    return (
        re.fullmatch(r"\d{13}", digits) is not None
        and sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(digits)) % 10 == 0
    )
