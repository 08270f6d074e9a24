"""Signs approved requests by the cluster's authority, for the four signers that the cluster itself has.

Watches: CertificateSigningRequests.
Owns: ``status.certificate`` and the condition Failed of requests to these signers.
Guarantees: a request is signed once, when it is approved; one that is not what its signer takes fails for good. No
    certificate outlives the authority, or the duration of the settings.
Caveats: without a signing key in the settings nothing is signed; keys are EC or RSA.

Source: pkg/controller/certificates/signer/signer.go, pkg/controller/certificates/authority/policies.go.
"""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pynetes.client.informer import Change
from pynetes.client.kinds import CERTIFICATE_SIGNING_REQUESTS
from pynetes.controllers import signingrequests
from pynetes.controllers.actions import Action, Update, apply
from pynetes.controllers.ownership import named
from pynetes.controllers.signingrequests import has_condition, request_of
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339

if TYPE_CHECKING:
    from pynetes.pki.certificates import Authority

BACKDATE_SECONDS = 300.0
"""Certificates begin so much before now, and the long-lived ones end so much earlier."""
SHORT_SECONDS = 8 * 3600.0
"""Certificates that live shorter do not end earlier because they begin earlier."""
LEAST_SECONDS = 600.0


def plan(csr: Object, authority: "Authority | None", longest_seconds: float, now: float) -> list[Action]:
    """Raises: ValueError for a request that is no request."""
    spec, status = csr["spec"], csr.get("status") or {}
    signer = spec.get("signerName")
    if authority is None or status.get("certificate") or signer not in _SIGNERS:
        return []
    if not has_condition(csr, "Approved") or has_condition(csr, "Failed"):
        return []
    request, usages = request_of(csr), spec.get("usages") or ()
    if fault := _fault(signer, request, usages):
        failed = {
            "type": "Failed",
            "status": "True",
            "reason": "SignerValidationFailure",
            "message": fault,
            "lastUpdateTime": rfc3339(now),
        }
        return [_status(csr, {**status, "conditions": [*(status.get("conditions") or ()), failed]})]
    lives = lifetime(spec.get("expirationSeconds"), longest_seconds)
    seconds = lives if lives < SHORT_SECONDS else lives - BACKDATE_SECONDS
    certificate = authority.sign(request, usages, now=now, seconds=seconds)
    return [_status(csr, {**status, "certificate": base64.b64encode(certificate).decode()})]


def lifetime(wanted: int | None, longest: float) -> float:
    """What was asked for, between ten minutes and the longest that is given; which is given unasked."""
    return longest if wanted is None or wanted > longest else max(float(wanted), LEAST_SECONDS)


_SIGNERS = frozenset(
    {signingrequests.CLIENT, signingrequests.KUBELET_CLIENT, signingrequests.KUBELET_SERVING, signingrequests.LEGACY}
)


def _fault(signer: str, request: bytes, usages: Sequence[str]) -> str:
    match signer:
        case signingrequests.KUBELET_CLIENT:
            return signingrequests.kubelet_client_fault(request, usages)
        case signingrequests.KUBELET_SERVING:
            return signingrequests.kubelet_serving_fault(request, usages)
        case signingrequests.CLIENT:
            for usage in usages:
                if usage not in ("digital signature", "key encipherment", "client auth"):
                    return f"invalid usage for client certificate: {usage}"
            return "" if "client auth" in usages else "missing required usage for client certificate: client auth"
    return ""


def _status(csr: Object, status: Object) -> Update:
    return Update(
        CERTIFICATE_SIGNING_REQUESTS, {**named(CERTIFICATE_SIGNING_REQUESTS, csr), "status": status}, "status"
    )


class Signer:
    """The acting half; keys are requests."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._authority: Authority | None = None
        self._requests = context.informers.get(CERTIFICATE_SIGNING_REQUESTS)
        self._requests.add_handler(self._changed)

    async def reconcile(self, key: str) -> float | None:
        csr = self._requests.get(key)
        if csr is not None:
            longest = self._context.settings.cluster_signing_duration_seconds
            await apply(self._context, plan(csr, self._signing(), longest, self._context.clock.now()))
        return None

    def _signing(self) -> "Authority | None":
        settings = self._context.settings
        if self._authority is None and settings.cluster_signing_key_pem:
            from pynetes.pki.certificates import Authority

            self._authority = Authority.load(
                settings.cluster_signing_cert_pem.encode(), settings.cluster_signing_key_pem.encode()
            )
        return self._authority

    def _changed(self, change: Change) -> None:
        if change.new is not None:
            self._context.queue.add(change.key)


CONTROLLER = Controller("certificatesigningrequest-signing-controller", Signer, "csrsigning", retry_base_seconds=0.2)
