"""The types of certificates/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.meta_v1 import ListMeta, ObjectMeta


class CertificateSigningRequest(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: CertificateSigningRequestSpec
    status: CertificateSigningRequestStatus


class CertificateSigningRequestCondition(TypedDict, total=False):
    lastTransitionTime: str
    lastUpdateTime: str
    message: str
    reason: str
    status: str
    type: str


class CertificateSigningRequestList(TypedDict, total=False):
    apiVersion: str
    items: list[CertificateSigningRequest]
    kind: str
    metadata: ListMeta


class CertificateSigningRequestSpec(TypedDict, total=False):
    expirationSeconds: int
    extra: dict[str, list[str]]
    groups: list[str]
    request: str
    signerName: str
    uid: str
    usages: list[str]
    username: str


class CertificateSigningRequestStatus(TypedDict, total=False):
    certificate: str
    conditions: list[CertificateSigningRequestCondition]
