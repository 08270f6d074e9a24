"""Authorities issue and sign what Kubernetes' peers accept, by the caller's clock."""

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pynetes.pki.certificates import Authority, request, subject_of

NOW = 1_767_225_600.0
DAY = 86400


def extension(pem, kind):
    return x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(kind)


def test_an_issued_certificate_names_its_subject_and_is_good_from_a_little_before_now():
    authority = Authority.make("kubernetes", now=NOW)
    pair = authority.issue("ada", ("system:masters", "dev"), (), ("client",), now=NOW, days=10)
    subject = subject_of(pair.cert_pem)
    assert (subject.common_name, subject.organizations) == ("ada", ("system:masters", "dev"))
    assert (subject.not_before, subject.not_after) == (NOW - 300, NOW + 10 * DAY)
    x509.load_pem_x509_certificate(pair.cert_pem).verify_directly_issued_by(
        x509.load_pem_x509_certificate(authority.cert_pem)
    )


def test_addresses_and_names_are_told_apart_and_usages_are_kubeadms():
    pair = Authority.make("kubernetes", now=NOW).issue(
        "kube-apiserver", (), ("localhost", "10.0.0.1", "fd00::1"), ("server",), now=NOW
    )
    names = extension(pair.cert_pem, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "fd00::1"]
    usage = extension(pair.cert_pem, x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and usage.value.key_encipherment
    assert not usage.value.key_cert_sign
    assert list(extension(pair.cert_pem, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert extension(pair.cert_pem, x509.BasicConstraints).value.ca is False


def test_a_loaded_authority_issues_as_the_made_one():
    made = Authority.make("kubernetes", now=NOW)
    loaded = Authority.load(made.cert_pem, made.key_pem)
    pair = loaded.issue("a", now=NOW)
    x509.load_pem_x509_certificate(pair.cert_pem).verify_directly_issued_by(
        x509.load_pem_x509_certificate(made.cert_pem)
    )


def test_a_signing_request_becomes_a_certificate_that_never_outlives_the_authority():
    authority = Authority.make("kubernetes", now=NOW, days=5)
    asked = request("system:node:n1", ("system:nodes",), ("n1", "10.0.0.7"))
    assert subject_of(asked.cert_pem).sans == ("n1", "10.0.0.7")
    usages = ("digital signature", "server auth")
    subject = subject_of(authority.sign(asked.cert_pem, usages, now=NOW, seconds=DAY))
    assert (subject.common_name, subject.sans, subject.not_after) == ("system:node:n1", ("n1", "10.0.0.7"), NOW + DAY)
    assert subject_of(authority.sign(asked.cert_pem, usages, now=NOW, seconds=99 * DAY)).not_after == NOW + 5 * DAY


def test_what_is_no_certificate_is_a_value_error():
    with pytest.raises(ValueError):
        subject_of(b"nonsense")
    with pytest.raises(ValueError):
        Authority.make("x", now=NOW).sign(b"nonsense", (), now=NOW, seconds=1)
