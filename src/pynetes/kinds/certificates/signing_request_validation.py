"""What makes a certificate signing request invalid, and what each of its subresources may change.

Problems that the stored object has already are let pass. Source: kubernetes ``pkg/apis/certificates/validation``.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from pynetes.kinds.core.signers import signer_name
from pynetes.kinds.internal import difference
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import duplicate, forbidden, invalid, not_supported, required
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.pki.pem import blocks

APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_DECISIONS = (APPROVED, DENIED)
_LEAST_SECONDS = 600
_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_STATUSES = ("False", "True", "Unknown")
_CONDITIONS = "status.conditions"
_CERTIFICATE = "status.certificate"
_TRUNCATED = "asn1: syntax error: sequence truncated"


@dataclass(frozen=True, slots=True)
class _Tolerated:
    """Of what the stored object is guilty itself."""

    unknown_usages: bool = False
    duplicate_usages: bool = False
    legacy_signer: bool = False
    empty_condition_types: bool = False
    duplicate_condition_types: bool = False
    approved_and_denied: bool = False
    any_certificate: bool = False


def validate(request: Object, context: WriteContext) -> Sequence[Cause]:
    return _rules(request, _Tolerated())


def validate_update(request: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = _rules(request, _tolerated(request, old))
    new_conditions, old_conditions = _conditions(request), _conditions(old)
    for kind in (*_DECISIONS, FAILED):
        if len(_of(new_conditions, kind)) < len(_of(old_conditions, kind)):
            causes.append(forbidden(_CONDITIONS, f"updates may not remove a condition of type {quoted(kind)}"))
    if context.subresource != "approval":
        for kind in _DECISIONS:
            causes += _kept(kind, _of(new_conditions, kind), _of(old_conditions, kind))
    new_certificate, old_certificate = _certificate(request), _certificate(old)
    if new_certificate != old_certificate:
        if context.subresource != "status":
            causes.append(forbidden(_CERTIFICATE, "updates may not set certificate content"))
        elif old_certificate:
            causes.append(forbidden(_CERTIFICATE, "updates may not modify existing certificate content"))
    return [*causes, *object_meta_update(request, old)]


def _kept(kind: str, new: list[Object], old: list[Object]) -> list[Cause]:
    """Against a decision that is taken or changed where it may not be. One that is taken back is refused already."""
    if len(new) > len(old):
        return [forbidden(_CONDITIONS, f"updates may not add a condition of type {quoted(kind)}")]
    if len(new) < len(old) or new == old:
        return []
    changed = difference("[]CertificateSigningRequestCondition", old, new)
    return [forbidden(_CONDITIONS, f"updates may not modify a condition of type {quoted(kind)}\n{changed}")]


def _conditions(request: Object) -> list[Object]:
    found: list[Object] = (request.get("status") or {}).get("conditions") or []
    return found


def _of(conditions: list[Object], kind: str) -> list[Object]:
    return [c for c in conditions if c.get("type") == kind]


def _certificate(request: Object) -> str:
    return (request.get("status") or {}).get("certificate") or ""


def _tolerated(request: Object, old: Object) -> _Tolerated:
    spec, types = old.get("spec") or {}, [c.get("type") or "" for c in _conditions(old)]
    usages = spec.get("usages") or []
    return _Tolerated(
        unknown_usages=not set(usages) <= set(_USAGES),
        duplicate_usages=len(set(usages)) < len(usages),
        legacy_signer=spec.get("signerName") == LEGACY_SIGNER,
        empty_condition_types="" in types,
        duplicate_condition_types=len(set(types)) < len(types),
        approved_and_denied=set(_DECISIONS) <= set(types),
        any_certificate=_certificate(request) == _certificate(old) or bool(_certificate_problem(_certificate(old))),
    )


def _rules(request: Object, tolerated: _Tolerated) -> list[Cause]:
    causes = object_meta(request, False, lambda name: [])
    spec = request.get("spec") or {}
    if problem := _request_problem(base64.b64decode(spec.get("request") or "")):
        causes.append(invalid("spec.request", spec.get("request"), problem))
    causes += _usages(spec.get("usages") or (), tolerated)
    signer = spec.get("signerName") or ""
    if signer == LEGACY_SIGNER and not tolerated.legacy_signer:
        detail = "the legacy signerName is not allowed via this API version"
        causes.append(invalid("spec.signerName", signer, detail))
    else:
        causes += signer_name("spec.signerName", signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _LEAST_SECONDS:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        causes.append(invalid("spec.expirationSeconds", seconds, detail))
    causes += _condition_rules(_conditions(request), tolerated)
    if not tolerated.any_certificate and (problem := _certificate_problem(_certificate(request))):
        causes.append(invalid(_CERTIFICATE, "<certificate data>", problem))
    return causes


def _usages(usages: Sequence[str], tolerated: _Tolerated) -> list[Cause]:
    causes = [] if usages else [required("spec.usages")]
    if not tolerated.unknown_usages:
        unknown = ((i, u) for i, u in enumerate(usages) if u not in _USAGES)
        causes += [not_supported(f"spec.usages[{i}]", usage, _USAGES) for i, usage in unknown]
    if not tolerated.duplicate_usages:
        again = ((i, u) for i, u in enumerate(usages) if u in usages[:i])
        causes += [duplicate(f"spec.usages[{i}]", usage) for i, usage in again]
    return causes


def _condition_rules(conditions: list[Object], tolerated: _Tolerated) -> list[Cause]:
    causes: list[Cause] = []
    seen: list[str] = []
    for i, condition in enumerate(conditions):
        path, kind, status = f"{_CONDITIONS}[{i}]", condition.get("type") or "", condition.get("status") or ""
        if not kind and not tolerated.empty_condition_types:
            causes.append(required(f"{path}.type"))
        allowed = ("True",) if kind in (*_DECISIONS, FAILED) else _STATUSES
        if not status:
            causes.append(required(f"{path}.status"))
        elif status not in allowed:
            causes.append(not_supported(f"{path}.status", status, allowed))
        other = {APPROVED: DENIED, DENIED: APPROVED}.get(kind)
        if other in seen and not tolerated.approved_and_denied:
            causes.append(invalid(_CONDITIONS, kind, "Approved and Denied conditions are mutually exclusive"))
        if kind in seen and not tolerated.duplicate_condition_types:
            causes.append(duplicate(f"{path}.type", kind))
        seen.append(kind)
    return causes


def _request_problem(pem: bytes) -> str:
    """Why that is no request that its own key has signed; empty when it is one."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    first = next(blocks(pem), None)
    if first is None or first.kind != "CERTIFICATE REQUEST":
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        request = x509.load_der_x509_csr(first.data)
        if request.is_signature_valid:
            return ""
        key = request.public_key()
    except UnsupportedAlgorithm:
        return "x509: cannot verify signature: algorithm unimplemented"
    except ValueError:
        return _malformed(first.data)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "x509: ECDSA verification failure"
    return "crypto/rsa: verification error" if isinstance(key, rsa.RSAPublicKey) else "x509: invalid signature"


def _certificate_problem(text: str) -> str:
    """Why that is no chain of certificates; empty when it is one, and for none."""
    from cryptography import x509

    if not text:
        return ""
    found = list(blocks(base64.b64decode(text)))
    for block in found:
        if block.kind != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {quoted(block.kind)}"
        if block.headed:
            return "no PEM block headers are permitted"
        if not block.data:
            return "found CERTIFICATE PEM block containing 0 certificates"
        try:
            x509.load_der_x509_certificate(block.data)
        except ValueError:
            return "x509: malformed certificate"
    return "" if found else "must contain at least one CERTIFICATE PEM block"


def _malformed(der: bytes) -> str:
    """What Go's parser says of the outermost value."""
    if len(der) < 2:
        return _TRUNCATED if not der else "asn1: syntax error: truncated tag or length"
    length, start = der[1], 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[2 : 2 + size], "big"), 2 + size
    if start + length > len(der):
        return "asn1: syntax error: data truncated"
    if der[0] != 0x30:
        return "asn1: structure error: tags don't match"
    if start + length < len(der):
        return "asn1: syntax error: trailing data"
    return "asn1: structure error" if length else _TRUNCATED
