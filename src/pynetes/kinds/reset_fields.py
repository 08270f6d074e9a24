"""What the writes to a path do not decide on, so that they come to own none of it: a kind's status on its own path, its
spec on that of its status.

Source: ``GetResetFields`` of the ``strategy.go`` files of kubernetes ``pkg/registry``, apiextensions-apiserver and
kube-aggregator.
Differs: upstream declares filters for pods/ephemeralcontainers and pods/resize, too, but does not install them; there
are none here.
"""

from collections.abc import Mapping

from pynetes.meta.apply import fields
from pynetes.meta.apply.fields import Filter, Path

_SPEC: Path = ("f:spec",)
_STATUS: Path = ("f:status",)
_METADATA: Path = ("f:metadata",)


def _resets(*of_status: Path) -> Mapping[str, Filter]:
    """Of a kind with a status: the status, and on the status's path what is given."""
    return {"": fields.without(fields.of_paths(_STATUS)), "status": fields.without(fields.of_paths(*of_status))}


_USUAL = _resets(_SPEC)
_WITH_METADATA = _resets(_SPEC, _METADATA)
_RESETS: Mapping[tuple[str, str], Mapping[str, Filter]] = {
    ("", "namespaces"): {**_USUAL, "finalize": _USUAL[""]},
    ("", "nodes"): _USUAL,
    ("", "persistentvolumeclaims"): _USUAL,
    ("", "persistentvolumes"): _USUAL,
    ("", "pods"): _resets(_SPEC, (*_METADATA, "f:deletionTimestamp"), (*_METADATA, "f:ownerReferences")),
    ("", "replicationcontrollers"): _USUAL,
    ("", "resourcequotas"): _USUAL,
    ("", "services"): _USUAL,
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): _WITH_METADATA,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _USUAL,
    ("apiregistration.k8s.io", "apiservices"): _WITH_METADATA,
    ("apps", "daemonsets"): _USUAL,
    ("apps", "deployments"): _resets(_SPEC, (*_METADATA, "f:labels")),
    ("apps", "replicasets"): _USUAL,
    ("apps", "statefulsets"): _USUAL,
    ("autoscaling", "horizontalpodautoscalers"): _USUAL,
    ("batch", "cronjobs"): _USUAL,
    ("batch", "jobs"): _USUAL,
    ("certificates.k8s.io", "certificatesigningrequests"): {
        "": fields.without(fields.of_paths(_SPEC, _STATUS)),
        "status": fields.without(fields.of_paths(_SPEC, (*_STATUS, "f:conditions"))),
        "approval": fields.without(fields.of_paths(_SPEC, (*_STATUS, "f:certificate"))),
    },
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): _WITH_METADATA,
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): _WITH_METADATA,
    ("networking.k8s.io", "ingresses"): _USUAL,
    ("networking.k8s.io", "servicecidrs"): _WITH_METADATA,
    ("policy", "poddisruptionbudgets"): _USUAL,
    ("resource.k8s.io", "resourceclaims"): _WITH_METADATA,
    ("storage.k8s.io", "volumeattachments"): _WITH_METADATA,
}


def of(group: str, plural: str) -> Mapping[str, Filter]:
    """By subresource."""
    return _RESETS.get((group, plural), {})
