"""The types of storage/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.core_v1 import PersistentVolumeSpec, TopologySelectorTerm
    from pynetes.kinds.types.meta_v1 import LabelSelector, ListMeta, ObjectMeta


class CSIDriver(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: CSIDriverSpec


class CSIDriverList(TypedDict, total=False):
    apiVersion: str
    items: list[CSIDriver]
    kind: str
    metadata: ListMeta


class CSIDriverSpec(TypedDict, total=False):
    attachRequired: bool
    fsGroupPolicy: str
    nodeAllocatableUpdatePeriodSeconds: int
    podInfoOnMount: bool
    preventPodSchedulingIfMissing: bool
    requiresRepublish: bool
    seLinuxMount: bool
    serviceAccountTokenInSecrets: bool
    storageCapacity: bool
    tokenRequests: list[TokenRequest]
    volumeLifecycleModes: list[str]


class CSINode(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: CSINodeSpec


class CSINodeDriver(TypedDict, total=False):
    allocatable: VolumeNodeResources
    name: str
    nodeID: str
    topologyKeys: list[str]


class CSINodeList(TypedDict, total=False):
    apiVersion: str
    items: list[CSINode]
    kind: str
    metadata: ListMeta


class CSINodeSpec(TypedDict, total=False):
    drivers: list[CSINodeDriver]


class CSIStorageCapacity(TypedDict, total=False):
    apiVersion: str
    capacity: str
    kind: str
    maximumVolumeSize: str
    metadata: ObjectMeta
    nodeTopology: LabelSelector
    storageClassName: str


class CSIStorageCapacityList(TypedDict, total=False):
    apiVersion: str
    items: list[CSIStorageCapacity]
    kind: str
    metadata: ListMeta


class StorageClass(TypedDict, total=False):
    allowVolumeExpansion: bool
    allowedTopologies: list[TopologySelectorTerm]
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    mountOptions: list[str]
    parameters: dict[str, str]
    provisioner: str
    reclaimPolicy: str
    volumeBindingMode: str


class StorageClassList(TypedDict, total=False):
    apiVersion: str
    items: list[StorageClass]
    kind: str
    metadata: ListMeta


class TokenRequest(TypedDict, total=False):
    audience: str
    expirationSeconds: int


class VolumeAttachment(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: VolumeAttachmentSpec
    status: VolumeAttachmentStatus


class VolumeAttachmentList(TypedDict, total=False):
    apiVersion: str
    items: list[VolumeAttachment]
    kind: str
    metadata: ListMeta


class VolumeAttachmentSource(TypedDict, total=False):
    inlineVolumeSpec: PersistentVolumeSpec
    persistentVolumeName: str


class VolumeAttachmentSpec(TypedDict, total=False):
    attacher: str
    nodeName: str
    source: VolumeAttachmentSource


class VolumeAttachmentStatus(TypedDict, total=False):
    attachError: VolumeError
    attached: bool
    attachmentMetadata: dict[str, str]
    detachError: VolumeError


class VolumeAttributesClass(TypedDict, total=False):
    apiVersion: str
    driverName: str
    kind: str
    metadata: ObjectMeta
    parameters: dict[str, str]


class VolumeAttributesClassList(TypedDict, total=False):
    apiVersion: str
    items: list[VolumeAttributesClass]
    kind: str
    metadata: ListMeta


class VolumeError(TypedDict, total=False):
    errorCode: int
    message: str
    time: str


class VolumeNodeResources(TypedDict, total=False):
    count: int
