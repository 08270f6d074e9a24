"""The types of resource/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.core_v1 import NodeSelector
    from pynetes.kinds.types.meta_v1 import Condition, ListMeta, ObjectMeta


class AllocatedDeviceStatus(TypedDict, total=False):
    conditions: list[Condition]
    data: Any
    device: str
    driver: str
    networkData: NetworkDeviceData
    pool: str
    shareID: str


class AllocationResult(TypedDict, total=False):
    allocationTimestamp: str
    devices: DeviceAllocationResult
    nodeSelector: NodeSelector


class CELDeviceSelector(TypedDict, total=False):
    expression: str


class CapacityRequestPolicy(TypedDict, total=False):
    default: str
    validRange: CapacityRequestPolicyRange
    validValues: list[str]


class CapacityRequestPolicyRange(TypedDict, total=False):
    max: str
    min: str
    step: str


class CapacityRequirements(TypedDict, total=False):
    requests: dict[str, str]


class Counter(TypedDict, total=False):
    value: str


class CounterSet(TypedDict, total=False):
    counters: dict[str, Counter]
    name: str


class Device(TypedDict, total=False):
    allNodes: bool
    allowMultipleAllocations: bool
    attributes: dict[str, DeviceAttribute]
    bindingConditions: list[str]
    bindingFailureConditions: list[str]
    bindsToNode: bool
    capacity: dict[str, DeviceCapacity]
    consumesCounters: list[DeviceCounterConsumption]
    name: str
    nodeAllocatableResourceMappings: dict[str, NodeAllocatableResourceMapping]
    nodeName: str
    nodeSelector: NodeSelector
    taints: list[DeviceTaint]


class DeviceAllocationConfiguration(TypedDict, total=False):
    opaque: OpaqueDeviceConfiguration
    requests: list[str]
    source: str


class DeviceAllocationResult(TypedDict, total=False):
    config: list[DeviceAllocationConfiguration]
    results: list[DeviceRequestAllocationResult]


class DeviceAttribute(TypedDict, total=False):
    bool: bool
    bools: list[bool]
    int: int
    ints: list[int]
    string: str
    strings: list[str]
    version: str
    versions: list[str]


class DeviceCapacity(TypedDict, total=False):
    requestPolicy: CapacityRequestPolicy
    value: str


class DeviceClaim(TypedDict, total=False):
    config: list[DeviceClaimConfiguration]
    constraints: list[DeviceConstraint]
    requests: list[DeviceRequest]


class DeviceClaimConfiguration(TypedDict, total=False):
    opaque: OpaqueDeviceConfiguration
    requests: list[str]


class DeviceClass(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: DeviceClassSpec


class DeviceClassConfiguration(TypedDict, total=False):
    opaque: OpaqueDeviceConfiguration


class DeviceClassList(TypedDict, total=False):
    apiVersion: str
    items: list[DeviceClass]
    kind: str
    metadata: ListMeta


class DeviceClassSpec(TypedDict, total=False):
    config: list[DeviceClassConfiguration]
    extendedResourceName: str
    selectors: list[DeviceSelector]


class DeviceConstraint(TypedDict, total=False):
    distinctAttribute: str
    matchAttribute: str
    requests: list[str]


class DeviceCounterConsumption(TypedDict, total=False):
    counterSet: str
    counters: dict[str, Counter]


class DeviceRequest(TypedDict, total=False):
    exactly: ExactDeviceRequest
    firstAvailable: list[DeviceSubRequest]
    name: str


class DeviceRequestAllocationResult(TypedDict, total=False):
    adminAccess: bool
    bindingConditions: list[str]
    bindingFailureConditions: list[str]
    consumedCapacity: dict[str, str]
    device: str
    driver: str
    pool: str
    request: str
    shareID: str
    tolerations: list[DeviceToleration]


class DeviceSelector(TypedDict, total=False):
    cel: CELDeviceSelector


class DeviceSubRequest(TypedDict, total=False):
    allocationMode: str
    capacity: CapacityRequirements
    count: int
    deviceClassName: str
    name: str
    selectors: list[DeviceSelector]
    tolerations: list[DeviceToleration]


class DeviceTaint(TypedDict, total=False):
    effect: str
    key: str
    timeAdded: str
    value: str


class DeviceToleration(TypedDict, total=False):
    effect: str
    key: str
    operator: str
    tolerationSeconds: int
    value: str


class ExactDeviceRequest(TypedDict, total=False):
    adminAccess: bool
    allocationMode: str
    capacity: CapacityRequirements
    count: int
    deviceClassName: str
    selectors: list[DeviceSelector]
    tolerations: list[DeviceToleration]


class NetworkDeviceData(TypedDict, total=False):
    hardwareAddress: str
    interfaceName: str
    ips: list[str]


class NodeAllocatableResourceMapping(TypedDict, total=False):
    allocationMultiplier: str
    capacityKey: str


class OpaqueDeviceConfiguration(TypedDict, total=False):
    driver: str
    parameters: Any


class ResourceClaim(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: ResourceClaimSpec
    status: ResourceClaimStatus


class ResourceClaimConsumerReference(TypedDict, total=False):
    apiGroup: str
    name: str
    resource: str
    uid: str


class ResourceClaimList(TypedDict, total=False):
    apiVersion: str
    items: list[ResourceClaim]
    kind: str
    metadata: ListMeta


class ResourceClaimSpec(TypedDict, total=False):
    devices: DeviceClaim


class ResourceClaimStatus(TypedDict, total=False):
    allocation: AllocationResult
    devices: list[AllocatedDeviceStatus]
    reservedFor: list[ResourceClaimConsumerReference]


class ResourceClaimTemplate(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: ResourceClaimTemplateSpec


class ResourceClaimTemplateList(TypedDict, total=False):
    apiVersion: str
    items: list[ResourceClaimTemplate]
    kind: str
    metadata: ListMeta


class ResourceClaimTemplateSpec(TypedDict, total=False):
    metadata: ObjectMeta
    spec: ResourceClaimSpec


class ResourcePool(TypedDict, total=False):
    generation: int
    name: str
    resourceSliceCount: int


class ResourceSlice(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: ResourceSliceSpec


class ResourceSliceList(TypedDict, total=False):
    apiVersion: str
    items: list[ResourceSlice]
    kind: str
    metadata: ListMeta


class ResourceSliceSpec(TypedDict, total=False):
    allNodes: bool
    devices: list[Device]
    driver: str
    nodeName: str
    nodeSelector: NodeSelector
    perDeviceNodeSelection: bool
    pool: ResourcePool
    sharedCounters: list[CounterSet]
