"""Whether a certificate and a key belong together, in the words of Go's ``tls.X509KeyPair``."""

import re
from collections.abc import Sequence
from contextlib import suppress

from pynetes.meta.gotext import quoted

_blocks = re.compile(rb"-----BEGIN ([^-\n]+)-----\s.*?-----END \1-----", re.S).findall
_EMPTY = "tls: failed to find any PEM data in {} input"


def key_pair_problem(certificate: bytes, key: bytes) -> str:
    """Empty when they fit, or when what is in them cannot be read here."""
    kinds = _kinds(certificate)
    if "CERTIFICATE" not in kinds:
        if not kinds:
            return _EMPTY.format("certificate")
        if len(kinds) == 1 and kinds[0].endswith("PRIVATE KEY"):
            found = "find certificate PEM data in certificate input, but did find a private key"
            return f"tls: failed to {found}; PEM inputs may have been switched"
        return f'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping {_skipped(kinds)}'
    kinds = _kinds(key)
    if not any(kind == "PRIVATE KEY" or kind.endswith(" PRIVATE KEY") for kind in kinds):
        if not kinds:
            return _EMPTY.format("key")
        if kinds == ["CERTIFICATE"]:
            return "tls: found a certificate rather than a key in the PEM for the private key"
        what = 'PEM block with type ending in "PRIVATE KEY" in key input'
        return f"tls: failed to find {what} after skipping {_skipped(kinds)}"
    return _mismatch(certificate, key)


def _kinds(pem: bytes) -> list[str]:
    return [kind.decode(errors="replace") for kind in _blocks(pem)]


def _skipped(kinds: Sequence[str]) -> str:
    return f"PEM blocks of the following types: [{' '.join(map(quoted, kinds))}]"


def _mismatch(certificate: bytes, key: bytes) -> str:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        public = x509.load_pem_x509_certificate(certificate).public_key()
        own = serialization.load_pem_private_key(key, None).public_key()
        if type(public) is not type(own):
            return "tls: private key type does not match public key type"
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        if public.public_bytes(*form) != own.public_bytes(*form):
            return "tls: private key does not match public key"
    return ""
