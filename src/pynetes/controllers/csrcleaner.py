"""Deletes CertificateSigningRequests that are done with, or that nobody did anything about.

Watches: CertificateSigningRequests.
Owns: nothing.
Guarantees: every hour those go that were issued, denied or failed an hour ago, wait for a decision or for their signer
    since a day, or whose certificate has expired.

Source: pkg/controller/certificates/cleaner/cleaner.go.
"""

import base64
from collections.abc import Iterable

from pynetes.client.kinds import CERTIFICATE_SIGNING_REQUESTS
from pynetes.controllers.actions import Action, Delete, apply
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object, name_of
from pynetes.meta.times import parse_time

PERIOD_SECONDS = 3600.0
DONE_SECONDS = 3600.0
PENDING_SECONDS = 86400.0


def plan(requests: Iterable[Object], now: float) -> list[Action]:
    return [Delete(CERTIFICATE_SIGNING_REQUESTS, "", name_of(csr)) for csr in requests if is_over(csr, now)]


def is_over(csr: Object, now: float) -> bool:
    status = csr.get("status") or {}
    conditions, certificate = status.get("conditions") or (), status.get("certificate")
    if not conditions:
        return _is_older(csr["metadata"].get("creationTimestamp"), PENDING_SECONDS, now)
    for condition in conditions:
        since = condition.get("lastUpdateTime")
        match condition["type"]:
            case "Denied" | "Failed":
                over = _is_older(since, DONE_SECONDS, now)
            case "Approved" if certificate:
                over = _is_older(since, DONE_SECONDS, now) or _has_expired(certificate, now)
            case "Approved":
                over = _is_older(since, PENDING_SECONDS, now)
            case _:
                over = False
        if over:
            return True
    return False


def _is_older(since: str | None, seconds: float, now: float) -> bool:
    return bool(since) and now - parse_time(since or "") > seconds


def _has_expired(certificate: str, now: float) -> bool:
    from pynetes.pki.certificates import subject_of

    try:
        return now > subject_of(base64.b64decode(certificate)).not_after
    except ValueError:
        return False  # whoever signed it put something else there


class Cleaner:
    """The acting half; its only key is reconciled every hour."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._requests = context.informers.get(CERTIFICATE_SIGNING_REQUESTS)
        context.queue.add("all")

    async def reconcile(self, key: str) -> float | None:
        await apply(self._context, plan(self._requests.list(), self._context.clock.now()))
        return PERIOD_SECONDS


CONTROLLER = Controller("certificatesigningrequest-cleaner-controller", Cleaner, workers=1)
