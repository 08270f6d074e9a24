"""The types of rbac/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.meta_v1 import LabelSelector, ListMeta, ObjectMeta


class AggregationRule(TypedDict, total=False):
    clusterRoleSelectors: list[LabelSelector]


class ClusterRole(TypedDict, total=False):
    aggregationRule: AggregationRule
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    rules: list[PolicyRule]


class ClusterRoleBinding(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    roleRef: RoleRef
    subjects: list[Subject]


class ClusterRoleBindingList(TypedDict, total=False):
    apiVersion: str
    items: list[ClusterRoleBinding]
    kind: str
    metadata: ListMeta


class ClusterRoleList(TypedDict, total=False):
    apiVersion: str
    items: list[ClusterRole]
    kind: str
    metadata: ListMeta


class PolicyRule(TypedDict, total=False):
    apiGroups: list[str]
    nonResourceURLs: list[str]
    resourceNames: list[str]
    resources: list[str]
    verbs: list[str]


class Role(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    rules: list[PolicyRule]


class RoleBinding(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    roleRef: RoleRef
    subjects: list[Subject]


class RoleBindingList(TypedDict, total=False):
    apiVersion: str
    items: list[RoleBinding]
    kind: str
    metadata: ListMeta


class RoleList(TypedDict, total=False):
    apiVersion: str
    items: list[Role]
    kind: str
    metadata: ListMeta


class RoleRef(TypedDict, total=False):
    apiGroup: str
    kind: str
    name: str


class Subject(TypedDict, total=False):
    apiGroup: str
    kind: str
    name: str
    namespace: str
