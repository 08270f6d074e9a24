"""The types of authentication/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.meta_v1 import ObjectMeta


class BoundObjectReference(TypedDict, total=False):
    apiVersion: str
    kind: str
    name: str
    uid: str


class SelfSubjectReview(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    status: SelfSubjectReviewStatus


class SelfSubjectReviewStatus(TypedDict, total=False):
    userInfo: UserInfo


class TokenRequest(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: TokenRequestSpec
    status: TokenRequestStatus


class TokenRequestSpec(TypedDict, total=False):
    audiences: list[str]
    boundObjectRef: BoundObjectReference
    expirationSeconds: int


class TokenRequestStatus(TypedDict, total=False):
    expirationTimestamp: str
    token: str


class TokenReview(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: TokenReviewSpec
    status: TokenReviewStatus


class TokenReviewSpec(TypedDict, total=False):
    audiences: list[str]
    token: str


class TokenReviewStatus(TypedDict, total=False):
    audiences: list[str]
    authenticated: bool
    error: str
    user: UserInfo


class UserInfo(TypedDict, total=False):
    extra: dict[str, list[str]]
    groups: list[str]
    uid: str
    username: str
