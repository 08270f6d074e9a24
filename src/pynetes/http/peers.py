"""Who is at the other end of a connection: its address and its certificate."""

import hashlib
import ssl
from functools import lru_cache
from typing import Any

from pynetes.http.types import PeerCertificate


def peer_certificate(certificate: Any, whole: bytes) -> PeerCertificate:
    """From what ``SSLObject.getpeercert`` returns of a certificate that was verified, and its DER."""
    names = [pair for part in certificate.get("subject", ()) for pair in part]
    return PeerCertificate(
        next((value for name, value in names if name == "commonName"), ""),
        tuple(value for name, value in names if name == "organizationName"),
        certificate.get("serialNumber", ""),
        _seconds(certificate["notAfter"]) if "notAfter" in certificate else 0.0,
        hashlib.sha256(whole).hexdigest(),
    )


_seconds = lru_cache(ssl.cert_time_to_seconds)
"""A client connects again and again with the same certificate, and dates are slow to read."""


def address(name: Any) -> str:
    """``host:port``, with brackets around an IPv6 address; empty for a Unix socket."""
    if not isinstance(name, tuple) or len(name) < 2:
        return ""
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
