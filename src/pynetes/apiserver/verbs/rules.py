"""What upstream's strategies say of a kind's writes and deletes, where it is not the usual.

Source: kubernetes ``pkg/registry/*/*/strategy.go`` and ``storage/storage.go`` (AllowCreateOnUpdate,
AllowUnconditionalUpdate, ReturnDeletedObject, DefaultGarbageCollectionPolicy).
"""

from pynetes.meta.resource import Resource

_CREATED_BY_UPDATE = frozenset(
    {
        ("node.k8s.io", "runtimeclasses"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("coordination.k8s.io", "leases"),
        ("coordination.k8s.io", "leasecandidates"),
        ("", "limitranges"),
        ("", "events"),
        ("events.k8s.io", "events"),
        ("", "services"),
        ("", "endpoints"),
    }
)

_REVISION_NEEDED = frozenset(
    {
        ("apiregistration.k8s.io", "apiservices"),
        ("certificates.k8s.io", "podcertificaterequests"),
        ("certificates.k8s.io", "clustertrustbundles"),
        ("node.k8s.io", "runtimeclasses"),
        ("storagemigration.k8s.io", "storageversionmigrations"),
        ("policy", "poddisruptionbudgets"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csistoragecapacities"),
        ("storage.k8s.io", "volumeattachments"),
        ("storage.k8s.io", "csinodes"),
        ("coordination.k8s.io", "leases"),
        ("coordination.k8s.io", "leasecandidates"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    }
)

_SHOWN_WHEN_DELETED = frozenset(
    {
        ("", "namespaces"),
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("", "pods"),
        ("", "podtemplates"),
        ("", "resourcequotas"),
        ("", "serviceaccounts"),
        ("", "services"),
        ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "devicetaintrules"),
        ("resource.k8s.io", "resourceclaims"),
        ("resource.k8s.io", "resourceclaimtemplates"),
        ("resource.k8s.io", "resourceslices"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "volumeattachments"),
        ("storage.k8s.io", "volumeattributesclasses"),
    }
)

_ORPHANING = frozenset({("", "replicationcontrollers"), ("batch", "jobs")})
_NOT_COLLECTED = frozenset({("", "events"), ("events.k8s.io", "events")})


def created_by_update(resource: Resource) -> bool:
    """PUT of an absent object creates it."""
    return (resource.group, resource.plural) in _CREATED_BY_UPDATE


def needs_revision(resource: Resource) -> bool:
    """An update must name the resourceVersion that it was made from."""
    return resource.custom or (resource.group, resource.plural) in _REVISION_NEEDED


def shown_when_deleted(resource: Resource) -> bool:
    """A delete that took effect at once answers with the object, not with a Status."""
    return (resource.group, resource.plural) in _SHOWN_WHEN_DELETED


def orphans_by_default(resource: Resource) -> bool:
    return (resource.group, resource.plural) in _ORPHANING


def garbage_collected(resource: Resource) -> bool:
    """Deletes may leave a finalizer for the garbage collector."""
    return (resource.group, resource.plural) not in _NOT_COLLECTED
