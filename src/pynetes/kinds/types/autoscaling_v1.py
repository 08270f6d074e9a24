"""The types of autoscaling/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.meta_v1 import ListMeta, ObjectMeta


class CrossVersionObjectReference(TypedDict, total=False):
    apiVersion: str
    kind: str
    name: str


class HorizontalPodAutoscaler(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: HorizontalPodAutoscalerSpec
    status: HorizontalPodAutoscalerStatus


class HorizontalPodAutoscalerList(TypedDict, total=False):
    apiVersion: str
    items: list[HorizontalPodAutoscaler]
    kind: str
    metadata: ListMeta


class HorizontalPodAutoscalerSpec(TypedDict, total=False):
    maxReplicas: int
    minReplicas: int
    scaleTargetRef: CrossVersionObjectReference
    targetCPUUtilizationPercentage: int


class HorizontalPodAutoscalerStatus(TypedDict, total=False):
    currentCPUUtilizationPercentage: int
    currentReplicas: int
    desiredReplicas: int
    lastScaleTime: str
    observedGeneration: int


class Scale(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: ScaleSpec
    status: ScaleStatus


class ScaleSpec(TypedDict, total=False):
    replicas: int


class ScaleStatus(TypedDict, total=False):
    replicas: int
    selector: str
