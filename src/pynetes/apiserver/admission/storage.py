"""The small plug-ins about classes and claims: default storage and ingress class, the finalizers that protect volumes,
which claims may grow.

Source: kubernetes ``plugin/pkg/admission/storage/{storageclass/setdefault,storageobjectinuseprotection,
persistentvolume/resize}``, ``plugin/pkg/admission/network/defaultingressclass``.
"""

from pynetes.apiserver.admission import CREATE, UPDATE, Attributes, Plugin
from pynetes.kinds.core.persistent_volume import storage_class
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity

_STORAGE_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_STORAGE_DEFAULT_BETA = "storageclass.beta.kubernetes.io/is-default-class"
_INGRESS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_INGRESS_CLASS = "kubernetes.io/ingress.class"
_PROTECTION = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
    "volumeattributesclasses": "kubernetes.io/vac-protection",
}
_CLAIMS = frozenset({("", "persistentvolumeclaims", "")})
_CREATE = frozenset({CREATE})


def _defaults(asked: Attributes, group: str, plural: str, *annotations: str) -> list[Object]:
    """The classes that call themselves the default: the newest first, then by name."""
    resource = asked.server.resources.get(group, plural)
    assert resource is not None
    found = [
        entry.object
        for entry in asked.server.cache.of(resource).list()
        if any((entry.object["metadata"].get("annotations") or {}).get(a) == "true" for a in annotations)
    ]
    found.sort(key=lambda c: c["metadata"]["name"])
    found.sort(key=lambda c: c["metadata"].get("creationTimestamp", ""), reverse=True)
    return found


def set_storage_class(asked: Attributes) -> None:
    if asked.obj is None:
        return
    spec = asked.obj.setdefault("spec", {})
    annotations = asked.obj["metadata"].get("annotations") or {}
    if spec.get("storageClassName") is not None or _BETA_CLASS in annotations:
        return
    for found in _defaults(asked, "storage.k8s.io", "storageclasses", _STORAGE_DEFAULT, _STORAGE_DEFAULT_BETA):
        spec["storageClassName"] = found["metadata"]["name"]
        return


def set_ingress_class(asked: Attributes) -> None:
    if asked.obj is None:
        return
    spec = asked.obj.setdefault("spec", {})
    annotations = asked.obj["metadata"].get("annotations") or {}
    if spec.get("ingressClassName") is not None or _INGRESS_CLASS in annotations:
        return
    for found in _defaults(asked, "networking.k8s.io", "ingressclasses", _INGRESS_DEFAULT):
        spec["ingressClassName"] = found["metadata"]["name"]
        return


def protect(asked: Attributes) -> None:
    if asked.obj is None:
        return
    finalizer = _PROTECTION[asked.resource.plural]
    meta = asked.obj["metadata"]
    if finalizer not in (meta.get("finalizers") or ()):
        meta["finalizers"] = [*(meta.get("finalizers") or ()), finalizer]


def check_growth(asked: Attributes) -> None:
    """Only a bound claim grows, and only where its storage class says that volumes can."""
    if asked.obj is None or asked.old is None or _requested(asked.obj) <= _requested(asked.old):
        return
    if (asked.old.get("status") or {}).get("phase") != "Bound":
        raise asked.forbidden("Only bound persistent volume claims can be expanded")
    name = storage_class(asked.obj)
    found = asked.find("storage.k8s.io", "storageclasses", name) if name == storage_class(asked.old) and name else None
    if found is None or not found.get("allowVolumeExpansion"):
        raise asked.forbidden(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
            "support resize"
        )


def _requested(claim: Object) -> Quantity:
    text = (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    return Quantity.parse(text or "0")


DEFAULT_STORAGE_CLASS = Plugin("DefaultStorageClass", _CREATE, _CLAIMS, set_storage_class)
STORAGE_OBJECT_IN_USE_PROTECTION = Plugin(
    "StorageObjectInUseProtection",
    _CREATE,
    _CLAIMS | {("", "persistentvolumes", ""), ("storage.k8s.io", "volumeattributesclasses", "")},
    protect,
)
CLAIM_RESIZE = Plugin("PersistentVolumeClaimResize", frozenset({UPDATE}), _CLAIMS, validate=check_growth)
DEFAULT_INGRESS_CLASS = Plugin(
    "DefaultIngressClass", _CREATE, frozenset({("networking.k8s.io", "ingresses", "")}), set_ingress_class
)
