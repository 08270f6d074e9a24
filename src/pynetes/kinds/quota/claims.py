"""What a PersistentVolumeClaim uses of quotas: itself and its storage, in all and of its storage class.

Source: kubernetes ``pkg/quota/v1/evaluator/core/persistent_volume_claims.go``.
"""

from pynetes.kinds.pods.resources import Amounts
from pynetes.kinds.quota.types import ONE, Evaluator, Write, selects
from pynetes.meta.objects import Object, annotations_of
from pynetes.meta.quantity import Quantity

COUNT, CLAIMS, STORAGE = "count/persistentvolumeclaims", "persistentvolumeclaims", "requests.storage"
OF_CLASS = ".storageclass.storage.k8s.io/"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


def counts(name: str) -> bool:
    return name in (COUNT, CLAIMS, STORAGE) or name.endswith((OF_CLASS + CLAIMS, OF_CLASS + STORAGE))


def usage(claim: Object, now: float) -> Amounts:
    used = {CLAIMS: ONE, COUNT: ONE}
    if (storage := _storage(claim)) is not None:
        used[STORAGE] = storage
    if storage_class := _class_of(claim):
        used[f"{storage_class}{OF_CLASS}{CLAIMS}"] = ONE
        if storage is not None:
            used[f"{storage_class}{OF_CLASS}{STORAGE}"] = storage
    return used


def _class_of(claim: Object) -> str:
    annotated = annotations_of(claim).get(_BETA_CLASS)
    return annotated if annotated is not None else (claim.get("spec") or {}).get("storageClassName") or ""


def _storage(claim: Object) -> Quantity | None:
    """What is requested or, when that is more, what was allocated: an expansion that failed may be taken back."""
    text = (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    if text is None:
        return None
    allocated = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    found = Quantity.parse(text)
    if allocated is not None:
        found = max(found, Quantity.parse(allocated))
    return found if found.nanos % 10**9 == 0 else Quantity.of(found.value(), found.format)


def charged(write: Write) -> bool:
    if write.subresource:
        return write.subresource == "status"
    return write.operation in ("CREATE", "UPDATE")


def in_scope(requirement: Object, claim: Object) -> bool:
    return requirement.get("scopeName") == "VolumeAttributesClass" and selects(requirement, attributes_classes(claim))


def attributes_classes(claim: Object) -> frozenset[str]:
    """The classes that the claim has, wants, or is on its way to."""
    said = claim.get("status") or {}
    names = (
        (claim.get("spec") or {}).get("volumeAttributesClassName"),
        said.get("currentVolumeAttributesClassName"),
        (said.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return frozenset(name for name in names if name)


def released(old: Object, new: Object, now: float) -> bool:
    return _storage(old) != _storage(new) or attributes_classes(old) != attributes_classes(new)


EVALUATOR = Evaluator("", "persistentvolumeclaims", counts, usage, charged, in_scope, released=released)
