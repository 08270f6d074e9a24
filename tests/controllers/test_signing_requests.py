"""CertificateSigningRequests: recognized, approved, signed, cleaned away.

Quotes: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/.
"""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pynetes.client.kinds import CERTIFICATE_SIGNING_REQUESTS
from pynetes.controllers import csrcleaner, csrsigning
from pynetes.controllers.csrapproving import OTHER, SELF, plan, recognize
from pynetes.controllers.csrsigning import lifetime
from pynetes.controllers.settings import Settings
from pynetes.controllers.signingrequests import CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY
from pynetes.meta.times import parse_time, rfc3339
from pynetes.pki.certificates import Authority, request, subject_of
from pynetes.testing import Cluster

from .mini_api import play

NOW = 1_767_225_600.0
NODE = "system:node:n"
USAGES = ["digital signature", "key encipherment", "client auth"]
APPROVED = {"type": "Approved", "status": "True", "lastUpdateTime": rfc3339(NOW)}
AUTHORITY = Authority.make("kubernetes", now=NOW, days=400)


def make_csr(common_name=NODE, organizations=("system:nodes",), sans=(), signer=KUBELET_CLIENT, **more):
    pem = more.pop("pem", None) or request(common_name, organizations, sans).cert_pem
    spec = {"request": base64.b64encode(pem).decode(), "signerName": signer, "usages": USAGES, "username": NODE}
    status = more.pop("status", {})
    return {"metadata": {"name": "r", "resourceVersion": "1"}, "spec": {**spec, **more}, "status": status}


def with_name(name):
    """A request with an alternative name that ``request`` cannot make."""
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, NODE),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(
        serialization.Encoding.PEM
    )


def test_a_kubelets_request_is_its_own_or_for_another():
    assert recognize(make_csr()) == (SELF, OTHER)
    assert recognize(make_csr(username="system:bootstrap:abc")) == (OTHER,)


@pytest.mark.parametrize(
    "csr",
    [
        make_csr(signer=CLIENT),
        make_csr(signer=KUBELET_SERVING),
        make_csr("somebody"),
        make_csr(organizations=("system:masters",)),
        make_csr(organizations=("system:nodes", "system:masters")),
        make_csr(sans=("a.example",)),
        make_csr(sans=("10.0.0.1",)),
        make_csr(pem=with_name(x509.RFC822Name("a@example.com"))),
        make_csr(usages=["client auth"]),
        make_csr(usages=[*USAGES, "server auth"]),
        make_csr(status={"conditions": [APPROVED]}),
        make_csr(status={"conditions": [{**APPROVED, "type": "Denied"}]}),
        make_csr(status={"certificate": "x"}),
    ],
    ids=range(13),
)
def test_nothing_else_is_recognized(csr):
    assert recognize(csr) == ()


def test_approval_says_why():
    [update] = plan(make_csr(), SELF)
    assert update.subresource == "approval"
    assert update.object["status"]["conditions"] == [
        {
            "type": "Approved",
            "status": "True",
            "reason": "AutoApproved",
            "message": "Auto approving self kubelet client certificate after SubjectAccessReview.",
        }
    ]


def sign(csr, seconds=365 * 86400.0, now=NOW):
    return csrsigning.plan(csr, AUTHORITY, seconds, now)


def test_an_approved_request_is_signed_for_what_it_asks():
    [update] = sign(make_csr(status={"conditions": [APPROVED]}))
    assert update.subresource == "status"
    pem = base64.b64decode(update.object["status"]["certificate"])
    subject = subject_of(pem)
    assert (subject.common_name, subject.organizations) == (NODE, ("system:nodes",))
    assert subject.not_before == NOW - 300
    assert subject.not_after == NOW + 365 * 86400 - 300
    found = x509.load_pem_x509_certificate(pem)
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(AUTHORITY.cert_pem))
    usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.key_encipherment and not usage.key_cert_sign
    extended = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_certificate_lives_as_long_as_asked_within_bounds():
    # "spec.expirationSeconds ... the minimum valid value is 600 (i.e. 10 minutes)"
    assert lifetime(None, 1000.0) == 1000
    assert lifetime(5000, 1000.0) == 1000
    assert lifetime(900, 1000.0) == 900
    assert lifetime(1, 1000.0) == 600
    [update] = sign(make_csr(status={"conditions": [APPROVED]}, expirationSeconds=3600))
    # a short one does not end earlier because it begins earlier
    assert subject_of(base64.b64decode(update.object["status"]["certificate"])).not_after == NOW + 3600


def test_no_certificate_outlives_its_authority():
    [update] = sign(make_csr(status={"conditions": [APPROVED]}), seconds=1000 * 86400.0)
    assert subject_of(base64.b64decode(update.object["status"]["certificate"])).not_after == NOW + 400 * 86400
    with pytest.raises(ValueError, match="the signer has expired"):
        sign(make_csr(status={"conditions": [APPROVED]}), now=NOW + 401 * 86400)


@pytest.mark.parametrize(
    ("csr", "fault"),
    [
        (make_csr("x"), "subject common name does not begin with system:node:"),
        (make_csr(organizations=()), "subject organization is not system:nodes"),
        (make_csr(sans=("a.example",)), "DNS subjectAltNames are not allowed"),
        (make_csr(usages=["client auth"]), "usages did not match [client auth digital signature key encipherment]"),
        (make_csr(signer=KUBELET_SERVING), "DNS or IP subjectAltName is required"),
        (
            make_csr(signer=KUBELET_SERVING, sans=("10.0.0.1",)),
            "usages did not match [digital signature key encipherment server auth]",
        ),
        (
            make_csr(signer=KUBELET_SERVING, pem=with_name(x509.UniformResourceIdentifier("spiffe://x"))),
            "DNS or IP subjectAltName is required",
        ),
        (make_csr(signer=CLIENT, usages=["server auth"]), "invalid usage for client certificate: server auth"),
        (
            make_csr(signer=CLIENT, usages=["digital signature"]),
            "missing required usage for client certificate: client auth",
        ),
    ],
)
def test_a_request_that_its_signer_does_not_take_fails(csr, fault):
    csr["status"] = {"conditions": [APPROVED]}
    [update] = sign(csr)
    failed = update.object["status"]["conditions"][-1]
    assert (failed["type"], failed["reason"], failed["message"]) == ("Failed", "SignerValidationFailure", fault)
    assert "certificate" not in update.object["status"]
    assert not sign(update.object)  # for good


def test_only_approved_requests_to_our_signers_are_signed():
    approved = {"conditions": [APPROVED]}
    assert not sign(make_csr())
    assert not sign(make_csr(status=approved, signer="example.com/mine"))
    assert not sign(make_csr(status={**approved, "certificate": "x"}))
    assert not csrsigning.plan(make_csr(status=approved), None, 1.0, NOW)
    assert sign(make_csr("anybody", (), ("a.example",), LEGACY, status=approved, usages=["any", "ipsec user"]))
    serving = ["digital signature", "server auth"]
    assert sign(make_csr(sans=("10.0.0.1",), signer=KUBELET_SERVING, status=approved, usages=serving))


@pytest.mark.parametrize(
    ("conditions", "certificate", "hours"),
    [
        ([], "", 24),
        (["Denied"], "", 1),
        (["Approved", "Failed"], "", 1),
        (["Approved"], "issued", 1),
        (["Approved"], "", 24),
    ],
)
def test_requests_are_kept_for_hours_or_a_day(conditions, certificate, hours):
    said = [{"type": kind, "status": "True", "lastUpdateTime": rfc3339(NOW)} for kind in conditions]
    status = {"conditions": said, **({"certificate": base64.b64encode(b"x").decode()} if certificate else {})}
    csr = {"metadata": {"name": "r", "creationTimestamp": rfc3339(NOW)}, "spec": {}, "status": status}
    assert not csrcleaner.plan([csr], NOW + hours * 3600)
    assert csrcleaner.plan([csr], NOW + hours * 3600 + 1)


def test_a_request_whose_certificate_has_expired_goes():
    [update] = sign(make_csr(status={"conditions": [APPROVED]}, expirationSeconds=600))
    assert not csrcleaner.plan([update.object], NOW + 600)
    assert csrcleaner.plan([update.object], NOW + 601)


def test_the_cleaner_looks_every_hour():
    async def script(world):
        old = make_csr()
        old["metadata"] = {"name": "old", "creationTimestamp": rfc3339(world.clock.now())}
        world.api.put(CERTIFICATE_SIGNING_REQUESTS, old)
        await world.clock.sleep(24 * 3600 - 10)
        assert world.api.writes == []
        await world.clock.sleep(2 * 3600)
        assert not world.api.all(CERTIFICATE_SIGNING_REQUESTS)

    play(script, csrcleaner.CONTROLLER, settings=Settings())


def test_a_joining_nodes_request_is_approved_and_signed_when_its_maker_may():
    with Cluster(nodes=0, virtual_time=True, https=False) as cluster:
        # the administrator may everything, so this is approved as nodeclient
        made = make_csr(username="")
        del made["spec"]["username"], made["status"], made["metadata"]["resourceVersion"]
        cluster.create(CERTIFICATE_SIGNING_REQUESTS, made)
        cluster.wait(lambda: (cluster.get(CERTIFICATE_SIGNING_REQUESTS, "r").get("status") or {}).get("certificate"))
        status = cluster.get(CERTIFICATE_SIGNING_REQUESTS, "r")["status"]
        assert status["conditions"][0]["message"] == OTHER.message
        found = subject_of(base64.b64decode(status["certificate"]))
        assert (found.common_name, found.organizations) == (NODE, ("system:nodes",))
        assert parse_time(status["conditions"][0]["lastUpdateTime"]) <= cluster.clock.now()
        # a request to another signer waits for a decision
        other = make_csr("someone", (), signer=CLIENT)
        del other["spec"]["username"], other["status"], other["metadata"]["resourceVersion"]
        other["metadata"]["name"] = "other"
        cluster.create(CERTIFICATE_SIGNING_REQUESTS, other)
        cluster.advance(60)
        assert not cluster.get(CERTIFICATE_SIGNING_REQUESTS, "other").get("status")
