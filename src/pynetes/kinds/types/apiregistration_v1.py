"""The types of apiregistration/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.meta_v1 import ListMeta, ObjectMeta


class APIService(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: APIServiceSpec
    status: APIServiceStatus


class APIServiceCondition(TypedDict, total=False):
    lastTransitionTime: str
    message: str
    reason: str
    status: str
    type: str


class APIServiceList(TypedDict, total=False):
    apiVersion: str
    items: list[APIService]
    kind: str
    metadata: ListMeta


class APIServiceSpec(TypedDict, total=False):
    caBundle: str
    group: str
    groupPriorityMinimum: int
    insecureSkipTLSVerify: bool
    service: ServiceReference
    version: str
    versionPriority: int


class APIServiceStatus(TypedDict, total=False):
    conditions: list[APIServiceCondition]


class ServiceReference(TypedDict, total=False):
    name: str
    namespace: str
    port: int
