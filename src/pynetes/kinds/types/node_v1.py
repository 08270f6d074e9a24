"""The types of node/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.core_v1 import Toleration
    from pynetes.kinds.types.meta_v1 import ListMeta, ObjectMeta


class Overhead(TypedDict, total=False):
    podFixed: dict[str, str]


class RuntimeClass(TypedDict, total=False):
    apiVersion: str
    handler: str
    kind: str
    metadata: ObjectMeta
    overhead: Overhead
    scheduling: Scheduling


class RuntimeClassList(TypedDict, total=False):
    apiVersion: str
    items: list[RuntimeClass]
    kind: str
    metadata: ListMeta


class Scheduling(TypedDict, total=False):
    nodeSelector: dict[str, str]
    tolerations: list[Toleration]
