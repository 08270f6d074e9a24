"""Source: kubernetes.io, "Certificate Signing Requests": conditions, signers, lifetimes."""

import base64
import copy
from typing import Any

import pytest

from pynetes.kinds.certificates.signing_request import HOOKS
from pynetes.meta.resource import WriteContext
from pynetes.pki.certificates import Authority, request

Object = dict[str, Any]
REQUEST = request("ada", ("dev",)).cert_pem
CERTIFICATE = Authority.make("ca", now=0.0).cert_pem
APPROVED, DENIED = {"type": "Approved", "status": "True"}, {"type": "Denied", "status": "True"}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def asked(**spec: Any) -> Object:
    whole = {"request": encoded(REQUEST), "signerName": "example.com/signer", "usages": ["client auth"], **spec}
    return {"metadata": {"name": "r", "uid": "u", "resourceVersion": "1"}, "spec": whole, "status": {}}


def refusals(obj: Object) -> list[str]:
    assert HOOKS.validate is not None
    return [f"{cause.field}: {cause.message}" for cause in HOOKS.validate(obj, WriteContext())]


def changed(old: Object, subresource: str, **status: Any) -> tuple[Object, list[str]]:
    """The object after an update of its status, and why that is refused."""
    assert HOOKS.prepare_update is not None and HOOKS.validate_update is not None
    new, context = {**copy.deepcopy(old), "status": copy.deepcopy(status)}, WriteContext(10.0, subresource=subresource)
    HOOKS.prepare_update(new, old, context)
    return new, [f"{c.field}: {c.message}" for c in HOOKS.validate_update(new, old, context)]


def test_a_request_that_its_own_key_has_signed_is_good() -> None:
    assert refusals(asked()) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "PEM block type must be CERTIFICATE REQUEST"),
        (CERTIFICATE, "PEM block type must be CERTIFICATE REQUEST"),
        (REQUEST[:-20], "PEM block type must be CERTIFICATE REQUEST"),
        (
            b"-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n",
            "asn1: syntax error: sequence truncated",
        ),
    ],
)
def test_what_is_no_request_is_refused_in_gos_words(text: bytes, problem: str) -> None:
    (refusal,) = refusals(asked(request=encoded(text)))
    assert refusal == f'spec.request: Invalid value: "{encoded(text)}": {problem}'


def test_a_request_that_another_key_has_signed_is_refused() -> None:
    head, *lines, foot = REQUEST.splitlines()
    der = bytearray(base64.b64decode(b"".join(lines)))
    der[-1] ^= 1
    forged = b"\n".join((head, base64.b64encode(der), foot))
    (refusal,) = refusals(asked(request=encoded(forged)))
    assert refusal.endswith(": x509: ECDSA verification failure")


def test_usages_signer_and_lifetime_have_their_rules() -> None:
    assert refusals(asked(usages=[], signerName="nodomain", expirationSeconds=599)) == [
        "spec.usages: Required value",
        'spec.signerName: Invalid value: "nodomain": must be a fully qualified domain and path of the form '
        "'example.com/signer-name'",
        "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)",
    ]
    odd, twice = refusals(asked(usages=["odd", "any", "any"]))
    assert odd.startswith('spec.usages[0]: Unsupported value: "odd": supported values: "any", "cert sign", ')
    assert twice == 'spec.usages[2]: Duplicate value: "any"'
    assert refusals(asked(signerName="kubernetes.io/legacy-unknown"))[0].endswith("not allowed via this API version")


def test_an_approval_is_dated_stays_and_excludes_a_denial() -> None:
    approved, refused = changed(asked(), "approval", conditions=[APPROVED], certificate="eA==")
    assert refused == []
    (condition,) = approved["status"]["conditions"]
    assert condition["lastUpdateTime"] == condition["lastTransitionTime"] == "1970-01-01T00:00:10Z"
    assert "certificate" not in approved["status"]
    assert changed(approved, "approval", conditions=[APPROVED, DENIED])[1] == [
        'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive'
    ]
    assert changed(approved, "approval")[1] == [
        'status.conditions: Forbidden: updates may not remove a condition of type "Approved"'
    ]


def test_conditions_that_decide_are_true_only_and_have_types() -> None:
    conditions = [{**APPROVED, "status": "False"}, {"status": "Odd"}, {"type": "X"}, {"type": "X", "status": "True"}]
    assert changed(asked(), "approval", conditions=conditions)[1] == [
        'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
        "status.conditions[1].type: Required value",
        'status.conditions[1].status: Unsupported value: "Odd": supported values: "False", "True", "Unknown"',
        "status.conditions[2].status: Required value",
        'status.conditions[3].type: Duplicate value: "X"',
    ]


def test_who_signs_decides_nothing_and_writes_the_certificate_once() -> None:
    approved, _ = changed(asked(), "approval", conditions=[APPROVED])
    assert changed(approved, "status", conditions=[APPROVED, DENIED])[1] == [
        'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
        'status.conditions: Forbidden: updates may not add a condition of type "Denied"',
    ]
    decision = approved["status"]["conditions"][0]
    signed, refused = changed(
        approved, "status", conditions=[{**APPROVED, "message": "mine"}], certificate=encoded(CERTIFICATE)
    )
    assert refused == []
    assert signed["status"]["conditions"] == [decision]
    assert changed(signed, "status", conditions=[APPROVED], certificate=encoded(CERTIFICATE * 2))[1] == [
        "status.certificate: Forbidden: updates may not modify existing certificate content"
    ]
    assert changed(signed, "", conditions=[])[1] == []  # neither spec nor status is changed there


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"x", "must contain at least one CERTIFICATE PEM block"),
        (REQUEST, 'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'),
        (CERTIFICATE.replace(b"-----\n", b"-----\nA: b\n\n", 1), "no PEM block headers are permitted"),
    ],
)
def test_what_is_no_certificate_is_no_certificate(text: bytes, problem: str) -> None:
    assert changed(asked(), "status", certificate=encoded(text))[1] == [
        f'status.certificate: Invalid value: "<certificate data>": {problem}'
    ]


def test_what_is_wrong_already_is_let_pass() -> None:
    old = asked(usages=["odd", "odd"], signerName="kubernetes.io/legacy-unknown")
    old["status"] = {"conditions": [APPROVED, DENIED, {"status": "True"}, {"status": "True"}], "certificate": "eA=="}
    assert changed(old, "approval", **old["status"])[1] == []
