"""CertificateSigningRequests of kubelets: how they are told from others, and what they must look like.

The certificates' library is imported with the first request: few clusters ever see one.

Source: pkg/apis/certificates/helpers.go.
"""

import base64
from collections.abc import Collection

from pynetes.meta.objects import Object

CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY = (
    "kubernetes.io/kube-apiserver-client",
    "kubernetes.io/kube-apiserver-client-kubelet",
    "kubernetes.io/kubelet-serving",
    "kubernetes.io/legacy-unknown",
)
"""The signers that the cluster itself has."""

_NODES_GROUP, _NODE_PREFIX = ("system:nodes",), "system:node:"
_PLAIN = ("digital signature", "key encipherment")


def has_condition(csr: Object, kind: str) -> bool:
    conditions = (csr.get("status") or {}).get("conditions") or ()
    return any(c["type"] == kind and c.get("status", "True") == "True" for c in conditions)


def request_of(csr: Object) -> bytes:
    """The request that the object holds, as PEM. Raises: ValueError."""
    try:
        return base64.b64decode(csr["spec"]["request"], validate=True)
    except ValueError as error:
        raise ValueError(f"unable to parse csr {csr['metadata']['name']!r}: {error}") from None


def kubelet_client_fault(request: bytes, usages: Collection[str]) -> str:
    """Why the request is none for a kubelet that calls the API; empty when it is one. Raises: ValueError."""
    from pynetes.pki.certificates import kinds_of_names, subject_of

    subject, names = subject_of(request), kinds_of_names(request)
    if subject.organizations != _NODES_GROUP:
        return "subject organization is not system:nodes"
    for kind in ("DNS", "Email", "IP", "URI"):
        if kind in names:
            return f"{kind} subjectAltNames are not allowed"
    if not subject.common_name.startswith(_NODE_PREFIX):
        return "subject common name does not begin with system:node:"
    return _usage_fault(usages, "client auth")


def kubelet_serving_fault(request: bytes, usages: Collection[str]) -> str:
    """The same for a kubelet that is called. Raises: ValueError."""
    from pynetes.pki.certificates import kinds_of_names, subject_of

    subject, names = subject_of(request), kinds_of_names(request)
    if subject.organizations != _NODES_GROUP:
        return "subject organization is not system:nodes"
    if not names & {"DNS", "IP"}:
        return "DNS or IP subjectAltName is required"
    for kind in ("Email", "URI"):
        if kind in names:
            return f"{kind} subjectAltNames are not allowed"
    if fault := _usage_fault(usages, "server auth"):
        return fault
    return (
        "" if subject.common_name.startswith(_NODE_PREFIX) else "subject common name does not begin with system:node:"
    )


def _usage_fault(usages: Collection[str], wanted: str) -> str:
    """Keys that are not RSA cannot encipher keys, and need not say so."""
    needed = {*_PLAIN, wanted}
    if set(usages) in (needed, needed - {"key encipherment"}):
        return ""
    return f"usages did not match [{' '.join(sorted(needed))}]"
