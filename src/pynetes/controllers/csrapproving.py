"""Approves the requests of kubelets for certificates by which they call the API.

Watches: CertificateSigningRequests.
Owns: the condition Approved of requests that it knows for a kubelet's.
Guarantees: a request is approved when whoever made it may have it: ``selfnodeclient`` for one's own renewal,
    ``nodeclient`` for a node that joins. One that may not, may yet: it is looked at again with back-off.

Source: pkg/controller/certificates/approver/sarapprove.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pynetes.client.informer import Change
from pynetes.client.kinds import CERTIFICATE_SIGNING_REQUESTS, SUBJECT_ACCESS_REVIEWS
from pynetes.controllers.actions import Action, Update, apply
from pynetes.controllers.ownership import named
from pynetes.controllers.signingrequests import KUBELET_CLIENT, has_condition, kubelet_client_fault, request_of
from pynetes.controllers.types import Context, Controller, NotYet
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, name_of


@dataclass(frozen=True, slots=True)
class Recognized:
    """What a request is, as the subresource that its maker must be allowed to create, and what approval says."""

    subresource: str
    message: str


SELF = Recognized("selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.")
OTHER = Recognized("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")


def recognize(csr: Object) -> Sequence[Recognized]:
    """What the request may be approved as; nothing for one that is decided. Raises: ValueError."""
    spec = csr["spec"]
    decided = has_condition(csr, "Approved") or has_condition(csr, "Denied")
    if decided or (csr.get("status") or {}).get("certificate") or spec.get("signerName") != KUBELET_CLIENT:
        return ()
    request = request_of(csr)
    if kubelet_client_fault(request, spec.get("usages") or ()):
        return ()
    from pynetes.pki.certificates import subject_of

    return (SELF, OTHER) if spec.get("username") == subject_of(request).common_name else (OTHER,)


def plan(csr: Object, found: Recognized) -> list[Action]:
    status = csr.get("status") or {}
    approved = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": found.message}
    conditions = [*(status.get("conditions") or ()), approved]
    changed = {**named(CERTIFICATE_SIGNING_REQUESTS, csr), "status": {**status, "conditions": conditions}}
    return [Update(CERTIFICATE_SIGNING_REQUESTS, changed, "approval")]


class Approver:
    """The acting half; keys are requests."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._requests = context.informers.get(CERTIFICATE_SIGNING_REQUESTS)
        self._requests.add_handler(self._changed)

    async def reconcile(self, key: str) -> float | None:
        csr = self._requests.get(key)
        if csr is None:
            return None
        tried = recognize(csr)
        for found in tried:
            if await self._may(csr, found.subresource):
                await apply(self._context, plan(csr, found))
                return None
        if tried:
            names = " ".join(found.subresource for found in tried)
            raise NotYet(
                f"recognized csr {quoted(name_of(csr))} as [{names}] but subject access review was not approved"
            )
        return None

    async def _may(self, csr: Object, subresource: str) -> bool:
        spec = csr["spec"]
        asked = {
            "group": "certificates.k8s.io",
            "version": "*",
            "resource": "certificatesigningrequests",
            "subresource": subresource,
            "verb": "create",
        }
        who = {"user": spec.get("username", ""), "groups": spec.get("groups") or []}
        if spec.get("uid"):
            who["uid"] = spec["uid"]
        if spec.get("extra"):
            who["extra"] = spec["extra"]
        review = {"spec": {**who, "resourceAttributes": asked}}
        answer = await self._context.client.create(SUBJECT_ACCESS_REVIEWS, review)
        return bool((answer.get("status") or {}).get("allowed"))

    def _changed(self, change: Change) -> None:
        if change.new is not None:
            self._context.queue.add(change.key)


CONTROLLER = Controller(
    "certificatesigningrequest-approving-controller", Approver, "csrapproving", retry_base_seconds=0.2
)
