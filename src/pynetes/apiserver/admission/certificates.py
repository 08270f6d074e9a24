"""The plug-ins about CertificateSigningRequests: who asked, who may approve and sign, what nobody may have.

Source: kubernetes ``plugin/pkg/admission/certificates``, ``pkg/registry/certificates/certificates/strategy.go``.
"""

import base64

from pynetes.apiserver.admission import CREATE, UPDATE, Attributes, Plugin
from pynetes.apiserver.authz import MASTERS
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.pki.certificates import subject_of

_GROUP, _PLURAL = "certificates.k8s.io", "certificatesigningrequests"
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


def set_requester(asked: Attributes) -> None:
    """The request says who made it.

    Upstream's strategy does it; hooks know no groups. It is a validating step that changes the object, for what a
    client or a webhook wrote there must not stay.
    """
    if asked.obj is None:
        return
    spec, user = asked.obj.setdefault("spec", {}), asked.ctx.user
    for field in ("username", "uid", "groups", "extra"):
        spec.pop(field, None)
    spec["username"] = user.name
    if user.uid:
        spec["uid"] = user.uid
    if user.groups:
        spec["groups"] = list(user.groups)
    if user.extra:
        spec["extra"] = {key: list(values) for key, values in user.extra}


def check_approver(asked: Attributes) -> None:
    signer = _signer(asked.old)
    if not _may(asked, "approve", signer):
        raise asked.forbidden(f"user not permitted to approve requests with signerName {quoted(signer)}")


def check_signer(asked: Attributes) -> None:
    new, old = (asked.obj or {}).get("status") or {}, (asked.old or {}).get("status") or {}
    if new.get("certificate") == old.get("certificate") and new.get("conditions") == old.get("conditions"):
        return
    signer = _signer(asked.old)
    if not _may(asked, "sign", signer):
        raise asked.forbidden(f"user not permitted to sign requests with signerName {quoted(signer)}")


def check_subject(asked: Attributes) -> None:
    """No certificate for clients makes its owner a master of the cluster."""
    if _signer(asked.obj) != _CLIENT_SIGNER:
        return
    request = ((asked.obj or {}).get("spec") or {}).get("request") or ""
    try:
        subject = subject_of(base64.b64decode(request))
    except ValueError as error:
        raise asked.forbidden(f"failed to parse CSR: {error}") from None
    if MASTERS in subject.organizations:
        raise asked.forbidden(f"use of {_CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


def _signer(obj: Object | None) -> str:
    name: str = ((obj or {}).get("spec") or {}).get("signerName") or ""
    return name


def _may(asked: Attributes, verb: str, signer: str) -> bool:
    """On the signer's name, or on its whole domain."""
    for name in (signer, signer.partition("/")[0] + "/*"):
        info = RequestInfo(verb, "", is_resource=True, group=_GROUP, resource="signers", name=name)
        if asked.server.authorizer.authorize(asked.ctx.user, info).allowed:
            return True
    return False


def _on(subresource: str = "") -> frozenset[tuple[str, str, str]]:
    return frozenset({(_GROUP, _PLURAL, subresource)})


REQUESTER = Plugin("CertificateRequester", frozenset({CREATE}), _on(), validate=set_requester)
APPROVAL = Plugin("CertificateApproval", frozenset({UPDATE}), _on("approval"), validate=check_approver)
SIGNING = Plugin("CertificateSigning", frozenset({UPDATE}), _on("status"), validate=check_signer)
SUBJECT_RESTRICTION = Plugin("CertificateSubjectRestriction", frozenset({CREATE}), _on(), validate=check_subject)
