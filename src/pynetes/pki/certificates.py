"""An authority's certificates: EC P-256 keys, and the usages that kubeadm gives. All times are the caller's.

Source: kubeadm ``app/util/pkiutil/pki_helpers.go``; client-go ``util/cert/cert.go``; RFC 5280.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATE_SECONDS = 300.0
"""Certificates begin this long before ``now``: peers' clocks differ."""

DAY_SECONDS = 86400.0

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

EXTENDED_USAGES = {
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "microsoft sgc": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}
KEY_USAGES = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "data encipherment": "data_encipherment",
    "key agreement": "key_agreement",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
_NAME_KINDS = {
    x509.DNSName: "DNS",
    x509.IPAddress: "IP",
    x509.RFC822Name: "Email",
    x509.UniformResourceIdentifier: "URI",
}
PLAIN_USAGES = ("digital signature", "key encipherment")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    cert_pem: bytes
    key_pem: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """What a certificate says, times in seconds since the epoch."""

    common_name: str
    organizations: tuple[str, ...]
    sans: tuple[str, ...]
    not_before: float
    not_after: float
    serial: int


class Authority:
    """A certificate authority: ``make`` a new one or ``load`` one, then ``issue`` pairs and ``sign`` requests."""

    def __init__(self, cert_pem: bytes, key_pem: bytes, certificate: x509.Certificate, key: PrivateKey) -> None:
        self.cert_pem = cert_pem
        self.key_pem = key_pem
        self._certificate = certificate
        self._key = key

    @classmethod
    def make(cls, common_name: str, *, now: float, days: float = 3650) -> "Authority":
        """A new, self-signed authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = (
            _builder(name, name, key.public_key(), now, days * DAY_SECONDS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage((*PLAIN_USAGES, "cert sign")), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
        )
        certificate = builder.sign(key, hashes.SHA256())
        return cls(_cert_pem(certificate), _key_pem(key), certificate, key)

    @classmethod
    def load(cls, cert_pem: bytes, key_pem: bytes) -> "Authority":
        """Raises: ValueError for what is no PEM, or a key of another kind than EC or RSA."""
        return cls(cert_pem, key_pem, x509.load_pem_x509_certificate(cert_pem), _load_key(key_pem))

    def issue(
        self,
        common_name: str,
        organizations: Sequence[str] = (),
        sans: Iterable[str] = (),
        usages: Iterable[str] = ("client",),
        *,
        now: float,
        days: float = 365,
    ) -> KeyPair:
        """A new pair. ``sans`` are DNS names and addresses; ``usages`` ``client`` and ``server``."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
        certificate = self._sign(
            x509.Name(attributes),
            key.public_key(),
            [_general_name(name) for name in sans],
            (*PLAIN_USAGES, *usages),
            now,
            days * DAY_SECONDS,
        )
        return KeyPair(_cert_pem(certificate), _key_pem(key))

    def sign(self, request_pem: bytes, usages: Iterable[str], *, now: float, seconds: float) -> bytes:
        """The certificate for a signing request; ``usages`` as a CertificateSigningRequest's spec names them.

        It never outlives the authority. Raises: ValueError for a request that is not sound, or an authority whose time
        is over.
        """
        if now >= (ends := self._certificate.not_valid_after_utc.timestamp()):
            raise ValueError(f"the signer has expired: NotAfter={datetime.fromtimestamp(ends, UTC)}")
        request = x509.load_pem_x509_csr(request_pem)
        if not request.is_signature_valid:
            raise ValueError("the certificate request's signature is not valid")
        try:
            names = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        except x509.ExtensionNotFound:
            names = []
        key = request.public_key()
        if not isinstance(key, PublicKey):
            raise ValueError("the certificate request's key is neither EC nor RSA")
        return _cert_pem(self._sign(request.subject, key, names, tuple(usages), now, seconds))

    def _sign(
        self,
        subject: x509.Name,
        key: PublicKey,
        names: list[x509.GeneralName],
        usages: Sequence[str],
        now: float,
        seconds: float,
    ) -> x509.Certificate:
        seconds = min(seconds, self._certificate.not_valid_after_utc.timestamp() - now)
        builder = _builder(subject, self._certificate.subject, key, now, seconds)
        if any(usage in KEY_USAGES for usage in usages):
            builder = builder.add_extension(_key_usage(usages), critical=True)
        if extended := [EXTENDED_USAGES[usage] for usage in usages if usage in EXTENDED_USAGES]:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(_public(self._certificate))
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(issuer, critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def request(common_name: str, organizations: Sequence[str] = (), sans: Iterable[str] = ()) -> KeyPair:
    """A new key and a signing request for it (in ``cert_pem``), as a kubelet sends."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names := [_general_name(name) for name in sans]:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return KeyPair(pem, _key_pem(key))


def subject_of(pem: bytes) -> Subject:
    """What a certificate, or a signing request (times and serial 0), says. Raises: ValueError."""
    found: x509.Certificate | x509.CertificateSigningRequest
    if b"CERTIFICATE REQUEST" in pem:
        found, before, after, serial = x509.load_pem_x509_csr(pem), 0.0, 0.0, 0
    else:
        found = certificate = x509.load_pem_x509_certificate(pem)
        before, after = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
        serial = certificate.serial_number
    try:
        names = list(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    common = [str(a.value) for a in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    organizations = tuple(str(a.value) for a in found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    return Subject(
        common[0] if common else "", organizations, tuple(str(n.value) for n in names), before, after, serial
    )


def kinds_of_names(request_pem: bytes) -> frozenset[str]:
    """Which kinds of alternative names a signing request asks for: ``DNS``, ``IP``, ``Email``, ``URI``."""
    request = x509.load_pem_x509_csr(request_pem)
    try:
        names = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(word for kind, word in _NAME_KINDS.items() if any(isinstance(name, kind) for name in names))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: float, seconds: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(int(now - BACKDATE_SECONDS), UTC))
        .not_valid_after(datetime.fromtimestamp(int(now + seconds), UTC))
    )


def _key_usage(usages: Iterable[str]) -> x509.KeyUsage:
    flags = dict.fromkeys(KEY_USAGES.values(), False)
    flags |= {KEY_USAGES[usage]: True for usage in usages if usage in KEY_USAGES}
    if not flags["key_agreement"]:
        flags["encipher_only"] = flags["decipher_only"] = False  # without key agreement they mean nothing
    return x509.KeyUsage(**flags)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _public(certificate: x509.Certificate) -> PublicKey:
    key = certificate.public_key()
    if not isinstance(key, PublicKey):
        raise ValueError("the authority's key is neither EC nor RSA")
    return key


def _load_key(pem: bytes) -> PrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, PrivateKey):
        raise ValueError("the private key is neither EC nor RSA")
    return key


def _cert_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
