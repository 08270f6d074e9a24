"""The types of scheduling/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.meta_v1 import ListMeta, ObjectMeta


class PriorityClass(TypedDict, total=False):
    apiVersion: str
    description: str
    globalDefault: bool
    kind: str
    metadata: ObjectMeta
    preemptionPolicy: str
    value: int


class PriorityClassList(TypedDict, total=False):
    apiVersion: str
    items: list[PriorityClass]
    kind: str
    metadata: ListMeta
